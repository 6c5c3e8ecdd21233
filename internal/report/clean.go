package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes text from outside fit to be shown on one line: whatever could move a cursor, change a colour, hide or turn
// around what stands beside it is written as a visible escape. It is applied to every text that a report, a progress line
// or an error message takes from the network or from a file.
func Clean(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteByte(' ')
		case !hidden(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// hidden reports whether a rune has no picture of its own: controls, line separators, bidirectional overrides and
// other format characters (U+200E, U+202E, U+2066, U+FEFF ...), surrogates, private use, unassigned.
func hidden(r rune) bool {
	return r == '\u2028' || r == '\u2029' || !unicode.IsPrint(r) && r != '\u00a0' && r != '\u3000'
}
