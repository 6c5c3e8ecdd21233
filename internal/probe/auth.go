package probe

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A mechanism is one way to sign in (RFC 4954): an initial response, and answers to the challenges after it. What a
// challenge says is not looked at: servers word it as they like.
type mechanism struct {
	initial func(user, secret string) string // nil: none
	answers []func(user, secret string) string
}

func secretAnswer(_, secret string) string { return secret }
func userAnswer(user, _ string) string     { return user }
func emptyAnswer(_, _ string) string       { return "" }

var mechanisms = map[string]mechanism{
	// RFC 4616
	"PLAIN": {initial: func(user, secret string) string { return "\x00" + user + "\x00" + secret }},
	// draft-murchison-sasl-login: no initial response, which old servers do not take
	"LOGIN": {answers: []func(string, string) string{userAnswer, secretAnswer}},
	// Microsoft's and Google's. A refusal comes as a challenge with the reason, which wants an empty answer.
	"XOAUTH2": {
		initial: func(user, secret string) string {
			return "user=" + user + "\x01auth=Bearer " + secret + "\x01\x01"
		},
		answers: []func(string, string) string{emptyAnswer},
	},
}

// signIn signs in if the walk says so. Credentials never go where they could be overheard, unless the walk insists.
func (c *conversation) signIn(ctx context.Context) bool {
	a := c.walk.Auth
	if a == nil {
		return true
	}
	if c.secured && !c.trusted && !c.walk.Insecure {
		c.j.note("no credentials were sent: the server's certificate does not verify")
		return true
	}
	if !c.secured && !c.walk.InClear {
		c.j.note("no credentials were sent: the connection is not encrypted")
		return false
	}
	if c.prober.Secret == nil {
		c.j.note("no credentials were sent: there is no password or token")
		return false
	}
	name, problem := chooseMechanism(a, c.offered.Auth())
	if problem != "" {
		c.j.note("no credentials were sent: " + problem)
		return false
	}
	return c.exchangeAuth(ctx, name, a.User, c.prober.Secret())
}

// chooseMechanism takes the one asked for, or else the best that is offered. All of them are equally good inside TLS, so
// the one that more servers get right comes first.
func chooseMechanism(a *evidence.Auth, offered []string) (name, problem string) {
	wanted := []string{"PLAIN", "LOGIN"}
	switch {
	case a.Mechanism != "":
		wanted = []string{strings.ToUpper(a.Mechanism)}
		if _, ok := mechanisms[wanted[0]]; !ok {
			return "", fmt.Sprintf("the mechanism %q is not known here", a.Mechanism)
		}
	case a.OAuth:
		wanted = []string{"XOAUTH2"}
	}
	if len(offered) == 0 {
		return "", "the server offers no AUTH"
	}
	for _, w := range wanted {
		if slices.Contains(offered, w) {
			return w, ""
		}
	}
	return "", fmt.Sprintf("the server offers %s, wanted is %s", strings.Join(offered, " "), strings.Join(wanted, " or "))
}

// exchangeAuth goes through the challenges and answers. The recorder masks all that we say in it.
func (c *conversation) exchangeAuth(ctx context.Context, name, user, secret string) bool {
	m := mechanisms[name]
	line := "AUTH " + name
	if m.initial != nil {
		line += " " + encode(m.initial(user, secret))
	}
	r, _ := c.command(ctx, "AUTH", line, authWait)
	for _, answer := range m.answers {
		if r == nil || !r.Intermediate() {
			break
		}
		r, _ = c.command(ctx, "AUTH", encode(answer(user, secret)), authWait)
	}
	if r != nil && r.Intermediate() { // it asks for more than the mechanism has: cancel (RFC 4954, section 4)
		r, _ = c.command(ctx, "AUTH", "*", authWait)
	}
	return r != nil && r.Positive()
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
