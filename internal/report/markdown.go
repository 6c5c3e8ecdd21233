package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// traceMargin is how much earlier and later than the run a message trace is to be searched.
const traceMargin = 15 * time.Minute

// Markdown writes notes for a ticket: the problem, what was tested, where it fails, why, what to do, and what was ruled out
// by what.
func Markdown(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, to Reader) error {
	n := notes{rec: rec, d: d, to: to}
	m := &markdown{}
	v := &d.Verdict
	_, head := headline(rec, d)
	m.line("# %s", md(head))
	if to != ForAnyone {
		text, _ := letter(d, to)
		m.section(readerTitles[to])
		m.line("%s", md(text))
	}
	m.section("Problem")
	m.line("%s", md(n.problem()))
	m.section("Definitive failure point")
	m.line("%s", md(n.failurePoint()))
	m.section("Root cause")
	m.line("**%s** (%s): %s", md(string(v.Cause)), md(string(v.Confidence)), md(told(v)))
	m.grounds(v.Because)
	m.section("Resolution")
	for i, a := range v.Actions {
		m.line("%d. %s", i+1, md(a))
	}
	m.list("Which way to send", d.Guidance)
	m.doors(n.doors())
	m.list("What was tested", n.tested())
	m.list("Ruled out, and by what", n.ruledOut())
	if len(d.Findings) > 1 {
		m.section("What else it could be")
		for _, f := range d.Findings[1:] {
			m.line("- %s (%s): %s", md(string(f.Cause)), md(string(f.Confidence)), md(sentence(f.Summary)))
		}
	}
	if len(d.Patterns) > 0 {
		m.section("What the comparison shows")
		for _, p := range d.Patterns {
			m.line("- **%s**: %s", md(p.Title), md(p.Meaning))
		}
	}
	m.steps(d)
	m.facts(n)
	m.list("What this run cannot know", d.CannotKnow)
	m.list("Links", v.Links)
	if t := shownTrace(rec, d); t != nil {
		m.section("Transcript")
		m.code(Transcript(t))
	}
	_, err := io.WriteString(w, m.b.String())
	return err
}

type markdown struct{ b strings.Builder }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

func (m *markdown) section(title string) { m.line("\n## %s\n", title) }

func (m *markdown) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	m.section(title)
	for _, s := range items {
		m.line("- %s", md(s))
	}
}

func (m *markdown) grounds(list []diagnose.Ground) {
	m.line("")
	for _, g := range list {
		m.line("- %s", md(g.Text))
	}
}

func (m *markdown) steps(d *diagnose.Diagnosis) {
	for i := range d.Paths {
		p := &d.Paths[i]
		m.section("Steps: " + md(pathTitle(p)))
		m.line("| step | result | seen |\n| --- | --- | --- |")
		for _, s := range p.Steps {
			number := ""
			if s.Number > 0 {
				number = fmt.Sprintf("%d ", s.Number)
			}
			detail := s.Detail
			if detail == "" {
				detail = defaultDetails[s.Status]
			}
			m.line("| %s%s | %s | %s |", number, StepName(s.Step), s.Status, md(detail))
		}
	}
}

func (m *markdown) doors(list []provider.Door) {
	if len(list) == 0 {
		return
	}
	m.section("What each door needs")
	m.line("| door | reaches | needs |\n| --- | --- | --- |")
	for _, d := range list {
		m.line("| %s | %s | %s |", md(d.Name()), md(d.Reaches), md(strings.Join(d.Needs, "; ")))
	}
}

func (m *markdown) facts(n notes) {
	m.section("For an escalation")
	if n.d.PublicIP.IsValid() {
		m.line("- Public address, as the server saw it: %s", n.d.PublicIP)
	}
	for _, c := range n.d.Codes {
		m.line("- %s: %s", StepName(c.Step), md(c.Text))
	}
	if p := n.d.PathMTU; p != nil {
		m.line("- Path MTU: to the server %s, from it %s%s", orUnknown(p.ToServer), orUnknown(p.FromServer), md(parenthesis(p.Method)))
	}
	if !n.rec.Started.IsZero() {
		m.line("- When: %s, took %s", n.rec.Started.UTC().Format("2006-01-02 15:04:05 UTC"), duration(n.rec.Took.Round(time.Millisecond)))
	}
	m.line("- By: %s", md(joined(" ", n.rec.Tool.Name, n.rec.Tool.Version)))
	if help := n.traceHelp(); len(help) > 0 {
		m.line("\nIn the message trace:\n")
		m.code(strings.Join(help, "\n"))
	}
}

// code writes text as a code block, with a fence longer than any in it.
func (m *markdown) code(text string) {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	m.line("%stext", fence)
	for l := range strings.Lines(text) {
		m.line("%s", Clean(strings.TrimRight(l, "\n")))
	}
	m.line("%s", fence)
}

// md makes text from anywhere stand in Markdown as it is: on one line, with no markup, no HTML and no table cell of its own.
func md(s string) string {
	var b strings.Builder
	for _, r := range Clean(s) {
		if strings.ContainsRune("\\`*_[]<>|#~", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
