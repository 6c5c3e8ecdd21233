package diagnose

import (
	"fmt"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

var mailRules = []rule{
	{cause.SMTPRedirected, foreignServer},
	{cause.HELOOnlyClient, heloOnly},
	{cause.AuthRequired, authRequired},
	{cause.TLSRequiredFirst, tlsRequiredAtMail},
	{cause.MessageTooLarge, sizeOverLimit},
	{cause.ServerTemporaryFailure, closedWith421},
}

var rcptRules = []rule{
	{cause.SMTPRedirected, foreignServer},
	{cause.ServerTemporaryFailure, closedWith421},
}

var dataRules = []rule{
	{cause.PathMTUBlackhole, dataHole},
	{cause.DataStalls, dataStalls},
	{cause.ServerTemporaryFailure, closedWith421},
}

func authRequired(s *scene) support {
	if s.main == nil {
		return support{}
	}
	x := evidence.Last(s.main.Mails)
	r := s.reply(x)
	if r == nil || r.Code != 530 || len(s.main.Auths) > 0 || s.main.Secured < 0 && s.offersTLS() {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(x.Reply, "mail is refused before sign-in: %s", r)}}
}

func (s *scene) offersTLS() bool {
	x, _, ok := s.offered()
	return ok && x.Has("STARTTLS")
}

// tlsRequiredAtMail: the server wants TLS, and this client, as it was told to be, used none.
func tlsRequiredAtMail(s *scene) support {
	if s.main == nil || s.main.Secured >= 0 {
		return support{}
	}
	x := evidence.Last(s.main.Mails)
	r := s.reply(x)
	if r == nil || r.Code != 530 && r.Code != 454 || !s.offersTLS() {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(x.Reply, "the server offers STARTTLS, and refuses mail without it: %s", r)}}
}

func sizeOverLimit(s *scene) support {
	if s.main == nil {
		return support{}
	}
	x := evidence.Last(s.main.Mails)
	if r := s.reply(x); r != nil && (r.Code == 552 || r.Enhanced.Subject == 3 && r.Enhanced.Detail == 4) {
		return support{confidence: Likely, because: []Ground{s.ground(x.Reply, "the size declared is over the limit: %s", r)}}
	}
	return support{}
}

// closedWith421: the server closed with 421 in mid-conversation, which is "not now" (RFC 5321, section 4.2.3).
func closedWith421(s *scene) support {
	if s.main == nil {
		return support{}
	}
	for _, i := range s.main.Unasked {
		if r := s.main.ReplyAt(i); r.Code == 421 {
			return support{confidence: Possible, because: []Ground{s.ground(i, "the server closed of its own accord: %s", r)}}
		}
	}
	return support{}
}

// inBody reports whether the conversation ended while the message was on its way.
func (s *scene) inBody() (e *evidence.Ended, ok bool) {
	if s.main == nil || s.main.Data.Sent < 0 && s.main.Message.Sent < 0 {
		return nil, false
	}
	// A log that says that the message was being sent says that DATA was accepted, whether it shows that or not.
	if r := s.reply(s.main.Data); s.main.Message.Sent < 0 && (r == nil || !r.Intermediate()) {
		return nil, false
	}
	e = s.main.Ending()
	return e, e != nil && e.Outcome != evidence.Aborted && s.main.Message.Reply < 0
}

func dataHole(s *scene) support {
	e, ok := s.inBody()
	if !ok || e.Outcome != evidence.TimedOut {
		return support{}
	}
	for i := range s.main.Trace.Events {
		if t := s.main.Trace.Events[i].TCP; t != nil && t.Retrans > 0 && t.Unacked > 0 {
			return support{confidence: Likely, because: []Ground{s.ground(i, "full-sized segments are sent again and again (%d times) and not acknowledged", t.Retrans)}}
		}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.Ended, "DATA was accepted, then %s", ending(e))}}
}

func dataStalls(s *scene) support {
	e, ok := s.inBody()
	if !ok {
		return support{}
	}
	sent := "the message was on its way"
	if m := s.main.SentAt(s.main.Message.Sent); m != nil {
		sent = fmt.Sprintf("%d octets of the message were sent", m.Bytes)
	}
	return support{confidence: Likely, because: []Ground{s.ground(s.main.Ended, "DATA was accepted, %s, then %s", sent, ending(e))}}
}
