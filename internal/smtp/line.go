package smtp

import "bytes"

// Limits for what a peer may send. RFC 5321, section 4.5.3.1.5 allows a reply line 512 octets; servers exceed it,
// so the limit is far above that and still bounds memory.
const (
	MaxLine       = 4096 // octets of one line that are kept; the rest is dropped and the line marked Cut
	MaxReplyLines = 256  // lines of one reply that are kept
)

// An EOL says how a line ended.
type EOL string

const (
	CRLF EOL = "crlf"
	LF   EOL = "lf" // bare LF: RFC 5321, section 2.3.8 forbids it
	Open EOL = ""   // not ended yet: the connection closed, or time ran out, in mid-line
)

// A Line is one line as it came, without its end.
type Line struct {
	Text []byte // at most MaxLine octets
	EOL  EOL
	Cut  bool // octets beyond MaxLine were dropped
}

// A Splitter makes lines of bytes that arrive in pieces. Its memory is bounded by MaxLine. The zero value is ready.
type Splitter struct {
	buf   []byte
	cut   bool
	sawCR bool
}

// Feed takes the bytes of one read and returns the lines that they complete.
func (s *Splitter) Feed(p []byte) []Line {
	var lines []Line
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.add(p)
			return lines
		}
		s.add(p[:i])
		lines = append(lines, s.take(true))
		p = p[i+1:]
	}
	return lines
}

// Rest returns what came after the last line end, as a line with EOL Open; ok is false if nothing did.
func (s *Splitter) Rest() (line Line, ok bool) {
	if len(s.buf) == 0 && !s.sawCR {
		return Line{}, false
	}
	return s.take(false), true
}

// Pending is the number of octets held of an unfinished line.
func (s *Splitter) Pending() int { return len(s.buf) }

func (s *Splitter) add(p []byte) {
	if len(p) == 0 {
		return
	}
	s.sawCR = p[len(p)-1] == '\r'
	if room := MaxLine + 1 - len(s.buf); len(p) > room { // one more, for the CR before LF
		p, s.cut = p[:room], true
	}
	s.buf = append(s.buf, p...)
}

func (s *Splitter) take(ended bool) Line {
	l := Line{Text: s.buf, Cut: s.cut}
	switch {
	case !ended:
		l.EOL = Open
	case s.sawCR:
		l.EOL = CRLF
		if n := len(l.Text); !l.Cut && n > 0 && l.Text[n-1] == '\r' {
			l.Text = l.Text[:n-1]
		}
	default:
		l.EOL = LF
	}
	if len(l.Text) > MaxLine {
		l.Text, l.Cut = l.Text[:MaxLine], true
	}
	s.buf, s.cut, s.sawCR = nil, false, false
	return l
}
