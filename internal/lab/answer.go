package lab

import (
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// byDefault does what the personality does at the present event.
func (s *session) byDefault() outcome {
	switch s.now.event {
	case Handshake:
		return s.realHandshake()
	case "AUTH":
		return s.auth()
	case "BDAT":
		return s.bdat()
	}
	return s.writeLines(s.answer())
}

// answer is the personality's reply at the present event, all lines of it.
func (s *session) answer() []string {
	p, cmd := s.script.personality, s.now.command
	if s.tls != nil && s.tls.Version < p.minTLS && cmd.Line != "" {
		return s.one(p.oldTLS)
	}
	switch s.now.event {
	case Connect:
		return s.one(p.banner)
	case "EHLO", "HELO":
		return s.hello(cmd)
	case "STARTTLS":
		return s.one(s.startTLSAnswer())
	case Credentials:
		return s.one(s.credentialsAnswer())
	case "MAIL":
		return s.one(s.mailAnswer(cmd))
	case "RCPT":
		return s.one(s.rcptAnswer(cmd))
	case "DATA":
		return s.one(s.dataAnswer())
	case Body:
		if limit := s.sizeLimit(); limit > 0 && s.size > limit {
			return s.one(p.replies.tooLarge)
		}
		return s.one(p.replies.queued)
	}
	if text, ok := p.replies.simple()[s.now.event]; ok {
		return s.one(text)
	}
	return s.one(p.replies.unknown)
}

func (s *session) one(template string) []string {
	return strings.Split(s.expand(template), "\n")
}

// hello is the reply to EHLO and HELO.
func (s *session) hello(cmd smtp.Command) []string {
	p := s.script.personality
	if cmd.Args == "" {
		return s.one(p.replies.helloName)
	}
	if cmd.Verb == "HELO" {
		return []string{"250 " + s.expand(p.helo)}
	}
	lines := append([]string{s.expand(p.hello)}, s.keywords()...)
	for i := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + lines[i]
	}
	return lines
}

func (s *session) startTLSAnswer() string {
	p := s.script.personality
	switch {
	case s.tls != nil:
		return p.replies.tlsActive
	case s.script.tls.off:
		return p.replies.noStartTLS
	case !s.greeted && p.strict:
		return p.replies.helloFirst
	}
	return p.replies.startTLS
}

func (s *session) mailAnswer(cmd smtp.Command) string {
	p := s.script.personality
	path, params, ok := smtp.CutPath(cmd.Args)
	switch {
	case !s.greeted && p.strict:
		return p.replies.helloFirst
	case s.script.tls.required && s.tls == nil:
		return p.replies.tlsFirst
	case p.authRequired != "" && s.user == "":
		return p.authRequired
	case s.mailFrom != nil:
		return p.replies.nested
	case !ok, path != "" && !strings.Contains(path, "@"):
		return p.replies.badSender
	case s.overSize(params):
		return p.replies.tooLarge
	}
	return p.replies.mail
}

func (s *session) rcptAnswer(cmd smtp.Command) string {
	p := s.script.personality
	path, _, ok := smtp.CutPath(cmd.Args)
	switch {
	case s.mailFrom == nil:
		return p.replies.needMail
	case !ok, !strings.Contains(path, "@"):
		return p.replies.badRecipient
	}
	return p.replies.rcpt
}

func (s *session) dataAnswer() string {
	p := s.script.personality
	if s.mailFrom == nil || s.rcpts == 0 {
		return p.replies.needRcpt
	}
	return p.replies.data
}

// overSize reports whether the SIZE declared with MAIL is over the limit (RFC 1870, section 6.1).
func (s *session) overSize(params []string) bool {
	limit := s.sizeLimit()
	for _, param := range params {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(name, "SIZE") || limit == 0 {
			continue
		}
		if n, err := strconv.ParseInt(value, 10, 63); err == nil && n > limit {
			return true
		}
	}
	return false
}

// advance moves the conversation on by the reply that was given. What was refused changes nothing.
func (s *session) advance() outcome {
	cmd := s.now.command
	switch positive := s.code >= 200 && s.code < 400; s.now.event {
	case "EHLO", "HELO":
		if positive {
			s.greeted, s.clientID = true, cmd.Args
			s.forget()
		}
	case "STARTTLS":
		if s.code == 220 {
			return s.handshake()
		}
	case Credentials:
		if s.code == 235 {
			s.user = s.login.user
		}
	case "MAIL":
		if positive {
			path := envelopeOf(cmd)
			s.mailFrom = &path
		}
	case "RCPT":
		if positive {
			s.rcpts++
			s.to = envelopeOf(cmd)
		}
	case "DATA":
		if s.code == 354 {
			return s.takeBody()
		}
	case Body, "RSET":
		s.forget()
	case "QUIT":
		s.wire.end(s.ctx, orderly)
		return ended
	}
	if s.code == 421 { // RFC 5321, section 3.8: the server closes after 421
		s.wire.end(s.ctx, orderly)
		return ended
	}
	return answered
}

// forget ends the mail transaction.
func (s *session) forget() { s.mailFrom, s.to, s.rcpts, s.size = nil, "", 0, 0 }
