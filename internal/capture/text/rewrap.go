package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The columns at which mail programs and forums wrap lines.
const (
	leastWidth = 50
	mostWidth  = 100
)

// rewrapped joins lines that something wrapped at one column on the text's way to us: all lines end before that column, and
// those that go on in the next had no room for its first word.
func rewrapped(lines []stray) []stray {
	width := 0
	for _, l := range lines {
		if strings.Contains(strings.TrimSpace(l.text), " ") {
			width = max(width, utf8.RuneCountInString(strings.TrimRight(l.text, " \t")))
		}
	}
	if width < leastWidth || width > mostWidth {
		return lines
	}
	var out []stray
	room := 0 // that the last line had left
	for _, l := range lines {
		s := strings.TrimRight(l.text, " \t")
		word, _, _ := strings.Cut(strings.TrimLeft(s, " \t"), " ")
		if n := len(out); n > 0 && out[n-1].talk == l.talk && utf8.RuneCountInString(word)+1 > room && goesOn(out[n-1].text, s) {
			out[n-1].text = strings.TrimRight(out[n-1].text, " \t") + " " + strings.TrimLeft(s, " \t")
		} else {
			out = append(out, l)
		}
		room = width - utf8.RuneCountInString(s)
	}
	return out
}

// stamped is a line that begins with a time in brackets; what else stands in them may be an address that the text goes on with.
var stamped = lazily(`^\[(?:\d{4}[-/.]\d\d|\d{1,2}[:/.]\d\d[:/.]\d|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|\d\d/[A-Z])\w)`)

// goesOn reports whether a line can be the rest of the one before: it begins like nothing that stands for itself.
func goesOn(prev, s string) bool {
	prev = strings.TrimSpace(prev)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \t"))
	_, logged := cutPrefix(s)
	switch {
	case s == "" || prev == "" || stackLine.MatchString(s) || stackLine.MatchString(prev) || logKey(s) != "":
		return false
	case indented(s) && ownLine.MatchString(s), first == '[' && stamped.MatchString(s), first != '[' && logged:
		return false
	case strings.HasSuffix(prev, "."):
		return unicode.IsLower(first) // no sentence ended there
	}
	return strings.HasSuffix(prev, ":") || !headerLine.MatchString(s)
}
