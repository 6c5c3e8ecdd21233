package cause

import (
	"embed"
	"slices"
	"strings"
	"sync"
)

//go:embed text/*.md
var texts embed.FS

// An Article is the text of a cause, cut into its parts. All of it is plain text: Markdown's code marks are taken off
// and lines are joined; a blank line separates paragraphs.
type Article struct {
	Meaning   string   // what the cause is
	ToldApart string   // which observation speaks for it or against it, and what remains uncertain
	Actions   []string // what to do, the likeliest help first; each stands alone
	Tell      []Tell   // what to hand to whom
	Links     []string // URLs
}

// Tell is a paragraph for somebody else, who must act.
type Tell struct {
	To   string // "the ISP", "Microsoft" ...
	Text string
}

// The headings of a text. The heading of a Tell ends in its addressee.
const (
	toldApartHeading = "How it is told apart"
	actionsHeading   = "What to do"
	tellHeading      = "What to tell "
	linksHeading     = "Links"
)

// Text is the whole text of a cause as Markdown, or empty if there is no such cause.
func Text(id ID) string {
	if _, ok := Find(id); !ok {
		return ""
	}
	b, err := texts.ReadFile("text/" + string(id) + ".md")
	if err != nil {
		return ""
	}
	return string(b)
}

// articles are those that were read, by cause. A capture has thousands of verdicts, and there are a hundred texts.
var articles sync.Map

// Read cuts the text of a cause into its parts. The article of an unknown cause is empty. Its lists are shared: they may
// be appended to, and not be changed.
func Read(id ID) Article {
	if a, ok := articles.Load(id); ok {
		return a.(Article)
	}
	text := Text(id)
	if text == "" {
		return Article{}
	}
	a := read(text)
	a.Tell, a.Actions, a.Links = slices.Clip(a.Tell), slices.Clip(a.Actions), slices.Clip(a.Links)
	articles.Store(id, a)
	return a
}

func read(text string) Article {
	var a Article
	for heading, body := range sections(text) {
		to, isTell := strings.CutPrefix(heading, tellHeading)
		switch {
		case isTell:
			a.Tell = append(a.Tell, Tell{To: to, Text: paragraphs(body)})
		case heading == "":
			a.Meaning = paragraphs(body)
		case heading == toldApartHeading:
			a.ToldApart = paragraphs(body)
		case heading == actionsHeading:
			a.Actions = items(body)
		case heading == linksHeading:
			a.Links = items(body)
		}
	}
	return a
}

// sections yields the parts of a text in order, each under its heading. The part before the first heading, without
// the title, has none.
func sections(text string) func(yield func(heading string, body []string) bool) {
	return func(yield func(string, []string) bool) {
		var heading string
		var body []string
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\r\n")
			next, isHeading := strings.CutPrefix(line, "## ")
			switch {
			case isHeading:
				if !yield(heading, body) {
					return
				}
				heading, body = next, nil
			case !strings.HasPrefix(line, "# "):
				body = append(body, line)
			}
		}
		yield(heading, body)
	}
}

// paragraphs joins the lines of each paragraph.
func paragraphs(lines []string) string {
	var done []string
	var open []string
	for _, l := range append(lines, "") {
		if l != "" {
			open = append(open, l)
		} else if len(open) > 0 {
			done = append(done, plain(strings.Join(open, " ")))
			open = nil
		}
	}
	return strings.Join(done, "\n\n")
}

// items joins the lines of each entry of a list; a line that is not indented begins the next entry.
func items(lines []string) []string {
	var list []string
	for _, l := range lines {
		switch {
		case l == "":
		case strings.HasPrefix(l, " ") && len(list) > 0:
			list[len(list)-1] += " " + plain(strings.TrimSpace(l))
		default:
			_, entry, _ := strings.Cut(l, " ") // the number or dash
			list = append(list, plain(entry))
		}
	}
	return list
}

// plain takes off the marks of Markdown that texts use.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }
