package probe

import (
	"context"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// walk looks the host up, dials all its addresses, and holds the conversation on the first that connects. It returns why
// it could not be done at all, or "".
func (r *run) walk(ctx context.Context, g *group, w evidence.Walk) (notPossible string) {
	return r.converse(ctx, g, w, (*conversation).hold)
}

// noMSS is why a walk with an MSS can't be done on some systems.
const noMSS = "the segment size of a connection can't be set on this system"

// converse is walk, with another conversation to hold.
func (r *run) converse(ctx context.Context, g *group, w evidence.Walk, hold func(*conversation, context.Context)) string {
	if w.MSS > 0 && !canSetMSS {
		return noMSS
	}
	return r.holdFirst(ctx, r.dialAll(ctx, g, w, r.addresses(ctx, g, w)), w, hold)
}

// holdFirst holds the conversation on the first connection, and gives the others up.
func (r *run) holdFirst(ctx context.Context, openings []*opening, w evidence.Walk, hold func(*conversation, context.Context)) string {
	if w.Auth != nil && r.p.Secret != nil {
		r.scrub.Add(w.Auth.User, r.p.Secret()) // before a server could repeat it
	}
	walked := first(openings)
	if walked < 0 {
		return limited(openings)
	}
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() { giveUp(openings, walked) })
	o := openings[walked]
	defer o.release()
	c := newConversation(o, w)
	c.prober, c.poke = r.p, r.poke
	hold(c, ctx)
	return ""
}

// A conversation is one walk over one connection.
type conversation struct {
	talk
	walk   evidence.Walk
	prober *Prober

	offered  smtp.Extensions // of the last EHLO
	secured  bool            // TLS stands
	trusted  bool            // and its certificate verifies
	greeted  bool
	quitSaid bool
	accepted bool // MAIL and every RCPT
	message  *testMessage
}

func newConversation(o *opening, w evidence.Walk) *conversation {
	under := &wire{Conn: o.conn}
	return &conversation{walk: w, talk: talk{j: o.j, wire: under, conn: under, poke: func() {}, wait: w.Wait, asked: -1}}
}

// A leg is one step of the walk. It reports whether the walk goes on.
type leg struct {
	step cause.Step
	do   func(*conversation, context.Context) bool
}

// The walk, with TLS after STARTTLS or without any, and with TLS from the first octet (RFC 8314, section 3.3).
var (
	legs = []leg{
		{cause.Banner, (*conversation).greeting},
		{cause.EHLO, (*conversation).hello},
		{cause.StartTLSOffer, (*conversation).wantsTLS},
		{cause.StartTLS, (*conversation).startTLS},
		{cause.Auth, (*conversation).signIn},
		{cause.Rcpt, (*conversation).envelope},
		{cause.Data, (*conversation).data},
	}
	implicitLegs = []leg{
		{cause.Banner, (*conversation).handshake},
		{cause.Banner, (*conversation).greeting},
		{cause.EHLO, (*conversation).hello},
		{cause.Auth, (*conversation).signIn},
		{cause.Rcpt, (*conversation).envelope},
		{cause.Data, (*conversation).data},
	}
)

// hold holds the conversation up to the first step that fails, or that the walk shall stop after, and takes its leave.
func (c *conversation) hold(ctx context.Context) {
	list := legs
	if c.walk.TLS == evidence.ImplicitTLS {
		list = implicitLegs
	}
	for _, l := range list {
		if c.past(l.step) || !l.do(c, ctx) || c.over {
			break
		}
	}
	c.quit(ctx)
	c.finish()
}

// past reports whether the walk shall stop before a step.
func (c *conversation) past(s cause.Step) bool {
	if c.walk.Until == "" {
		return false
	}
	if s == cause.Rcpt { // the leg that says MAIL too
		s = cause.Mail
	}
	return c.walk.Until.Before(s)
}

// quit says QUIT if there is somebody to say it to, and does not wait long.
func (c *conversation) quit(ctx context.Context) {
	if c.over || c.quitSaid || !c.greeted {
		return
	}
	if sent := c.say(ctx, "QUIT", quitWait, "QUIT"); sent != nil {
		c.reply(ctx, "QUIT", sent[0], quitWait)
	}
}

// command says one command and waits for its reply. The step's name is the wait's.
func (c *conversation) command(ctx context.Context, what, line string, limit time.Duration) (*smtp.Reply, int) {
	sent := c.say(ctx, what, limit, line)
	if sent == nil {
		return nil, -1
	}
	return c.reply(ctx, what, sent[0], limit), sent[0]
}

// greeting waits for the 220 (RFC 5321, section 3.1).
func (c *conversation) greeting(ctx context.Context) bool {
	r := c.reply(ctx, "greeting", -1, greetingWait)
	c.greeted = r != nil
	return r != nil && r.Positive()
}

// wantsTLS reports whether the walk goes on without TLS, or can have it.
func (c *conversation) wantsTLS(context.Context) bool {
	switch {
	case c.walk.TLS == evidence.NoTLS, c.walk.HELO, c.walk.Anyway:
		return true
	}
	return c.offered.Has("STARTTLS")
}

// startTLS asks for TLS, takes it up, and says EHLO again (RFC 3207, section 4.2).
func (c *conversation) startTLS(ctx context.Context) bool {
	if c.walk.TLS == evidence.NoTLS || !c.offered.Has("STARTTLS") && !c.walk.Anyway {
		return true
	}
	r, _ := c.command(ctx, "STARTTLS", "STARTTLS", startTLSWait)
	return r != nil && r.Positive() && c.handshake(ctx) && c.hello(ctx)
}
