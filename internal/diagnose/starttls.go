package diagnose

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

var startTLSRules = []rule{
	{cause.ImplicitTLSOnStartTLSPort, plainTextPort},
	{cause.StartTLSRefused, refusedSTARTTLS},
	{cause.TLSVersionMismatch, versionMismatch},
	{cause.TLSCipherMismatch, cipherMismatch},
	{cause.ClientCertificateMissing, clientCertificate},
	{cause.TLSIntercepted, intercepted},
	{cause.CertificateExpired, expired},
	{cause.CertificateNotYetValid, notYetValid},
	{cause.CertificateNameMismatch, nameMismatch},
	{cause.CertificateUntrusted, untrusted},
	{cause.DNSWrongAnswer, wrongAnswer},
	{cause.TLSInspection, inspectorSpeaks},
	{cause.SMTPRedirected, foreignServer},
	{cause.EHLOAfterTLSFails, ehloAfterTLS},
	{cause.PathMTUBlackhole, mtuHole},
	{cause.ClientHelloTooLarge, helloTooLarge},
	{cause.HandshakeCut, handshakeCut},
	{cause.SMTPProxyAlters, garbageInHandshake},
	{cause.SMTPProxyAlters, injectedReply},
}

// alert returns the alert that the server ended the handshake with.
func (s *scene) alert() (a tlswire.Alert, at int, ok bool) {
	v := s.main
	if v == nil || v.Alert < 0 || v.Secured >= 0 && v.Secured < v.Alert {
		return tlswire.Alert{}, -1, false
	}
	e := v.Trace.Events[v.Alert].Alert
	return e.Alert, v.Alert, e.From != evidence.Client && !e.Closure()
}

// alertAnytime returns the server's alert, also one after the handshake: in TLS 1.3 the server judges the client's
// certificate when the client thinks that all is done (RFC 8446, section 4.4.2.4).
func (s *scene) alertAnytime() (a tlswire.Alert, at int, ok bool) {
	if a, at, ok = s.alert(); ok || s.main == nil || s.main.Alert < 0 {
		return a, at, ok
	}
	e := s.main.Trace.Events[s.main.Alert].Alert
	return e.Alert, s.main.Alert, e.From != evidence.Client && !e.Closure()
}

// tlsFailed returns how the handshake failed, or nil.
func (s *scene) tlsFailed() *evidence.TLSFailed {
	if s.main == nil || s.main.TLSFailed < 0 {
		return nil
	}
	return s.main.Trace.Events[s.main.TLSFailed].TLSFailed
}

// handshakeFailure describes a failed handshake in one line.
func (s *scene) handshakeFailure() string {
	f := s.tlsFailed()
	switch f.How {
	case evidence.TLSAlerted:
		if a, _, ok := s.alert(); ok {
			return "the server answers the handshake with the alert " + a.String()
		}
		return "the server answers the handshake with an alert"
	case evidence.TLSClientAlerted:
		if v := s.main; v.Alert >= 0 {
			return "the client answers the handshake with the alert " + v.Trace.Events[v.Alert].Alert.Alert.String()
		}
		return "the client answers the handshake with an alert"
	case evidence.TLSNotTLS:
		return "the answer to the ClientHello is not TLS: " + f.Text
	case evidence.TLSRefused:
		return "the handshake failed at our end: " + f.Text
	}
	how := string(f.Outcome)
	if e := s.main.Ending(); e != nil && e.Outcome == f.Outcome {
		how = ending(e)
	}
	how = "the handshake broke off: " + how
	switch {
	case s.rec.Source == evidence.FromText: // which counts no octets
		return how
	case f.GotN > 0:
		return fmt.Sprintf("%s; the server had sent %d octets", how, f.GotN)
	}
	return how + "; the server sent nothing"
}

// plainTextPort: TLS from the first byte met a server that speaks SMTP in plain text.
func plainTextPort(s *scene) support {
	f := s.tlsFailed()
	if f == nil || f.How != evidence.TLSNotTLS || s.main.StartTLS.Sent >= 0 {
		return support{}
	}
	for _, i := range s.main.Bytes {
		if b := s.main.Trace.Events[i].Bytes; strings.HasPrefix(string(b.Head), "220") || b.Looks == "smtp" {
			return support{confidence: Proven, because: []Ground{s.ground(i, "the answer to TLS from the first byte is a plain-text greeting: %q", head(b.Head, 60))}}
		}
	}
	if s.main.Greeting >= 0 {
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Greeting, "the server greets in plain text, the client starts with TLS")}}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.TLSFailed, "the answer to TLS from the first byte is no TLS: %s", f.Text)}}
}

func refusedSTARTTLS(s *scene) support {
	v := s.main
	if v == nil {
		return support{}
	}
	r := s.reply(v.StartTLS)
	if f := s.tlsFailed(); r == nil && v.StartTLS.Sent >= 0 && f != nil && f.How == evidence.TLSNotTLS {
		return support{confidence: Possible, because: []Ground{s.ground(v.TLSFailed, "the client said STARTTLS and began TLS, the server answers in plain text: %s", f.Text)}}
	}
	if r == nil || r.Code == 220 {
		return support{}
	}
	c := Likely
	if r.Code == 0 {
		c = Possible
	}
	return support{confidence: c, because: []Ground{s.ground(v.StartTLS.Reply, "STARTTLS was offered, and is answered: %s", r)}}
}

func ehloAfterTLS(s *scene) support {
	v := s.main
	if v == nil || v.Secured < 0 || s.implicit() {
		return support{}
	}
	r := s.afterTLS()
	if r.Status != Fail {
		return support{}
	}
	c := Likely
	if _, _, ok := s.alertAnytime(); ok {
		c = Possible // the alert says more
	}
	return support{confidence: c, because: []Ground{s.ground(v.Secured, "TLS was up"), s.ground(r.Event, "%s", r.Detail)}}
}

// injectedReply: something says more in the clear once the server has agreed to TLS.
func injectedReply(s *scene) support {
	if s.main == nil {
		return support{}
	}
	i := s.injected()
	if i < 0 {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(i, "a reply in the clear behind that to STARTTLS, which no command asked for: %s", s.main.ReplyAt(i))},
		summary: "Something, the server or a device on the way, puts replies into the conversation in the clear after TLS was agreed on: a client that takes them for the server's is deceived."}
}
