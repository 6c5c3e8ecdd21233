package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/capture/messagetrace"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/report"
)

func (a *app) traceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "trace",
		Short:   "Read message traces of Exchange Online",
		Long:    "Read message traces that Exchange Online exported.",
		Example: examples("smtptriage trace import trace.csv --evidence printer.json", "what became of the test message"),
		Args:    noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.traceImportCommand())
	return cmd
}

func (a *app) traceImportCommand() *cobra.Command {
	var saved string
	cmd := &cobra.Command{
		Use:   "import FILE.csv",
		Short: "Find the messages of a saved check in an exported message trace",
		Long: "Read a message trace in CSV (the enhanced summary or the extended report of a historical search, or Export-Csv of " +
			"Get-MessageTraceV2; UTF-8 or UTF-16; - is standard input) and list its messages. With --evidence, list those of that check " +
			"alone: by Message-ID if it sent a message, else by addresses and time.\n\n" +
			"Exit status: 0 there are such messages; 2 wrong usage or unreadable input; 3 there are none.",
		Example: examples("smtptriage trace import trace.csv", "what the trace holds",
			"smtptriage trace import trace.csv --evidence printer.json", "what became of the test message"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("trace import wants one file, got %d", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.importTrace(args[0], saved) },
	}
	cmd.Flags().StringVar(&saved, "evidence", "", "the `FILE` that check saved")
	return cmd
}

// importTrace prints the rows of a trace, or those that are about a saved check.
func (a *app) importTrace(file, saved string) error {
	r, err := a.openInput(file)
	if err != nil {
		return err
	}
	defer r.Close()
	rows, err := messagetrace.Read(r)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var matches []messagetrace.Match
	if saved == "" {
		for _, row := range rows {
			matches = append(matches, messagetrace.Match{Row: row})
		}
	} else {
		rec, err := a.readInput(saved)
		if err != nil {
			return err
		}
		if rec.Source != evidence.FromCheck {
			return errors.New("--evidence " + saved + ": it was not saved by check")
		}
		matches = messagetrace.Join(rec, rows)
	}
	writeMatches(a.out, matches, len(rows))
	if len(matches) == 0 {
		a.status = exitCannot
	}
	return nil
}

// writeMatches prints rows for a person.
func writeMatches(w io.Writer, matches []messagetrace.Match, all int) {
	if len(matches) == 0 {
		if all == 0 {
			fmt.Fprint(w, "The trace is empty.\n\n")
		} else {
			fmt.Fprintf(w, "None of the %d lines of the trace is about this check.\n\n", all)
		}
		fmt.Fprintln(w, "What the service refuses within the session is never in a trace: a failed sign-in, a blocked address, a refused")
		fmt.Fprintln(w, "recipient, throttling. Then the conversation itself is the proof, not the trace. It may also be too early: a message")
		fmt.Fprintln(w, "can take some minutes to show, a historical search some hours.")
		return
	}
	for _, m := range matches {
		when := "at an unknown time"
		if !m.Row.Time.IsZero() {
			when = m.Row.Time.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "line %d, %s: %s\n", m.Row.Line, when, report.Clean(m.Row.Sender))
		for _, to := range m.Row.Recipients {
			fmt.Fprintf(w, "  to %s\n", report.Clean(strings.TrimSuffix(to.Address+": "+to.Status, ": ")))
		}
		for _, f := range []struct{ name, value string }{{"event", m.Row.Event}, {"subject", m.Row.Subject}, {"Message-ID", m.Row.MessageID},
			{"connector", m.Row.Connector}, {"it fits by", string(m.Fit)}} {
			if f.value != "" {
				fmt.Fprintf(w, "  %s: %s\n", f.name, report.Clean(f.value))
			}
		}
		if m.Row.ClientIP.IsValid() {
			fmt.Fprintf(w, "  client: %s\n", m.Row.ClientIP)
		}
	}
	fmt.Fprintf(w, "\n%d of %d lines.\n", len(matches), all)
}
