package diagnose

import (
	"fmt"
	"slices"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

func clientTLSTooEarly(s *scene) support {
	v := s.main
	if v.ClientHello < 0 || v.StartTLS.Sent >= 0 || s.walk.TLS == evidence.ImplicitTLS {
		return support{}
	}
	return support{confidence: Proven, because: []Ground{s.ground(v.ClientHello, "its first octets are a TLS ClientHello; port %d speaks plain text first", s.walk.Port)},
		summary: fmt.Sprintf("The device starts TLS at the first byte on port %d: set its encryption to STARTTLS (often called \"TLS\"), not SSL or SSL/TLS.", s.walk.Port)}
}

// clientHello returns what the client offered last, or nil.
func (s *scene) clientHello() *tlswire.ClientHello {
	if s.main == nil || s.main.ClientHello < 0 {
		return nil
	}
	return s.main.Trace.Events[s.main.ClientHello].ClientHello
}

// strictTLS reports whether the server stood in for one that refuses TLS below 1.2.
func (s *scene) strictTLS() bool { return s.known && s.profile.Name == microsoft365 }

const microsoft365 = "microsoft365"

// clientTLSTooOld: the client's own hello says how far it goes. What it offered at another try counts for it.
func clientTLSTooOld(s *scene) support {
	h := s.clientHello()
	if h == nil {
		return support{}
	}
	for _, v := range s.views {
		if v.ClientHello >= 0 && v.Trace.Events[v.ClientHello].ClientHello.MaxVersion() >= tlswire.TLS12 {
			return support{}
		}
	}
	if h.MaxVersion() >= tlswire.TLS12 || h.MaxVersion() > tlswire.SSLv3 && !s.strictTLS() {
		return support{}
	}
	because := []Ground{s.ground(s.main.ClientHello, "its ClientHello offers nothing newer than %s", h.MaxVersion())}
	if s.strictTLS() {
		because = append(because, Ground{Text: "Microsoft 365 takes TLS 1.2 and newer", Event: -1})
	}
	sure := Proven
	if clientTLSTooEarly(s).confidence != "" {
		sure = Likely // two faults at once; that one comes first
	}
	return support{confidence: sure, because: because, summary: fmt.Sprintf("The device speaks no TLS newer than %s: look for a firmware update, or a setting for TLS 1.2.", h.MaxVersion())}
}

// submissionSuites are those that Microsoft lists for Exchange Online (learn.microsoft.com, "Technical reference details about
// encryption", of about 2020, read 2026-11), with those of TLS 1.3. The list may have shrunk since.
var submissionSuites = []tlswire.CipherSuite{0x1301, 0x1302, 0x1303, 0xc030, 0xc02f, 0xc028, 0xc027, 0xc014, 0xc013, 0x009d, 0x009c}

func clientCiphers(s *scene) support {
	h := s.clientHello()
	if h == nil || h.MaxVersion() < tlswire.TLS12 {
		return support{}
	}
	shared := slices.ContainsFunc(h.Suites, func(c tlswire.CipherSuite) bool { return slices.Contains(submissionSuites, c) })
	if s.strictTLS() && !shared {
		return support{confidence: Likely, because: []Ground{s.ground(s.main.ClientHello, "none of the %d cipher suites in its ClientHello is on Microsoft's list", len(h.Suites))},
			summary: "The device has no cipher suite in common with Microsoft 365."}
	}
	if f := s.tlsFailed(); f != nil && f.How == evidence.TLSAlerted {
		if a, at, ok := s.alert(); ok && a.Description == tlswire.AlertHandshakeFailure {
			return support{confidence: Likely, because: []Ground{s.ground(at, "nothing that it offers fits a server that takes every suite but anonymous, export and DHE ones: %s", a)}}
		}
	}
	return support{}
}

// certificateAlerts are those by which a client refuses a certificate. Which of them it sends differs from stack to stack.
var certificateAlerts = []tlswire.AlertDescription{tlswire.AlertBadCertificate, tlswire.AlertUnsupportedCertificate, tlswire.AlertCertificateExpired,
	tlswire.AlertCertificateUnknown, tlswire.AlertUnknownCA, tlswire.AlertCertificateRevoked}

// clientRefuses: the client refused the certificate, whose fault, if any, we know because we made it.
func clientRefuses(problems ...evidence.CertProblem) func(*scene) support {
	return func(s *scene) support {
		c := s.chain()
		if c == nil || len(c.Verified) == 0 || !slices.Contains(problems, c.Verified[0].Problem) {
			return support{}
		}
		because, sure := s.certificateRefused()
		if because == nil {
			return support{}
		}
		return support{confidence: sure, because: because, summary: refusedWords[c.Verified[0].Problem]}
	}
}

// refusedWords say what it means that a client refused a certificate with that fault.
var refusedWords = map[evidence.CertProblem]string{
	evidence.CertOK: "The device checks certificates and does not know the authority of this stand-in: that is right of it. Import the authority " +
		"(smtptriage listen ca) to see the rest. At Microsoft it needs the root \"DigiCert Global Root G2\".",
	evidence.CertSelfSigned:   "The device checks certificates, and refused a self-signed one, as it should.",
	evidence.CertExpired:      "The device checks certificates, and refused one that has expired, as it should.",
	evidence.CertNameMismatch: "The device checks certificates, and refused one for another name, as it should.",
}

// certificateRefused tells by what the client refused the certificate: an alert, or that it left where it would have gone on.
func (s *scene) certificateRefused() (because []Ground, sure Confidence) {
	v := s.main
	if v.Alert > v.Chain && v.Chain >= 0 {
		a := v.Trace.Events[v.Alert].Alert
		if a.From == evidence.Client && slices.Contains(certificateAlerts, a.Description) {
			return []Ground{s.ground(v.Alert, "shown the certificate, the device answers with the alert %s", a.Alert)}, Proven
		}
	}
	e := v.Ending()
	left := e != nil && (e.Outcome == evidence.Closed || e.Outcome == evidence.Reset)
	if f := s.tlsFailed(); left && (f != nil && f.How == evidence.TLSEnded && v.ServerHello >= 0 || v.Secured >= 0 && len(v.TLSHellos) == 0) {
		return []Ground{s.ground(v.Ended, "shown the certificate, %s; devices that refuse one do so without a word", clientEnding(e))}, Possible
	}
	return nil, ""
}

// clientDistrustsServer: the client refused a certificate that is none of ours: the one of the server that its TLS passed through to.
func clientDistrustsServer(s *scene) support {
	v := s.main
	if v.Chain >= 0 || v.Alert < 0 {
		return support{}
	}
	a := v.Trace.Events[v.Alert].Alert
	if a.From != evidence.Client || !slices.Contains(certificateAlerts, a.Description) {
		return support{}
	}
	got := support{confidence: Possible, because: []Ground{s.ground(v.Alert, "shown the certificate of the server itself, the device answers with the alert %s", a.Alert)},
		summary: "The device refuses the certificate of the server: most often its list of trusted roots is too old."}
	if a.Description == tlswire.AlertUnknownCA {
		got.confidence = Likely
	}
	return got
}

// clientWithoutTLS: STARTTLS was offered, and the client went on without it to where it is needed.
func clientWithoutTLS(s *scene) support {
	v := s.main
	if v.Secured >= 0 || v.StartTLS.Sent >= 0 || v.ClientHello >= 0 || !s.offersTLS() {
		return support{}
	}
	because := []Ground{s.ground(evidence.Last(v.Hellos).Reply, "STARTTLS was offered, and never asked for")}
	if r := s.reply(evidence.First(v.Mails)); r != nil && r.Code == 530 {
		return support{confidence: Likely, because: append(because, s.ground(v.Mails[0].Reply, "mail without it is refused: %s", r)),
			summary: "The device does not use TLS: set its encryption to STARTTLS. If it has no such setting, it cannot use this door."}
	}
	if e := v.Ending(); len(v.Mails)+len(v.Auths) == 0 && e != nil && e.Outcome != evidence.TimedOut {
		return support{confidence: Possible, because: append(because, s.ground(v.Ended, "it left without sending mail: %s", clientEnding(e)))}
	}
	return support{}
}
