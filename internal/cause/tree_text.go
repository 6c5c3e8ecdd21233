package cause

import (
	"fmt"
	"strings"
)

// treeText prints the tree for a terminal: one trunk, and everything about a step hanging from it.
func treeText() string {
	var b strings.Builder
	b.WriteString("Why can mail not be sent? The decision tree\n\n")
	b.WriteString(wrap(treeIntro, "", "", columns) + "\n")
	for _, n := range Nodes() {
		b.WriteString(nodeText(n))
	}
	b.WriteString("No step failed\n")
	b.WriteString(causesText(Outcomes(), "  "))
	b.WriteString("\nPatterns across doors and clients\n")
	for _, p := range patterns {
		b.WriteString(wrap(p.Title+" ["+string(p.ID)+"]", "\n  ", "  ", columns))
		b.WriteString(bullets(p.Meaning, "    "))
	}
	b.WriteString("\nGuidance\n")
	for _, a := range guidance {
		b.WriteString(wrap(a.When+":", "\n  ", "  ", columns))
		b.WriteString(wrap(a.Text, "    ", "    ", columns))
	}
	b.WriteString("\nTo collect before the case is handed on\n\n")
	for _, a := range artifacts {
		b.WriteString(wrap(a.What+". "+a.How, "  - ", "    ", columns))
	}
	return b.String()
}

func nodeText(n Node) string {
	const trunk = "  |  "
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s [%s]\n", n.Label(), n.Title, n.Step)
	section := func(title, body string) {
		if body == "" {
			return
		}
		b.WriteString("  |\n" + trunk + title + "\n" + body)
	}
	section("Test", bullets(n.Tests, trunk))
	section("Expected", bullets(n.Expected, trunk))
	section("If it fails, the cause is one of", causesText(n.Causes(), trunk+"  "))
	if len(n.Also) > 0 {
		section("Met here too", wrap(join(n.Also), trunk+"  ", trunk+"  ", columns))
	}
	section("What tells them apart", bullets(n.ToldApart, trunk))
	section("Replies often seen", bullets(n.CommonErrors, trunk))
	section("What to do", numbered(n.Actions, trunk))
	section("Note", bullets(n.Notes, trunk))
	b.WriteString("  |\n  v  passes\n")
	return b.String()
}

func causesText(causes []Cause, indent string) string {
	var b strings.Builder
	for _, c := range causes {
		b.WriteString(indent + string(c.ID) + "\n")
		b.WriteString(wrap(c.Meaning, indent+"    ", indent+"    ", columns))
	}
	return b.String()
}

func bullets(lines []string, indent string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(wrap(l, indent+"- ", indent+"  ", columns))
	}
	return b.String()
}

func numbered(lines []string, indent string) string {
	var b strings.Builder
	for i, l := range lines {
		b.WriteString(wrap(l, fmt.Sprintf("%s%d. ", indent, i+1), indent+"   ", columns))
	}
	return b.String()
}

func join(ids []ID) string {
	var s []string
	for _, id := range ids {
		s = append(s, string(id))
	}
	return strings.Join(s, ", ")
}
