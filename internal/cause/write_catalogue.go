package cause

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

var catalogueFormats = []format{
	{"text", catalogueText},
	{"markdown", catalogueMarkdown},
}

// CatalogueFormats are the names that WriteCatalogue knows, the usual one first.
func CatalogueFormats() []string { return formatNames(catalogueFormats) }

// WriteCatalogue prints every cause in tree order: text is a list for a terminal, markdown a page with all the texts.
func WriteCatalogue(w io.Writer, name string) error {
	return write(w, "catalogue", name, catalogueFormats)
}

func catalogueText() string {
	var b strings.Builder
	for i, g := range groups() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s [%s]\n", g.title, g.step)
		for _, c := range g.causes {
			name := "  " + string(c.ID)
			pad := strings.Repeat(" ", max(1, 33-utf8.RuneCountInString(name)))
			b.WriteString(wrap(c.Meaning, name+pad, strings.Repeat(" ", 33), columns))
		}
	}
	return b.String()
}

// catalogueMarkdown prints the page docs/causes.md: a table to find a cause, then every text under its id.
func catalogueMarkdown() string {
	var b strings.Builder
	b.WriteString("# The causes\n\n")
	b.WriteString("<!-- Printed by `smtptriage causes --format markdown`; edit internal/cause, not this page. -->\n\n")
	b.WriteString("A verdict is one of these ids and the step where the cause was met. Here each stands at the step " +
		"where that happens most. The ids do not change, so that scripts may rely on them.\n")
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n**%s** (`%s`)\n\n", g.title, g.step)
		for _, c := range g.causes {
			fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", c.ID, c.ID, markdownText(c.Meaning))
		}
	}
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n## %s\n", g.title)
		for _, c := range g.causes {
			b.WriteString("\n" + lowerHeadings(Text(c.ID)))
		}
	}
	return b.String()
}

// lowerHeadings makes the headings of a text two levels smaller, to stand below a step.
func lowerHeadings(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			b.WriteString("##")
		}
		b.WriteString(line)
	}
	return b.String()
}

// A group is the causes of one step, or those of no step, as lists show them.
type group struct {
	title  string
	step   Step
	causes []Cause
}

func groups() []group {
	var gs []group
	for _, n := range Nodes() {
		gs = append(gs, group{n.Label() + ": " + n.Title, n.Step, n.Causes()})
	}
	return append(gs, group{"No step failed", None, Outcomes()})
}
