package diagnose

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

var ehloRules = []rule{
	{cause.HELOOnlyClient, heloOnly},
	{cause.NotSMTP, otherProtocol},
	{cause.TLSRequiredFirst, tlsBeforeEHLO},
	{cause.HELONameRejected, nameRejected},
	{cause.SMTPProxyAlters, proxyAlters},
	{cause.NotSMTP, noReplies},
	{cause.SMTPProxyAlters, noReplies},
	{cause.ConnectionCutAfterEHLO, cutAfterEHLO},
	{cause.ImplicitTLSOnStartTLSPort, clientSpeaksTLS},
}

// heloOnly stands with the rules of several steps: a client that says HELO meets its failure where TLS or AUTH is asked for.
func heloOnly(s *scene) support {
	v := s.main
	if v == nil || v.Secured >= 0 || len(v.Hellos) == 0 {
		return support{}
	}
	for _, x := range v.Hellos {
		if v.SentAt(x.Sent).Verb == "EHLO" {
			return support{}
		}
	}
	x := evidence.Last(v.Hellos)
	because := []Ground{s.ground(x.Sent, "the client said %s, never EHLO, so it is not told of STARTTLS and AUTH", v.SentAt(x.Sent).Line)}
	for _, m := range v.Mails {
		if r := s.reply(m); r != nil && (r.Code == 530 || r.Code == 550 || r.Code == 454) {
			because = append(because, s.ground(m.Reply, "then: %s", r))
			return support{confidence: Likely, because: because, step: cause.EHLO}
		}
	}
	return support{confidence: Possible, because: because, step: cause.EHLO}
}

// helloReply is the reply to the EHLO that failed, and its exchange.
func (s *scene) helloReply() (*evidence.Reply, evidence.Exchange) {
	if s.main == nil {
		return nil, evidence.Exchange{Sent: -1, Reply: -1}
	}
	x := evidence.First(s.hellos())
	return s.reply(x), x
}

func tlsBeforeEHLO(s *scene) support {
	r, x := s.helloReply()
	if r == nil || r.Code != 530 && r.Code != 454 {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(x.Reply, "the reply to EHLO asks for TLS first: %s", r)}}
}

func nameRejected(s *scene) support {
	r, x := s.helloReply()
	if r == nil || !r.Permanent() {
		return support{}
	}
	name := strings.TrimSpace(strings.TrimPrefix(s.main.SentAt(x.Sent).Line, s.main.SentAt(x.Sent).Verb))
	switch r.Code {
	case 501, 504, 550, 553:
	default:
		return support{}
	}
	got := support{confidence: Likely, because: []Ground{s.ground(x.Reply, "the name %q given with EHLO is refused: %s", name, r)}}
	for _, e := range s.experiments(askOtherName) {
		for _, v := range e.views {
			h := evidence.First(v.Hellos)
			switch rep := v.ReplyAt(h.Reply); {
			case rep == nil:
			case rep.Code == 250:
				got.confidence = Proven
				got.because = append(got.because, Ground{Text: fmt.Sprintf("another name is accepted: %s", v.SentAt(h.Sent).Line), Trace: v.Trace.ID, Event: h.Reply})
			default:
				got.confidence = Possible
				got.because = append(got.because, Ground{Text: fmt.Sprintf("another name fares no better: %s: %s", v.SentAt(h.Sent).Line, rep), Trace: v.Trace.ID, Event: h.Reply})
			}
		}
	}
	return got
}

func proxyAlters(s *scene) support {
	v := s.main
	if v == nil {
		return support{}
	}
	if x, ok := v.Offered(v.Secured >= 0 && s.implicit()); ok && len(x.Masked()) > 0 {
		at := evidence.Last(s.hellos()).Reply
		return support{confidence: Likely, because: []Ground{s.ground(at, "keywords of the reply to EHLO are overwritten: %s", strings.Join(x.Masked(), " "))},
			summary: "A firewall or proxy on the path overwrites parts of the SMTP conversation."}
	}
	r, x := s.helloReply()
	if r == nil || r.Code != 500 && r.Code != 502 || v.SentAt(x.Sent).Verb != "EHLO" {
		return support{}
	}
	c := Possible
	because := []Ground{s.ground(x.Reply, "EHLO is refused as unknown: %s", r)}
	if s.known {
		c = Likely
		because = append(because, Ground{Text: s.walk.Host + " is a host of " + s.profile.Title + ", which knows EHLO", Event: -1})
	}
	if _, whole := s.hellosElsewhere(askOtherPort); len(whole) > 0 {
		c = Likely
		because = append(because, whole[0])
	}
	for _, h := range s.hellos() {
		if rep := s.reply(h); rep != nil && rep.Positive() && v.SentAt(h.Sent).Verb == "HELO" {
			because = append(because, s.ground(h.Reply, "HELO is accepted: %s", rep))
		}
	}
	return support{confidence: c, because: because}
}

// noReplies: a greeting like a mail server's, and then an answer to EHLO that is none.
func noReplies(s *scene) support {
	const text = "the greeting looks like SMTP, and the answer to EHLO does not: %q"
	x := evidence.Last(s.hellos())
	if r := s.reply(x); r != nil {
		if r.Code != 0 {
			return support{}
		}
		return support{confidence: Possible, because: []Ground{s.ground(x.Reply, text, head([]byte(r.Joined()), 60))}}
	}
	i := s.babble(x.Sent)
	if x.Sent < 0 || i < 0 {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(i, text, head(s.main.Trace.Events[i].Bytes.Head, 60))}}
}

func cutAfterEHLO(s *scene) support {
	if !s.brokeIn("EHLO", "HELO") || s.babble(evidence.Last(s.hellos()).Sent) >= 0 {
		return support{}
	}
	e := s.main.Ending()
	c := Possible
	if e.Outcome == evidence.Reset {
		c = Likely // a server says 4yz or 5yz; a device on the path cuts
	}
	got := support{confidence: c, because: []Ground{s.ground(s.main.Ended, "greeting came, EHLO was sent, then %s", ending(e))}}
	for _, x := range s.experiments(askNoop) {
		for _, v := range x.views {
			noop, hello := v.ReplyAt(evidence.First(v.Noops).Reply), evidence.First(v.Hellos)
			if noop != nil && hello.Sent >= 0 && v.ReplyAt(hello.Reply) == nil && v.Ended >= 0 {
				got.confidence = Likely
				got.because = append(got.because, Ground{Text: "NOOP is answered, and the EHLO after it is cut again", Trace: v.Trace.ID, Event: v.Ended})
			}
		}
	}
	cut, whole := s.hellosElsewhere(askControl)
	if len(cut) > 1 && len(whole) == 0 {
		got.confidence = Proven
	}
	got.because = append(got.because, cut...)
	return got
}

// hellosElsewhere are the EHLOs of an experiment that were cut, and those that were answered.
func (s *scene) hellosElsewhere(name string) (cut, whole []Ground) {
	for _, x := range s.experiments(name) {
		for _, v := range x.views {
			h := evidence.First(v.Hellos)
			switch rep := v.ReplyAt(h.Reply); {
			case h.Sent < 0:
			case rep != nil && rep.Code == 250:
				whole = append(whole, Ground{Text: fmt.Sprintf("%s:%d answers EHLO", v.Trace.Walk.Host, v.Trace.Walk.Port), Trace: v.Trace.ID, Event: h.Reply})
			case rep == nil && v.Ending() != nil && v.Ending().Outcome != evidence.Aborted:
				cut = append(cut, Ground{Text: fmt.Sprintf("%s:%d is cut after EHLO too: %s", v.Trace.Walk.Host, v.Trace.Walk.Port, ending(v.Ending())), Trace: v.Trace.ID, Event: v.Ended})
			}
		}
	}
	return cut, whole
}

// clientSpeaksTLS: a conversation, seen by others, in which the client's first octets were TLS on a port that greets in
// plain text.
func clientSpeaksTLS(s *scene) support {
	v := s.main
	if v == nil || v.ClientHello < 0 || v.StartTLS.Sent >= 0 || v.Greeting < 0 || v.Secured >= 0 {
		return support{}
	}
	return support{confidence: Likely, step: cause.StartTLS,
		because: []Ground{s.ground(v.ClientHello, "the client sent a ClientHello where the server speaks plain text first")}}
}
