package diagnose

import (
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

func (s *scene) authStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.Auth}
	}
	if len(v.Auths) > 0 {
		r := s.exchanged(cause.Auth, evidence.Last(v.Auths), func(r smtp.Reply) bool { return r.Code == 235 })
		if rep := s.reply(evidence.Last(v.Auths)); rep != nil && rep.Intermediate() {
			if e := v.Ending(); e != nil && e.Outcome != evidence.Aborted {
				return s.result(cause.Auth, Fail, v.Ended, "signing in broke off: %s", ending(e))
			}
			r.Status = NotSeen
		}
		return r
	}
	inside := v.Secured >= 0
	x, ok := v.Offered(inside)
	at := evidence.Last(v.Hellos).Reply
	if inside {
		at = evidence.Last(v.TLSHellos).Reply
	}
	switch {
	case s.noToken() != nil && ok && inside && len(x.Auth()) > 0:
		return s.result(cause.Auth, Fail, at, "offered: %s; no token was issued: %s", strings.Join(x.Auth(), " "), s.noToken().Text)
	case s.walk.Auth != nil && ok:
		if mechs := x.Auth(); len(mechs) > 0 {
			if slices.Contains([]string{"LOGIN", "PLAIN", "XOAUTH2"}, firstShared(mechs, s.walk.Auth)) {
				// A mechanism was there, and it was not used: an earlier step forbade it.
				return s.result(cause.Auth, NotReached, at, "offered: %s; not tried, because TLS is not in order", strings.Join(mechs, " "))
			}
			return s.result(cause.Auth, Fail, at, "offered: %s; none of them can be used with these credentials", strings.Join(mechs, " "))
		}
		if s.walk.TLS != evidence.NoTLS && !inside {
			return StepResult{Step: cause.Auth}
		}
		return s.result(cause.Auth, Fail, at, "AUTH is not offered")
	case s.walk.Auth != nil:
		return StepResult{Step: cause.Auth}
	case ok && len(x.Auth()) > 0:
		return s.result(cause.Auth, Skipped, at, "offered: %s; no credentials were given", strings.Join(x.Auth(), " "))
	case ok && inside && s.known && s.door.Auth && s.asClient():
		return s.result(cause.Auth, Fail, at, "AUTH is not offered, though this door always does")
	case s.asClient():
		return StepResult{Step: cause.Auth, Status: Skipped, Detail: "no credentials were given"}
	}
	return StepResult{Step: cause.Auth}
}

// firstShared is the first mechanism that fits the kind of secret, or "".
func firstShared(offered []string, a *evidence.Auth) string {
	want := []string{"LOGIN", "PLAIN"}
	if a.OAuth {
		want = []string{"XOAUTH2"}
	}
	if a.Mechanism != "" {
		want = []string{strings.ToUpper(a.Mechanism)}
	}
	for _, m := range want {
		if slices.Contains(offered, m) {
			return m
		}
	}
	return ""
}

// accepts reports whether a reply takes a sender, a recipient or a message. 221 takes nothing: it is a server's goodbye, or
// the reply to another command that has lost its place.
func accepts(r smtp.Reply) bool { return r.Positive() && r.Code != 221 }

func (s *scene) mailStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.Mail}
	}
	if len(v.Mails) == 0 {
		if s.asClient() && s.walk.From == "" {
			return StepResult{Step: cause.Mail, Status: Skipped, Detail: "no --from was given"}
		}
		return StepResult{Step: cause.Mail}
	}
	return s.exchanged(cause.Mail, evidence.Last(v.Mails), accepts)
}

func (s *scene) rcptStep() StepResult {
	v := s.main
	if v == nil || len(v.Rcpts) == 0 {
		if s.asClient() && (s.walk.From == "" || len(s.walk.To) == 0) {
			return StepResult{Step: cause.Rcpt, Status: Skipped, Detail: "no recipient was given"}
		}
		return StepResult{Step: cause.Rcpt}
	}
	if mail := s.reply(evidence.Last(v.Mails)); mail != nil && !mail.Positive() {
		return StepResult{Step: cause.Rcpt} // with PIPELINING it was sent all the same, and what it says means nothing
	}
	var last StepResult
	for _, x := range v.Rcpts {
		r := s.exchanged(cause.Rcpt, x, accepts)
		if r.Status == Fail {
			return r
		}
		last = r
	}
	return last
}

func (s *scene) dataStep() StepResult {
	v := s.main
	if r, ok := s.insideStalled(); ok {
		return r
	}
	if v == nil || v.Data.Sent < 0 && v.Message.Sent < 0 {
		if r, ok := s.chunksStep(); ok {
			return r
		}
		if s.asClient() && !s.walk.Send {
			return StepResult{Step: cause.Data, Status: Skipped, Detail: "nothing is sent without --send"}
		}
		return StepResult{Step: cause.Data}
	}
	if v.Message.Sent >= 0 {
		return s.exchanged(cause.Data, v.Message, accepts)
	}
	return s.unfinished(s.exchanged(cause.Data, v.Data, smtp.Reply.Intermediate))
}

// unfinished is the result of a message whose end was not seen, by that of the last word about it.
func (s *scene) unfinished(r StepResult) StepResult {
	if r.Status == Pass {
		if e := s.main.Ending(); e != nil && e.Outcome != evidence.Aborted {
			return s.result(cause.Data, Fail, s.main.Ended, "the message was on its way: %s", ending(e))
		}
		r.Status = NotSeen
	}
	return r
}

// chunksStep is the data step of a message that came in chunks (RFC 3030, section 2): each has a reply of its own, and that to the
// last takes the message.
func (s *scene) chunksStep() (r StepResult, ok bool) {
	if s.main == nil {
		return r, false
	}
	last := false
	for _, x := range s.main.Others {
		sent := s.main.SentAt(x.Sent)
		if sent.Verb != "BDAT" {
			continue
		}
		if r = s.exchanged(cause.Data, x, accepts); r.Status == Fail {
			return r, true
		}
		last, ok = strings.HasSuffix(strings.ToUpper(strings.TrimSpace(sent.Line)), " LAST"), true
	}
	if ok && !last {
		r = s.unfinished(r)
	}
	return r, ok
}
