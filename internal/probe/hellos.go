package probe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

const answerWait = 8 * time.Second // for the answer to a ClientHello of our own

// A writtenHello is one to send: its name, and its octets.
type writtenHello struct {
	name   string
	octets []byte
}

// hellos makes one connection for each hello, all to the same address, as many at a time as are polite. Walk.Like of its
// trace has the hello's name.
func (r *run) hellos(ctx context.Context, g *group, test evidence.HelloTest) (notPossible string) {
	w := test.Walk
	if w.MSS > 0 && !canSetMSS {
		return noMSS
	}
	written, problem := writeHellos(test, (&conversation{walk: w}).serverName())
	if problem != "" {
		return problem
	}
	addrs := r.addresses(ctx, g, w)
	addrs = addrs[:min(len(addrs), 1)]
	var going sync.WaitGroup
	problems := make([]string, len(written))
	turns := make(chan struct{}, MaxPerServer)
	for i, h := range written {
		turns <- struct{}{}
		w.Like = h.name
		walk := w
		openings := r.dialAll(ctx, g, walk, addrs) // here, so that traces are numbered in the order of the hellos
		going.Go(func() {
			defer func() { <-turns }()
			problems[i] = r.holdFirst(ctx, openings, walk, func(c *conversation, ctx context.Context) { c.holdHello(ctx, h) })
		})
	}
	going.Wait()
	for _, p := range problems {
		if p == "" {
			return "" // what was left out is noted in its trace
		}
		problem = p
	}
	return problem
}

// writeHellos writes the hellos of a test. A size that can't be met, because the hello itself is longer, is left out.
func writeHellos(test evidence.HelloTest, serverName string) (out []writtenHello, problem string) {
	for _, name := range test.Specs {
		s, ok := tlswire.SpecByName(name, serverName)
		if !ok {
			return nil, fmt.Sprintf("no ClientHello is named %q", name)
		}
		octets, err := s.Bytes()
		if err != nil {
			return nil, err.Error()
		}
		out = append(out, writtenHello{name, octets})
	}
	for _, size := range test.Sizes {
		s := tlswire.SmallModern(serverName)
		s.Size = size
		octets, err := s.Bytes()
		if err != nil {
			problem = err.Error()
			continue
		}
		out = append(out, writtenHello{s.Name, octets})
	}
	if len(out) == 0 {
		return nil, problem
	}
	return out, ""
}

// holdHello goes to where TLS begins, sends the hello, and reads the answer. The handshake goes no further.
func (c *conversation) holdHello(ctx context.Context, h writtenHello) {
	defer c.finish()
	c.j.note(fmt.Sprintf("hello %s, %d octets", h.name, len(h.octets)))
	if c.walk.TLS != evidence.ImplicitTLS {
		if !c.greeting(ctx) || !c.hello(ctx) || !c.wantsTLS(ctx) {
			c.quit(ctx)
			return
		}
		if r, _ := c.command(ctx, "STARTTLS", "STARTTLS", startTLSWait); r == nil || !r.Positive() {
			c.quit(ctx)
			return
		}
	}
	c.plainRest()
	c.sendHello(ctx, h.octets)
}

// errNoAnswer is the end of a handshake that an alert, or what is no TLS, has already told of.
var errNoAnswer = errors.New("no ServerHello")

func (c *conversation) sendHello(ctx context.Context, octets []byte) {
	w, done := c.await(ctx, "handshake", answerWait)
	defer done()
	t := &tap{j: c.j}
	c.wire.tap = t
	defer func() { c.wire.tap = nil }()
	got, sent := c.wire.got, c.wire.sent
	_, err := c.wire.Write(octets)
	for err == nil && !t.answered && !t.alerted && t.server.Octets() < maxReplyOctets {
		if _, foreign := t.foreign(); foreign {
			break
		}
		_, err = c.wire.Read(c.buf[:])
	}
	c.recordChain(t.certificates(nil))
	if t.answered && !t.alerted {
		return
	}
	if err == nil {
		err = errNoAnswer
	}
	c.handshakeFailed(ctx, w, t, err, c.wire.got-got, c.wire.sent-sent)
}
