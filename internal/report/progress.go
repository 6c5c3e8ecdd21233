package report

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Progress draws the tree of a walk that still goes on: the steps that have an outcome, and the one being waited for. Each step
// is one line, cut to the width, so that the drawing can be taken away again.
func Progress(d *diagnose.Diagnosis, o Options) string {
	if len(d.Paths) == 0 {
		return ""
	}
	p := &page{o: o}
	path := &d.Paths[0]
	p.cut(plain, "Walking to "+pathTitle(path))
	t := p.twig()
	for _, s := range path.Steps {
		m := marks[s.Status]
		shown := m.word
		if p.o.Unicode {
			shown = m.picture
		}
		switch s.Status {
		case diagnose.Skipped:
			continue
		case diagnose.NotSeen, diagnose.NotReached:
			p.cut(dim, t.last+StepName(s.Step)+" ...")
			return p.b.String()
		}
		p.cut(m.color, fmt.Sprintf("%s%s %s: %s", t.branch, shown, StepName(s.Step), s.Detail))
	}
	return p.b.String()
}

// cut writes one line, shortened to the width.
func (p *page) cut(c paint, s string) {
	runes := []rune(Clean(s))
	if len(runes) > p.o.width() {
		runes = append(runes[:p.o.width()-3], '.', '.', '.')
	}
	p.b.WriteString(p.paint(c, string(runes)) + "\n")
}

// EventLines shows one event as it happens, as lines of its trace's transcript.
func EventLines(t evidence.Trace, e evidence.Event) string {
	t.Events = []evidence.Event{e}
	var b strings.Builder
	for _, l := range lines(&t) {
		fmt.Fprintf(&b, "%-6s %9s  %s %s\n", Clean(t.ID), clock(l.at, true), l.who, l.text)
	}
	return b.String()
}
