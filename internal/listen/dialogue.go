package listen

import (
	"bytes"
	"encoding/base64"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// maxHeld bounds the octets that wait for a reply to say what they are.
const maxHeld = 64 << 10

// A reading says what the client's next octets are.
type reading int

const (
	commands  reading = iota
	held              // a reply decides: to STARTTLS, DATA, AUTH
	body              // of DATA, up to the final dot
	chunk             // of BDAT, so many octets (RFC 3030, section 2)
	encrypted         // the first octets of TLS, and all after them
	foreign           // no SMTP
)

// A dialogue reads an SMTP conversation from its octets, both directions, and records it. It serves the server of this
// package, the relay and the lab's cases alike: whoever answers, what is recorded is what went over the wire.
//
// It knows no more of the protocol than it takes to tell commands from other octets. It is safe for two goroutines, one
// a direction.
type dialogue struct {
	mu sync.Mutex
	j  *journal

	state     reading
	split     smtp.Splitter // of the client
	kept      []byte        // while held
	replaying bool          // the octets at hand are those that were held
	chunkLeft int64
	chunkLast bool
	greeted   bool // octets of the client have been seen
	signin    *signIn
	body      *bodyReader
	authed    bool // there has been an AUTH: what is no command may be a secret
	inTLS     bool
	keep      func() io.WriteCloser // of the next message; nil, or giving nil: it is not kept
	memory    *secretMemory         // of the client's address; nil: none
	scrub     *evidence.Scrubber    // of the recorder

	answers  smtp.Splitter // of the server
	parse    smtp.ReplyParser
	linesAt  []time.Duration
	replyLen int64
	open     []asked // commands that wait for a reply, in order
	welcomed bool    // the greeting has come
	startTLS bool    // the last reply let the client start TLS
	quit     bool    // QUIT was answered
	finished bool    // what was unfinished is on record
}

// asked is a command without a reply so far.
type asked struct {
	index int // of its event; -1 if the trace is full
	verb  string
}

// nothing is the verb of what a reply answers that nobody asked for. "" is a line that goes on with AUTH.
const nothing = "-"

// fromClient takes octets of the client. It returns those that belong to TLS.
func (d *dialogue) fromClient(p []byte) (tlsOctets []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.take(p)
}

func (d *dialogue) take(p []byte) []byte {
	if !d.greeted && len(p) > 0 {
		d.greeted = true
		d.sniff(p)
	}
	for len(p) > 0 {
		switch d.state {
		case encrypted:
			return p
		case foreign:
			return nil
		case held:
			d.kept = append(d.kept, p[:min(len(p), maxHeld-len(d.kept))]...)
			return nil
		case body:
			n, done := d.body.feed(p)
			p = p[n:]
			if done {
				d.endBody(true)
			}
		case chunk:
			n := int(min(int64(len(p)), d.chunkLeft))
			d.body.chunk(p[:n])
			p = p[n:]
			if d.chunkLeft -= int64(n); d.chunkLeft == 0 {
				d.endChunk()
			}
		default:
			if d.startsTLS(p) {
				d.state = encrypted
				continue
			}
			p = d.takeLine(p)
		}
	}
	return nil
}

// startsTLS reports whether TLS begins where a command should: no command begins like a handshake record.
func (d *dialogue) startsTLS(p []byte) bool {
	return !d.inTLS && d.split.Pending() == 0 && tlswire.Sniff(p) == tlswire.ProtoTLS
}

// sniff looks at the first octets of the conversation. A client that is no mail client, or one that starts TLS where
// SMTP is spoken, is told by them.
func (d *dialogue) sniff(p []byte) {
	looks := tlswire.Sniff(p)
	if d.inTLS && looks != tlswire.ProtoHTTP {
		return
	}
	switch looks {
	case tlswire.ProtoTLS, tlswire.ProtoSSL2, tlswire.ProtoAlert:
		d.state = encrypted
	case tlswire.ProtoSMTP, tlswire.ProtoUnknown, tlswire.ProtoOther:
		if p[0] == byte(tlswire.HandshakeRecord) {
			d.state = encrypted
		}
	default:
		d.state = foreign
		d.outside(p, looks)
	}
}

const maxHead = 256 // octets of what is no SMTP that are kept

func (d *dialogue) outside(p []byte, looks tlswire.Protocol) { d.j.add(strange(p, looks)) }

// strange is the record of octets that are no SMTP: how many, and their beginning.
func strange(p []byte, looks tlswire.Protocol) evidence.Event {
	return evidence.Event{Bytes: &evidence.Bytes{From: evidence.Client, Count: int64(len(p)), Head: harmless(p), Looks: string(looks)}}
}

// leads stand before secrets in the protocols that get lost on mail ports: the query of a URL, the headers of HTTP, the
// commands of POP3, IMAP and FTP, and our own AUTH.
var leads = regexp.MustCompile(`(?i)\?|://|auth|pass|login|cookie|token|secret|apop`)

// harmless is the beginning of what was sent, up to where it may turn into a secret.
func harmless(p []byte) []byte {
	head := p[:min(len(p), maxHead)]
	if at := leads.FindIndex(head); at != nil {
		head = head[:at[1]]
	}
	return bytes.Clone(head)
}

// takeLine takes octets up to the end of one line, and returns the others: what they are may depend on the line.
func (d *dialogue) takeLine(p []byte) []byte {
	n := bytes.IndexByte(p, '\n') + 1
	if n == 0 {
		n = len(p)
	}
	for _, l := range d.split.Feed(p[:n]) {
		d.line(l)
	}
	return p[n:]
}

func (d *dialogue) line(l smtp.Line) {
	early := len(d.open) > 0 || d.replaying
	if d.signin != nil {
		d.signin.line(l.Text)
		d.push(d.j.command(l, evidence.Aside{Early: early, Auth: true}), "")
		d.state = held
		return
	}
	cmd := smtp.ParseCommand(l.Text)
	if d.secretive(cmd) {
		d.push(d.j.command(l, evidence.Aside{Early: early, Hide: true}), evidence.Hidden)
		return
	}
	d.push(d.j.command(l, evidence.Aside{Early: early}), cmd.Verb)
	switch cmd.Verb {
	case "STARTTLS", "DATA":
		d.state = held
	case "AUTH":
		d.authed = true
		d.signin = newSignIn(cmd, d.inTLS)
		d.state = held
	case "BDAT":
		d.startChunk(cmd)
	}
}

func (d *dialogue) push(index int, verb string) { d.open = append(d.open, asked{index, verb}) }

// secretive reports whether a line may hold a secret although no AUTH is under way: a password sent on after the sign-in was
// refused, or an AUTH command out of shape.
func (d *dialogue) secretive(c smtp.Command) bool {
	if c.Verb == "AUTH" {
		f := strings.Fields(c.Args)
		return len(f) > 0 && !isMechanism(f[0])
	}
	if _, masked := smtp.MaskAuth(c.Line); masked {
		d.authed = true // of another protocol
		return false
	}
	return strings.HasPrefix(c.Verb, "AUTH") || !knownVerbs[c.Verb] && (d.authed || isAnswer(c.Line))
}

// isAnswer reports whether a line looks like an answer of SASL: one word of base64. Devices give theirs without having asked to.
func isAnswer(line string) bool {
	const shortest = 8
	line = strings.TrimSpace(line)
	_, err := base64.StdEncoding.DecodeString(line)
	return err == nil && len(line) >= shortest
}

// knownVerbs are the commands whose lines hold no secret (RFC 5321, 3207, 3030, 1870 and the old ones of RFC 821).
var knownVerbs = map[string]bool{
	"EHLO": true, "HELO": true, "LHLO": true, "STARTTLS": true, "AUTH": true, "MAIL": true, "RCPT": true, "DATA": true, "BDAT": true,
	"RSET": true, "NOOP": true, "QUIT": true, "VRFY": true, "EXPN": true, "HELP": true, "ETRN": true, "SEND": true, "SOML": true,
	"SAML": true, "TURN": true,
}

// fromServer takes octets of the server. It returns octets of the client that were held back and turn out to be TLS.
func (d *dialogue) fromServer(p []byte) (tlsOctets []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(p) > 0 {
		n := bytes.IndexByte(p, '\n') + 1
		if n == 0 {
			n = len(p)
		}
		d.replyLen += int64(n)
		for _, l := range d.answers.Feed(p[:n]) {
			d.linesAt = append(d.linesAt, d.j.now())
			if d.parse.Add(l) {
				tlsOctets = append(tlsOctets, d.answered(d.parse.Reply())...)
			}
		}
		p = p[n:]
	}
	return tlsOctets
}

// answered records a reply, and lets the client's octets that waited for it go on.
func (d *dialogue) answered(r smtp.Reply) []byte {
	a := asked{index: -1, verb: nothing}
	switch {
	case !d.welcomed: // the first reply is the greeting, even for a client that did not wait for it
		d.welcomed = true
	case len(d.open) > 0:
		a, d.open = d.open[0], d.open[1:]
	}
	d.signedIn(a, r)
	d.quit = d.quit || a.verb == "QUIT"
	d.j.reply(r, a.index, d.linesAt, d.replyLen)
	d.linesAt, d.replyLen = nil, 0
	if d.state != held || len(d.open) > 0 {
		return nil
	}
	d.state = commands
	switch {
	case a.verb == "STARTTLS" && r.Code == 220:
		d.startTLS, d.state = true, encrypted
	case a.verb == "DATA" && r.Code == 354:
		d.state, d.body = body, newBodyReader(d.keep)
	}
	kept := d.kept
	d.kept = nil
	if looks := tlswire.Sniff(kept); d.startTLS && (looks == tlswire.ProtoSMTP || looks == tlswire.ProtoOther) {
		// It came in clear with the command, which had to be the last of its group (RFC 3207, section 4.2): none of it counts.
		d.outside(kept, tlswire.ProtoSMTP)
		return nil
	}
	if d.state == body {
		d.body.mail.Early = len(kept) > 0
	}
	d.replaying = true
	defer func() { d.replaying = false }()
	return d.take(kept)
}

// signedIn notes what a reply means for the sign-in that is under way.
func (d *dialogue) signedIn(a asked, r smtp.Reply) {
	if d.signin == nil || a.verb != "AUTH" && a.verb != "" || r.Code == 334 {
		return
	}
	d.recordSignIn()
}

func (d *dialogue) recordSignIn() {
	d.j.add(evidence.Event{SignIn: d.signin.result(d.memory, d.scrub)})
	d.signin = nil
}

func (d *dialogue) startChunk(c smtp.Command) {
	f := strings.Fields(c.Args)
	if len(f) == 0 {
		return
	}
	n, err := strconv.ParseInt(f[0], 10, 63)
	if err != nil || n < 0 {
		return
	}
	if d.body == nil {
		d.body = newBodyReader(d.keep)
	}
	d.state, d.chunkLeft, d.chunkLast = chunk, n, len(f) > 1 && strings.EqualFold(f[1], "LAST")
	if n == 0 {
		d.endChunk()
	}
}

func (d *dialogue) endChunk() {
	d.state = commands
	if d.chunkLast {
		d.body.mail.EndedBy = "chunk"
		d.recordMail()
	}
}

func (d *dialogue) endBody(whole bool) {
	d.state = commands
	id := d.body.messageID()
	n := d.body.mail.Bytes
	d.recordMail()
	d.push(d.j.message(evidence.Sent{Bytes: n, MsgID: id, Done: whole}), evidence.Message)
}

func (d *dialogue) recordMail() {
	m, unkept := d.body.finish(), d.body.unkept
	d.body = nil
	if unkept != nil {
		d.j.add(evidence.Event{Note: &evidence.Note{Text: "the message could not be kept whole: " + unkept.Error()}})
	}
	d.j.add(evidence.Event{Mail: m})
}

// enterTLS makes the dialogue go on inside TLS, where the client starts anew (RFC 3207, section 4.2).
func (d *dialogue) enterTLS() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inTLS, d.startTLS, d.greeted, d.state = true, false, false, commands
	d.split, d.answers, d.parse, d.kept, d.open = smtp.Splitter{}, smtp.Splitter{}, smtp.ReplyParser{}, nil, nil
}

// finish records what is unfinished when the conversation is over. Whoever ends it may call it, and all of them do.
func (d *dialogue) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.finished {
		return
	}
	d.finished = true
	switch d.state {
	case body:
		d.endBody(false)
	case chunk:
		d.recordMail()
	case held:
		if len(d.kept) > 0 && d.signin == nil && !d.authed {
			d.outside(d.kept, tlswire.Sniff(d.kept))
		}
	}
	if d.signin != nil {
		d.recordSignIn()
	}
	if l, ok := d.answers.Rest(); ok {
		d.parse.Add(l)
	}
	if d.parse.Started() {
		r := d.parse.Reply()
		r.Complete = false
		d.answered(r)
	}
	d.unfinishedLine()
}

// unfinishedLine records octets of a line that never ended. After AUTH they may be a secret, and only their number is kept.
func (d *dialogue) unfinishedLine() {
	l, ok := d.split.Rest()
	if !ok || d.state == encrypted {
		return
	}
	if d.authed || len(l.Text) > 3 && strings.EqualFold(string(l.Text[:4]), "AUTH") {
		d.j.add(evidence.Event{Bytes: &evidence.Bytes{From: evidence.Client, Count: int64(len(l.Text))}})
		return
	}
	d.outside(l.Text, tlswire.Sniff(l.Text))
}

// waiting says what the conversation waited for, seen from the server.
func (d *dialogue) waiting() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == body || d.state == chunk:
		return evidence.Message
	case d.signin != nil:
		return "AUTH"
	}
	return "command"
}

// awaited says what the client waits for: the reply to its oldest command, the greeting, the end of the handshake; "" if it is its
// own turn.
func (d *dialogue) awaited() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == encrypted:
		return "handshake"
	case !d.welcomed:
		return "greeting"
	case len(d.open) > 0:
		if verb := d.open[0].verb; verb != "" {
			return verb
		}
		return "AUTH"
	case d.state == body || d.state == chunk:
		return evidence.Message
	}
	return ""
}

// asksTLS reports whether the client has asked for STARTTLS, as the last thing, and has no answer yet.
func (d *dialogue) asksTLS() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state == held && len(d.open) > 0 && d.open[len(d.open)-1].verb == "STARTTLS"
}

// agreedTLS reports whether the client may start TLS now.
func (d *dialogue) agreedTLS() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.startTLS
}

// hasQuit reports whether the client said QUIT and was answered.
func (d *dialogue) hasQuit() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.quit
}

// flooded reports whether a reply of the server goes on beyond what any client takes.
func (d *dialogue) flooded() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.replyLen > maxHeld || d.parse.Lines() > smtp.MaxReplyLines
}
