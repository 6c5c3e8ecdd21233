package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// An able client is what its conversations have shown that it can do. What it did not show it may be able to do all the same.
type able struct {
	ehlo, helo bool
	starttls   bool            // it asked for STARTTLS
	early      bool            // it started TLS where plain text comes first
	newest     tlswire.Version // that it offers; 0: it sent no ClientHello
	refuses    bool            // the certificate, so that the rest was not seen
	signedIn   string          // the mechanism that was accepted
	refused    []string        // mechanisms that were not
	mailed     bool            // a recipient was accepted
}

// abilities gathers what every conversation of the client showed.
func (s *scene) abilities() able {
	var a able
	for _, v := range s.views {
		for _, x := range append(slices.Clone(v.Hellos), v.TLSHellos...) {
			a.ehlo = a.ehlo || v.SentAt(x.Sent).Verb == "EHLO"
			a.helo = a.helo || v.SentAt(x.Sent).Verb == "HELO"
		}
		a.starttls = a.starttls || v.StartTLS.Sent >= 0
		if v.ClientHello >= 0 {
			a.newest = max(a.newest, v.Trace.Events[v.ClientHello].ClientHello.MaxVersion())
			a.early = a.early || v.StartTLS.Sent < 0 && v.Trace.Walk.TLS != evidence.ImplicitTLS
		}
		for _, x := range v.Auths {
			mechanism := strings.TrimPrefix(strings.ToUpper(v.SentAt(x.Sent).Line), "AUTH ")
			mechanism, _, _ = strings.Cut(mechanism, " ")
			switch r := v.ReplyAt(x.Reply); {
			case r != nil && r.Code == 235:
				a.signedIn = mechanism
			case r != nil && r.Code == 504:
				a.refused = append(a.refused, mechanism)
			}
		}
		for _, x := range v.Rcpts {
			r := v.ReplyAt(x.Reply)
			a.mailed = a.mailed || r != nil && r.Positive()
		}
	}
	because, _ := s.certificateRefused()
	a.refuses = because != nil
	return a
}

// clientDoors says which doors of Microsoft 365 a client can use, by what it showed, and what to set on it. What the doors ask for is
// from learn.microsoft.com, "How to set up a multifunction device or application to send email", read 2026-11.
func (s *scene) clientDoors() []string {
	if s.main == nil || s.clientSaidNothing() || clientOfOtherProtocol(s).confidence != "" {
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
		return "no, as it is set now: " + strings.Join(lacks, "; ") + "."
	case a.refuses:
		return fmt.Sprintf("not shown: it offers %s and refuses the certificate of this stand-in; with the authority imported the rest would be seen.", a.newest)
	case a.signedIn == "" && a.newest == 0:
		return "not shown: it used no TLS and did not sign in."
	case a.signedIn == "":
		return fmt.Sprintf("not shown: it speaks %s, and did not sign in here.", a.newest)
	case a.signedIn != "LOGIN" && a.signedIn != "XOAUTH2":
		return "no: it signs in with " + a.signedIn + "; LOGIN and XOAUTH2 are taken there."
	}
	return fmt.Sprintf("yes: %s and a sign-in with %s were seen.", a.newest, a.signedIn)
}

// lacks lists what keeps a client from submission.
func (a able) lacks() []string {
	var out []string
	add := func(is bool, what string) {
		if is {
			out = append(out, what)
		}
	}
	add(a.helo && !a.ehlo, "it says HELO and never EHLO")
	add(a.early && !a.starttls, "it starts TLS at the first byte; set it to STARTTLS, not SSL/TLS")
	add(a.ehlo && !a.starttls && a.newest == 0 && !a.mailed, "it does not use the STARTTLS that it is offered")
	add(a.newest != 0 && a.newest < tlswire.TLS12, fmt.Sprintf("it speaks nothing newer than %s, and TLS 1.2 is needed", a.newest))
	add(a.signedIn == "" && len(a.refused) > 0, "it signs in with "+strings.Join(a.refused, ", ")+"; LOGIN and XOAUTH2 are taken there")
	return out
}

func (a able) port25() string {
	switch {
	case a.early && !a.starttls:
		return "no, as it is set now: it starts TLS at the first byte; switch encryption off there, or set it to STARTTLS."
	case a.starttls && a.newest != 0 && a.newest < tlswire.TLS12:
		return fmt.Sprintf("only with its encryption off: it speaks nothing newer than %s, and no TLS is needed there.", a.newest)
	case a.mailed:
		return "as far as the device goes, yes. Port 25 must be open to the outside, and the organisation must not reject Direct Send."
	}
	return "not shown: it needs neither TLS nor sign-in; try it with both switched off."
}
