package packets

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// Bounds of one dialogue, besides those of packages smtp and evidence.
const (
	maxPending = 256 // commands without a reply
	maxGarbage = 20  // pieces of what is no dialogue
	headOctets = 256 // of such a piece that are kept
)

// A talk reads the dialogue of a conversation, as long as it is in clear.
type talk struct {
	v       *conversation
	lines   smtp.Splitter // of the client
	replies smtp.Splitter // of the server
	parse   smtp.ReplyParser
	linesAt []time.Duration
	octets  int64 // of the reply that is being read

	greeted  bool // the greeting was seen, or came before the capture began
	sawPlain bool
	pending  []asked // commands whose reply has not come, oldest first
	authing  bool
	upgrade  bool // the server agreed to STARTTLS: what follows is TLS
	quitting bool
	body     *body
	chunk    int64 // octets of BDAT that are still to come
	askedAt  int64 // when the oldest pending command was sent, or the last reply came
	garbage  int
	closing  bool // the server said that it will close: 221 or 421
}

// asked is a command that waits for its reply: its event, -1 if the trace is full.
type asked struct {
	event int
	verb  string
	at    int64
}

// atLineStart reports whether the client is between two lines, where TLS could begin.
func (t *talk) atLineStart() bool {
	return t.lines.Pending() == 0 && t.body == nil && t.chunk == 0 && !t.authing
}

// client takes octets of the client and returns those that belong to what follows the dialogue.
func (t *talk) client(at int64, p []byte) []byte {
	t.sawPlain = true
	for len(p) > 0 && !t.upgrade {
		switch {
		case t.chunk > 0:
			n := min(t.chunk, int64(len(p)))
			t.chunk -= n
			p = p[n:]
		case t.inBody(at):
			p = t.bodyOctets(at, p)
		default:
			p = t.commandLine(at, p)
		}
	}
	return p
}

// commandLine takes octets up to the end of a line.
func (t *talk) commandLine(at int64, p []byte) []byte {
	end := bytes.IndexByte(p, '\n') + 1
	if end == 0 {
		end = len(p)
	}
	for _, l := range t.lines.Feed(p[:end]) {
		t.command(at, l)
	}
	return p[end:]
}

func (t *talk) command(at int64, l smtp.Line) {
	cmd := smtp.ParseCommand(l.Text)
	if !t.authing && !t.intelligible(cmd) {
		// Met in its middle, this may be part of a sign-in or of a message: it is counted and not kept.
		t.bytes(at, evidence.Client, nil, int64(len(l.Text)))
		return
	}
	if t.authing {
		cmd.Verb = ""
	}
	event := t.v.rec.Command(t.v.since(at), l.Text, l.EOL)
	t.wait(event, cmd.Verb, at)
	switch cmd.Verb {
	case "AUTH":
		t.authing = true
	case "QUIT":
		t.quitting = true
	case "BDAT":
		t.chunk = chunkSize(cmd.Args)
	}
}

// intelligible reports whether a line can be shown. From its beginning on, a conversation can be followed, and every
// line of it is a command; after a gap only what is one for sure.
func (t *talk) intelligible(c smtp.Command) bool {
	if t.v.from && !t.v.lacks[tcp.ToServer] && !t.v.lacks[tcp.ToClient] {
		return true
	}
	switch c.Verb {
	case "EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "STARTTLS", "AUTH", "VRFY", "EXPN", "HELP", "XCLIENT", "ETRN":
		return true
	}
	return false
}

// chunkSize reads the size of BDAT (RFC 3030, section 2).
func chunkSize(args string) int64 {
	size, _, _ := strings.Cut(args, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (t *talk) wait(event int, verb string, at int64) {
	if len(t.pending) == maxPending {
		t.pending = t.pending[1:]
	}
	t.pending = append(t.pending, asked{event, verb, at})
}

// inBody reports whether the client's octets are those of a message: DATA was accepted, or was asked and the client did
// not wait.
func (t *talk) inBody(at int64) bool {
	if t.body == nil && len(t.pending) == 1 && t.pending[0].verb == "DATA" && t.lines.Pending() == 0 {
		t.body = &body{begun: at, early: true}
	}
	return t.body != nil
}

// A body is a message on its way.
type body struct {
	begun  int64
	early  bool // it began before the server agreed
	octets int64
	line   [3]byte // the first octets of the line that is being read
	n      int     // octets of that line
}

// bodyOctets takes octets of a message, to the line that ends it (RFC 5321, section 4.5.2) and no further.
func (t *talk) bodyOctets(at int64, p []byte) []byte {
	b := t.body
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		line := rest[:end]
		if end == 0 {
			line = rest
		}
		if b.n < len(b.line) {
			copy(b.line[b.n:], line)
		}
		b.n += len(line)
		b.octets += int64(len(line))
		rest = rest[len(line):]
		if end == 0 {
			return nil
		}
		last := b.n == 3 && b.line == [3]byte{'.', '\r', '\n'} || b.n == 2 && b.line[0] == '.'
		if b.n = 0; last {
			t.endBody(at, true)
			return rest
		}
	}
	return nil
}

// endBody records the message, as far as it came.
func (t *talk) endBody(at int64, done bool) {
	b := t.body
	t.body = nil
	event := t.v.rec.Message(t.v.since(at), evidence.Sent{Bytes: b.octets, Done: done})
	if b.early && len(t.pending) > 0 {
		// The reply to DATA itself is still to come.
		t.pending = append(t.pending[:1:1], asked{event, evidence.Message, at})
		return
	}
	t.wait(event, evidence.Message, at)
}

// server takes octets of the server and returns those that belong to what follows the dialogue.
func (t *talk) server(at int64, p []byte) []byte {
	t.sawPlain = true
	for len(p) > 0 && !t.upgrade {
		if t.replies.Pending() == 0 && !t.parse.Started() && foreign(p) {
			t.bytes(at, evidence.Server, p, int64(len(p)))
			return nil
		}
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			end = len(p)
		}
		for _, l := range t.replies.Feed(p[:end]) {
			t.line(at, l)
		}
		p = p[end:]
	}
	return p
}

// foreign reports whether a server's octets are TLS records, though nobody asked for TLS.
func foreign(p []byte) bool {
	return len(p) > 2 && (p[0] == 21 || p[0] == 22) && p[1] == 3
}

func (t *talk) line(at int64, l smtp.Line) {
	t.octets += lineOctets(l)
	t.linesAt = append(t.linesAt[:min(len(t.linesAt), smtp.MaxReplyLines)], t.v.since(at))
	if t.parse.Add(l) {
		t.reply(at, t.parse.Reply(), l.Text)
	}
}

func lineOctets(l smtp.Line) int64 {
	n := int64(len(l.Text))
	switch l.EOL {
	case smtp.CRLF:
		n += 2
	case smtp.LF:
		n++
	}
	return n
}

// reply records a reply and works out what it changes.
func (t *talk) reply(at int64, r smtp.Reply, line []byte) {
	n, linesAt := t.octets, t.linesAt
	t.octets, t.linesAt = 0, nil
	t.askedAt = at
	if r.Code == 0 {
		t.bytes(at, evidence.Server, line, n)
		return
	}
	t.closing = t.closing || r.Code == 221 || r.Code == 421
	switch {
	case !t.greeted && (len(t.pending) == 0 || r.Code == 220 || r.Code == 554 || r.Code == 421):
		t.greeted = true
		t.v.rec.Reply(t.v.since(at), r, -1, linesAt, n)
	case len(t.pending) == 0:
		t.v.add(at, evidence.Event{Reply: &evidence.Reply{Reply: r, To: -1, Unasked: true, LinesAt: linesAt, Bytes: n}})
	default:
		t.greeted = true
		a := t.pending[0]
		t.pending = t.pending[1:]
		t.v.rec.Reply(t.v.since(at), r, a.event, linesAt, n)
		t.answered(at, a.verb, r)
	}
}

// answered follows what the reply to a command changes for what comes next.
func (t *talk) answered(at int64, verb string, r smtp.Reply) {
	switch verb {
	case "STARTTLS":
		t.upgrade = r.Code == 220
	case "AUTH", "":
		t.authing = t.authing && r.Intermediate()
	case "DATA":
		switch {
		case !r.Intermediate():
			t.body = nil
		case t.body == nil && !t.hasMessage():
			t.body = &body{begun: at}
		case t.body != nil:
			t.body.early = false
		}
	}
}

// hasMessage reports whether the message is there already.
func (t *talk) hasMessage() bool {
	return len(t.pending) > 0 && t.pending[0].verb == evidence.Message
}

// bytes records octets that are no dialogue.
func (t *talk) bytes(at int64, from evidence.Side, p []byte, n int64) {
	if t.garbage++; t.garbage > maxGarbage {
		return
	}
	b := evidence.Bytes{From: from, Count: n, Head: bytes.Clone(p[:min(len(p), headOctets)])}
	if len(p) > 0 {
		b.Looks = string(tlswire.Sniff(p))
	}
	t.v.add(at, evidence.Event{Bytes: &b})
}

// leave ends the dialogue in clear, because TLS begins.
func (t *talk) leave(at int64) {
	if t.replies.Pending() > 0 || t.parse.Started() {
		t.unfinished(at)
	}
	t.upgrade = false
}

// gap takes note that octets of one side are missing. What was begun can't be finished.
func (t *talk) gap(way tcp.Way, n int64) {
	if way == tcp.ToClient {
		t.replies, t.parse, t.octets, t.linesAt = smtp.Splitter{}, smtp.ReplyParser{}, 0, nil
		t.greeted = true
		if len(t.pending) > 0 { // its reply may be what is missing
			t.pending = t.pending[len(t.pending)-1:]
		}
		return
	}
	if t.body != nil {
		t.body.octets += n
		t.body.n = len(t.body.line) + 1
		return
	}
	t.chunk = max(0, t.chunk-n)
	t.lines = smtp.Splitter{}
}

// unfinished records what is there of a reply, or of a line of the server, that will not be completed.
func (t *talk) unfinished(at int64) {
	rest, open := t.replies.Rest()
	if open && (t.parse.Started() || looksLikeReply(rest.Text)) {
		t.octets += int64(len(rest.Text))
		t.linesAt = append(t.linesAt, t.v.since(at))
		t.parse.Add(rest)
		open = false
	}
	if t.parse.Started() {
		r := t.parse.Reply()
		r.Complete = false
		t.reply(at, r, rest.Text)
	}
	if open {
		t.bytes(at, evidence.Server, rest.Text, int64(len(rest.Text)))
	}
}

func looksLikeReply(line []byte) bool {
	var p smtp.ReplyParser
	p.Add(smtp.Line{Text: line, EOL: smtp.CRLF})
	return p.Reply().Code != 0
}

// waiting says what the conversation waits for, and since when; "" if all is answered.
func (t *talk) waiting(opened int64) (what string, since int64) {
	switch {
	case t.upgrade:
		return handshakes, t.askedAt
	case t.body != nil:
		return "message", t.body.begun
	case !t.greeted && len(t.pending) == 0:
		return "greeting", opened
	case !t.greeted:
		return "greeting", max(opened, 0)
	case len(t.pending) > 0:
		a := t.pending[0]
		if a.verb == evidence.Message {
			return "message", a.at
		}
		return a.verb, max(a.at, t.askedAt)
	}
	return "", t.askedAt
}
