// Package cli is the command line: one file a command. It reads flags, checks them before anything is sent, runs what the
// other packages offer, and turns the diagnosis into an exit status.
package cli

//go:generate go test -run ^(TestPages|TestReadme)$ . -update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/report"
)

// Exit statuses. That of a run with a diagnosis is diagnose.Diagnosis.ExitStatus: 0, 1 or 3.
const (
	exitUsage  = 2 // wrong usage or unreadable input; nothing was sent
	exitCannot = 3 // could not run, or undetermined
)

// An app is one run of the program: its streams, and the status it will end with.
type app struct {
	in       io.Reader
	out, err io.Writer
	status   int

	signInClient *http.Client // for tokens; nil: the sign-in's own
}

// Main runs the program and returns its exit status. When ctx ends, a check stops at once and reports what it has seen.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return a.status
	}
	// One line, whatever the message quotes.
	fmt.Fprintln(errOut, "smtptriage: "+report.Clean(strings.TrimSpace(err.Error())))
	if errors.As(err, new(cannotRun)) || isWriting(err) {
		return exitCannot
	}
	return exitUsage
}

// isWriting reports whether an error came from writing output: a full disk is not the fault of what the user wrote.
func isWriting(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && p.Op == "write"
}

// cannotRun is trouble that is not the fault of what the user wrote: a full disk, a port that is taken. Any other error is
// wrong usage or unreadable input.
type cannotRun struct{ error }

func (e cannotRun) Unwrap() error { return e.error }

// Command is the whole tree of commands, for whoever prints it as manual pages.
func Command() *cobra.Command {
	return (&app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}).root()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "smtptriage",
		Short: "Find out why mail cannot be sent over SMTP, and prove it",
		Long: "smtptriage holds the real SMTP conversation from the place where it fails, finds the first step that breaks, " +
			"names the cause with its grounds, and says what to do.",
		Example: examples(
			"smtptriage check mail.example.com", "walk to the mail server, as far as TLS",
			"smtptriage check --from scanner@example.com --to office@example.com example-com.mail.protection.outlook.com",
			"as far as the recipient; nothing is sent",
			"smtptriage check --user scanner@example.com smtp.office365.com:587", "with a sign-in; asks for the password",
			"smtptriage lab try ip-blocklisted", "see a fault on this machine"),
		Args:              noSuchCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return fromEnvironment(cmd.Flags()) },
	}
	root.AddCommand(a.checkCommand(), a.analyzeCommand(), a.explainCommand(), a.traceCommand(), a.listenCommand(), a.labCommand(), a.treeCommand(), a.causesCommand(), a.versionCommand())
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", badFlag(cmd.Flags(), err), cmd.CommandPath())
	})
	styleHelp(root)
	return root
}
