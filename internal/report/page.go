package report

import (
	"strings"
	"unicode/utf8"
)

// Options say how a text report is laid out. The zero value is for a pipe or a file: 79 columns, plain ASCII, no colour.
type Options struct {
	Width   int  // columns; 0: 79, less than 40: 40
	Color   bool // ANSI colours: only for a terminal
	Unicode bool // box drawing and marks: only where the console is known to have them
}

const (
	defaultWidth = 79 // one less than a console's 80: some break the line when it is full
	minWidth     = 40
)

func (o Options) width() int {
	if o.Width == 0 {
		return defaultWidth
	}
	return max(o.Width, minWidth)
}

// A page collects a text report. It is the only place where text is wrapped, coloured and cleaned: what is written
// through it cannot carry control characters.
type page struct {
	b strings.Builder
	o Options
}

// A paint is an SGR colour code.
type paint string

const (
	plain  paint = ""
	bold   paint = "1"
	dim    paint = "2"
	red    paint = "1;31"
	green  paint = "32"
	yellow paint = "33"
	cyan   paint = "36"
)

func (p *page) paint(c paint, s string) string {
	if !p.o.Color || c == plain || s == "" {
		return s
	}
	return "\x1b[" + string(c) + "m" + s + "\x1b[0m"
}

// blank ends a section with an empty line, never two.
func (p *page) blank() {
	if s := p.b.String(); s != "" && !strings.HasSuffix(s, "\n\n") {
		p.b.WriteByte('\n')
	}
}

// heading begins a section.
func (p *page) heading(s string) {
	p.blank()
	p.painted(plain, "", "  ", bold, s)
}

// text writes wrapped text: the first line after first, the others after rest. Both are printed as they are, and
// painted with c.
func (p *page) text(c paint, first, rest, s string) {
	p.painted(c, first, rest, plain, s)
}

// painted is text with a colour for the words too.
func (p *page) painted(c paint, first, rest string, words paint, s string) {
	prefix := first
	room := p.o.width() - max(columns(first), columns(rest))
	for _, line := range wrap(Clean(s), max(room, 16)) {
		p.b.WriteString(strings.TrimRight(p.paint(c, prefix)+p.paint(words, line), " ") + "\n")
		prefix = rest
	}
}

// items writes a list, each entry after a dash.
func (p *page) items(list []string) {
	for _, s := range list {
		p.text(plain, "  - ", "    ", s)
	}
}

// wrap breaks text at blanks into lines of at most width columns. A word longer than a line stays whole, so that
// addresses and commands can be copied. Empty text is one empty line.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && columns(line)+1+columns(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// columns counts runes. Scripts of double width come only from outside, and then a line may run over.
func columns(s string) int { return utf8.RuneCountInString(s) }

// pad fills s with blanks up to width columns.
func pad(s string, width int) string { return s + strings.Repeat(" ", max(width-columns(s), 0)) }
