package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/capture/text"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

func (a *app) explainCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "explain [TEXT... | - | FILE...]",
		Short: "Say what an error, a reply, a bounce, a log or a cause id means",
		Long: "Read what somebody pasted (an error message, a server's reply, a bounce message, lines of a log, a transcript) and say at which step " +
			"the conversation broke, why, what else it could be, what to do, and which check settles it. Given the id of a cause, say what that " +
			"cause means. Without arguments, or with -, the text comes from standard input. Each of several files is judged for itself. Nothing is sent.",
		Example: examples("smtptriage explain '550 5.7.64 TenantAttribution; Relay Access Denied'", "a reply, or a code alone",
			"smtptriage explain bounce.eml", "a bounce message, a log, a transcript",
			"smtptriage explain", "paste the text, then end it with Ctrl-D (Windows: Ctrl-Z and Enter)",
			"smtptriage explain ip-blocklisted", "what a verdict's cause means"),
		ValidArgsFunction: completeCauses,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && isCauseID(args[0]) {
				return a.explainCause(args[0])
			}
			texts, err := a.textsOf(args)
			if err != nil {
				return err
			}
			rec, err := readTexts(texts)
			if err != nil {
				return err
			}
			if err := o.open(); err != nil {
				return err
			}
			return a.finish(rec, &o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// isCauseID reports whether an argument is a cause's id, or means to be one: no text that anybody pastes is one word of small
// letters with hyphens. The name of a file is taken as that.
func isCauseID(arg string) bool {
	if cause.Text(cause.ID(arg)) != "" {
		return true
	}
	_, err := os.Stat(arg)
	return err != nil && strings.Contains(arg, "-") && strings.Trim(arg, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		strings.ContainsAny(arg[:1], "abcdefghijklmnopqrstuvwxyz")
}

func (a *app) explainCause(id string) error {
	text := cause.Text(cause.ID(id))
	if text == "" {
		return fmt.Errorf("no cause named %q%s; smtptriage causes lists them", id, didYouMean(id, causeNames()))
	}
	_, err := io.WriteString(a.out, text)
	return err
}

// A pasted is a text that explain is asked about.
type pasted struct {
	name string    // of the file; "": it is none
	r    io.Reader // of what is no file
}

// textsOf finds what explain is asked about: files, if all arguments name one; the arguments themselves; or standard input.
func (a *app) textsOf(args []string) ([]pasted, error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		if terminal(a.in) != nil {
			fmt.Fprintln(a.err, "Paste the text, then end it with Ctrl-D (Windows: Ctrl-Z and Enter).")
		}
		return []pasted{{r: a.in}}, nil
	}
	if slices.ContainsFunc(args, func(arg string) bool { return !isFile(arg) }) {
		if len(args) == 1 && looksLikeFile(args[0]) {
			_, err := os.Stat(args[0])
			return nil, fmt.Errorf("reading the text: %w", err)
		}
		return []pasted{{r: strings.NewReader(strings.Join(args, " "))}}, nil
	}
	var all []pasted
	for _, arg := range args {
		all = append(all, pasted{name: arg})
	}
	return all, nil
}

// errNothing is what a text is answered with of which nothing is there to be explained.
var errNothing = errors.New("nothing to explain: write or paste an error, a reply, a log, or a cause id")

// read makes a record of the text, unpacked if gzip packed it. What is a file of another kind is refused with what to do.
func (p pasted) read() (*evidence.Record, error) {
	r := p.r
	if p.name != "" {
		f, err := os.Open(p.name)
		if err != nil {
			return nil, fmt.Errorf("reading the text: %w", err)
		}
		defer f.Close()
		r = f
	}
	b, err := unpacked(bufio.NewReaderSize(r, headSize))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.what(), err)
	}
	head, err := b.Peek(headSize)
	switch {
	case err != nil && len(bytes.TrimSpace(head)) == 0:
		return nil, errNothing
	case holdsCapture(head), evidence.IsRecord(head):
		return nil, fmt.Errorf("%s is no text: write smtptriage analyze %s", p.what(), cmp.Or(p.name, "-"))
	}
	if what := knownFormat(head); what != "" {
		return nil, fmt.Errorf("%s is %s", p.what(), what)
	}
	return text.Read(b, text.Options{Name: p.name, Tool: tool(), Started: time.Now()})
}

func (p pasted) what() string { return cmp.Or(p.name, "standard input") }

func isFile(arg string) bool {
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
}

// looksLikeFile reports whether an argument that names no file was meant to: a path without blanks, with an ending.
func looksLikeFile(arg string) bool {
	if strings.ContainsAny(arg, " \t\n@:") {
		return false
	}
	for _, end := range []string{".eml", ".log", ".txt", ".msg", ".json", ".csv", ".html"} {
		if strings.HasSuffix(strings.ToLower(arg), end) {
			return true
		}
	}
	return strings.ContainsAny(arg, `/\`)
}

// readTexts reads texts, each for itself, into one record. A file among several in which nothing is said about mail has a place
// in it, so that it is answered too.
func readTexts(texts []pasted) (*evidence.Record, error) {
	if len(texts) == 1 {
		return texts[0].read()
	}
	all := &evidence.Record{Schema: evidence.Schema, Tool: tool(), Source: evidence.FromText, Started: time.Now()}
	for _, p := range texts {
		rec, err := p.read()
		if err != nil && !errors.Is(err, errNothing) {
			return nil, err
		}
		traces := []evidence.Trace{{Role: evidence.RoleObserved, Origin: p.name, Events: []evidence.Event{{Note: &evidence.Note{Text: "nothing in it is about mail"}}}}}
		if rec != nil && len(rec.Traces) > 0 {
			traces = rec.Traces
			if all.Target.Input == "" {
				all.Target = rec.Target
			}
		}
		for _, t := range traces {
			t.ID = "t" + strconv.Itoa(len(all.Traces)+1)
			all.Traces = append(all.Traces, t)
		}
	}
	return all, nil
}

// suggestAfter is how many actions come before the suggested check: people read the first few.
const suggestAfter = 3

// suggestCheck adds to what is to be done about a text the check that settles what the text can't.
func suggestCheck(rec *evidence.Record, d *diagnose.Diagnosis) {
	if rec.Source != evidence.FromText || len(rec.Traces) == 0 || len(d.Paths) == 0 || len(d.Paths[0].Traces) == 0 || d.ExitStatus() == 0 {
		return
	}
	t := rec.Trace(d.Paths[0].Traces[0])
	if t == nil {
		return
	}
	next := "To see it happen, and to tell the causes apart, run where the mail is sent from: " + text.Suggest(t.Walk)
	d.Verdict.Actions = slices.Insert(slices.Clone(d.Verdict.Actions), min(suggestAfter, len(d.Verdict.Actions)), next)
	if len(d.Findings) > 0 {
		d.Findings[0].Actions = d.Verdict.Actions
	}
	d.Paths[0].Verdict.Actions = d.Verdict.Actions
}

func causeNames() []string {
	var names []string
	for _, c := range cause.All() {
		names = append(names, string(c.ID))
	}
	return names
}

func completeCauses(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return causeNames(), cobra.ShellCompDirectiveDefault
}
