package text

import (
	"encoding/json"
	"html"
	"strconv"
	"strings"
)

// unwrap takes off what text was packed in on its way to us: the parts of a message, HTML. The result has the lines in which
// people look first in front.
func unwrap(lines []line) []line {
	lines = undumped(unmetered(unpackedJSON(dedented(unquotedMail(lines)))))
	lines = withMessage(lines)
	if looksHTML(lines) {
		lines = stripHTML(lines)
	}
	return lines
}

// quoting is what stands before the lines of a text that somebody quoted, or that a container's log carries.
var quoting = lazily(`^(?:(?:> ?)+|[A-Za-z0-9_.-]{1,40} +\| )`)

// unquotedMail takes the quoting off, if every line has it.
func unquotedMail(lines []line) []line {
	seen := 0
	for _, l := range lines {
		if strings.TrimSpace(l.text) == "" {
			continue
		}
		if seen++; !quoting.MatchString(l.text) || commandLine.MatchString(strings.TrimLeft(l.text, "> ")) && !strings.HasPrefix(l.text, "> >") && seen == 1 {
			return lines
		}
	}
	if seen < 2 {
		return lines
	}
	out := make([]line, len(lines))
	for i, l := range lines {
		out[i] = line{l.n, l.text[len(quoting.FindString(l.text)):]}
	}
	return out
}

// dedented takes off the indentation that all lines share, if there are several.
func dedented(lines []line) []line {
	least, seen := 1<<10, 0
	for _, l := range lines {
		if rest := strings.TrimLeft(l.text, " \t"); rest != "" {
			least = min(least, len(l.text)-len(rest))
			seen++
		}
	}
	if seen < 2 || least == 0 {
		return lines
	}
	out := make([]line, len(lines))
	for i, l := range lines {
		out[i] = line{l.n, l.text[min(least, len(l.text)):]}
	}
	return out
}

// unpackedJSON gives the line ends back to lines that are whole values of JSON, as loggers write them.
func unpackedJSON(lines []line) []line {
	var out []line
	for i, l := range lines {
		s := strings.TrimSpace(l.text)
		if len(s) < 2 || s[0] != '{' && s[0] != '"' && s[0] != '[' || !strings.Contains(s, `\n`) || !json.Valid([]byte(s)) {
			if out != nil {
				out = append(out, l)
			}
			continue
		}
		if out == nil {
			out = append(make([]line, 0, len(lines)+8), lines[:i]...)
		}
		// The key before the string with the line ends becomes a line of its own.
		if at := jsonString.FindStringIndex(s); at != nil {
			out = append(out, line{l.n, s[:at[0]]})
			s = s[at[0]+1:]
		}
		out = appendUnescaped(out, line{l.n, s})
	}
	if out == nil {
		return lines
	}
	return out
}

// jsonString is the beginning of a string that holds an escaped line end.
var jsonString = lazily(`"[^"\\]*(?:\\[^n][^"\\]*)*\\n`)

// maxHeaders is how many places in a text are tried as the beginning of a message.
const maxHeaders = 20

// withMessage replaces a message in the text by what it says. What stood before it comes after.
func withMessage(lines []line) []line {
	tried := 0
	for i := range lines {
		if i > 0 && strings.TrimSpace(lines[i-1].text) != "" || !headerLine.MatchString(lines[i].text) {
			continue
		}
		if tried++; tried > maxHeaders {
			break
		}
		if parts := messageParts(lines[i:], 0); parts != nil {
			return append(parts, lines[:i]...)
		}
	}
	return lines
}

// unescaped undoes the escapes in all lines.
func unescaped(lines []line) []line {
	out := make([]line, 0, len(lines))
	for _, l := range lines {
		out = appendUnescaped(out, l)
	}
	return out
}

var (
	htmlTag    = lazily(`(?i)</?(?:html|body|p|br|div|span|table|tr|td|font|h[1-6]|b|a|pre|ul|li)\b[^<>]{0,900}>`)
	anyTag     = lazily(`</?[A-Za-z!][^<>]{0,900}>`)
	addressTag = lazily(`^</?[^<>\s]+@[^<>\s]+>$`)
	blockTag   = lazily(`(?i)^</?(?:p|br|div|tr|table|h[1-6]|li|ul|pre|td)\b`)
)

// looksHTML reports whether the lines are an HTML page or a piece of one: several tags in the beginning of it.
func looksHTML(lines []line) bool {
	tags := 0
	for i, l := range lines {
		if tags += len(htmlTag.FindAllStringIndex(l.text, 3)); tags >= 3 {
			return true
		}
		if i > 200 {
			break
		}
	}
	return false
}

// stripHTML takes tags away and reads entities. Tags that end a paragraph end the line.
func stripHTML(lines []line) []line {
	var out []line
	for _, l := range lines {
		text := anyTag.ReplaceAllStringFunc(l.text, func(tag string) string {
			switch {
			case addressTag.MatchString(tag):
				return tag
			case blockTag.MatchString(tag):
				return "\n"
			}
			return ""
		})
		for _, s := range strings.Split(text, "\n") {
			if s = strings.TrimSpace(html.UnescapeString(s)); s != "" {
				out = append(out, line{l.n, clean([]byte(s))})
			}
		}
	}
	return out
}

// escapes finds what JSON and programming languages write for characters in quoted text.
var escapes = lazily(`\\(?:r\\n|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|["'/nrt])`)

// appendUnescaped undoes the escapes of JSON and of programs that quote, and doubled quotes of CSV. An escaped line end ends
// the line.
func appendUnescaped(out []line, l line) []line {
	text := l.text
	if strings.Contains(text, "&lt;") || strings.Contains(text, "&gt;") || strings.Contains(text, "&#") || strings.Contains(text, "&quot;") {
		text = html.UnescapeString(text)
	}
	if strings.Count(text, `""`) >= 1 && strings.Contains(text, `,"`) {
		text = strings.ReplaceAll(text, `""`, `"`)
	}
	if !strings.Contains(text, `\`) || !escapes.MatchString(text) || windowsPath(text) {
		return append(out, line{l.n, text})
	}
	text = escapes.ReplaceAllStringFunc(text, unescape)
	for i, s := range strings.Split(text, "\n") {
		if i == 0 || strings.TrimSpace(strings.Trim(s, `"'},]`)) != "" {
			out = append(out, line{l.n, strings.TrimRight(s, "\r")})
		}
	}
	return out
}

// windowsPath reports whether the backslashes of a line are those of a path: C:\new\reports.
func windowsPath(s string) bool {
	i := strings.Index(s, `:\`)
	return i > 0 && i+2 < len(s) && s[i+2] != '"' && ('A' <= s[i-1] && s[i-1] <= 'Z' || 'a' <= s[i-1] && s[i-1] <= 'z') &&
		!strings.Contains(s, `\r\n`) && (i < 2 || !('a' <= s[i-2]|0x20 && s[i-2]|0x20 <= 'z'))
}

func unescape(e string) string {
	switch e[1] {
	case 'n':
		return "\n"
	case 'r':
		if len(e) > 2 {
			return "\n"
		}
		return ""
	case 't':
		return " "
	case 'u', 'x':
		n, err := strconv.ParseUint(e[2:], 16, 32)
		if err != nil || n < ' ' || n >= 0x7f && n < 0xa0 {
			return " "
		}
		return string(rune(n))
	}
	return e[1:]
}
