package listen

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"os"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Bounds of what is looked at in a message, whatever its size.
const (
	maxBodyLine    = 2000     // octets of one line that are looked at
	maxHeader      = 64 << 10 // octets of one header
	maxBoundaries  = 8        // of nested parts
	maxAttachments = 64
	maxField       = 500 // octets of one header field that are kept
	maxFields      = 24
)

// shownFields are the header fields that are recorded: who wrote it, to whom, and with what program.
var shownFields = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "subject": true, "date": true, "message-id": true,
	"mime-version": true, "content-type": true, "content-transfer-encoding": true, "x-mailer": true, "user-agent": true,
}

// neededFields must stand in every message (RFC 5322, section 3.6).
var neededFields = []string{"From", "Date"}

// A bodyReader reads a message as it passes by, to its final dot. It holds one line and one header, never the message.
type bodyReader struct {
	mail    evidence.Mail
	keep    io.WriteCloser // nil: it is not kept
	unkept  error          // why it could not be kept to its end
	line    []byte         // the beginning of the line at hand, at most maxBodyLine
	lineLen int64          // octets of it so far
	spilled bool           // line has been written to keep already
	afterLF bool           // the line before ended with LF alone
	begun   bool           // a line has been seen
	openCR  bool           // the last octet was CR

	header     []byte // of the message, or of a part
	inHeader   bool
	isPart     bool
	id         string
	have       map[string]bool
	boundaries []string
	part       int // index in Attachments of the part at hand; -1: none
}

func newBodyReader(keep func() io.WriteCloser) *bodyReader {
	b := &bodyReader{inHeader: true, part: -1, have: map[string]bool{}}
	if keep != nil {
		b.keep = keep()
	}
	return b
}

// feed takes octets up to the final dot, and reports how many it took and whether that was it. A dot alone on a line that is
// ended by LF alone counts too, so that a client which never sends CR is not waited for for ever.
func (b *bodyReader) feed(p []byte) (n int, done bool) {
	for n < len(p) {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 0 {
			b.grow(p[n:])
			return len(p), false
		}
		done = b.endLine(p[n:n+i+1], true)
		if n += i + 1; done {
			return n, true
		}
	}
	return n, false
}

// chunk takes octets of BDAT, where dots mean nothing.
func (b *bodyReader) chunk(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			b.grow(p)
			return
		}
		b.endLine(p[:i+1], false)
		p = p[i+1:]
	}
}

// grow adds octets of a line whose end has not come.
func (b *bodyReader) grow(p []byte) {
	b.look(p)
	b.lineLen += int64(len(p))
	if room := maxBodyLine - len(b.line); len(p) <= room {
		b.line = append(b.line, p...)
		return
	}
	b.spill()
	b.write(p)
}

// spill writes what is held of an over-long line to where the message is kept. A dot at its start was doubled.
func (b *bodyReader) spill() {
	if !b.spilled {
		b.spilled = true
		b.write(bytes.TrimPrefix(b.line, []byte(".")))
	}
}

// endLine takes the rest of a line with its end, and reports whether the line was the final dot.
func (b *bodyReader) endLine(p []byte, dots bool) (last bool) {
	line, whole := p, b.lineLen == 0
	if !whole {
		b.grow(p)
		line = b.line
	} else {
		b.look(p)
		b.lineLen = int64(len(p))
	}
	text := bytes.TrimSuffix(line, []byte("\n"))
	lf := len(text) == 0 || text[len(text)-1] != '\r'
	if b.lineLen > maxBodyLine {
		lf = len(p) < 2 || p[len(p)-2] != '\r'
	}
	text = bytes.TrimSuffix(text, []byte("\r"))
	if dots && string(text) == "." {
		if lf || b.afterLF {
			b.mail.EndedBy = "lf"
		}
		b.reset()
		return true
	}
	b.mail.Bytes += b.lineLen
	b.mail.Lines++
	b.mail.Longest = max(b.mail.Longest, b.lineLen-1-int64(btoi(!lf)))
	if lf {
		b.mail.BareLF++
	}
	if !b.spilled {
		if dots {
			line = bytes.TrimPrefix(line, []byte("."))
		}
		b.write(line)
	}
	b.read(text)
	b.reset()
	b.begun, b.afterLF = true, lf
	return false
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (b *bodyReader) reset() { b.line, b.lineLen, b.spilled = b.line[:0], 0, false }

// look counts the octets that have no place in a message.
func (b *bodyReader) look(p []byte) {
	b.mail.NUL += int64(bytes.Count(p, []byte{0}))
	n := bytes.Count(p, []byte("\r")) - bytes.Count(p, []byte("\r\n"))
	if b.openCR && len(p) > 0 && p[0] != '\n' {
		n++
	}
	if b.openCR = len(p) > 0 && p[len(p)-1] == '\r'; b.openCR {
		n-- // what follows decides
	}
	b.mail.BareCR += int64(n)
	if !b.mail.EightBit {
		for _, c := range p {
			if c >= 0x80 {
				b.mail.EightBit = true
				break
			}
		}
	}
}

func (b *bodyReader) write(p []byte) {
	if b.keep == nil {
		return
	}
	if _, err := b.keep.Write(p); err != nil { // the disk is full: the conversation matters more
		b.keep.Close()
		b.keep, b.unkept = nil, err
	}
}

// read takes one line, without its end, into the structure of the message.
func (b *bodyReader) read(text []byte) {
	switch {
	case b.inHeader && len(text) > 0:
		if len(b.header)+len(text) < maxHeader {
			b.header = append(append(b.header, text...), '\n')
		}
	case b.inHeader:
		b.endHeader()
	case len(text) > 2 && text[0] == '-' && text[1] == '-' && b.atBoundary(string(text[2:])):
	case b.part >= 0:
		b.mail.Attachments[b.part].Bytes += int64(len(text)) + 2
	}
}

// atBoundary ends a part, and begins the next, if the line is a boundary of the message (RFC 2046, section 5.1.1).
func (b *bodyReader) atBoundary(s string) bool {
	s = strings.TrimRight(s, " \t")
	for i := len(b.boundaries) - 1; i >= 0; i-- {
		switch s {
		case b.boundaries[i]:
			b.boundaries = b.boundaries[:i+1]
			b.part, b.inHeader, b.isPart, b.header = -1, true, true, b.header[:0]
			return true
		case b.boundaries[i] + "--":
			b.boundaries, b.part = b.boundaries[:i], -1
			return true
		}
	}
	return false
}

// endHeader reads the header that has come to its end.
func (b *bodyReader) endHeader() {
	b.inHeader = false
	contentType, disposition := "", ""
	for _, f := range unfold(string(b.header)) {
		name, value, ok := strings.Cut(f, ":")
		if !ok {
			continue
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		switch name {
		case "content-type":
			contentType = value
		case "content-disposition":
			disposition = value
		case "message-id":
			if !b.isPart {
				b.id = strings.Trim(value, "<>")
			}
		}
		if !b.isPart {
			b.field(name, f)
		}
	}
	b.contents(contentType, disposition)
	b.header = b.header[:0]
}

func (b *bodyReader) field(name, f string) {
	b.have[name] = true
	if shownFields[name] && len(b.mail.Header) < maxFields {
		b.mail.Header = append(b.mail.Header, strings.ToValidUTF8(f[:min(len(f), maxField)], "?"))
	}
}

// contents notes what a part is: a container of others, an attachment, or text that is shown.
func (b *bodyReader) contents(contentType, disposition string) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil && kind == "" {
		kind = "text/plain"
	}
	if boundary := params["boundary"]; strings.HasPrefix(kind, "multipart/") && boundary != "" {
		if len(b.boundaries) < maxBoundaries {
			b.boundaries = append(b.boundaries, boundary)
		}
		return
	}
	placed, how, _ := mime.ParseMediaType(disposition)
	name := how["filename"]
	if name == "" {
		name = params["name"]
	}
	if decoded, err := new(mime.WordDecoder).DecodeHeader(name); err == nil {
		name = decoded
	}
	if placed != "attachment" && name == "" && strings.HasPrefix(kind, "text/") || len(b.mail.Attachments) == maxAttachments {
		return
	}
	b.mail.Attachments = append(b.mail.Attachments, evidence.Attached{Name: name[:min(len(name), maxField)], Type: kind[:min(len(kind), maxField)]})
	b.part = len(b.mail.Attachments) - 1
}

// unfold joins the lines of each header field (RFC 5322, section 2.2.3).
func unfold(header string) []string {
	var fields []string
	for line := range strings.SplitSeq(strings.TrimSuffix(header, "\n"), "\n") {
		if len(fields) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			fields[len(fields)-1] += " " + strings.TrimSpace(line)
			continue
		}
		fields = append(fields, line)
	}
	return fields
}

func (b *bodyReader) messageID() string {
	if b.inHeader && !b.isPart {
		b.endHeader() // a message without a body
	}
	return b.id[:min(len(b.id), maxField)]
}

// finish returns what the message was.
func (b *bodyReader) finish() *evidence.Mail {
	b.messageID()
	if b.lineLen > 0 {
		b.mail.Bytes += b.lineLen
		if !b.spilled {
			b.write(b.line)
		}
	}
	for _, name := range neededFields {
		if !b.have[strings.ToLower(name)] {
			b.mail.Missing = append(b.mail.Missing, name)
		}
	}
	if b.keep != nil {
		b.unkept = b.keep.Close()
		if f, ok := b.keep.(*os.File); ok && b.unkept == nil {
			b.mail.Kept = f.Name()
		}
	}
	return &b.mail
}

// mailFile makes the file that the nth message of a connection is kept in. It never overwrites one.
func mailFile(dir, trace string, n int) (*os.File, error) {
	for try := range 1000 {
		name := fmt.Sprintf("%s/%s-%d.eml", dir, trace, n)
		if try > 0 {
			name = fmt.Sprintf("%s/%s-%d-%d.eml", dir, trace, n, try)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !os.IsExist(err) {
			return f, err
		}
	}
	return nil, os.ErrExist
}
