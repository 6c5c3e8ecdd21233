package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A happening is what the rules are asked about.
type happening struct {
	event   Event
	command smtp.Command // zero for events that are no command lines
	nth     int          // the event has happened so often on this connection
	inTLS   bool
	flight  int // of TLS: octets of the client's first record
}

// A session is one conversation.
type session struct {
	ctx    context.Context
	server *Server
	script *Script
	wire   *wire
	tls    *tls.ConnectionState // nil in plain text

	now    happening
	counts map[Event]int
	code   int // of the last reply, 0 before one

	greeted  bool // after EHLO or HELO
	clientID string
	user     string // signed in as; "" if not
	login    attempt
	mailFrom *string
	to       string
	rcpts    int
	size     int64 // octets of the message, so far
}

// run holds the conversation until it ends.
func (s *session) run() {
	if s.script.tls.implicit && s.handshake() == ended {
		return
	}
	if s.at(Connect, smtp.Command{}) == ended {
		return
	}
	for {
		line, err := s.wire.readLine()
		if err != nil {
			if !errors.Is(err, errEnded) {
				s.wire.end(s.ctx, orderly)
			}
			return
		}
		cmd := smtp.ParseCommand(line)
		if s.at(eventOf(cmd), cmd) == ended {
			return
		}
	}
}

// eventOf is the event of a command line.
func eventOf(cmd smtp.Command) Event {
	if e := Event(cmd.Verb); e != Connect && e != Handshake && e != Credentials && e != Body && e != Any && e != Unknown {
		if slices.Contains(events, e) || e == "BDAT" {
			return e
		}
	}
	return Unknown
}

// at lets an event happen: the rules for it in their order, and if none of them answers, the personality.
func (s *session) at(event Event, cmd smtp.Command) outcome {
	before := s.now
	defer func() { s.now = before }()
	s.counts[event]++
	s.now = happening{event: event, command: cmd, nth: s.counts[event], inTLS: s.tls != nil}
	if event == Handshake && slices.ContainsFunc(s.script.rules, func(r rule) bool { return r.event == Handshake }) {
		s.now.flight = s.wire.peekFlight()
	}
	s.code = 0
	out := more
	for _, r := range s.script.rules {
		if !r.matches(s.now) {
			continue
		}
		did := r.action.do(s)
		if did == ended {
			return ended
		}
		out = max(out, did)
	}
	if out == more {
		out = s.byDefault()
	}
	if out == ended {
		return ended
	}
	return s.advance()
}

// handshake lets the client start TLS.
func (s *session) handshake() outcome { return s.at(Handshake, smtp.Command{}) }

// sleep waits, as long as the server's time scale makes it; false means the server is being stopped.
func (s *session) sleep(d time.Duration) bool {
	if s.server.TimeScale > 0 {
		d = time.Duration(float64(d) * s.server.TimeScale)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		s.wire.end(s.ctx, reset)
		return false
	}
}

// write sends octets; ended means that the connection is gone.
func (s *session) write(p []byte) outcome {
	if err := s.wire.write(p, s.script.piece); err != nil {
		if !errors.Is(err, errEnded) {
			s.wire.end(s.ctx, reset)
		}
		return ended
	}
	return answered
}

// writeLines sends lines, and notes the code of the last.
func (s *session) writeLines(lines []string) outcome {
	eol := s.script.eol
	if eol == "" {
		eol = "\r\n"
	}
	var p []byte
	for _, line := range lines {
		p = append(append(p, line...), eol...)
	}
	s.code = codeOf(lines[len(lines)-1])
	return s.write(p)
}

// lastCode is the reply code of the last line of text.
func lastCode(text string) int {
	text = strings.TrimRight(text, "\r\n")
	return codeOf(text[strings.LastIndexByte(text, '\n')+1:])
}

// codeOf is the reply code a line begins with, 0 if there is none.
func codeOf(line string) int {
	if len(line) < 3 {
		return 0
	}
	code := 0
	for _, c := range []byte(line[:3]) {
		if c < '0' || c > '9' {
			return 0
		}
		code = code*10 + int(c-'0')
	}
	return code
}
