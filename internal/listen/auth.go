package listen

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// prompts are the challenges of each mechanism that the server takes, in order; an initial response answers the first. They
// carry no secret and check none: every sign-in that is complete and well-formed succeeds, with any user and any password but an empty one.
var prompts = map[string][]string{
	"PLAIN":    {""},
	"LOGIN":    {"Username:", "Password:"},
	"XOAUTH2":  {""},
	"CRAM-MD5": {"<smtptriage.1@mail.example.com>"},
}

// auth takes a sign-in (RFC 4954). What the client gives is dropped at once: the dialogue notes how long it was.
func (s *session) auth(ctx context.Context, c smtp.Command) {
	f := strings.Fields(c.Args)
	switch {
	case s.hello == "":
		s.reply("503 5.5.2 Send hello first")
		return
	case !s.offersAuth():
		s.reply(s.m.needTLS)
		return
	case s.login:
		s.reply("503 5.5.2 Already authenticated")
		return
	case s.from != nil:
		s.reply("503 5.5.2 Not during a mail transaction")
		return
	case len(f) == 0:
		s.reply("501 5.5.4 Which mechanism?")
		return
	}
	mechanism := strings.ToUpper(f[0])
	challenges, ok := prompts[mechanism]
	if !ok || !slices.Contains(s.m.mechanisms, mechanism) {
		s.reply("504 5.7.4 Unrecognized authentication type")
		return
	}
	if len(f) > 1 {
		if !isBase64(f[1]) {
			s.reply("501 5.5.2 the response is not base64")
			return
		}
		challenges = challenges[1:]
	}
	given := newSignIn(c, s.secure())
	for _, text := range challenges {
		if !s.ask(ctx, text, given) {
			return
		}
	}
	if why := given.lacks(); why != "" && !s.c.s.Accept {
		s.reply("535 5.7.3 Authentication unsuccessful: " + why)
		return
	}
	s.login = true
	s.reply("235 2.7.0 Authentication successful (any password is taken here)")
}

// ask sends one challenge and takes the response to it.
func (s *session) ask(ctx context.Context, text string, given *signIn) bool {
	if !s.reply("334 " + base64.StdEncoding.EncodeToString([]byte(text))) {
		return false
	}
	began := time.Now()
	s.c.raw.SetReadDeadline(began.Add(s.c.s.Limits.wait()))
	line, cut, err := readLine(s.r)
	defer clear(line)
	switch {
	case err != nil:
		s.gone(ctx, began, err)
		return false
	case string(line) == "*":
		s.reply("501 5.7.0 given up, as the client asked")
		return false
	case cut || !isBase64(string(line)):
		s.reply("501 5.5.2 the response is not base64")
		return false
	}
	given.line(line)
	return true
}

func isBase64(s string) bool {
	if s == "=" {
		return true
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}
