package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/netlab"
)

// listNetworks lists the cases that are whole networks, and says whether they can run here.
func (a *app) listNetworks() error {
	fmt.Fprintln(a.out, "\nNetworks of namespaces, with firewalls, routes and resolvers (Linux, as root). smtptriage lab show NAME tells how each is made.")
	if err := netlab.Unavailable(); err != nil {
		fmt.Fprintf(a.out, "They cannot run here: %v.\n", err)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tVERDICT\tWHAT IT IS")
	for _, c := range netlab.Cases() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, c.Want.Verdict, c.Title)
	}
	return w.Flush()
}

func (a *app) labShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME",
		Short:             "Tell how a fault is made",
		Example:           examples("smtptriage lab show isp-drops-25", "the firewall rule and the node it is on"),
		Args:              oneCase,
		ValidArgsFunction: completeCases,
		RunE:              func(_ *cobra.Command, args []string) error { return a.labShow(args[0]) },
	}
}

func (a *app) labShow(name string) error {
	n, ok := netlab.Find(name)
	if !ok {
		c, err := findCase(name)
		if err != nil {
			return err
		}
		a.describeCase(c.Name, c.Title, c.Want, append([]string{c.Target}, c.Flags...), nil)
		if c.About != "" {
			fmt.Fprintf(a.out, "\n%s\n", c.About)
		}
		return nil
	}
	a.describeCase(n.Name, n.Title, n.Want, append([]string{n.Target}, n.Flags...), n.Fault())
	fmt.Fprintf(a.out, "Needs       Linux, root, %s\n", strings.Join(n.Needs(), ", "))
	if err := netlab.Unavailable(); err != nil {
		fmt.Fprintf(a.out, "Not here    %v\n", err)
	}
	return nil
}

func (a *app) describeCase(name, title string, want lab.Want, check, fault []string) {
	fmt.Fprintf(a.out, "%s: %s\n\n", name, title)
	fmt.Fprintf(a.out, "Verdict     %s, %s to %s\n", want.Verdict, want.AtLeast, want.AtMost)
	for _, v := range want.Or {
		fmt.Fprintf(a.out, "or          %s\n", v)
	}
	fmt.Fprintf(a.out, "Check       smtptriage check %s\n", strings.TrimSpace(strings.Join(check, " ")))
	for i, line := range fault {
		label := ""
		if i == 0 {
			label = "How"
		}
		fmt.Fprintf(a.out, "%-11s %s\n", label, line)
	}
}

// tryNetwork makes the network of a case and runs this very program in it, with the case's flags and those given here.
func (a *app) tryNetwork(ctx context.Context, c netlab.Case, given []string) error {
	if err := netlab.Unavailable(); err != nil {
		return cannotRun{fmt.Errorf("case %s: %w", c.Name, err)}
	}
	program, err := os.Executable()
	if err != nil {
		return cannotRun{err}
	}
	if a.status, err = netlab.Try(ctx, c, program, given, a.out, a.err); err != nil {
		return cannotRun{err}
	}
	return nil
}

// givenFlags are the flags of a command line as they can be given to another command.
func givenFlags(cmd *cobra.Command) []string {
	var given []string
	cmd.Flags().Visit(func(f *pflag.Flag) { given = append(given, "--"+f.Name+"="+f.Value.String()) })
	return given
}
