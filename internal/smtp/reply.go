package smtp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Reply is one complete server reply, all lines of it (RFC 5321, section 4.2).
type Reply struct {
	Code     int            `json:"code"`               // 200 to 599; 0 if no line had one
	Enhanced EnhancedStatus `json:"enhanced,omitzero"`  // zero if the server sent none
	Text     []string       `json:"text"`               // one entry a line; code, separator and line end removed
	Flaws    []Flaw         `json:"flaws,omitempty"`    // where it breaks the grammar, each kind once
	Complete bool           `json:"complete,omitempty"` // the last line of it was seen
}

// A Flaw is a way in which a reply breaks the grammar of RFC 5321, section 4.2.
type Flaw string

const (
	FlawBareLF       Flaw = "bare-lf"       // a line ended with LF alone
	FlawSeparator    Flaw = "separator"     // neither "-" nor " " after the code
	FlawCodeChanged  Flaw = "code-changed"  // lines of one reply carry different codes
	FlawNoCode       Flaw = "no-code"       // a line without a code
	FlawOddCode      Flaw = "odd-code"      // a code outside 200 to 599
	FlawLongLine     Flaw = "long-line"     // a line over MaxLine octets
	FlawManyLines    Flaw = "many-lines"    // over MaxReplyLines lines
	FlawNonASCII     Flaw = "non-ascii"     // octets above 127 (legal only after SMTPUTF8)
	FlawControl      Flaw = "control-chars" // NUL, ESC and the like
	FlawUnterminated Flaw = "unterminated"  // the last line had no line end
)

// Positive reports whether the reply says "done" (2yz).
func (r Reply) Positive() bool { return r.Code/100 == 2 }

// Intermediate reports whether the reply asks for more (3yz).
func (r Reply) Intermediate() bool { return r.Code/100 == 3 }

// Transient reports whether the reply is a refusal for now (4yz).
func (r Reply) Transient() bool { return r.Code/100 == 4 }

// Permanent reports whether the reply is a refusal for good (5yz).
func (r Reply) Permanent() bool { return r.Code/100 == 5 }

// Has reports whether the reply has the flaw.
func (r Reply) Has(f Flaw) bool { return slices.Contains(r.Flaws, f) }

// Joined is the whole text on one line, the lines joined by one blank and a repeated enhanced status dropped:
// what reply patterns are matched against, and what a person quotes.
func (r Reply) Joined() string {
	var b strings.Builder
	for i, t := range r.Text {
		if i > 0 {
			if st, rest := CutEnhanced(t); !r.Enhanced.IsZero() && st == r.Enhanced {
				t = rest
			}
			b.WriteByte(' ')
		}
		b.WriteString(strings.TrimSpace(t))
	}
	return b.String()
}

// String is the reply as a person quotes it: the code and the joined text.
func (r Reply) String() string {
	if r.Code == 0 {
		return r.Joined()
	}
	return strings.TrimSpace(strconv.Itoa(r.Code) + " " + r.Joined())
}

func (r *Reply) flaw(f Flaw) {
	if !r.Has(f) {
		r.Flaws = append(r.Flaws, f)
	}
}

// A ReplyParser makes a reply of lines. The zero value is ready for the first line of a reply.
type ReplyParser struct {
	reply Reply
	lines int
}

// Add takes the next line and reports whether it completes the reply; then Reply returns it.
//
// A line without a code inside a reply is taken as text of it. A line with another code than the ones before
// belongs to the reply too: servers change their mind in mid-reply, and the last code is the one that counts
// (RFC 5321, section 4.2.1 says the codes must be the same, so any choice is a guess; Postfix and Exim
// as clients take the last line's).
func (p *ReplyParser) Add(l Line) (done bool) {
	r := &p.reply
	p.lines++
	if l.Cut {
		r.flaw(FlawLongLine)
	}
	switch l.EOL {
	case LF:
		r.flaw(FlawBareLF)
	case Open:
		r.flaw(FlawUnterminated)
	}
	for _, c := range l.Text {
		if c >= utf8.RuneSelf {
			r.flaw(FlawNonASCII)
		} else if c < ' ' && c != '\t' || c == 0x7f {
			r.flaw(FlawControl)
		}
	}

	code, last, text, ok := cutCode(l.Text)
	if !ok {
		r.flaw(FlawNoCode)
		p.add(string(l.Text))
		// Garbage before any code is not an unfinished reply: it is all there will be of it.
		if r.Code == 0 {
			r.Complete = true
			return true
		}
		return false
	}
	if code < 200 || code > 599 {
		r.flaw(FlawOddCode)
	}
	if r.Code != 0 && r.Code != code {
		r.flaw(FlawCodeChanged)
	}
	r.Code = code
	if !last && len(l.Text) > 3 && l.Text[3] != '-' || last && len(l.Text) > 3 && l.Text[3] != ' ' {
		r.flaw(FlawSeparator)
	}
	if st, _ := CutEnhanced(text); !st.IsZero() && st.Class == code/100 {
		r.Enhanced = st
	}
	p.add(text)
	r.Complete = last
	return last
}

func (p *ReplyParser) add(text string) {
	if len(p.reply.Text) == MaxReplyLines {
		p.reply.flaw(FlawManyLines)
		return
	}
	p.reply.Text = append(p.reply.Text, text)
}

// Started reports whether the parser holds lines of a reply that is not complete.
func (p *ReplyParser) Started() bool { return p.lines > 0 }

// Lines is how many lines were added, those over MaxReplyLines too.
func (p *ReplyParser) Lines() int { return p.lines }

// Reply returns the reply so far and resets the parser.
func (p *ReplyParser) Reply() Reply {
	r := p.reply
	*p = ReplyParser{}
	return r
}

// cutCode splits a reply line. A code is three digits, then the end of the line, "-", " " or, with
// FlawSeparator, anything but a digit. Leading blanks are what some servers' continuation lines have;
// they make it a line without code.
func cutCode(l []byte) (code int, last bool, text string, ok bool) {
	if len(l) < 3 {
		return 0, false, "", false
	}
	for _, c := range l[:3] {
		if c < '0' || c > '9' {
			return 0, false, "", false
		}
		code = code*10 + int(c-'0')
	}
	if code < 100 {
		return 0, false, "", false
	}
	if len(l) == 3 {
		return code, true, "", true
	}
	switch c := l[3]; {
	case c == '-':
		return code, false, string(l[4:]), true
	case c == ' ' || c == '\t':
		return code, true, string(l[4:]), true
	case c >= '0' && c <= '9':
		return 0, false, "", false
	default:
		return code, true, string(l[3:]), true
	}
}

// ParseReply parses a reply from text, such as "250-a\r\n250 b". It takes LF for CRLF without noting it, because
// pasted text has lost its line ends. It returns an error if there is no reply code, or if text follows the reply.
func ParseReply(text string) (Reply, error) {
	var p ReplyParser
	lines := strings.Split(strings.TrimRight(text, "\r\n"), "\n")
	for i, l := range lines {
		done := p.Add(Line{Text: []byte(strings.TrimSuffix(l, "\r")), EOL: CRLF})
		if done && i < len(lines)-1 {
			return Reply{}, fmt.Errorf("reply ends at line %d of %d", i+1, len(lines))
		}
	}
	r := p.Reply()
	if r.Code == 0 {
		return Reply{}, fmt.Errorf("no reply code in %q", text)
	}
	return r, nil
}
