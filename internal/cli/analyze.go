package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

func (a *app) analyzeCommand() *cobra.Command {
	var o output
	var f captureFlags
	cmd := &cobra.Command{
		Use:   "analyze FILE...",
		Short: "Judge captures, saved evidence, a transcript or a log",
		Long: "Judge the mail conversations in packet captures (pcap, pcapng), what was saved with --evidence, or a transcript or a log of a " +
			"client or a server. Nothing is sent. FILE may be - for standard input. A capture with many conversations is summed up first, " +
			"and --conversation shows one of them.",
		Example: examples("smtptriage analyze printer.pcap", "what a capture shows: the conversation, or a table of all of them",
			"smtptriage analyze --conversation 17 office.pcap", "one of them, whole",
			"smtptriage analyze device.pcap gateway.pcap", "captures of both sides: what differs between them is named",
			"smtptriage analyze printer.json", "the report of a run that was saved with --evidence printer.json",
			"smtptriage analyze mail.log", "each conversation of a log, and what was wrong with it",
			"smtptriage analyze --format json -o report.json printer.json", "the same for a program"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("analyze wants a file; write smtptriage analyze FILE")
			}
			if f.conversation < 0 {
				return fmt.Errorf("--conversation %d: conversations are numbered from 1", f.conversation)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.analyze(cmd.Context(), args, &o, f) },
	}
	o.addFlags(cmd)
	cmd.Flags().IntVar(&f.conversation, "conversation", 0, "show the conversation with this number, `N`, of a capture")
	cmd.Flags().StringVar(&f.keyLog, "keylog", "", "read inside TLS with the secrets in this `FILE`, in the format of SSLKEYLOGFILE")
	return cmd
}

func (a *app) analyze(ctx context.Context, files []string, o *output, f captureFlags) error {
	captures := 0
	for _, name := range files {
		is, err := a.isCapture(name)
		if err != nil {
			return err
		}
		if is {
			captures++
		}
	}
	switch {
	case captures == len(files):
		return a.analyzeCaptures(ctx, files, o, f)
	case len(files) > 1:
		return fmt.Errorf("analyze wants one file, or several captures, got %d files of which %d are captures", len(files), captures)
	case f.conversation != 0 || f.keyLog != "":
		return fmt.Errorf("--conversation and --keylog are for captures, and %s is none", files[0])
	}
	rec, err := a.readInput(files[0])
	if err != nil {
		return err
	}
	if err := o.open(); err != nil {
		return err
	}
	return a.finish(rec, o)
}

// finish judges a record, reports, and sets the exit status.
func (a *app) finish(rec *evidence.Record, o *output) error {
	if len(rec.Rounds) > 0 {
		return a.finishSeries(rec, o)
	}
	d := diagnose.Diagnose(rec)
	suggestCheck(rec, &d)
	a.status = d.ExitStatus()
	return o.write(a.out, rec, &d)
}
