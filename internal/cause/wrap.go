package cause

import (
	"strings"
	"unicode/utf8"
)

// columns is the width of text output: one less than a console's 80, because some of them break the line when it is full.
const columns = 79

// wrap breaks text into lines of at most width runes, the first after prefix first and the others after rest. A word
// longer than a line stays whole, so that addresses and commands can be copied.
func wrap(text, first, rest string, width int) string {
	var b strings.Builder
	line := first
	empty := true
	for _, word := range strings.Fields(text) {
		switch {
		case empty:
			line += word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			b.WriteString(line + "\n")
			line = rest + word
		}
		empty = false
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
