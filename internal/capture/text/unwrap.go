package text

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"mime"
	"mime/quotedprintable"
	"regexp"
	"strconv"
	"strings"
)

// unwrap takes off what text was packed in on its way to us: the parts of a message, HTML. The result has the lines in which
// people look first in front.
func unwrap(lines []line) []line {
	lines = unpackedJSON(dedented(unquotedMail(lines)))
	lines = withMessage(lines)
	if looksHTML(lines) {
		lines = stripHTML(lines)
	}
	return lines
}

// quoting is what stands before the lines of a text that somebody quoted, or that a container's log carries.
var quoting = regexp.MustCompile(`^(?:(?:> ?)+|[A-Za-z0-9_.-]{1,40} +\| )`)

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
var jsonString = regexp.MustCompile(`"[^"\\]*(?:\\[^n][^"\\]*)*\\n`)

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

var headerLine = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]{0,60}):(?:[ \t]+(.*))?$`)

// header reads the header block at the start of lines: names in lower case, folded values joined. ok is false if it is none.
func header(lines []line) (h map[string]string, body []line, ok bool) {
	h = map[string]string{}
	last := ""
	for i, l := range lines {
		if l.text == "" {
			return h, lines[i+1:], len(h) > 0
		}
		if (l.text[0] == ' ' || l.text[0] == '\t') && last != "" {
			h[last] += " " + strings.TrimSpace(l.text)
			continue
		}
		m := headerLine.FindStringSubmatch(l.text)
		if m == nil {
			return nil, nil, false
		}
		last = strings.ToLower(m[1])
		if _, dup := h[last]; !dup {
			h[last] = m[2]
		}
	}
	return h, nil, len(h) > 0
}

// maxNesting is how deep parts within parts are followed.
const maxNesting = 5

// messageParts reads lines as a message (RFC 5322) or a part of one, and returns its text: the diagnostic part of a report
// (RFC 6522, RFC 3464) first, then the plain text, then HTML. nil: they are no message.
func messageParts(lines []line, depth int) []line {
	for len(lines) > 0 && strings.TrimSpace(lines[0].text) == "" {
		lines = lines[1:]
	}
	h, body, ok := header(lines)
	if !ok || depth > maxNesting {
		return nil
	}
	ct, isPart := h["content-type"]
	_, hasFrom := h["from"]
	_, hasSubject := h["subject"]
	if !isPart && !(hasFrom && hasSubject) {
		return nil
	}
	kind, params, err := mime.ParseMediaType(ct)
	if err != nil {
		kind = "text/plain"
	}
	switch {
	case strings.HasPrefix(kind, "multipart/") && params["boundary"] != "":
		return multipart(body, params["boundary"], depth)
	case kind == "message/delivery-status", kind == "message/global-delivery-status":
		return deliveryStatus(decoded(body, h["content-transfer-encoding"]))
	case kind == "message/rfc822", kind == "text/rfc822-headers", kind == "message/global", kind == "message/global-headers":
		return []line{} // the message that bounced: its words are not about the bounce
	case kind == "text/html":
		return stripHTML(decoded(body, h["content-transfer-encoding"]))
	case strings.HasPrefix(kind, "text/"):
		return decoded(body, h["content-transfer-encoding"])
	}
	return []line{}
}

// multipart puts together the text of the parts, the most telling first.
func multipart(body []line, boundary string, depth int) []line {
	var status, plain, rest []line
	var part []line
	in := false
	end := func() {
		if !in {
			return
		}
		text := messageParts(part, depth+1)
		if text == nil {
			text = part
		}
		h, _, _ := header(part)
		switch kind := strings.ToLower(h["content-type"]); {
		case strings.Contains(kind, "delivery-status"):
			status = append(status, text...)
		case strings.Contains(kind, "html"):
			rest = append(rest, text...)
		default:
			plain = append(plain, text...)
		}
	}
	for _, l := range body {
		if s := strings.TrimRight(l.text, " \t"); s == "--"+boundary || s == "--"+boundary+"--" {
			end()
			part, in = nil, s == "--"+boundary
			continue
		}
		part = append(part, l)
	}
	end()
	out := make([]line, 0, len(status)+len(plain)+len(rest))
	return append(append(append(out, status...), plain...), rest...)
}

// deliveryStatus unfolds the fields of a delivery status (RFC 3464, section 2).
func deliveryStatus(body []line) []line {
	var out []line
	for _, l := range body {
		if n := len(out); n > 0 && l.text != "" && (l.text[0] == ' ' || l.text[0] == '\t') && out[n-1].text != "" {
			out[n-1].text += " " + strings.TrimSpace(l.text)
			continue
		}
		out = append(out, l)
	}
	return out
}

// decoded undoes a content transfer encoding (RFC 2045, section 6). Line numbers are those of the encoded lines, as near as
// may be.
func decoded(body []line, encoding string) []line {
	var r io.Reader
	joined := func() string {
		var b strings.Builder
		for _, l := range body {
			b.WriteString(l.text)
			b.WriteByte('\n')
		}
		return b.String()
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		r = quotedprintable.NewReader(strings.NewReader(joined()))
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, strings.NewReader(joined()))
	default:
		return body
	}
	raw, _ := io.ReadAll(r) // what was readable before an error is used
	if len(raw) == 0 {
		return body
	}
	first := 1
	if len(body) > 0 {
		first = body[0].n
	}
	var out []line
	for i, s := range strings.Split(string(raw), "\n") {
		n := first + i
		if last := body[len(body)-1].n; n > last {
			n = last
		}
		out = append(out, line{n, clean([]byte(strings.TrimRight(s, "\r")))})
	}
	return out
}

var (
	htmlTag    = regexp.MustCompile(`(?i)</?(?:html|body|p|br|div|span|table|tr|td|font|h[1-6]|b|a|pre|ul|li)\b[^<>]{0,900}>`)
	anyTag     = regexp.MustCompile(`</?[A-Za-z!][^<>]{0,900}>`)
	addressTag = regexp.MustCompile(`^</?[^<>\s]+@[^<>\s]+>$`)
	blockTag   = regexp.MustCompile(`(?i)^</?(?:p|br|div|tr|table|h[1-6]|li|ul|pre|td)\b`)
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
var escapes = regexp.MustCompile(`\\(?:r\\n|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|["'/nrt])`)

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
