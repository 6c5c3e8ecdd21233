package diagnose

import (
	"slices"
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
		sure, summary := Proven, "The device signs in before TLS: set its encryption to STARTTLS."
		if evidence.First(v.Rcpts).Sent > x.Sent {
			sure = Possible // it went on without, and may want no more
		}
		if i := s.signIn(x.Sent); i >= 0 && v.Trace.Events[i].SignIn.SecretLen > 0 || s.passwordOnAfter(x.Reply) {
			summary = "The device sends user name and password before TLS: set its encryption to STARTTLS, and change the password, which was readable on the network."
		}
		if i := s.signIn(x.Sent); i >= 0 && v.Trace.Events[i].SignIn.SecretLen > 0 {
			because = append(because, s.ground(i, "a password of %d octets went over the network in clear", v.Trace.Events[i].SignIn.SecretLen))
		}
		return support{confidence: sure, because: because, summary: summary}
	}
	return support{}
}

// passwordOnAfter reports whether lines that may be a password came although the sign-in had been refused.
func (s *scene) passwordOnAfter(refusal int) bool {
	return refusal >= 0 && slices.ContainsFunc(s.main.Trace.Events[refusal:], func(e evidence.Event) bool { return e.Sent != nil && e.Sent.Verb == evidence.Hidden })
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

// clientEmptyCredentials: a sign-in without a password or a user name. No server takes one, whoever it is.
func clientEmptyCredentials(s *scene) support {
	x := evidence.Last(s.main.Auths)
	i, r := s.signIn(x.Sent), s.reply(x)
	if i < 0 || r == nil || r.Code != 535 || s.main.Trace.Events[i].SignIn.Malformed != "" {
		return support{}
	}
	in, lacks := s.main.Trace.Events[i].SignIn, "user name"
	switch {
	case in.SecretLen == 0:
		lacks = "password"
	case in.UserLen > 0 || in.Mechanism != "LOGIN" && in.Mechanism != "PLAIN":
		return support{}
	}
	return support{confidence: Proven, because: []Ground{s.ground(i, "the %s that it sends is empty", lacks), s.ground(x.Reply, "it is answered %s", r)},
		summary: "The device signs in with an empty " + lacks + ": enter it in its settings, and save them."}
}

// clientToken: a token that is in no form a server could read.
func clientToken(s *scene) support {
	x := evidence.Last(s.main.Auths)
	i, r := s.signIn(x.Sent), s.reply(x)
	if i < 0 || r == nil || r.Code != 535 {
		return support{}
	}
	if in := s.main.Trace.Events[i].SignIn; in.Malformed != "" && (in.Mechanism == "XOAUTH2" || in.Mechanism == "OAUTHBEARER") {
		return support{confidence: Proven, because: []Ground{s.ground(i, "what it sends with %s is no token: %s", in.Mechanism, in.Malformed), s.ground(x.Reply, "it is answered %s", r)},
			summary: "The device signs in with " + in.Mechanism + " and sends no token in the form that it must have: get the token anew at the device, or choose a password sign-in (LOGIN)."}
	}
	return support{}
}

// clientGivesUpSignIn: it answered a challenge with "*" (RFC 4954, section 4).
func clientGivesUpSignIn(s *scene) support {
	x := evidence.Last(s.main.Auths)
	r := s.reply(x)
	if r == nil || r.Code != 501 {
		return support{}
	}
	for i := x.Sent + 1; i < x.Reply; i++ {
		if sent := s.main.SentAt(i); sent != nil && sent.Line == "*" {
			return support{confidence: Possible, because: []Ground{s.ground(i, "asked for what it signs in with, it gives up with *")},
				summary: "The device begins to sign in and gives up: most often it has no user name or password, or no token."}
		}
	}
	return support{}
}

// clientResponse: a sign-in that breaks the rules of its own mechanism.
func clientResponse(s *scene) support {
	for _, x := range s.main.Auths {
		i := s.signIn(x.Sent)
		r := s.reply(x)
		if i < 0 || r == nil || r.Code != 501 && r.Code != 535 {
			continue
		}
		if why := s.main.Trace.Events[i].SignIn.Malformed; why != "" {
			return support{confidence: Proven, because: []Ground{s.ground(i, "%s", why), s.ground(x.Reply, "it is answered %s", r)},
				summary: "The device's sign-in is malformed (" + why + "): its software is at fault; try a password of letters and digits alone."}
		}
	}
	return support{}
}
