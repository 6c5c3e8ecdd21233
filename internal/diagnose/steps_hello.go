package diagnose

import (
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// hellos are the EHLO and HELO exchanges that step 3 is about: those before STARTTLS, or the only ones under implicit TLS.
func (s *scene) hellos() []evidence.Exchange {
	if s.implicit() {
		return s.main.TLSHellos
	}
	return s.main.Hellos
}

func (s *scene) ehloStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.EHLO}
	}
	list := s.hellos()
	if len(list) == 0 {
		return StepResult{Step: cause.EHLO}
	}
	first, last := list[0], list[len(list)-1]
	r := s.exchanged(cause.EHLO, last, func(r smtp.Reply) bool { return r.Code == 250 })
	if rep := s.reply(last); rep != nil && r.Status == Pass {
		r.Detail = summariseHello(v.SentAt(last.Sent), rep)
		if x, ok := v.Offered(v.Secured >= 0 && s.implicit()); ok && len(x.Masked()) > 0 {
			r.Status = Warn
			r.Detail += "; masked: " + strings.Join(x.Masked(), " ")
		}
		if !rep.Complete {
			r.Status = Fail
			r.Detail = "the reply to EHLO broke off"
		}
	}
	if first != last && r.Status == Pass && v.SentAt(first.Sent).Verb == "EHLO" && v.SentAt(last.Sent).Verb == "HELO" {
		if rep := s.reply(first); rep != nil && !rep.Positive() {
			return s.result(cause.EHLO, Fail, first.Reply, "EHLO is refused (%s), HELO is accepted", rep)
		}
	}
	return r
}

// summariseHello is the reply to EHLO in one line.
func summariseHello(sent *evidence.Sent, rep *evidence.Reply) string {
	if sent.Verb == "HELO" {
		return "HELO: " + rep.String()
	}
	var names []string
	for _, k := range smtp.ParseExtensions(rep.Reply) {
		names = append(names, k.Name)
	}
	if len(names) == 0 {
		return "EHLO accepted, no keywords"
	}
	return "EHLO accepted: " + strings.Join(names, " ")
}

func (s *scene) offerStep() StepResult {
	v := s.main
	if s.walk.TLS == evidence.NoTLS || v != nil && s.implicit() {
		return StepResult{Step: cause.StartTLSOffer, Status: Skipped, Detail: "this door does not use STARTTLS"}
	}
	if v == nil {
		return StepResult{Step: cause.StartTLSOffer}
	}
	x, ok := v.Offered(false)
	if !ok {
		if v.StartTLS.Reply >= 0 && v.ReplyAt(v.StartTLS.Reply).Code == 220 {
			return s.result(cause.StartTLSOffer, Pass, v.StartTLS.Reply, "STARTTLS was accepted")
		}
		return StepResult{Step: cause.StartTLSOffer}
	}
	at := evidence.Last(v.Hellos).Reply
	if x.Has("STARTTLS") {
		return s.result(cause.StartTLSOffer, Pass, at, "STARTTLS is offered")
	}
	if !s.asClient() && (v.StartTLS.Sent >= 0 || len(v.Auths) > 0 || len(v.Mails) > 0) {
		// A client of others that asked anyway, or that needs no TLS, did not fail here.
		return s.result(cause.StartTLSOffer, Skipped, at, "STARTTLS is not offered, and the conversation went on without it")
	}
	return s.result(cause.StartTLSOffer, Fail, at, "STARTTLS is not offered")
}

func (s *scene) startTLSStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.StartTLS}
	}
	if s.walk.TLS == evidence.NoTLS {
		return StepResult{Step: cause.StartTLS, Status: Skipped, Detail: "not asked for (--tls none)"}
	}
	if rep := s.reply(v.StartTLS); rep != nil && rep.Code != 220 {
		return s.result(cause.StartTLS, Fail, v.StartTLS.Reply, "STARTTLS is answered %s", rep)
	}
	if v.StartTLS.Sent >= 0 && v.StartTLS.Reply < 0 && v.ClientHello < 0 && v.Secured < 0 && v.TLSFailed < 0 {
		return s.brokenOff(cause.StartTLS, v.StartTLS.Sent)
	}
	if v.TLSFailed >= 0 {
		return s.result(cause.StartTLS, Fail, v.TLSFailed, "%s", s.handshakeFailure())
	}
	if v.Secured < 0 {
		if v.ClientHello >= 0 && s.brokeIn(waitHandshake) {
			return s.result(cause.StartTLS, Fail, v.Ended, "the handshake broke off: %s", ending(v.Ending()))
		}
		if p := s.certProblem(); p.what.Problem != evidence.CertOK {
			return s.result(cause.StartTLS, Fail, v.Chain, "the certificate does not verify: %s", certText(p.what))
		}
		return StepResult{Step: cause.StartTLS}
	}
	sec := v.Trace.Events[v.Secured].Secured
	r := s.result(cause.StartTLS, Pass, v.Secured, "%s, %s", sec.Version, sec.Suite)
	if p := s.certProblem(); p.what.Problem != evidence.CertOK {
		return s.result(cause.StartTLS, Fail, v.Chain, "%s, but the certificate does not verify: %s", sec.Version, certText(p.what))
	}
	if v.Chain >= 0 && len(v.Trace.Events[v.Chain].Chain.Verified) > 0 {
		r.Detail += ", certificate verified"
	}
	if !s.implicit() {
		if f := s.afterTLS(); f.Status == Fail {
			return f
		}
	}
	return r
}

// afterTLS is the second EHLO, which belongs to step 5.
func (s *scene) afterTLS() StepResult {
	v := s.main
	x := evidence.Last(v.TLSHellos)
	if x.Sent < 0 {
		if e := v.Ending(); e != nil && e.Outcome != evidence.Aborted && len(v.Mails) == 0 && len(v.Auths) == 0 && s.sees().Inside {
			if i := s.parting(v.Secured); i >= 0 {
				return s.result(cause.StartTLS, Fail, i, "after TLS: %s", v.ReplyAt(i))
			}
			return s.result(cause.StartTLS, Fail, v.Ended, "TLS was up, then %s", ending(e))
		}
		return StepResult{Step: cause.StartTLS}
	}
	r := s.exchanged(cause.StartTLS, x, func(r smtp.Reply) bool { return r.Code == 250 })
	r.Detail = "EHLO after TLS: " + r.Detail
	return r
}
