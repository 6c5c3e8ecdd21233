package diagnose

import (
	"fmt"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

var offerRules = []rule{
	{cause.WrongEndpoint, wrongDoor},
	{cause.StartTLSStripped, stripped},
	{cause.StartTLSNotSupported, notSupported},
	{cause.HELOOnlyClient, heloOnly},
}

// offered is the EHLO reply of step 4: its keywords, and where it stands.
func (s *scene) offered() (x smtp.Extensions, at int, ok bool) {
	if s.main == nil {
		return nil, -1, false
	}
	x, ok = s.main.Offered(false)
	return x, evidence.Last(s.main.Hellos).Reply, ok
}

// wrongDoor: a host and port that cannot do what was asked, by what is known of the provider.
func wrongDoor(s *scene) support {
	for _, m := range provider.Misfits(s.walk.Host, s.walk.Port, s.walk.Auth != nil) {
		if m.Cause != cause.WrongEndpoint || !m.Certain {
			continue
		}
		g := Ground{Text: m.What, Event: -1}
		if _, at, ok := s.offered(); ok {
			g = s.ground(at, "%s", m.What)
		}
		return support{confidence: Likely, because: []Ground{g}, summary: upperFirst(m.What) + ". Use " + m.Instead + "."}
	}
	return support{}
}

func stripped(s *scene) support {
	x, at, ok := s.offered()
	if !ok || x.Has("STARTTLS") {
		return support{}
	}
	for _, e := range s.experiments(askAnyway) {
		for _, v := range e.views {
			if r := v.ReplyAt(v.StartTLS.Reply); r != nil && r.Code == 220 {
				return support{confidence: Proven, because: []Ground{s.ground(at, "STARTTLS is not offered"),
					{Text: "asked all the same, the server takes it: " + r.String(), Trace: v.Trace.ID, Event: v.StartTLS.Reply}}}
			}
		}
	}
	var got support
	for _, name := range x.Masked() {
		if len(name) == len("STARTTLS") {
			got.confidence = Likely
			got.because = append(got.because, s.ground(at, "in the place of STARTTLS stands %s, of the same length", name))
		}
	}
	if missing := s.door.Missing(x, false); s.known && len(missing) > 0 && got.confidence == "" {
		got.confidence = Likely
		got.because = append(got.because, s.ground(at, "%s always offers STARTTLS; here the list lacks %v", s.profile.Title, missing))
	}
	if lacking := s.controlsWithoutSTARTTLS(); len(lacking) > 0 && got.confidence != Proven {
		got.confidence = Likely
		got.because = append(append(got.because, s.ground(at, "STARTTLS is not offered")), lacking...)
	}
	if got.confidence == "" && !s.refusedAnyway() {
		got = support{confidence: Possible, because: []Ground{s.ground(at, "STARTTLS is missing from the list; a device on the path can remove it")}}
	}
	return got
}

func notSupported(s *scene) support {
	x, at, ok := s.offered()
	if !ok || x.Has("STARTTLS") || len(x.Masked()) > 0 {
		return support{}
	}
	for _, e := range s.experiments(askAnyway) {
		for _, v := range e.views {
			if r := v.ReplyAt(v.StartTLS.Reply); r != nil && r.Permanent() {
				return support{confidence: Likely, because: []Ground{s.ground(at, "STARTTLS is not offered"),
					{Text: "asked all the same, the server refuses it: " + r.String(), Trace: v.Trace.ID, Event: v.StartTLS.Reply}}}
			}
		}
	}
	if s.known {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(at, "the reply to EHLO was seen whole, and STARTTLS is not in it")},
		summary: fmt.Sprintf("%s offers no STARTTLS on port %d.", s.walk.Host, s.walk.Port)}
}

// controlsWithoutSTARTTLS are hosts that are known to offer STARTTLS, and seem not to from here.
func (s *scene) controlsWithoutSTARTTLS() []Ground {
	var out []Ground
	for _, e := range s.experiments(askControl) {
		for _, v := range e.views {
			if x, ok := v.Offered(false); ok && !x.Has("STARTTLS") {
				out = append(out, Ground{Text: v.Trace.Walk.Host + " always offers STARTTLS, and from here it seems not to", Trace: v.Trace.ID, Event: evidence.Last(v.Hellos).Reply})
			}
		}
	}
	return out
}

// refusedAnyway reports whether STARTTLS was asked for all the same and refused for good.
func (s *scene) refusedAnyway() bool {
	for _, e := range s.experiments(askAnyway) {
		for _, v := range e.views {
			if r := v.ReplyAt(v.StartTLS.Reply); r != nil && r.Permanent() {
				return true
			}
		}
	}
	return false
}
