package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// An able client is what its conversations have shown that it can do. What it did not show it may be able to do all the same.
type able struct {
	ehlo, helo bool            // that were accepted
	name       string          // with which it was refused, and never accepted
	starttls   bool            // it asked for STARTTLS
	early      bool            // it started TLS where plain text comes first
	implicit   bool            // it started TLS on a port of implicit TLS
	plain      bool            // it awaited plain text there
	newest     tlswire.Version // that it offers; 0: it sent no ClientHello
	shares     bool            // a cipher suite with Microsoft, in one of its hellos
	refuses    bool            // the certificate, so that the rest was not seen
	signedIn   string          // the mechanism that was accepted
	inTLS      bool            // the sign-in that was accepted
	refused    []string        // mechanisms that were not
	declines   bool            // it went on without the STARTTLS that it was offered, where that is needed
	faulty     bool            // its message was refused for how it is built
	tooSoon    bool            // it signed in before TLS, and never inside
	useless    string          // why no server can take what it signs in with
	mailed     bool            // a recipient was accepted
}

// abilities gathers what every conversation of the client showed.
func (s *scene) abilities() able {
	var a able
	for _, v := range s.views {
		a.hellos(v)
		a.tls(v)
		a.signIns(v)
		for _, x := range v.Rcpts {
			r := v.ReplyAt(x.Reply)
			a.mailed = a.mailed || r != nil && r.Positive()
		}
	}
	why, _ := s.certificateRefused()
	a.refuses = why != ""
	a.faulty = clientMessage(s).confidence == Proven
	a.plain = clientAwaitsGreeting(s).confidence != ""
	if a.signedIn == "" {
		a.useless = cmp.Or(clientEmptyCredentials(s).summary, clientToken(s).summary, clientResponse(s).summary)
	}
	return a
}

func (a *able) hellos(v *evidence.View) {
	for _, x := range append(slices.Clone(v.Hellos), v.TLSHellos...) {
		sent, r := v.SentAt(x.Sent), v.ReplyAt(x.Reply)
		if r != nil && r.Permanent() {
			a.name = cmp.Or(helloName(sent), "no name")
			continue
		}
		a.ehlo = a.ehlo || sent.Verb == "EHLO"
		a.helo = a.helo || sent.Verb == "HELO"
	}
	if a.ehlo || a.helo {
		a.name = ""
	}
}

func (a *able) tls(v *evidence.View) {
	a.starttls = a.starttls || v.StartTLS.Sent >= 0
	if x, _ := v.Offered(false); x.Has("STARTTLS") && v.Trace.Walk.Port != 25 {
		a.declines = true
	}
	if v.ClientHello < 0 {
		return
	}
	h := v.Trace.Events[v.ClientHello].ClientHello
	a.newest = max(a.newest, h.MaxVersion())
	a.shares = a.shares || sharesSuite(h)
	implicit := v.Trace.Walk.TLS == evidence.ImplicitTLS
	a.implicit = a.implicit || implicit
	a.early = a.early || v.StartTLS.Sent < 0 && !implicit
}

func (a *able) signIns(v *evidence.View) {
	for _, x := range v.Auths {
		mechanism := strings.TrimPrefix(strings.ToUpper(v.SentAt(x.Sent).Line), "AUTH ")
		mechanism, _, _ = strings.Cut(mechanism, " ")
		inTLS := v.Secured >= 0 && v.Secured < x.Sent
		switch r := v.ReplyAt(x.Reply); {
		case r != nil && r.Code == 235:
			a.signedIn, a.inTLS = mechanism, inTLS
		case r != nil && r.Code == 504:
			a.refused = append(a.refused, mechanism)
		}
		a.tooSoon = !inTLS
	}
}

// clientDoors says which doors of Microsoft 365 a client can use, by what it showed, and what to set on it. What the doors ask for is
// from learn.microsoft.com, "How to set up a multifunction device or application to send email", read 2026-11.
func (s *scene) clientDoors() []string {
	if s.main == nil || s.clientSaidNothing() && clientAwaitsGreeting(s).confidence == "" || clientOfOtherProtocol(s).confidence != "" {
		return nil
	}
	a := s.abilities()
	return []string{
		"Client submission (smtp.office365.com, port 587, encryption STARTTLS, user name and password or OAuth): " + a.submission(),
		"High Volume Email (smtp-hve.office365.com, port 587), for mail within the organisation, asks the same of the device.",
		"Direct Send (the organisation's own MX host, port 25, no sign-in), to recipients in the organisation: " + a.port25(),
		"Relay through a connector (the same MX host, port 25, no sign-in), to anyone: the same, and it needs a fixed public address, or a certificate " +
			"of the device's own.",
	}
}

func (a able) submission() string {
	lacks := a.lacks()
	switch {
	case len(lacks) > 0:
		return "no, as it is set now: " + strings.Join(lacks, "; ") + "." + a.legacy()
	case a.refuses:
		return fmt.Sprintf("not shown: it offers %s and refuses the certificate of this stand-in; with the authority imported the rest would be seen.", a.newest)
	case a.signedIn == "" && a.newest == 0:
		return "not shown: it used no TLS and did not sign in."
	case a.signedIn == "":
		return fmt.Sprintf("not shown: it speaks %s, and did not sign in here.", a.newest)
	case !a.inTLS:
		return "no, as it is set now: it signs in without TLS; set its encryption to STARTTLS."
	case a.signedIn == "LOGIN":
		return fmt.Sprintf("yes: %s and a sign-in with LOGIN were seen. %s", a.newest, passwordsEnd)
	case a.signedIn == "XOAUTH2":
		return fmt.Sprintf("yes: %s and a sign-in with XOAUTH2 were seen.", a.newest)
	}
	return "no, as it is set now: it signs in with " + a.signedIn + "; LOGIN and XOAUTH2 are taken there."
}

// passwordsEnd: techcommunity.microsoft.com 4489835 of 2026-01-27, read 2026-11.
const passwordsEnd = "Passwords are to be off by default from the end of December 2026, and an administrator can switch them on again; OAuth stays."

// legacy is the way that is left to old TLS: techcommunity.microsoft.com 2659652, read 2026-11.
func (a able) legacy() string {
	if a.newest != tlswire.TLS10 && a.newest != tlswire.TLS11 {
		return ""
	}
	return " There is smtp-legacy.office365.com for TLS 1.0 and 1.1, if an administrator allows it (AllowLegacyTLSClients); whether it still answers has to be tried."
}

// lacks lists what keeps a client from submission.
func (a able) lacks() []string {
	var out []string
	add := func(is bool, what string) {
		if is {
			out = append(out, what)
		}
	}
	add(a.name != "", fmt.Sprintf("it greets with %s, and is refused", a.name))
	add(a.helo && !a.ehlo, "it says HELO and never EHLO")
	add(a.early && !a.starttls, "it starts TLS at the first byte; set it to STARTTLS, not SSL/TLS")
	add(a.implicit && !a.starttls, "it starts TLS at the first byte, and Microsoft 365 has no port for that (465 is none); set it to STARTTLS and port 587, if it can")
	add(a.plain, "it is set to port 465, which is none of Microsoft 365's; set it to port 587")
	add(a.declines && !a.starttls && a.newest == 0 && !a.mailed && !a.tooSoon, "it does not use the STARTTLS that it is offered")
	add(a.starttls && a.newest == 0, "it asks for STARTTLS and then starts no TLS")
	add(a.newest != 0 && a.newest < tlswire.TLS12, fmt.Sprintf("it speaks nothing newer than %s, and TLS 1.2 is needed", a.newest))
	add(a.newest >= tlswire.TLS12 && !a.shares, "it has no cipher suite in common with Microsoft 365")
	add(a.signedIn == "" && a.tooSoon, "it signs in before TLS; set its encryption to STARTTLS")
	add(a.signedIn == "" && len(a.refused) > 0, "it signs in with "+strings.Join(a.refused, ", ")+"; LOGIN and XOAUTH2 are taken there")
	add(a.useless != "", "its sign-in is empty or malformed")
	return out
}

// port25 says what the client could do where neither TLS nor a sign-in is asked for.
func (a able) port25() string {
	switch {
	case a.name != "":
		return fmt.Sprintf("no, as it is set now: it greets with %s, and is refused.", a.name)
	case a.early && !a.starttls, a.implicit && !a.starttls:
		return "no, as it is set now: it starts TLS at the first byte; set it to port 25, and switch encryption off there or set it to STARTTLS."
	case a.newest != 0 && (a.newest < tlswire.TLS12 || !a.shares):
		return "only with its encryption off: its TLS (" + a.newest.String() + " at the most) has not what Microsoft 365 asks for, and no TLS is needed there."
	case a.faulty:
		return "no, as it is now: its message is refused for how it is built."
	case a.mailed:
		return "as far as the device goes, yes. Port 25 must be open to the outside, and the organisation must not reject Direct Send."
	}
	return "not shown: it needs neither TLS nor sign-in; try it with both switched off."
}
