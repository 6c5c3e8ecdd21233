package diagnose

import (
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

func clientSender(s *scene) support {
	x := evidence.Last(s.main.Mails)
	if r := s.reply(x); r != nil && r.Code == 501 {
		return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the sender's address is malformed: %s", s.main.SentAt(x.Sent).Line)},
			summary: "The sender's address that the device is set to is malformed: write it as scanner@example.com."}
	}
	return s.clientPath(x, "sender")
}

// clientPath: an address without angle brackets. Many servers take it, some do not (RFC 5321, section 4.1.2).
func (s *scene) clientPath(x evidence.Exchange, whose string) support {
	sent := s.main.SentAt(x.Sent)
	if sent == nil || s.reply(x) == nil || !s.reply(x).Positive() || strings.Contains(sent.Line, "<") {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(x.Sent, "the %s's address has no angle brackets: %s", whose, sent.Line)},
		summary: "The device writes the " + whose + "'s address without angle brackets: many servers take it, some refuse it."}
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
	return s.clientPath(evidence.Last(s.main.Rcpts), "recipient")
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
		if _, broken := s.inBody(); !broken { // else the rest may have been to come
			faults = append(faults, fromFaults(m)...)
		}
		if m.EndedBy == "lf" {
			faults = append(faults, "its final dot is not between CR LF, and some servers wait for one that is")
		}
		if m.BareCR > 0 {
			faults = append(faults, fmt.Sprintf("%d CR without LF", m.BareCR))
		}
		if m.NUL > 0 {
			faults = append(faults, "it holds NUL octets")
		}
		if m.Longest > 998 && m.EndedBy != "chunk" {
			faults = append(faults, fmt.Sprintf("a line of %d octets (998 are allowed)", m.Longest))
		}
		if len(faults) == 0 {
			continue
		}
		got := support{confidence: Likely, because: []Ground{s.ground(i, "the message breaks RFC 5322: %s", strings.Join(faults, "; "))},
			summary: "The device's message is not built as mail must be: " + strings.Join(faults, "; ") + "."}
		if r := s.reply(s.main.Message); r != nil && r.Permanent() {
			got.confidence = Proven
			got.because = append(got.because, s.ground(s.main.Message.Reply, "it is refused: %s", r))
		}
		return got
	}
	return support{}
}

// fromFaults is what is wrong with the From of a message: there has to be one, and an address in it (RFC 5322, section 3.6.2).
func fromFaults(m *evidence.Mail) []string {
	var from []string
	for _, f := range m.Header {
		if name, value, _ := strings.Cut(f, ":"); strings.EqualFold(strings.TrimSpace(name), "From") {
			from = append(from, strings.TrimSpace(value))
		}
	}
	switch {
	case m.Bytes == 0:
		return []string{"it is empty"}
	case slices.Contains(m.Missing, "From"):
		return []string{"it has no From"}
	case len(from) > 1:
		return []string{fmt.Sprintf("it has %d From fields", len(from))}
	case len(from) == 1:
		if _, err := mail.ParseAddressList(from[0]); err != nil {
			return []string{fmt.Sprintf("its From is no address: %q", from[0])}
		}
	}
	return nil
}

func clientStopsInBody(s *scene) support {
	e, ok := s.inBody()
	if x := evidence.Last(s.main.Others); !ok && x.Sent >= 0 && x.Reply < 0 && s.main.SentAt(x.Sent).Verb == "BDAT" {
		e = s.main.Ending()
		ok = e != nil && e.Outcome != evidence.Aborted
	}
	if !ok {
		return support{}
	}
	n := int64(0)
	for i := range s.main.Trace.Events {
		if m := s.main.Trace.Events[i].Mail; m != nil {
			n = m.Bytes
		}
	}
	return support{confidence: Likely, because: []Ground{s.ground(s.main.Ended, "after %d octets of the message %s", n, clientEnding(e))},
		summary: "The device does not send its message to the end, or not the dot that ends it."}
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
		line, step := sent.Line, stepOf(s.main, i)
		if sent.Secret {
			line = "a line that is no command"
		}
		if sent.Verb == evidence.Hidden || strings.HasPrefix(sent.Verb, "AUTH") { // AUTH=LOGIN of old programs
			step = cause.Auth
		}
		return support{confidence: Likely, step: step, because: []Ground{s.ground(i, "%s is answered %s", line, r)},
			summary: "The device's software does not keep to the order or the words of SMTP."}
	}
	return support{}
}

// clientHurries: what came before the reply that has to be waited for. Servers take it or not, and some drop the connection.
func clientHurries(s *scene) support {
	v, before := s.main, ""
	for i := range v.Trace.Events {
		if m := v.Trace.Events[i].Mail; m != nil && m.Early {
			return hurries(cause.Data, s.ground(i, "the message came before the server had asked for it with 354"))
		}
		sent := v.SentAt(i)
		if sent == nil {
			continue
		}
		if sent.Early && sent.Verb != "QUIT" && (!mayComeEarly(sent.Verb) || endsGroup(before)) {
			return hurries(stepAt(v, i+1), s.ground(i, "%s came before the reply to %s, which it has to wait for (RFC 2920, section 3.1)", orCommand(sent.Verb), orCommand(before)))
		}
		before = sent.Verb
	}
	if r := v.StartTLS.Reply; r >= 0 {
		for _, i := range v.Bytes {
			if b := v.Trace.Events[i].Bytes; i > r && b.From == evidence.Client && v.Secured > i {
				return hurries(cause.StartTLS, s.ground(i, "%d octets in clear came with STARTTLS, before TLS: servers drop them, or the connection (RFC 3207, section 4.2)", b.Count))
			}
		}
	}
	return support{}
}

func hurries(step cause.Step, why Ground) support {
	return support{confidence: Possible, step: step, because: []Ground{why}, summary: "The device does not wait for replies that it has to wait for: many servers take it, some refuse it."}
}

func orCommand(verb string) string {
	if verb == "" || verb == evidence.Hidden {
		return "a line"
	}
	return verb
}

// endsGroup reports whether a command has to be the last of a group that is sent at once.
func endsGroup(verb string) bool {
	return slices.Contains([]string{"EHLO", "HELO", "STARTTLS", "AUTH", "DATA"}, verb)
}

// clientEndsLinesOddly: commands that LF alone ends. QUIT does not count: people type it.
func clientEndsLinesOddly(s *scene) support {
	v := s.main
	for _, x := range slices.Concat(v.Hellos, v.TLSHellos, v.Mails, v.Rcpts) {
		if sent := v.SentAt(x.Sent); sent.EOL == smtp.LF {
			return support{confidence: Possible, because: []Ground{s.ground(x.Sent, "%s ends with LF alone (RFC 5321, section 2.3.8)", sent.Verb)},
				summary: "The device ends its lines with LF alone: many servers take it, some refuse it."}
		}
	}
	return support{}
}

// mayComeEarly reports whether a command may be sent before the reply to the one before it.
func mayComeEarly(verb string) bool {
	return slices.Contains([]string{"MAIL", "RCPT", "RSET", "DATA", "QUIT", "BDAT", "NOOP", evidence.Message, "STARTTLS", ""}, verb)
}
