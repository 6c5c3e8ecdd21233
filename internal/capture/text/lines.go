package text

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits of what is kept of a text.
const (
	maxLine  = 16 << 10 // octets of one line; the rest of it is dropped
	keepHead = 1 << 20  // the first octets are kept whole
	maxKept  = 8 << 20  // octets kept in all: after the head, lines about mail and their neighbours
	around   = 3        // lines kept after one about mail
)

// A line is one line of the text, and its number there, from 1.
type line struct {
	n    int
	text string
}

// A source is what was kept of a text.
type source struct {
	lines   []line
	dropped int // lines that were not kept, as they are not about mail
	over    int // lines that there was no room for
}

// readLines reads a text to its end. Of a long one it keeps the beginning and the lines that look like mail.
func readLines(r io.Reader) (source, error) {
	br := bufio.NewReaderSize(utf8Reader(r), 64<<10)
	var s source
	var prev line // the last line that was not kept
	kept, n, follow := 0, 0, 0
	keep := func(l line) {
		kept += len(l.text) + 1
		s.lines = append(s.lines, l)
	}
	for {
		raw, err := readLine(br)
		if len(raw) > 0 || err == nil {
			n++
			switch {
			case kept < keepHead && n == len(s.lines)+1:
				keep(line{n, clean(raw)})
			case kept >= maxKept:
				s.over++
			case aboutMail(raw):
				if prev.n == n-1 && prev.n > 0 {
					keep(prev)
					s.dropped--
				}
				keep(line{n, clean(raw)})
				follow = around
			case follow > 0:
				follow--
				keep(line{n, clean(raw)})
			default:
				s.dropped++
				if len(raw) < 1<<10 {
					prev = line{n, clean(raw)}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return s, err
		}
	}
}

// readLine returns the next line without its end, at most maxLine octets of it.
func readLine(br *bufio.Reader) ([]byte, error) {
	var out []byte
	for {
		part, err := br.ReadSlice('\n')
		if room := maxLine - len(out); room > 0 {
			out = append(out, part[:min(room, len(part))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return bytes.TrimRight(out, "\r\n"), err
	}
}

// mailWords are what at least one of stands in a line that is worth keeping of a long text.
var mailWords = [][]byte{
	[]byte("smtp"), []byte("SMTP"), []byte("EHLO"), []byte("ehlo"), []byte("HELO"), []byte("MAIL F"), []byte("mail f"), []byte("RCPT"), []byte("STARTTLS"), []byte("starttls"),
	[]byte("AUTH"), []byte("ESMTP"), []byte("relay="), []byte("status="), []byte("stat="), []byte("postfix"), []byte("exim"), []byte("sendmail"),
	[]byte("said:"), []byte("tls"), []byte("TLS"), []byte("SSL"), []byte("ssl"), []byte("ertificate"), []byte("onnection"), []byte("ETIMEDOUT"), []byte("ECONN"),
	[]byte("ENOTFOUND"), []byte("imed out"), []byte("timeout"), []byte("mail"), []byte("Mail"), []byte("queued as"), []byte("Diagnostic"),
}

// aboutMail is a cheap look at whether a line may be about mail: one of the words, or a reply code at its beginning or after
// a blank with an enhanced status behind it.
func aboutMail(l []byte) bool {
	if hasReplyCode(l) {
		return true
	}
	for _, w := range mailWords {
		if bytes.Contains(l, w) {
			return true
		}
	}
	return false
}

func hasReplyCode(l []byte) bool {
	for i := 0; i+3 <= len(l) && i < 256; i++ {
		c := l[i]
		if c != '2' && c != '3' && c != '4' && c != '5' || i > 0 && l[i-1] != ' ' && l[i-1] != ':' && l[i-1] != '"' {
			continue
		}
		if digit(l[i+1]) && digit(l[i+2]) && (i+3 == len(l) || l[i+3] == ' ' || l[i+3] == '-') && (i == 0 || i+8 < len(l) && l[i+5] == '.' && l[i+4] == c) {
			return true
		}
	}
	return false
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// clean makes text of a line: valid UTF-8, no control characters but the tab, no escape sequences of a terminal.
func clean(raw []byte) string {
	if plainASCII(raw) {
		return string(raw)
	}
	s := strings.ToValidUTF8(string(raw), "\uFFFD")
	s = strings.TrimPrefix(s, "\uFEFF")
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			i += escapeLen(s[i:])
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func plainASCII(raw []byte) bool {
	for _, c := range raw {
		if c >= 0x7f || c < ' ' && c != '\t' {
			return false
		}
	}
	return true
}

// escapeLen is the length of a terminal's escape sequence (ECMA-48, section 5.4) at the start of s.
func escapeLen(s string) int {
	if len(s) < 2 || s[1] != '[' {
		return 1
	}
	for i := 2; i < len(s) && i < 32; i++ {
		if s[i] >= 0x40 && s[i] <= 0x7e {
			return i + 1
		}
	}
	return 2
}

// utf8Reader decodes UTF-16 that says so by its byte order mark, as Windows programs write it. All else passes as it is.
func utf8Reader(r io.Reader) io.Reader {
	br := bufio.NewReaderSize(r, 4<<10)
	mark, _ := br.Peek(2)
	switch {
	case bytes.Equal(mark, []byte{0xff, 0xfe}):
		return &utf16Reader{in: br, low: 0}
	case bytes.Equal(mark, []byte{0xfe, 0xff}):
		return &utf16Reader{in: br, low: 1}
	}
	return br
}

type utf16Reader struct {
	in   *bufio.Reader
	low  int // index of the low octet in a unit
	high rune
	out  []byte
	err  error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) < len(p) && u.err == nil {
		var unit [2]byte
		if _, u.err = io.ReadFull(u.in, unit[:]); u.err != nil {
			if errors.Is(u.err, io.ErrUnexpectedEOF) {
				u.err = io.EOF
			}
			break
		}
		r := rune(unit[u.low]) | rune(unit[1-u.low])<<8
		switch {
		case u.high != 0:
			r, u.high = utf16.DecodeRune(u.high, r), 0
		case 0xd800 <= r && r < 0xdc00:
			u.high = r
			continue
		}
		u.out = utf8.AppendRune(u.out, r)
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	if n == 0 && len(p) > 0 && u.err != nil {
		return 0, u.err
	}
	return n, nil
}
