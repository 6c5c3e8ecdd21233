package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
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
			"cause means. Without arguments, or with -, the text comes from standard input. Nothing is sent.",
		Example: examples("smtptriage explain '550 5.7.64 TenantAttribution; Relay Access Denied'", "a reply, or a code alone",
			"smtptriage explain bounce.eml", "a bounce message, a log, a transcript",
			"smtptriage explain", "paste the text, then end it with Ctrl-D (Windows: Ctrl-Z and Enter)",
			"smtptriage explain ip-blocklisted", "what a verdict's cause means"),
		ValidArgsFunction: completeCauses,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && isCauseID(args[0]) {
				return a.explainCause(args[0])
			}
			r, name, err := a.textOf(args)
			if err != nil {
				return err
			}
			if r, err = notEmpty(r); err != nil {
				return err
			}
			if err := o.open(); err != nil {
				return err
			}
			return a.explainText(r, name, &o)
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

// textOf finds the text that explain is asked about: files, if all arguments name one; the arguments themselves; or standard
// input.
func (a *app) textOf(args []string) (r io.Reader, name string, err error) {
	if len(args) == 0 || len(args) == 1 && args[0] == "-" {
		if terminal(a.in) != nil {
			fmt.Fprintln(a.err, "Paste the text, then end it with Ctrl-D (Windows: Ctrl-Z and Enter).")
		}
		return a.in, "", nil
	}
	if slices.ContainsFunc(args, func(arg string) bool { return !isFile(arg) }) {
		if len(args) == 1 && looksLikeFile(args[0]) {
			_, err := os.Stat(args[0])
			return nil, "", fmt.Errorf("reading the text: %w", err)
		}
		return strings.NewReader(strings.Join(args, " ")), "", nil
	}
	var all []io.Reader
	for _, arg := range args {
		f, err := os.Open(arg)
		if err != nil {
			return nil, "", fmt.Errorf("reading the text: %w", err)
		}
		all = append(all, &untilEnd{f}, strings.NewReader("\n"))
	}
	if len(args) == 1 {
		name = args[0]
	}
	return io.MultiReader(all...), name, nil
}

// untilEnd reads a file piece by piece, whatever its size, and closes it at its end.
type untilEnd struct{ f *os.File }

func (u *untilEnd) Read(p []byte) (int, error) {
	n, err := u.f.Read(p)
	if err != nil {
		u.f.Close()
	}
	return n, err
}

// notEmpty refuses a text of which nothing is there to be explained.
func notEmpty(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, headSize)
	head, err := b.Peek(headSize)
	if err != nil && len(bytes.TrimSpace(head)) == 0 {
		return nil, errors.New("nothing to explain: write or paste an error, a reply, a log, or a cause id")
	}
	return b, nil
}

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

// explainText judges a text and reports.
func (a *app) explainText(r io.Reader, name string, o *output) error {
	rec, err := text.Read(r, text.Options{Name: name, Tool: tool(), Started: time.Now()})
	if err != nil {
		return err
	}
	return a.finish(rec, o)
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
