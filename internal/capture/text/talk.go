package text

import (
	"net/netip"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A talk is one conversation while its lines are read.
type talk struct {
	rec       *evidence.Recorder
	sees      evidence.Sees
	pending   []int // commands that wait for a reply
	verbs     map[int]string
	sent      int // the last command; -1: none
	auth      int // the AUTH of an exchange that is not over; -1: none
	parser    smtp.ReplyParser
	answers   int // what the reply being read answers
	connected bool
	tried     bool // a line told of the attempt to connect, and none of how it went
	greeted   bool
	spoken    bool // a line of the dialogue was read
	begin     bool // the server took STARTTLS, and nothing has come since
	secured   bool
	data      bool // 354 was said, and the message is not over
	body      int64
	ended     bool
	refused   bool // a reply refused something
	quit      bool
}

// at says where the far end is.
func (t *talk) at(host string, addr netip.Addr, port int) {
	t.rec.Update(func(tr *evidence.Trace) {
		if host != "" && tr.Walk.Host == "" {
			tr.Walk.Host = strings.ToLower(strings.TrimSuffix(host, "."))
		}
		if port > 0 && tr.Walk.Port == 0 {
			tr.Walk.Port = port
		}
		if addr.IsValid() && !tr.Address.IsValid() {
			tr.Address = netip.AddrPortFrom(addr, uint16(port))
			if tr.Walk.Host == "" {
				tr.Walk.Host = addr.String()
			}
		}
	})
}

// tlsMode notes how the client goes about TLS.
func (t *talk) tlsMode(m evidence.TLSMode) {
	t.rec.Update(func(tr *evidence.Trace) { tr.Walk.TLS = m })
}

// add records an event that is no line of the dialogue.
func (t *talk) add(e evidence.Event) {
	t.flush()
	t.rec.Add(e)
}

// dialed records that the connection opened.
func (t *talk) dialed(addr netip.Addr, port int) {
	if t.connected {
		return
	}
	t.connected, t.sees.Dial, t.sees.FromStart = true, true, true
	t.add(evidence.Event{Dialed: &evidence.Dialed{Address: netip.AddrPortFrom(addr, uint16(port)), Outcome: evidence.Connected}})
}

// end records how the connection ended. After QUIT it says nothing.
func (t *talk) end(o evidence.Outcome, by evidence.Side, text string) {
	if t.ended || t.quit && o == evidence.Closed {
		return
	}
	t.flush()
	t.ended, t.sees.End = true, true
	if t.waiting() == waitHandshake {
		t.sees.TLS = true
		t.rec.Add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSEnded, Outcome: o, Text: text}})
	}
	t.rec.Add(evidence.Event{Ended: &evidence.Ended{Outcome: o, By: by, Waiting: t.waiting(), Text: text}})
}

// waiting is what the conversation waits for: the reply to a command, the greeting, or "" for nothing.
func (t *talk) waiting() string {
	switch {
	case t.begin && !t.secured:
		return waitHandshake
	case t.data:
		return evidence.Message
	case len(t.pending) > 0:
		if v := t.verbs[t.pending[0]]; v != "" {
			return v
		}
		return "AUTH"
	case !t.greeted && !t.spoken:
		return waitGreeting
	}
	return ""
}

// The names of waits that no verb stands for, as package evidence's Ended.Waiting has them.
const (
	waitGreeting  = "greeting"
	waitHandshake = "handshake"
)

// client reads a line that the client said.
func (t *talk) client(text string) {
	t.flush()
	t.spoken, t.sees.Client = true, true
	if t.data {
		if text != "." {
			t.body += int64(len(text) + 2)
			return
		}
		t.message(true)
		return
	}
	verb := smtp.ParseCommand([]byte(text)).Verb
	if t.sent < 0 && !t.greeted && (verb == "EHLO" || verb == "HELO") {
		t.greetedBefore()
	}
	if t.begin && !t.secured && verb != "QUIT" { // a client that failed at TLS may say QUIT all the same
		t.secure(evidence.Secured{})
	}
	if text == "" && t.auth < 0 {
		return
	}
	i := t.rec.Command(0, []byte(text), smtp.CRLF)
	switch {
	case t.auth >= 0:
		verb = ""
	case verb == "AUTH":
		t.auth = i
	}
	t.quit = t.quit || verb == "QUIT"
	t.asked(i, verb)
}

// asked notes that the event of index i waits for a reply.
func (t *talk) asked(i int, verb string) {
	t.sent = i
	if i >= 0 {
		t.verbs[i] = verb
		t.pending = append(t.pending, i)
	}
}

// secure records that TLS stands, once.
func (t *talk) secure(s evidence.Secured) {
	if t.secured {
		return
	}
	t.flush()
	t.secured, t.begin, t.sees.Inside = true, false, true
	t.rec.Add(evidence.Event{Secured: &s})
}

// message records the message that was sent after 354.
func (t *talk) message(done bool) {
	t.data = false
	t.asked(t.rec.Message(0, evidence.Sent{Bytes: t.body, Done: done}), evidence.Message)
}

// server reads a line that the server said, with its code.
func (t *talk) server(text string) {
	t.spoken, t.sees.Server = true, true
	if !t.parser.Started() {
		if t.data {
			t.message(true) // the message was not shown, its reply is
		}
		t.answers = t.next(text)
	}
	if t.parser.Add(smtp.Line{Text: []byte(text), EOL: smtp.CRLF}) {
		t.reply()
	}
}

// next takes the command that the reply beginning with this line answers: the oldest that waits, or -1.
func (t *talk) next(text string) int {
	if n := len(t.pending); n > 1 && strings.HasPrefix(text, "221") && t.verbs[t.pending[n-1]] == "QUIT" {
		t.pending = t.pending[n-1:] // only QUIT is answered so (RFC 5321, section 4.3.2): the replies before are not shown
	}
	if len(t.pending) > 0 {
		i := t.pending[0]
		t.pending = t.pending[1:]
		return i
	}
	if t.auth >= 0 { // the client's answer was left out of the text
		return t.auth
	}
	return -1
}

// flush ends a reply whose last line was not shown.
func (t *talk) flush() {
	if t.parser.Started() {
		t.reply()
	}
}

// reply records the reply that was read.
func (t *talk) reply() {
	r := t.parser.Reply()
	to, n := t.answers, 0
	for _, s := range r.Text {
		n += len(s) + 6
	}
	if r.Code == 0 {
		return
	}
	greeting := to < 0 && !t.greeted && t.sent < 0 && (r.Code == 220 || (t.connected || t.tried) && r.Code >= 400)
	t.greeted = t.greeted || greeting
	if greeting {
		t.sees.FromStart = true
	}
	if to < 0 && !greeting && listsKeywords(r) {
		to = t.unseenHello()
	}
	verb := ""
	if to >= 0 {
		verb = t.verbs[to]
	}
	t.refused = t.refused || r.Code >= 400
	unasked := to < 0 && !greeting
	if t.rec.Reply(0, r, to, nil, int64(n)); unasked {
		t.markUnasked()
	}
	switch {
	case verb == "STARTTLS" && r.Code == 220:
		t.begin = true
	case verb == "DATA" && r.Code == 354:
		t.data, t.body = true, 0
	case t.auth >= 0 && !r.Intermediate() && (verb == "AUTH" || verb == ""):
		t.auth = -1
	}
}

// listsKeywords reports whether a reply can only be one to EHLO: it has several lines, and keywords on them.
func listsKeywords(r smtp.Reply) bool {
	if r.Code != 250 || len(r.Text) < 3 {
		return false
	}
	x := smtp.ParseExtensions(r)
	return x.Has("SIZE") || x.Has("8BITMIME") || x.Has("PIPELINING")
}

// unseenHello records the EHLO that a reply shows to have been said.
func (t *talk) unseenHello() int {
	i := t.rec.Command(0, []byte("EHLO"), smtp.CRLF)
	t.asked(i, "EHLO")
	t.pending = nil
	return i
}

// markUnasked says of the last reply that it answers no command that was seen.
func (t *talk) markUnasked() {
	t.rec.Update(func(tr *evidence.Trace) {
		if n := len(tr.Events); n > 0 && tr.Events[n-1].Reply != nil {
			tr.Events[n-1].Reply.Unasked = true
		}
	})
}

// greetedBefore makes a greeting of a refusal that nothing asked for: the client begins only now.
func (t *talk) greetedBefore() {
	t.rec.Update(func(tr *evidence.Trace) {
		if n := len(tr.Events); n > 0 && tr.Events[n-1].Reply != nil && tr.Events[n-1].Reply.Unasked && tr.Events[n-1].Reply.Code >= 400 {
			tr.Events[n-1].Reply.Unasked = false
			t.greeted, t.sees.FromStart = true, true
		}
	})
}

// said records a statement.
func (t *talk) said(kind, text string, n int) {
	t.add(evidence.Event{Said: &evidence.Said{Kind: kind, Text: clip(text), Line: n}})
}

// maxSaid bounds the text of one statement in a record.
const maxSaid = 1000

func clip(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxSaid {
		return strings.ToValidUTF8(s[:maxSaid], "") + " …"
	}
	return s
}
