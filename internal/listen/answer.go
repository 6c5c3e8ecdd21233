package listen

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// answering is the connection that somebody else answers on. He starts TLS himself, and lets us see what is inside.
type answering struct {
	*tap
	c *call
}

// Inside is called with the TLS connection that was taken up over this one.
func (a answering) Inside(conn *tls.Conn) net.Conn { return a.c.secure(conn) }

// answer lets somebody else hold the conversation, and records it.
func (c *call) answer(ctx context.Context, hold func(context.Context, net.Conn)) {
	hold(ctx, answering{c.raw, c})
	if ctx.Err() == nil {
		end := c.raw.ending()
		c.d.finish()
		c.overheard(end)
	}
}

// overheard records the end of a conversation that was only watched.
func (c *call) overheard(e evidence.Ended) {
	if f, ok := c.raw.tls.unfinished(e); ok && c.secured == nil && !c.failed {
		f.GotN, f.SentN = c.raw.tls.octets(evidence.Server), c.raw.tls.octets(evidence.Client)
		c.fail(f)
	}
	c.end(e)
}

// ending says how a connection ended, as the client would put it: what it waited for, and who made an end.
func (t *tap) ending() evidence.Ended {
	e := evidence.Ended{Waiting: t.d.awaited()}
	if e.Waiting == "handshake" && (t.tls.through() || !t.tls.begun()) {
		e.Waiting = "" // inside TLS, where we do not see, or the client has still to begin it
	}
	done := evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Why: "done"}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended.IsZero() {
		e.Waited = max(0, t.ended.Sub(t.last))
	}
	byServer := t.closed == (t.far == evidence.Client)
	switch {
	case t.d.hasQuit():
		return done
	case byServer && (t.cut || outcomeOf(t.failed) == evidence.Reset):
		e.Outcome, e.By = evidence.Reset, evidence.Server
	case byServer && (t.failed == nil || outcomeOf(t.failed) == evidence.Closed):
		e.Outcome, e.By = evidence.Closed, evidence.Server
	case byServer:
		e.Outcome, e.By, e.Text = outcomeOf(t.failed), evidence.Server, t.failed.Error()
	case e.Waiting != "" && t.d.flooded():
		// It had enough of a reply that goes on and on.
		return evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Waiting: e.Waiting, Why: "limit"}
	case e.Waiting != "":
		// The client left while it was the server's turn: its patience is the length of a time-out.
		e.Outcome = evidence.TimedOut
	default:
		return done
	}
	return e
}

// unfinished describes a handshake that was begun and, as far as was seen, not ended.
func (t *handshakeTap) unfinished(e evidence.Ended) (f evidence.TLSFailed, ok bool) {
	if t.through() || !t.begun() {
		return f, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.clientAlert != nil:
		f.How = evidence.TLSClientAlerted
	case t.serverAlert != nil:
		f.How = evidence.TLSAlerted
	case t.foreign:
		f.How = evidence.TLSNotTLS
	default:
		f.How, f.Outcome = evidence.TLSEnded, e.Outcome
	}
	return f, true
}
