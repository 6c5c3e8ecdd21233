package report

import (
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A twig is how the tree is drawn.
type twig struct{ trunk, branch, last, leaf string }

var (
	asciiTwig   = twig{"  |  ", "  +- ", "  `- ", "> "}
	unicodeTwig = twig{"  │  ", "  ├─ ", "  └─ ", "↳ "}
)

func (p *page) twig() twig {
	if p.o.Unicode {
		return unicodeTwig
	}
	return asciiTwig
}

// tree draws the nine steps of a path. The step that the verdict names carries its cause.
func (p *page) tree(path *diagnose.Path) {
	for i, s := range path.Steps {
		p.step(path, s, i == len(path.Steps)-1)
	}
}

func (p *page) step(path *diagnose.Path, s diagnose.StepResult, last bool) {
	t := p.twig()
	branch, trunk := t.branch, t.trunk
	if last {
		branch, trunk = t.last, strings.Repeat(" ", columns(t.trunk))
	}
	m := marks[s.Status]
	shown, width := m.word, 5
	if p.o.Unicode {
		shown, width = m.picture, 2
	}
	number := " "
	if s.Number > 0 {
		number = strconv.Itoa(s.Number)
	}
	label := number + " " + pad(StepName(s.Step), 18)
	detail := s.Detail
	if detail == "" {
		detail = defaultDetails[s.Status]
	}
	p.stepLine(branch, m, pad(shown, width), label, trunk, detail)
	if v := &path.Verdict; failed(v) && v.Step == s.Step {
		indent := trunk + strings.Repeat(" ", width+2)
		p.painted(plain, indent+t.leaf, indent+"  ", m.color, string(v.Cause)+" ("+string(v.Confidence)+")")
	}
}

func (p *page) stepLine(branch string, m mark, shown, label, trunk, detail string) {
	first := branch + shown + label
	rest := trunk + strings.Repeat(" ", columns(shown)+columns(label))
	room := p.o.width() - columns(first)
	if narrow := room < 24; narrow { // the detail goes below
		p.b.WriteString(strings.TrimRight(branch+p.paint(m.color, shown)+label, " ") + "\n")
		indent := trunk + strings.Repeat(" ", columns(shown)+2)
		p.painted(plain, indent, indent, faded(m), detail)
		return
	}
	for i, line := range wrap(Clean(detail), room) {
		if i == 0 {
			p.b.WriteString(branch + p.paint(m.color, shown) + label + p.paint(faded(m), line) + "\n")
		} else {
			p.b.WriteString(rest + p.paint(faded(m), line) + "\n")
		}
	}
}

// faded is the colour of a step's words: steps without a result step back.
func faded(m mark) paint {
	if m.color == dim {
		return dim
	}
	return plain
}

// pathTitle is "mx.example.com port 25 (192.0.2.25), direct-send".
func pathTitle(path *diagnose.Path) string {
	s := path.Host
	if path.Port != 0 {
		s = joined(" ", s, "port "+strconv.Itoa(path.Port))
	}
	if a := path.Address.Addr(); a.IsValid() && a.String() != path.Host {
		s += parenthesis(a.String())
	}
	if path.Via != "" && path.Via != evidence.ViaHost && path.Via != evidence.ViaAuto {
		s = joined(", ", s, "as "+string(path.Via))
	}
	if s == "" {
		return "a conversation of others"
	}
	return s
}
