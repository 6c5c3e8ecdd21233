package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/netlab"
	"github.com/smtptriage/smtptriage/internal/probe"
)

func (a *app) labCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lab",
		Short: "Faulty mail servers on this machine, to learn and to try devices with",
		Long:  "Serve mail servers that misbehave in a known way: to see what a fault looks like, to train people, to try what a device makes of it.",
		Example: examples("smtptriage lab try ip-blocklisted", "run check against a server that refuses with a blocklist's words",
			"smtptriage lab run starttls-refused --listen 0.0.0.0:2525", "serve a fault for a device",
			"smtptriage lab list", "see what there is"),
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.labListCommand(), a.labShowCommand(), a.labRunCommand(), a.labTryCommand())
	return cmd
}

func (a *app) labListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the cases and the verdict each must get",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tVERDICT\tWHAT IT IS")
			for _, c := range lab.Cases() {
				fmt.Fprintf(w, "%s\t%s\t%s\n", c.Name, c.Want.Verdict, c.Title)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			return a.listNetworks()
		},
	}
}

func (a *app) labRunCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Serve a case until Ctrl-C",
		Example: examples("smtptriage lab run greeting-refused", "on a free port of this machine alone",
			"smtptriage lab run greeting-refused --listen 0.0.0.0:2525", "for a device on the network"),
		Args:              oneCase,
		ValidArgsFunction: completeCases,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.labRun(cmd.Context(), args[0], listen) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "`ADDRESS:PORT` to serve on; port 0 is a free one")
	return cmd
}

func (a *app) labRun(ctx context.Context, name, listen string) error {
	c, err := findCase(name)
	if err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(listen); err != nil {
		return fmt.Errorf("--listen %q: write ADDRESS:PORT, such as 127.0.0.1:2525", listen)
	}
	srv, err := lab.NewServer(c)
	if err != nil {
		return cannotRun{err}
	}
	r, err := srv.Start(ctx, c, listen)
	if err != nil {
		return cannotRun{err}
	}
	defer r.Stop()
	fmt.Fprintf(a.out, "%s: %s\nserving on %s; its authority is in %s; Ctrl-C ends it\n", c.Name, c.Title, r.Addr(), r.CAFile)
	<-ctx.Done()
	return nil
}

func (a *app) labTryCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "try NAME",
		Short: "Serve a case on this machine and run check against it",
		Long:  "Serve a case on a free port of this machine and run check against it, with the flags that the case names. Exit status and report are those of check.",
		Example: examples("smtptriage lab try ip-blocklisted", "what a report looks like",
			"smtptriage lab try ip-blocklisted --format json", "the same for a program"),
		Args:              oneCase,
		ValidArgsFunction: completeCases,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n, ok := netlab.Find(args[0]); ok {
				return a.tryNetwork(cmd.Context(), n, givenFlags(cmd))
			}
			return a.labTry(cmd.Context(), args[0], &o)
		},
	}
	o.output.addFlags(cmd)
	cmd.Flags().StringVar(&o.output.evidence, "evidence", "", "save everything that was seen in this `FILE`")
	cmd.Flags().DurationVar(&o.maxTime, "max-time", 0, "longest run, where the case does not say (default 1m30s)")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show each event on standard error as it happens")
	return cmd
}

// labTry starts a case and checks it. Of the options given, those for output count; the case has the others.
func (a *app) labTry(ctx context.Context, name string, shown *checkOptions) error {
	c, err := findCase(name)
	if err != nil {
		return err
	}
	r, err := lab.Start(context.WithoutCancel(ctx), c)
	if err != nil {
		return cannotRun{err}
	}
	defer r.Stop()
	rec, err := a.tryCase(ctx, r, shown)
	if err != nil {
		return err
	}
	return a.finish(rec, &shown.output)
}

// tryCase checks a running case.
func (a *app) tryCase(ctx context.Context, r *lab.Running, shown *checkOptions) (*evidence.Record, error) {
	o, target, err := caseOptions(r.Args())
	if err != nil {
		return nil, cannotRun{fmt.Errorf("case %s: %w", r.Case.Name, err)}
	}
	j, err := a.prepare(o, target)
	if err != nil {
		return nil, cannotRun{fmt.Errorf("case %s: %w", r.Case.Name, err)}
	}
	j.verbose = shown.verbose
	if j.prober.MaxTime == 0 {
		j.prober.MaxTime = shown.maxTime
	}
	j.target.NoControls = true // no packet leaves this machine
	if r.Case.NeedsRedirect() {
		redirect(&j.prober, r)
	}
	if err := shown.output.open(); err != nil {
		return nil, err
	}
	return a.run(ctx, j), nil
}

// caseOptions reads the arguments of check that a case names.
func caseOptions(args []string) (*checkOptions, string, error) {
	var o checkOptions
	cmd := &cobra.Command{}
	o.addFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		return nil, "", err
	}
	if err := checkExclusive(cmd.Flags()); err != nil {
		return nil, "", err
	}
	if err := oneTarget(cmd, cmd.Flags().Args()); err != nil {
		return nil, "", err
	}
	return &o, cmd.Flags().Arg(0), nil
}

// redirected is the address that names of redirected cases have: one for documentation (RFC 5737), as a loopback
// address would rightly be called a wrong answer.
var redirected = netip.MustParseAddr("192.0.2.25")

// redirect leads a prober to the server of a case, whatever name it asks for: no packet leaves the machine.
func redirect(p *probe.Prober, r *lab.Running) {
	p.Lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{redirected}, nil }
	p.Dial = func(ctx context.Context, spec probe.DialSpec) (net.Conn, evidence.Dialed) {
		conn, err := r.Dial(ctx, "tcp", spec.Address.String())
		switch {
		case err == nil:
			return conn, evidence.Dialed{Outcome: evidence.Connected}
		case errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil:
			return nil, evidence.Dialed{Outcome: evidence.TimedOut}
		}
		return nil, evidence.Dialed{Outcome: evidence.Refused, Text: err.Error()}
	}
}

func oneCase(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s wants one case, got %d; smtptriage lab list shows them", cmd.CommandPath(), len(args))
	}
	return nil
}

func findCase(name string) (lab.Case, error) {
	if _, ok := netlab.Find(name); ok {
		return lab.Case{}, fmt.Errorf("%s is a whole network, with no server to point a device at; smtptriage lab try %s runs check in it", name, name)
	}
	c, ok := lab.Find(name)
	if !ok {
		return c, fmt.Errorf("no case named %q%s; smtptriage lab list shows them", name, didYouMean(name, caseNames()))
	}
	return c, nil
}

func caseNames() []string {
	var names []string
	for _, c := range lab.Cases() {
		names = append(names, c.Name)
	}
	for _, c := range netlab.Cases() {
		names = append(names, c.Name)
	}
	return names
}

func completeCases(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return caseNames(), cobra.ShellCompDirectiveNoFileComp
}
