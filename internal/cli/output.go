package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/report"
)

// An output is where a report goes, and how it looks.
type output struct {
	format   string
	file     string // "": standard output
	evidence string // file to save the record in; "": none

	reportTo, evidenceTo *os.File // opened before anything is sent
}

// A renderer prints a record and its diagnosis in one format.
type renderer struct {
	name   string
	render func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, o report.Options) error
}

var renderers = []renderer{
	{"text", report.Text},
	{"json", func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, _ report.Options) error {
		return report.JSON(w, rec, d)
	}},
}

func rendererNames() []string {
	var names []string
	for _, r := range renderers {
		names = append(names, r.name)
	}
	return names
}

// formatFlag adds --format with the names it can have, the default first.
func formatFlag(cmd *cobra.Command, format *string, names []string) {
	cmd.Flags().StringVar(format, "format", names[0], strings.Join(names, ", "))
	// The error is only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

func (o *output) addFlags(cmd *cobra.Command) {
	formatFlag(cmd, &o.format, rendererNames())
	cmd.Flags().StringVarP(&o.file, "output", "o", "", "write the report to this `FILE`, not to standard output")
}

// open checks the format and opens the files, so that a run does not end with nowhere to put its result.
func (o *output) open() (err error) {
	if !slices.Contains(rendererNames(), o.format) {
		return fmt.Errorf("no report format named %q: use %s", o.format, strings.Join(rendererNames(), " or "))
	}
	if o.reportTo, err = create(o.file); err != nil {
		return fmt.Errorf("opening the report file: %w", err)
	}
	if o.evidenceTo, err = create(o.evidence); err != nil {
		return fmt.Errorf("opening the evidence file: %w", err)
	}
	return nil
}

// create opens a file that only its owner can read: records and reports hold addresses of people.
func create(name string) (*os.File, error) {
	if name == "" {
		return nil, nil
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// write saves the record and prints the report.
func (o *output) write(stdout io.Writer, rec *evidence.Record, d *diagnose.Diagnosis) error {
	if o.evidenceTo != nil {
		if err := closeAfter(o.evidenceTo, evidence.Write(o.evidenceTo, rec)); err != nil {
			return cannotRun{fmt.Errorf("saving the evidence: %w", err)}
		}
	}
	i := slices.IndexFunc(renderers, func(r renderer) bool { return r.name == o.format })
	w, options := stdout, layout(stdout)
	if o.reportTo != nil {
		w, options = o.reportTo, report.Options{}
	}
	err := renderers[i].render(w, rec, d, options)
	if o.reportTo != nil {
		err = closeAfter(o.reportTo, err)
	}
	if err != nil {
		return cannotRun{fmt.Errorf("writing the report: %w", err)}
	}
	return nil
}

func closeAfter(f *os.File, err error) error {
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
