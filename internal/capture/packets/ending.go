package packets

import (
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Times by which silence is told from a pause.
const (
	gaveUp  = 4 * time.Second  // a client that ends a wait after this long was waiting in vain
	silence = 10 * time.Second // a capture that ends in a wait of this length shows silence
)

// Names of waits, beside those of commands; package diagnose knows them.
const (
	handshakes = "handshake"
	insideTLS  = "inside TLS"
)

// end records how the connection ended.
func (v *conversation) end(c *tcp.Conn) {
	at := endedAt(c)
	e := v.ended(c, at)
	e.GotN, e.SentN = v.octets[tcp.ToClient], v.octets[tcp.ToServer]
	if v.tls == nil || v.tls.inside() {
		v.talk.unfinished(at)
		if v.talk.body != nil {
			v.talk.endBody(at, false)
		}
		if v.talk.upgrade && e.Outcome != evidence.Aborted {
			v.add(at, evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSEnded, Outcome: e.Outcome}})
		}
	} else {
		v.tls.failed(at, &e)
	}
	v.facts(c, at)
	v.add(at, evidence.Event{Ended: &e})
}

// endedAt is when the connection ended, as far as can be seen: with the first FIN or reset, or with the last packet.
func endedAt(c *tcp.Conn) int64 {
	at := c.Last
	for w := range c.Half {
		if f := c.Half[w].FIN; f != 0 {
			at = min(at, f)
		}
	}
	if c.Reset != nil {
		at = min(at, c.Reset.At)
	}
	return at
}

// endedBy tells which side ended the connection first, and whether with a reset. "" if neither did.
func endedBy(c *tcp.Conn) (by evidence.Side, reset bool) {
	client, server := c.Half[tcp.ToServer].FIN, c.Half[tcp.ToClient].FIN
	if r := c.Reset; r != nil && (client == 0 || r.At < client) && (server == 0 || r.At < server) {
		return r.From.From(), true
	}
	if way, ok := c.FirstFIN(); ok {
		return way.From(), false
	}
	return evidence.Unknown, false
}

// ended puts together who ended the connection and what was waited for.
func (v *conversation) ended(c *tcp.Conn, at int64) evidence.Ended {
	what, since := v.waiting(c)
	if v.unseen(tcp.ToClient) || what == "greeting" && v.lacks[tcp.ToClient] {
		what = "" // what came is not in the capture
	}
	by, reset := endedBy(c)
	e := evidence.Ended{By: by, Waiting: what}
	if by == evidence.Unknown && c.Finished != tcp.Over {
		at = max(at, v.r.last) // silence lasted to the end of the capture, or of our patience
		if c.Finished == tcp.Evicted || c.Finished == tcp.Replaced {
			at = c.Last
		}
	}
	if what != "" && since != 0 {
		e.Waited = time.Duration(max(at-since, 0))
	}
	switch {
	case by == evidence.Server:
		e.Outcome = evidence.Closed
		if reset {
			e.Outcome = evidence.Reset
		}
		if what == "" && v.talk.closing || what == "QUIT" {
			e.Outcome, e.Why, e.Waiting = evidence.Aborted, "done", ""
		}
	case by == evidence.Client && what != "" && e.Waited >= gaveUp && v.stuck(c, what):
		e.Outcome, e.Why = evidence.TimedOut, "the client gave up"
	case by == evidence.Client:
		e.Outcome, e.Why = evidence.Aborted, "done"
		if what != "" && what != "QUIT" {
			e.Why = "the client ended it"
		}
	case what != "" && (e.Waited >= silence || inVain(c)):
		e.Outcome, e.Why = evidence.TimedOut, "nothing more was captured"
	case c.Finished == tcp.Evicted:
		e.Outcome, e.Why = evidence.Aborted, "more connections were open at once than can be followed"
	default:
		e.Outcome, e.Why = evidence.Aborted, "the capture ends"
	}
	return e
}

// inVain reports whether a side sent the same octets again and again to the end, or waits for octets that were lost: a wait
// for something, however early the capture ends.
func inVain(c *tcp.Conn) bool {
	for w := range c.Half {
		if h := &c.Half[w]; h.StuckTimes > 2 || h.Waiting > 0 {
			return true
		}
	}
	return false
}

// stuck reports whether a wait was for something that did not come. A message that is still being sent is no wait as long
// as it moves on.
func (v *conversation) stuck(c *tcp.Conn, what string) bool {
	if what != "message" || v.talk.body == nil {
		return true
	}
	h := &c.Half[tcp.ToServer]
	return time.Duration(endedAt(c)-h.AckedAt) >= gaveUp
}

// waiting says what the conversation waited for when it ended, and since when.
func (v *conversation) waiting(c *tcp.Conn) (what string, since int64) {
	if v.tls == nil || v.tls.inside() {
		what, since = v.talk.waiting(c.Opened)
		if since == 0 {
			since = c.Start
		}
		if what == "message" && v.talk.body != nil {
			since = max(since, c.Half[tcp.ToServer].AckedAt)
		}
		return what, since
	}
	if v.tls.secured {
		return v.insideWait(c)
	}
	return handshakes, v.tls.lastAt
}

// insideWait tells whether the conversation broke off inside TLS, as far as packets show that: octets that were sent and
// never acknowledged, or a reset by a stranger.
func (v *conversation) insideWait(c *tcp.Conn) (what string, since int64) {
	if inVain(c) {
		return insideTLS, v.tls.lastAt
	}
	if r := c.Reset; r != nil && r.From == tcp.ToClient {
		seen := evidence.ResetSeen{TTL: int(r.TTL), Usual: int(r.Usual)}
		if seen.Forged() {
			return insideTLS, v.tls.lastAt
		}
	}
	return "", 0
}

// unopened records an attempt to connect that came to nothing.
func (v *conversation) unopened(c *tcp.Conn) {
	d := evidence.Dialed{Address: c.Server.AddrPort()}
	at := c.Last
	switch icmp := hardError(c); {
	case c.Reset != nil && c.Reset.From == tcp.ToClient:
		at = c.Reset.At
		d.Outcome = evidence.Refused
	case icmp != nil:
		at = icmp.At
		d.Outcome = outcomeOf(icmp)
		seen := icmpOf(icmp)
		d.Offender = &seen
	case c.Finished == tcp.CaptureEnd && time.Duration(v.r.last-c.Start) < gaveUp && c.Half[tcp.ToServer].SYNs < 2:
		d.Outcome, d.Text = evidence.Aborted, "the capture ends"
	default:
		at = max(at, min(v.r.last, c.Last+int64(time.Minute)))
		d.Outcome = evidence.TimedOut
	}
	d.Waited = v.since(at)
	v.facts(c, at)
	v.add(at, evidence.Event{Took: d.Waited, Dialed: &d})
}

// hardError is the first ICMP error about a SYN that ends an attempt; nil: there was none. Fragmentation needed does not.
func hardError(c *tcp.Conn) *tcp.Error {
	for i := range c.Errors {
		e := &c.Errors[i]
		if e.Way == tcp.ToServer && !tooBig(e) && e.ICMP.Seq == c.Half[tcp.ToServer].ISN {
			return e
		}
	}
	return nil
}

func tooBig(e *tcp.Error) bool {
	return e.ICMP.V6 && e.ICMP.Type == 2 || !e.ICMP.V6 && e.ICMP.Type == 3 && e.ICMP.Code == 4
}

// outcomes of an attempt that an ICMP error ended, by type and code: as a live dial has them.
func outcomeOf(e *tcp.Error) evidence.Outcome {
	m := &e.ICMP
	switch {
	case !m.V6 && m.Type == 3 && m.Code == 3, m.V6 && m.Type == 1 && m.Code == 4:
		return evidence.Refused
	case !m.V6 && m.Type == 3 && (m.Code == 9 || m.Code == 10 || m.Code == 13), m.V6 && m.Type == 1 && (m.Code == 1 || m.Code == 5 || m.Code == 6):
		return evidence.Prohibited
	}
	return evidence.Unreachable
}
