package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

const answerWait = 10 * time.Second // for the answer to a ClientHello of our own

// HelloSpecs are the names of the hellos that a HelloTest can ask for, in the order of a sweep: whole clients, then
// versions, then families of cipher suites.
func HelloSpecs() []string {
	names := []string{"modern", "modern-small", "old-device", "old-device-ssl2", tlswire.SSLv2.String()}
	for _, v := range tlswire.Versions {
		names = append(names, v.String())
	}
	for _, f := range tlswire.Families {
		names = append(names, f.Name)
	}
	return names
}

// helloSpec finds a hello by its name.
func helloSpec(name, serverName string) (tlswire.HelloSpec, bool) {
	switch name {
	case "modern":
		return tlswire.ModernClient(serverName), true
	case "modern-small":
		return tlswire.SmallModern(serverName), true
	case "old-device":
		return tlswire.OldDevice(), true
	case "old-device-ssl2":
		return tlswire.OldSSL2Hello(), true
	}
	var v tlswire.Version
	if v.UnmarshalText([]byte(name)) == nil && v.Known() {
		return tlswire.VersionHello(v, serverName), true
	}
	for _, f := range tlswire.Families {
		if f.Name == name {
			return f.Hello(serverName), true
		}
	}
	return tlswire.HelloSpec{}, false
}

// hellos makes one connection for each hello, one after the other, all to the same address.
func (r *run) hellos(ctx context.Context, g *group, test evidence.HelloTest) (notPossible string) {
	w := test.Walk
	if addrs := r.addresses(ctx, g, w); len(addrs) > 0 {
		w.Address = addrs[0]
	}
	serverName := (&conversation{walk: w}).serverName()
	var specs []tlswire.HelloSpec
	for _, name := range test.Specs {
		s, ok := helloSpec(name, serverName)
		if !ok {
			return fmt.Sprintf("no ClientHello is named %q", name)
		}
		specs = append(specs, s)
	}
	for _, size := range test.Sizes {
		s := tlswire.SmallModern(serverName)
		s.Size = size
		specs = append(specs, s)
	}
	for _, s := range specs {
		octets, err := s.Bytes()
		if err != nil {
			return err.Error()
		}
		problem := r.converse(ctx, g, w, func(c *conversation, ctx context.Context) { c.holdHello(ctx, s.Name, octets) })
		if problem != "" {
			return problem
		}
	}
	return ""
}

// holdHello goes to where TLS begins, sends the hello, and reads the answer. The handshake goes no further.
func (c *conversation) holdHello(ctx context.Context, name string, octets []byte) {
	defer c.finish()
	c.j.note(fmt.Sprintf("hello %s, %d octets", name, len(octets)))
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
	c.sendHello(ctx, octets)
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
