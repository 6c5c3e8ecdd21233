package diagnose

import (
	"fmt"
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
		if why := partial(rep); why != "" {
			r.Status, r.Detail = Fail, why
		}
	}
	if r.Status == Pass && s.fellBack(list) {
		return s.result(cause.EHLO, Fail, first.Reply, "EHLO is refused (%s), HELO is accepted", s.reply(first))
	}
	return r
}

// partial says why a reply to EHLO is not known to its end, or "". What a list lacks that was not seen whole means nothing.
func partial(rep *evidence.Reply) string {
	switch {
	case rep.Has(smtp.FlawManyLines):
		return fmt.Sprintf("the reply to EHLO goes on for more than %d lines", smtp.MaxReplyLines)
	case !rep.Complete:
		return "the reply to EHLO broke off"
	}
	return ""
}

// fellBack reports whether the first of these was an EHLO that is refused, and the last a HELO.
func (s *scene) fellBack(hellos []evidence.Exchange) bool {
	first, last := evidence.First(hellos), evidence.Last(hellos)
	if first == last || s.main.SentAt(first.Sent).Verb != "EHLO" || s.main.SentAt(last.Sent).Verb != "HELO" {
		return false
	}
	rep := s.reply(first)
	return rep != nil && !rep.Positive()
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
	if f := s.tlsFailed(); f != nil && f.How == evidence.TLSEnded && f.Outcome == evidence.Aborted && s.asClient() {
		return s.result(cause.StartTLS, NotSeen, v.TLSFailed, "the handshake was not over when the run ended")
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
	if i := s.injected(); i >= 0 {
		r.Status = Warn
		r.Detail += fmt.Sprintf("; another reply came in the clear behind that to STARTTLS: %s", v.ReplyAt(i))
	}
	return r
}

// injected finds a reply that stands in the clear between that to STARTTLS and the handshake; -1 if there is none. The
// server has nothing to say there, and a client that takes it for the answer to a command inside TLS is deceived.
func (s *scene) injected() int {
	v := s.main
	for _, i := range v.Unasked {
		if v.StartTLS.Reply >= 0 && i > v.StartTLS.Reply && i < v.Secured && s.asClient() {
			return i
		}
	}
	return -1
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
	if rep := s.reply(x); rep != nil && r.Status == Pass {
		if why := partial(rep); why != "" {
			r.Status, r.Detail = Fail, why
		} else if first := evidence.First(v.TLSHellos); s.fellBack(v.TLSHellos) {
			r = s.result(cause.StartTLS, Fail, first.Reply, "%s, though HELO is accepted", s.reply(first))
		}
	}
	r.Detail = "EHLO after TLS: " + r.Detail
	return r
}
