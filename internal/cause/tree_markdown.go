package cause

import (
	"fmt"
	"strings"
)

// treeMarkdown prints the tree as the page docs/decision-tree.md, with links into docs/causes.md.
func treeMarkdown() string {
	var b strings.Builder
	b.WriteString("# The decision tree\n\n")
	b.WriteString("<!-- Printed by `smtptriage tree --format markdown`; edit the tables in internal/cause, not this page. -->\n\n")
	b.WriteString(treeIntro + "\n\n")
	for _, n := range Nodes() {
		b.WriteString(nodeMarkdown(n))
	}
	b.WriteString("## No step failed\n\n" + causesMarkdown(Outcomes()))
	b.WriteString("\n## Patterns across doors and clients\n")
	for _, p := range patterns {
		fmt.Fprintf(&b, "\n### %s\n\n`%s`\n\n%s", markdownText(p.Title), p.ID, listMarkdown(p.Meaning))
	}
	b.WriteString("\n## Guidance\n\n")
	for _, a := range guidance {
		fmt.Fprintf(&b, "- **%s** (`%s`): %s\n", markdownText(a.When), a.ID, markdownText(a.Text))
	}
	b.WriteString("\n## To collect before the case is handed on\n\n")
	for _, a := range artifacts {
		fmt.Fprintf(&b, "- **%s** (`%s`): %s\n", markdownText(a.What), a.Key, markdownText(a.How))
	}
	return b.String()
}

func nodeMarkdown(n Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n\n`%s`\n\n", n.Label(), markdownText(n.Title), n.Step)
	section := func(title, body string) {
		if body != "" {
			fmt.Fprintf(&b, "**%s**\n\n%s\n", title, body)
		}
	}
	section("Test", listMarkdown(n.Tests))
	section("Expected", listMarkdown(n.Expected))
	section("If it fails, the cause is one of", causesMarkdown(n.Causes()))
	section("Met here too", linksMarkdown(n.Also))
	section("What tells them apart", listMarkdown(n.ToldApart))
	section("Replies often seen", listMarkdown(n.CommonErrors))
	section("What to do", listMarkdown(n.Actions))
	section("Note", listMarkdown(n.Notes))
	return b.String()
}

func causesMarkdown(causes []Cause) string {
	var b strings.Builder
	b.WriteString("| cause | meaning |\n| --- | --- |\n")
	for _, c := range causes {
		fmt.Fprintf(&b, "| %s | %s |\n", linkMarkdown(c.ID), strings.ReplaceAll(markdownText(c.Meaning), "|", `\|`))
	}
	return b.String()
}

func linkMarkdown(id ID) string { return fmt.Sprintf("[`%s`](causes.md#%s)", id, id) }

func linksMarkdown(ids []ID) string {
	var links []string
	for _, id := range ids {
		links = append(links, linkMarkdown(id))
	}
	if len(links) == 0 {
		return ""
	}
	return strings.Join(links, ", ") + "\n"
}

func listMarkdown(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("- " + markdownText(l) + "\n")
	}
	return b.String()
}

// markdownEscapes keeps Markdown from reading plain text as markup: placeholders in angle brackets would vanish as tags,
// and a stray asterisk, underscore or backtick would change the type.
var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "<", `\<`, ">", `\>`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`,
)

func markdownText(s string) string { return markdownEscapes.Replace(s) }
