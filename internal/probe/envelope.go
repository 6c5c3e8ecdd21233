package probe

import (
	"context"
	"fmt"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// envelope says MAIL and RCPT (RFC 5321, sections 3.3, 4.1.1.2 and 4.1.1.3), together with QUIT in one write where the
// server takes that (RFC 2920) and nothing more is to come. Each recipient is asked, whatever became of the others.
func (c *conversation) envelope(ctx context.Context) bool {
	commands, ok := c.envelopeCommands()
	if !ok || len(commands) == 0 {
		return false
	}
	c.accepted = true
	if c.offered.Has("PIPELINING") {
		c.pipelined(ctx, commands)
	} else {
		c.oneByOne(ctx, commands)
	}
	return c.accepted && len(commands) > 1
}

// envelopeCommands are the lines to say. Not ok: they can't be said to this server, and a note says why.
func (c *conversation) envelopeCommands() (commands []string, ok bool) {
	if c.walk.From == "" {
		return nil, true
	}
	utf8 := false
	path := func(s string) (string, bool) {
		if s == "<>" {
			return s, true
		}
		a, err := smtp.ParseAddress(s)
		if err != nil {
			c.j.note("not sent: " + err.Error())
			return "", false
		}
		utf8 = utf8 || a.NeedsUTF8()
		return a.Path(), true
	}
	from, ok := path(c.walk.From)
	if !ok {
		return nil, false
	}
	var rcpt []string
	if c.walk.Until != cause.Mail {
		for _, to := range c.walk.To {
			p, ok := path(to)
			if !ok {
				return nil, false
			}
			rcpt = append(rcpt, "RCPT TO:"+p)
		}
	}
	mail := "MAIL FROM:" + from + c.sizeParameter()
	if utf8 {
		if !c.offered.Has("SMTPUTF8") {
			c.j.note("not sent: an address needs SMTPUTF8 (RFC 6531), and the server does not offer it")
			return nil, false
		}
		mail += " SMTPUTF8"
	}
	return append([]string{mail}, rcpt...), true
}

// sizeParameter declares the message's size (RFC 1870, section 3).
func (c *conversation) sizeParameter() string {
	size := c.walk.Declare
	if size == 0 && c.sends() {
		size = c.testMessage().size()
	}
	switch {
	case size == 0:
		return ""
	case !c.offered.Has("SIZE"):
		if c.walk.Declare > 0 {
			c.j.note("the size was not declared: the server does not offer SIZE")
		}
		return ""
	}
	return fmt.Sprintf(" SIZE=%d", size)
}

// sends reports whether a message follows the envelope.
func (c *conversation) sends() bool {
	return c.walk.Send && !c.past(cause.Data) && len(c.walk.To) > 0
}

func (c *conversation) pipelined(ctx context.Context, commands []string) {
	if !c.sends() {
		commands = append(commands, "QUIT")
		c.quitSaid = true
	}
	sent := c.say(ctx, verb(commands[0]), mailWait, commands...)
	for i, to := range sent {
		limit := rcptWait
		if commands[i] == "QUIT" {
			limit = quitWait
		}
		r := c.reply(ctx, verb(commands[i]), to, limit)
		if r == nil {
			break
		}
		c.accepted = c.accepted && r.Positive()
	}
	c.accepted = c.accepted && !c.over
}

func (c *conversation) oneByOne(ctx context.Context, commands []string) {
	for i, line := range commands {
		r, _ := c.command(ctx, verb(line), line, rcptWait)
		c.accepted = c.accepted && r != nil && r.Positive()
		if r == nil || i == 0 && !c.accepted || r.Code == 421 {
			return
		}
	}
}

func verb(command string) string { return smtp.ParseCommand([]byte(command)).Verb }
