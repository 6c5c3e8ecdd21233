package provider

import (
	"bytes"
	"regexp"
	"unicode/utf8"
)

// maxText bounds what is matched: a reply is at most some kilobytes, and a pasted text is cut to its lines before.
const maxText = 32 << 10

// continuation is the code and enhanced status that begin the lines of a long reply. Where such a reply was joined, or quoted
// and its lines filled again, they stand in the midst of its sentences.
var continuation = regexp.MustCompile(`(?:^|[^0-9.])([245][0-9][0-9])[- ]([245]\.[0-9]{1,3}\.[0-9]{1,3})[ \t\r\n]`)

// A folded text is a text made plain for matching, and the way back to the text as it was.
type folded struct {
	text     string
	original string
	from     []int // from[i] is where octet i of text stood; one more entry for the end
}

// fold makes letters small, blanks, line ends and no-break spaces one blank, typographic quotes and dashes plain ones, drops
// control characters, drops the code and status repeated within a long reply, and writes addresses with commas.
func fold(text string) folded {
	if len(text) > maxText {
		text = text[:maxText]
	}
	skip := repeats(text)
	f := folded{original: text, from: make([]int, 0, len(text)+1)}
	out := make([]byte, 0, len(text))
	put := func(c byte, at int) {
		if c == ' ' && (len(out) == 0 || out[len(out)-1] == ' ') {
			return
		}
		out = append(out, c)
		f.from = append(f.from, at)
	}
	for i := 0; i < len(text); {
		if len(skip) > 0 && i == skip[0][0] {
			i, skip = skip[0][1], skip[1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch c, ok := plain(r); {
		case r == utf8.RuneError && n == 1: // an octet of some 8-bit charset
			put('?', i)
		case ok && c != 0:
			put(c, i)
		case !ok:
			for j := range n {
				put(text[i+j], i+j)
			}
		}
		i += n
	}
	f.text = hideAddresses(out)
	f.from = append(f.from, len(text))
	return f
}

var ipv4 = regexp.MustCompile(`[0-9]{1,3}(?:\.[0-9]{1,3}){3,}`)

// hideAddresses puts commas for the dots of IPv4 addresses, so that no part of 203.5.7.51 is taken for a status.
func hideAddresses(text []byte) string {
	return string(ipv4.ReplaceAllFunc(text, func(a []byte) []byte { return bytes.ReplaceAll(a, []byte("."), []byte(",")) }))
}

// plain gives the ASCII character to match for a rune: 0 to drop it, ok false to keep it as it is.
func plain(r rune) (c byte, ok bool) {
	switch {
	case 'A' <= r && r <= 'Z':
		return byte(r) + 'a' - 'A', true
	case r == ' ', r == '\t', r == '\r', r == '\n', r == 0xa0, r == 0x202f, 0x2000 <= r && r <= 0x200a, r == 0x3000:
		return ' ', true
	case r < ' ', r == 0x7f, r == 0xad, r == 0x200b, r == 0xfeff:
		return 0, true
	case r == 0x2018, r == 0x2019, r == 0x2b9, r == 0x60, r == 0xb4:
		return '\'', true
	case r == 0x201c, r == 0x201d, r == 0xab, r == 0xbb:
		return '"', true
	case 0x2010 <= r && r <= 0x2015:
		return '-', true
	case r < utf8.RuneSelf:
		return byte(r), true
	}
	return 0, false
}

// repeats finds the codes that a long reply repeats at the head of each line, all but the first.
func repeats(text string) [][2]int {
	m := continuation.FindStringSubmatchIndex(text)
	if m == nil {
		return nil
	}
	code, status := text[m[2]:m[3]], text[m[4]:m[5]]
	// After a colon, a quotation mark or a bracket it is another reply, quoted, and begins that one.
	again, err := regexp.Compile(`[^:"'(<=>\s]\s+(` + code + `(?:-|[ \t\r\n]+)` + regexp.QuoteMeta(status) + `[ \t\r\n])`)
	if err != nil {
		return nil
	}
	var skip [][2]int
	for _, at := range again.FindAllStringSubmatchIndex(text[m[5]:], -1) {
		skip = append(skip, [2]int{m[5] + at[2], m[5] + at[3]})
	}
	return skip
}

// span turns a match in the folded text into one in the text as it was.
func (f folded) span(start, end int) (int, int) {
	if end <= start {
		return f.from[start], f.from[start]
	}
	last := f.from[end-1]
	_, n := utf8.DecodeRuneInString(f.original[last:])
	return f.from[start], last + n
}
