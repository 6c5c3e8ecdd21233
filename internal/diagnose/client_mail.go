package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

func clientSender(s *scene) support {
	x := evidence.Last(s.main.Mails)
	if r := s.reply(x); r != nil && r.Code == 501 {
		return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the sender's address is malformed: %s", s.main.SentAt(x.Sent).Line)},
			summary: "The sender's address that the device is set to is malformed: write it as scanner@example.com."}
	}
	return support{}
}

func clientSize(s *scene) support {
	for _, x := range []evidence.Exchange{evidence.Last(s.main.Mails), s.main.Message} {
		if r := s.reply(x); r != nil && r.Code == 552 {
			step := cause.Mail
			if x == s.main.Message {
				step = cause.Data
			}
			return support{confidence: Proven, step: step, because: []Ground{s.ground(x.Reply, "the message is over the limit announced: %s", r)}}
		}
	}
	return support{}
}

// clientWithoutLogin: TLS is there, and the client sends mail without signing in.
func clientWithoutLogin(s *scene) support {
	x := evidence.Last(s.main.Mails)
	r := s.reply(x)
	if r == nil || r.Code != 530 || s.main.Secured < 0 || len(s.main.Auths) > 0 {
		return support{}
	}
	return support{confidence: Proven, because: []Ground{s.ground(x.Reply, "inside TLS it sends mail without signing in: %s", r)},
		summary: "The device does not sign in: give it user name and password, and switch SMTP authentication on."}
}

func clientRecipient(s *scene) support {
	for _, x := range s.main.Rcpts {
		if r := s.reply(x); r != nil && r.Code == 501 {
			return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the recipient's address is malformed: %s", s.main.SentAt(x.Sent).Line)},
				summary: "A recipient's address in the device is malformed or empty: look at its address book."}
		}
	}
	return support{}
}

// clientMessage: faults of the message itself, by which many servers refuse it.
func clientMessage(s *scene) support {
	for i := range s.main.Trace.Events {
		m := s.main.Trace.Events[i].Mail
		if m == nil {
			continue
		}
		var faults []string
		if m.BareLF > 0 {
			faults = append(faults, fmt.Sprintf("%d of %d lines end with LF alone", m.BareLF, m.Lines))
		}
		if slices.Contains(m.Missing, "From") {
			faults = append(faults, "it has no From")
		}
		if m.NUL > 0 {
			faults = append(faults, "it holds NUL octets")
		}
		if m.Longest > 998 && m.EndedBy != "chunk" {
			faults = append(faults, fmt.Sprintf("a line of %d octets (998 are allowed)", m.Longest))
		}
		if len(faults) == 0 || m.Bytes == 0 {
			continue
		}
		got := support{confidence: Likely, because: []Ground{s.ground(i, "the message breaks RFC 5322: %s", strings.Join(faults, "; "))}}
		if r := s.reply(s.main.Message); r != nil && r.Permanent() {
			got.confidence = Proven
			got.because = append(got.because, s.ground(s.main.Message.Reply, "it is refused: %s", r))
		}
		return got
	}
	return support{}
}

func clientStopsInBody(s *scene) support {
	e, ok := s.inBody()
	if !ok {
		return support{}
	}
	n := int64(0)
	if m := s.main.SentAt(s.main.Message.Sent); m != nil {
		n = m.Bytes
	}
	return support{confidence: Likely, because: []Ground{s.ground(s.main.Ended, "after %d octets of the message %s", n, clientEnding(e))},
		summary: "The device does not send its message to the end."}
}

// clientOutOfStep: commands in an order, or of a kind, that no server takes.
func clientOutOfStep(s *scene) support {
	for i := range s.main.Trace.Events {
		r := s.main.ReplyAt(i)
		if r == nil || r.Code != 503 && r.Code != 500 || r.To < 0 {
			continue
		}
		sent := s.main.SentAt(r.To)
		if sent.Early && mayComeEarly(sent.Verb) {
			continue // it was on its way when the command before it was refused
		}
		line := sent.Line
		if sent.Secret {
			line = "a line that is no command"
		}
		return support{confidence: Likely, step: stepOf(s.main, i), because: []Ground{s.ground(i, "%s is answered %s", line, r)},
			summary: "The device's software does not keep to the order or the words of SMTP."}
	}
	for i := range s.main.Trace.Events {
		if sent := s.main.SentAt(i); sent != nil && sent.Early && !mayComeEarly(sent.Verb) {
			return support{confidence: Possible, because: []Ground{s.ground(i, "%s came before the reply to the command before it, which it has to wait for (RFC 2920, section 3.1)", sent.Verb)}}
		}
	}
	return support{}
}

// mayComeEarly reports whether a command may be sent before the reply to the one before it.
func mayComeEarly(verb string) bool {
	return slices.Contains([]string{"MAIL", "RCPT", "RSET", "DATA", "QUIT", "BDAT", "NOOP", evidence.Message, "STARTTLS", ""}, verb)
}
