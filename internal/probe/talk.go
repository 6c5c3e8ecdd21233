package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// Bounds of what a server may send, besides those of packages smtp and evidence.
const (
	maxReplyOctets = 1 << 20 // of one reply
	maxReplyLines  = 10_000
	maxGarbage     = 100             // lines without a reply code in one conversation
	garbageWait    = 5 * time.Second // for a reply after such a line
)

// A talk is the dialogue: lines out, replies in, each recorded. Once it is over, its end is recorded and every method
// does nothing.
type talk struct {
	j    *journal
	wire *wire
	conn net.Conn // what lines go over: the wire, or TLS above it
	poke func()   // called when a wait has been silent for long
	wait time.Duration

	over  bool
	split smtp.Splitter
	lines []arrived
	buf   [4096]byte

	parse   smtp.ReplyParser
	linesAt []time.Duration
	octets  int64 // of the reply that is being read
	unended int64 // since the last line end
	asked   int   // the Sent event whose reply is waited for; -1: none
	garbage int
}

// An arrived line is one with the time it was whole.
type arrived struct {
	smtp.Line
	at time.Duration
}

func (l arrived) octets() int64 {
	n := int64(len(l.Text))
	switch l.EOL {
	case smtp.CRLF:
		n += 2
	case smtp.LF:
		n++
	}
	return n
}

// A waiting is one wait for the far end: what for, since when, until when.
type waiting struct {
	what    string
	began   time.Time
	limit   time.Duration
	silence *time.Timer
}

// await begins a wait. ctx bounds it too, and ends it at once when it is cancelled.
func (t *talk) await(ctx context.Context, what string, limit time.Duration) (*waiting, func()) {
	if t.wait > 0 && (limit != quitWait || t.wait < limit) {
		limit = t.wait
	}
	w := &waiting{what: what, began: time.Now(), limit: limit, silence: time.AfterFunc(SilenceToReport, t.poke)}
	t.setDeadline(ctx, w.began.Add(limit))
	stop := context.AfterFunc(ctx, func() { t.wire.SetDeadline(time.Unix(1, 0)) })
	return w, func() { stop(); w.silence.Stop() }
}

func (t *talk) setDeadline(ctx context.Context, at time.Time) {
	t.wire.SetDeadline(at)
	if ctx.Err() != nil { // it may have ended before the deadline was set
		t.wire.SetDeadline(time.Unix(1, 0))
	}
}

// reply waits for the reply to the Sent event of index to (-1: the greeting), which takes limit at the most. It returns
// nil when the conversation is over.
func (t *talk) reply(ctx context.Context, what string, to int, limit time.Duration) *smtp.Reply {
	if t.over {
		return nil
	}
	t.asked = to
	w, done := t.await(ctx, what, limit)
	defer done()
	for {
		line, ok := t.line(ctx, w)
		if !ok {
			return nil
		}
		t.octets += line.octets()
		t.linesAt = append(t.linesAt[:min(len(t.linesAt), smtp.MaxReplyLines)], line.at)
		switch {
		case t.parse.Add(line.Line):
			r := t.parse.Reply()
			if r.Code != 0 {
				t.take(r, to)
				return &r
			}
			if t.garbled(ctx, w, line.Text); t.over {
				return nil
			}
		case t.octets > maxReplyOctets || t.parse.Lines() > maxReplyLines:
			t.cutOff(w, fmt.Sprintf("the reply goes over %d octets or %d lines", maxReplyOctets, maxReplyLines))
			return nil
		}
	}
}

// take records a reply.
func (t *talk) take(r smtp.Reply, to int) {
	t.j.reply(r, to, t.linesAt, t.octets)
	t.octets, t.linesAt = 0, nil
}

// garbled records a line without a reply code as octets. A reply may still follow, for some servers talk before they
// greet, but it is no longer waited for as patiently.
func (t *talk) garbled(ctx context.Context, w *waiting, line []byte) {
	t.addBytes(line, t.octets)
	t.octets, t.linesAt = 0, nil
	if t.garbage++; t.garbage > maxGarbage {
		t.cutOff(w, fmt.Sprintf("more than %d lines without a reply code", maxGarbage))
		return
	}
	if patience := time.Since(w.began) + garbageWait; patience < w.limit {
		w.limit = patience
		t.setDeadline(ctx, w.began.Add(w.limit))
	}
}

func (t *talk) addBytes(p []byte, count int64) {
	t.j.add(evidence.Event{Bytes: &evidence.Bytes{From: evidence.Server, Count: count,
		Head: p, Looks: string(tlswire.Sniff(p))}})
}

// line returns the next line, reading on as needed.
func (t *talk) line(ctx context.Context, w *waiting) (arrived, bool) {
	for len(t.lines) == 0 {
		n, err := t.conn.Read(t.buf[:])
		if n > 0 {
			w.silence.Stop()
		}
		t.unended += int64(n)
		for _, l := range t.split.Feed(t.buf[:n]) {
			t.lines = append(t.lines, arrived{l, t.j.now()})
			t.unended = int64(t.split.Pending())
		}
		switch {
		case len(t.lines) > 0:
		case err != nil:
			t.fail(ctx, w, err)
			return arrived{}, false
		case t.unended > maxReplyOctets:
			t.cutOff(w, fmt.Sprintf("a line goes over %d octets", maxReplyOctets))
			return arrived{}, false
		}
	}
	l := t.lines[0]
	t.lines = t.lines[1:]
	return l, true
}

// say records and sends commands, all in one write, and returns the index of each Sent event.
func (t *talk) say(ctx context.Context, what string, limit time.Duration, commands ...string) []int {
	if t.over {
		return nil
	}
	t.leftovers()
	var sent []int
	var out []byte
	for _, c := range commands {
		sent = append(sent, t.j.command(c))
		out = append(append(out, c...), "\r\n"...)
	}
	if !t.write(ctx, what, limit, out) {
		return nil
	}
	return sent
}

// write sends octets. A write that fails for any reason but time says nothing yet: the server's last words may still be
// there to be read, and the read after it tells how the connection ended.
func (t *talk) write(ctx context.Context, what string, limit time.Duration, out []byte) bool {
	w, done := t.await(ctx, what, limit)
	defer done()
	_, err := t.conn.Write(out)
	if err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil) {
		t.fail(ctx, w, err)
		return false
	}
	return true
}

// leftovers records what came unasked since the last reply: whole replies, and lines that are none.
func (t *talk) leftovers() {
	for _, l := range t.lines {
		t.octets += l.octets()
		if !t.parse.Add(l.Line) {
			continue
		}
		if r := t.parse.Reply(); r.Code != 0 {
			t.j.unasked(r, l.at, t.octets)
		} else {
			t.addBytes(l.Text, t.octets)
		}
		t.octets = 0
	}
	t.lines = nil
}

// since is how long a wait has lasted.
func (t *talk) since(w *waiting) time.Duration { return time.Since(w.began) }
