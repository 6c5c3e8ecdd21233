package listen

import (
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A journal writes the trace of one connection, and shows each event to whoever watches.
type journal struct {
	rec   *evidence.Recorder
	start time.Time
	watch func(evidence.Trace, evidence.Event)
}

func newJournal(t evidence.Trace, scrub *evidence.Scrubber, watch func(evidence.Trace, evidence.Event)) *journal {
	start := time.Now()
	t.Start = start.UTC()
	return &journal{evidence.NewRecorder(t, scrub), start, watch}
}

func (j *journal) now() time.Duration { return time.Since(j.start) }

func (j *journal) add(e evidence.Event) int {
	e.At = j.now()
	return j.show(j.rec.Add(e))
}

func (j *journal) command(l smtp.Line, a evidence.Aside) int {
	return j.show(j.rec.Heard(j.now(), l.Text, l.EOL, a))
}

func (j *journal) message(s evidence.Sent) int { return j.show(j.rec.Message(j.now(), s)) }

func (j *journal) reply(r smtp.Reply, to int, at []time.Duration, n int64) int {
	return j.show(j.rec.Reply(j.now(), r, to, at, n))
}

// show passes an event on as it was recorded. An index of -1 is an event that a full trace did not take.
func (j *journal) show(i int) int {
	if j.watch != nil && i >= 0 {
		j.watch(j.rec.Peek(i))
	}
	return i
}
