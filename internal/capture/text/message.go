package text

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

var headerLine = lazily(`^([A-Za-z][A-Za-z0-9-]{0,60}):(?:[ \t]+(.*))?$`)

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
	case kind == "message/rfc822" && forwardsReport(body):
		return messageParts(body, depth+1)
	case kind == "message/rfc822", kind == "text/rfc822-headers", kind == "message/global", kind == "message/global-headers":
		return []line{} // the message that bounced: its words are not about the bounce
	case kind == "text/html":
		return stripHTML(decoded(body, h["content-transfer-encoding"]))
	case strings.HasPrefix(kind, "text/"):
		return decoded(body, h["content-transfer-encoding"])
	}
	return []line{}
}

// forwardsReport reports whether an attached message is itself a report, which somebody forwarded.
func forwardsReport(body []line) bool {
	for len(body) > 0 && body[0].text == "" {
		body = body[1:]
	}
	h, _, ok := header(body)
	kind, _, err := mime.ParseMediaType(h["content-type"])
	return ok && err == nil && kind == "multipart/report"
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
