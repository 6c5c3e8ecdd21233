package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// outcomeOf keeps apart how reading from a client ended.
func outcomeOf(err error) evidence.Outcome {
	switch {
	case err == nil, errors.Is(err, net.ErrClosed):
		return evidence.Aborted
	case errors.Is(err, os.ErrDeadlineExceeded):
		return evidence.TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return evidence.Closed
	case isReset(err):
		return evidence.Reset
	}
	return evidence.Failed
}

// end records how the connection ended, once.
func (c *call) end(e evidence.Ended) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	e.GotN, e.SentN = c.raw.got.Load(), c.raw.sent.Load()
	c.j.add(evidence.Event{Ended: &e})
}

// lost records that the client ended the connection, or fell silent, in a wait.
func (c *call) lost(ctx context.Context, waiting string, since time.Time, err error) {
	c.d.finish()
	e := evidence.Ended{Outcome: outcomeOf(err), By: evidence.Client, Waiting: waiting, Waited: time.Since(since)}
	switch {
	case ctx.Err() != nil:
		e.Outcome, e.By, e.Why = evidence.Aborted, evidence.Server, "interrupt"
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			e.Why = "limit"
		}
	case e.Outcome == evidence.Failed:
		e.Text = err.Error()
	}
	c.end(e)
}

// finish sees to it that a conversation has an end in its record.
func (c *call) finish(ctx context.Context) {
	c.d.finish()
	why := "done"
	if ctx.Err() != nil {
		why = "interrupt"
	}
	c.end(evidence.Ended{Outcome: evidence.Aborted, By: evidence.Server, Why: why})
}
