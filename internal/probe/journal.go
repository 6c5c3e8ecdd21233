package probe

import (
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A journal writes one trace: a Recorder, its clock, and whoever watches.
type journal struct {
	rec     *evidence.Recorder
	start   time.Time
	observe func(evidence.Trace, evidence.Event)
}

func (j *journal) now() time.Duration { return time.Since(j.start) }

// add records an event that is complete now.
func (j *journal) add(e evidence.Event) int {
	e.At = j.now()
	return j.tell(j.rec.Add(e))
}

// note records a remark about our own work.
func (j *journal) note(text string) { j.add(evidence.Event{Note: &evidence.Note{Text: text}}) }

// command records a line that is about to be sent.
func (j *journal) command(line string) int {
	return j.tell(j.rec.Command(j.now(), []byte(line), smtp.CRLF))
}

func (j *journal) message(s evidence.Sent) int { return j.tell(j.rec.Message(j.now(), s)) }

func (j *journal) reply(r smtp.Reply, to int, linesAt []time.Duration, n int64) int {
	return j.tell(j.rec.Reply(j.now(), r, to, linesAt, n))
}

// unasked records a reply to nothing.
func (j *journal) unasked(r smtp.Reply, at time.Duration, n int64) {
	j.add(evidence.Event{Reply: &evidence.Reply{Reply: r, To: -1, Unasked: true, LinesAt: []time.Duration{at}, Bytes: n}})
}

// tell shows the event of index i, as it was recorded, to whoever watches.
func (j *journal) tell(i int) int {
	if j.observe != nil && i >= 0 {
		t, e := j.rec.Peek(i)
		j.observe(t, e)
	}
	return i
}

func (j *journal) id() string { return j.rec.ID() }
