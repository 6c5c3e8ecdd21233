package cli

import (
	"cmp"
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
	bundle   string // file for the bundle; "": none
	reader   string // whom it is for; "": anyone
	redact   bool

	tally  *report.Tally    // of many conversations; nil: the report is about one
	series *diagnose.Series // of a repeated check, of which the report shows the typical run; nil: it was one run
	whole  *evidence.Record // of the series

	reportTo, evidenceTo, bundleTo *os.File // opened before anything is sent
}

// A renderer prints a record and its diagnosis in one format.
type renderer struct {
	name   string
	render func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, l look) error
}

// A look is what a format may take notice of.
type look struct {
	options report.Options
	reader  report.Reader
}

var renderers = []renderer{
	{"text", func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, l look) error {
		return report.Text(w, rec, d, l.options)
	}},
	{"json", func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, _ look) error {
		return report.JSON(w, rec, d)
	}},
	{"markdown", func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, l look) error {
		return report.Markdown(w, rec, d, l.reader)
	}},
	{"html", func(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, l look) error {
		return report.HTML(w, rec, d, l.reader)
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
	f := cmd.Flags()
	f.StringVarP(&o.file, "output", "o", "", "write the report to this `FILE`; - is standard output")
	f.StringVar(&o.bundle, "bundle", "", "pack reports, transcripts, certificates and the evidence in this ZIP `FILE`, to hand on")
	f.StringVar(&o.reader, "for", "", "word markdown, html and the bundle for `READER`: "+oneOf(report.Readers))
	f.BoolVar(&o.redact, "redact", false, "replace the customer's names and addresses in all that is written")
}

// open checks the format and opens the files, so that a run does not end with nowhere to put its result.
func (o *output) open() (err error) {
	if !slices.Contains(rendererNames(), o.format) {
		return fmt.Errorf("no report format named %q: use %s", o.format, strings.Join(rendererNames(), " or "))
	}
	if o.reader != "" && !slices.Contains(report.Readers, report.Reader(o.reader)) {
		return fmt.Errorf("--for %q: use %s", o.reader, oneOf(report.Readers))
	}
	if o.reader != "" && o.bundle == "" && (o.format == "text" || o.format == "json") {
		return fmt.Errorf("--for words markdown, html and the bundle: add --format markdown, --format html or --bundle FILE")
	}
	if o.file == "-" {
		o.file = ""
	}
	var opened []*os.File
	for _, f := range []struct {
		what, flag, name string
		to               **os.File
	}{
		{"bundle", "--bundle", o.bundle, &o.bundleTo},
		{"report file", "--output", o.file, &o.reportTo},
		{"evidence file", "--evidence", o.evidence, &o.evidenceTo},
	} {
		if f.name == "" {
			continue
		}
		if f.name == "-" {
			return fmt.Errorf("%s -: standard output is for the report; name a file", f.flag)
		}
		if *f.to, err = create(f.name); err != nil {
			return fmt.Errorf("opening the %s: %w", f.what, err)
		}
		if slices.ContainsFunc(opened, func(other *os.File) bool { return sameFile(*f.to, other) }) {
			return fmt.Errorf("%s %s: another flag names that file too; give each its own", f.flag, f.name)
		}
		opened = append(opened, *f.to)
	}
	return nil
}

// create opens a file that only its owner can read: records and reports hold addresses of people.
func create(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// sameFile reports whether what is written to one would overwrite the other. Devices such as /dev/null take both.
func sameFile(a, b *os.File) bool {
	x, errX := a.Stat()
	y, errY := b.Stat()
	return errX == nil && errY == nil && x.Mode().IsRegular() && os.SameFile(x, y)
}

// write saves the record and prints the report.
func (o *output) write(stdout io.Writer, rec *evidence.Record, d *diagnose.Diagnosis) error {
	if o.redact && o.series == nil {
		hidden, err := report.Redact(rec)
		if err != nil {
			return cannotRun{err}
		}
		judged := diagnose.Diagnose(hidden)
		rec, d = hidden, &judged
		o.tally = nil // it has addresses; the report lists the conversations that the record holds
	}
	if o.bundleTo != nil {
		if err := closeAfter(o.bundleTo, o.writeBundle(rec, d)); err != nil {
			return cannotRun{err}
		}
	}
	if o.evidenceTo != nil {
		if err := closeAfter(o.evidenceTo, evidence.Write(o.evidenceTo, cmp.Or(o.whole, rec))); err != nil {
			return cannotRun{fmt.Errorf("saving the evidence: %w", err)}
		}
	}
	i := slices.IndexFunc(renderers, func(r renderer) bool { return r.name == o.format })
	w, l := stdout, look{layout(stdout), report.Reader(o.reader)}
	if o.reportTo != nil {
		w, l.options = o.reportTo, report.Options{}
	}
	err := o.render(w, renderers[i], rec, d, l)
	if o.reportTo != nil {
		err = closeAfter(o.reportTo, err)
	}
	if err != nil {
		return cannotRun{fmt.Errorf("writing the report: %w", err)}
	}
	return nil
}

func (o *output) writeBundle(rec *evidence.Record, d *diagnose.Diagnosis) error {
	if o.series != nil {
		return report.SeriesBundle(o.bundleTo, o.whole, o.series, report.Reader(o.reader))
	}
	return report.Bundle(o.bundleTo, rec, d, report.Reader(o.reader))
}

// render prints one report; of many conversations their summary, in the formats that have one.
func (o *output) render(w io.Writer, r renderer, rec *evidence.Record, d *diagnose.Diagnosis, l look) error {
	switch {
	case o.series != nil && r.name == "text":
		return report.SeriesText(w, o.series, l.options)
	case o.series != nil && r.name == "json":
		return report.SeriesJSON(w, o.series)
	case o.tally != nil && r.name == "text":
		return o.tally.Text(w, l.options)
	case o.tally != nil && r.name == "json":
		return o.tally.JSON(w, rec, d)
	}
	return r.render(w, rec, d, l)
}

func closeAfter(f *os.File, err error) error {
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
