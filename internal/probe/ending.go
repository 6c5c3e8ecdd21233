package probe

import (
	"context"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// fail ends the conversation in a wait that did not bring what it was for.
func (t *talk) fail(ctx context.Context, w *waiting, err error) {
	t.unfinished()
	if alert, ok := tlswire.RemoteAlert(err); ok {
		t.j.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Server, Alert: alert}})
	}
	t.end(t.ending(ctx, w, err))
}

// ending says how a wait ended that did not bring what it was for.
func (t *talk) ending(ctx context.Context, w *waiting, err error) evidence.Ended {
	e := evidence.Ended{Waiting: w.what, Waited: t.since(w)}
	e.Outcome, e.Errno = outcomeOf(err)
	switch {
	case e.Outcome == evidence.Closed:
		e.By = evidence.Server
	case e.Outcome == evidence.Reset:
		e.By, e.Text = evidence.Server, err.Error()
	case e.Outcome != evidence.TimedOut:
		e.Text = err.Error()
	case t.garbage > 0 && ctx.Err() == nil:
		e.Outcome, e.By, e.Why = evidence.Aborted, evidence.Client, "garbage"
	case why(ctx) == "interrupt", ctx.Err() != nil && e.Waited < SilenceToReport:
		// Too early to say that nothing comes.
		e.Outcome, e.By, e.Why = evidence.Aborted, evidence.Client, why(ctx)
	default:
		e.Why = why(ctx) // "budget": the run's time cut the wait short, yet it was long enough to be one
	}
	return e
}

// cutOff ends the conversation because the server sends more than any server would.
func (t *talk) cutOff(w *waiting, text string) {
	t.unfinished()
	t.end(evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Waiting: w.what, Waited: time.Since(w.began),
		Why: "limit", Text: text})
}

// finish ends the conversation because all is said.
func (t *talk) finish() {
	if !t.over {
		t.leftovers()
		t.unfinished()
		t.end(evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Why: "done"})
	}
}

// end records what the kernel knows of the connection and how it ended, and closes it.
func (t *talk) end(e evidence.Ended) {
	if t.over {
		return
	}
	t.over = true
	if info := tcpInfo(t.wire.Conn); info != nil {
		t.j.add(evidence.Event{TCP: info})
	}
	e.GotN, e.SentN = t.wire.got, t.wire.sent
	t.j.add(evidence.Event{Ended: &e})
	t.wire.SetDeadline(time.Now().Add(time.Second)) // for TLS' close_notify
	t.conn.Close()
	t.wire.Close()
}

// unfinished records what is there of a reply, or of a line, that was not to be completed.
func (t *talk) unfinished() {
	line, open := t.split.Rest()
	started := t.parse.Started()
	if open && (started || looksLikeReply(line.Text)) {
		t.parse.Add(line)
		t.octets += t.unended
		t.linesAt = append(t.linesAt, t.j.now())
		started, open = true, false
	}
	if started {
		r := t.parse.Reply()
		r.Complete = false
		t.take(r, t.asked)
	}
	if open {
		t.addBytes(line.Text, t.unended)
	}
	t.unended = 0
}

// looksLikeReply reports whether an unfinished line begins with a reply code.
func looksLikeReply(line []byte) bool {
	var p smtp.ReplyParser
	p.Add(smtp.Line{Text: line, EOL: smtp.CRLF})
	return p.Reply().Code != 0
}
