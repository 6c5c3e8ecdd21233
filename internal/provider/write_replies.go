package provider

//go:generate go test -run ^TestRepliesPage$ . -update

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// WriteReplies prints every row as a Markdown page, docs/replies.md, in the order in which they are tried.
func WriteReplies(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Replies and what they mean\n\n" +
		"<!-- Printed from the tables in internal/provider; edit them, not this page: go test ./internal/provider -update -->\n\n" +
		"The rows are tried in this order, and the first whose words stand in a reply wins. What a row says is about the words " +
		"alone: *names* means that the server itself gives the cause, *suggests* that the words are mostly said for it, *possible* " +
		"that they fit it among others. Rows marked *unverified* rest on experience, not on a text that was seen.\n")
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## %s\n", t.title)
		for _, r := range t.rows {
			writeRow(&b, r)
		}
	}
	b.WriteString("\n## Codes alone\n\nWhat an enhanced status or a reply code says when no words are known. " +
		"It is never more than possible.\n\n| code | at | cause | or | |\n|---|---|---|---|---|\n")
	for _, rows := range [][]Row{bareStatuses, bareCodes} {
		for _, r := range rows {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.code(), steps(r), causeLink(r.Cause), causeLinks(r.Also), markdown(r.Meaning))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRow(b *strings.Builder, r Row) {
	fmt.Fprintf(b, "\n### %s\n\n", r.ID)
	if c := r.code(); c != "" {
		fmt.Fprintf(b, "**%s** ", c)
	}
	fmt.Fprintf(b, "%s %s", r.Firm, causeLink(r.Cause))
	for _, a := range r.At {
		fmt.Fprintf(b, ", at %s %s", a.Step, causeLink(a.Cause))
	}
	if len(r.Also) > 0 {
		fmt.Fprintf(b, "; or %s", causeLinks(r.Also))
	}
	if s := steps(r); s != "" {
		fmt.Fprintf(b, ". Met at %s", s)
	}
	if r.Retry {
		b.WriteString(". Trying again can help")
	}
	if !r.Verified {
		b.WriteString(". *Unverified*")
	}
	fmt.Fprintf(b, ".\n\n%s\n\n", markdown(r.Meaning))
	for _, a := range r.Actions {
		fmt.Fprintf(b, "- %s\n", markdown(a))
	}
	for _, l := range r.Links {
		fmt.Fprintf(b, "- <%s>\n", l)
	}
	var sources []string
	for _, s := range r.Sources {
		sources = append(sources, markdown(s.String()))
	}
	fmt.Fprintf(b, "\nSource: %s\n", strings.Join(sources, "; "))
}

// code is the row's reply code and enhanced status for people: "550 5.7.64", "5xx".
func (r Row) code() string {
	code := ""
	switch {
	case r.Code >= 100:
		code = strconv.Itoa(r.Code)
	case r.Code > 0:
		code = strconv.Itoa(r.Code) + "xx"
	}
	return strings.TrimSpace(code + " " + r.Status)
}

func steps(r Row) string {
	var s []string
	for _, step := range r.Steps {
		s = append(s, string(step))
	}
	if r.NDR {
		s = append(s, "non-delivery reports")
	}
	return strings.Join(s, ", ")
}

func causeLink(id cause.ID) string { return fmt.Sprintf("[%s](causes.md#%s)", id, id) }

func causeLinks(ids []cause.ID) string {
	var l []string
	for _, id := range ids {
		l = append(l, causeLink(id))
	}
	return strings.Join(l, ", ")
}

// markdown escapes what Markdown would take for markup.
func markdown(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "|", `\|`, "`", "\\`").Replace(text)
}
