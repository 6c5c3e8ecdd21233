package evidence

import (
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// Limits of one trace. A hostile peer can't make a record grow beyond them.
const (
	MaxEvents = 2000
	MaxText   = 512 << 10 // octets of reply and command text in one trace
	MaxHead   = 256       // octets of a Bytes event
)

// A Recorder writes one trace while it happens. It masks secrets: whatever a client sends within an AUTH exchange, and
// wherever they turn up, the secrets that its Scrubber knows. It is safe for use by several goroutines, so that a
// snapshot can be judged while the conversation still waits.
type Recorder struct {
	mu       sync.Mutex
	trace    Trace
	scrub    *Scrubber
	text     int  // octets of text kept
	lastSent int  // index of the newest Sent event; -1: none
	authing  bool // between AUTH and its final reply
}

// NewRecorder starts a trace. Start is its own clock's zero; scrub may be nil.
func NewRecorder(t Trace, scrub *Scrubber) *Recorder {
	return &Recorder{trace: t, scrub: scrub, lastSent: -1}
}

// Update changes what the trace says of itself: its addresses, its walk.
func (r *Recorder) Update(f func(*Trace)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.trace)
}

// Snapshot returns the trace as it stands. The caller may keep it.
func (r *Recorder) Snapshot() Trace {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.trace
	t.Events = slices.Clone(t.Events)
	return t
}

// ID is the trace's id, which never changes.
func (r *Recorder) ID() string { return r.trace.ID }

// Peek returns one event as it was recorded, and its trace without the others.
func (r *Recorder) Peek(i int) (Trace, Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.trace
	t.Events = nil
	return t, r.trace.Events[i]
}

// Add appends an event and returns its index, or -1 if the trace is full. The last event of a full trace, its Ended, is
// always kept.
func (r *Recorder) Add(e Event) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e.Reply != nil:
		e.Reply = r.clean(*e.Reply)
	case e.Bytes != nil:
		b := *e.Bytes
		head := r.scrub.Clean(string(b.Head)) // before it is cut, as half a secret is not known for one
		b.Head = []byte(head[:min(len(head), MaxHead)])
		e.Bytes = &b
	}
	return r.add(e)
}

func (r *Recorder) add(e Event) int {
	if len(r.trace.Events) >= MaxEvents && e.Ended == nil {
		r.trace.Dropped++
		return -1
	}
	r.trace.Events = append(r.trace.Events, e)
	return len(r.trace.Events) - 1
}

// Command records a line that the client sent, without its end, and returns its index. What belongs to an AUTH
// exchange is masked: the initial response of AUTH, and every line until the final reply.
func (r *Recorder) Command(at time.Duration, line []byte, eol smtp.EOL) int {
	return r.Heard(at, line, eol, Aside{})
}

// An Aside is what the one who hears a line knows of it beside its octets.
type Aside struct {
	Early bool // it came before the reply to the command before it
	Auth  bool // it goes on with AUTH
	Hide  bool // it may be a secret, though no AUTH is under way: nothing of it is kept
}

// Heard is Command for an observer at the server's end, who meets clients that break the rules.
func (r *Recorder) Heard(at time.Duration, line []byte, eol smtp.EOL, a Aside) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Sent{Bytes: int64(len(line) + eolLen(eol)), Early: a.Early}
	if eol != smtp.CRLF {
		s.EOL = eol
	}
	switch {
	case a.Hide && !r.authing && !a.Auth:
		s.Verb, s.Line, s.Secret = Hidden, smtp.Masked, true
	case r.authing || a.Auth:
		// The mechanism's own cancel (RFC 4954, section 4) is no secret, and worth seeing.
		s.Line = string(line)
		if s.Line != "*" {
			s.Line, s.Secret, s.Empty = smtp.Masked, true, len(line) == 0
		}
	default:
		s.Verb = smtp.ParseCommand(line).Verb
		s.Line, s.Secret = smtp.MaskAuth(string(line))
		r.authing = s.Verb == "AUTH"
	}
	s.Line, s.Raw = r.keep(s.Line, !s.Secret)
	r.lastSent = r.add(Event{At: at, Sent: &s})
	return r.lastSent
}

// Message records that a message was sent after DATA.
func (r *Recorder) Message(at time.Duration, s Sent) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Verb = Message
	r.lastSent = r.add(Event{At: at, Sent: &s})
	return r.lastSent
}

// Hidden is the Verb of a line that is no command, and of which nothing may be kept.
const Hidden = "?"

// Message is the Verb of a Sent event that stands for a whole message.
const Message = "MESSAGE"

// Reply records a reply to the Sent event of index to; -1 is the greeting, or unasked. The lines' times go with it.
func (r *Recorder) Reply(at time.Duration, rep smtp.Reply, to int, linesAt []time.Duration, n int64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.clean(Reply{Reply: rep, To: to, LinesAt: linesAt, Bytes: n})
	if r.authing && !rep.Intermediate() && r.ofAuth(to) {
		r.authing = false
	}
	return r.add(Event{At: at, Reply: e})
}

// clean is a reply as it may be kept: without secrets, within bounds, and as text that JSON can hold.
func (r *Recorder) clean(e Reply) *Reply {
	e.Text = r.scrub.CleanLines(e.Text)
	for i, t := range e.Text {
		var raw []byte
		e.Text[i], raw = r.keep(t, true)
		if raw != nil {
			if e.Raw == nil {
				e.Raw = make([][]byte, len(e.Text))
			}
			e.Raw[i] = raw
		}
	}
	return &e
}

// ofAuth reports whether an event is AUTH or goes on with it: a reply to another command, sent before, does not end it.
func (r *Recorder) ofAuth(i int) bool {
	if i < 0 || i >= len(r.trace.Events) || r.trace.Events[i].Sent == nil {
		return false
	}
	verb := r.trace.Events[i].Sent.Verb
	return verb == "AUTH" || verb == ""
}

// keep returns text that JSON can hold and, if that is not the text itself, the octets of it. Secrets are taken out
// of both.
func (r *Recorder) keep(s string, raw bool) (string, []byte) {
	s = r.scrub.Clean(s)
	if room := MaxText - r.text; len(s) > room {
		s = s[:max(room, 0)]
	}
	r.text += len(s)
	if utf8.ValidString(s) {
		return s, nil
	}
	if !raw {
		return strings.ToValidUTF8(s, "\uFFFD"), nil
	}
	return strings.ToValidUTF8(s, "\uFFFD"), []byte(s)
}

func eolLen(e smtp.EOL) int {
	switch e {
	case smtp.CRLF:
		return 2
	case smtp.LF:
		return 1
	}
	return 0
}
