package diagnose

import (
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// clientSignsInEarly: AUTH before TLS.
func clientSignsInEarly(s *scene) support {
	v := s.main
	for _, x := range v.Auths {
		if v.Secured >= 0 && x.Sent > v.Secured || s.walk.TLS == evidence.ImplicitTLS {
			continue
		}
		r := s.reply(x)
		if r == nil || r.Positive() || r.Intermediate() {
			continue
		}
		because := []Ground{s.ground(x.Sent, "it signs in before TLS (%s), where no sign-in is offered: %s", v.SentAt(x.Sent).Line, r)}
		if i := s.signIn(x.Sent); i >= 0 && v.Trace.Events[i].SignIn.SecretLen > 0 {
			because = append(because, s.ground(i, "a password of %d octets went over the network in clear", v.Trace.Events[i].SignIn.SecretLen))
		}
		return support{confidence: Proven, because: because, summary: "The device sends user name and password before TLS: set its encryption to STARTTLS, and change the password, which was readable on the network."}
	}
	return support{}
}

// signIn is the index of the sign-in that an AUTH command began; -1 if none was recorded.
func (s *scene) signIn(auth int) int {
	for i := auth + 1; i < len(s.main.Trace.Events); i++ {
		e := &s.main.Trace.Events[i]
		if e.SignIn != nil {
			return i
		}
		if e.Sent != nil && e.Sent.Verb == "AUTH" {
			break
		}
	}
	return -1
}

func clientMechanism(s *scene) support {
	x := evidence.Last(s.main.Auths)
	r := s.reply(x)
	if r == nil || r.Code != 504 {
		return support{}
	}
	offered, _, _ := s.authOffer()
	return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "it signs in with %s; offered were %s", s.main.SentAt(x.Sent).Line, strings.Join(offered, " "))},
		summary: "The device signs in with a mechanism that the server does not take: choose LOGIN, or OAuth, in its settings."}
}

// clientResponse: a sign-in that breaks the rules of its own mechanism.
func clientResponse(s *scene) support {
	for _, x := range s.main.Auths {
		i := s.signIn(x.Sent)
		r := s.reply(x)
		if i < 0 || r == nil || r.Code != 501 {
			continue
		}
		if why := s.main.Trace.Events[i].SignIn.Malformed; why != "" {
			return support{confidence: Proven, because: []Ground{s.ground(i, "%s", why), s.ground(x.Reply, "it is answered %s", r)},
				summary: "The device's sign-in is malformed (" + why + "): its software is at fault; try a password of letters and digits alone."}
		}
	}
	return support{}
}
