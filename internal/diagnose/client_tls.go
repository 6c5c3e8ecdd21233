package diagnose

import (
	"fmt"
	"slices"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

func clientTLSTooEarly(s *scene) support {
	v := s.main
	if s.opensWithAlert() {
		return support{confidence: Possible, because: []Ground{s.ground(v.Alert, "its first octets are a TLS alert, %s, with no ClientHello before it", v.Trace.Events[v.Alert].Alert.Alert)},
			summary: fmt.Sprintf("The device speaks TLS on port %d, where plain text comes first, and its first word is an alert: set its encryption to STARTTLS.", s.walk.Port)}
	}
	if v.ClientHello < 0 || v.StartTLS.Sent >= 0 || s.walk.TLS == evidence.ImplicitTLS {
		return support{}
	}
	if x := evidence.Last(v.Hellos); x.Sent >= 0 {
		return support{confidence: Proven, because: []Ground{s.ground(v.ClientHello, "after %s it sends a TLS ClientHello, and has not asked for STARTTLS", v.SentAt(x.Sent).Verb)},
			summary: fmt.Sprintf("The device starts TLS on port %d without asking for it by STARTTLS: its software is at fault, or made for another port.", s.walk.Port)}
	}
	return support{confidence: Proven, because: []Ground{s.ground(v.ClientHello, "its first octets are a TLS ClientHello; port %d speaks plain text first", s.walk.Port)},
		summary: fmt.Sprintf("The device starts TLS at the first byte on port %d: set its encryption to STARTTLS (often called \"TLS\"), not SSL or SSL/TLS.", s.walk.Port)}
}

// opensWithAlert reports whether a client speaks TLS where it must not, and says nothing but an alert.
func (s *scene) opensWithAlert() bool {
	v := s.main
	return v.ClientHello < 0 && v.Alert >= 0 && v.StartTLS.Sent < 0 && len(v.Hellos) == 0 && s.walk.TLS != evidence.ImplicitTLS &&
		v.Trace.Events[v.Alert].Alert.From == evidence.Client
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
	if a, ok := s.answeredChain(); ok && a.Description == tlswire.AlertProtocolVersion {
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Alert, "it offers up to %s, and refuses the version that was chosen: %s", h.MaxVersion(), a)},
			summary: "The device refuses the TLS version that was chosen: look which versions its settings allow."}
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

func sharesSuite(h *tlswire.ClientHello) bool {
	return slices.ContainsFunc(h.Suites, func(c tlswire.CipherSuite) bool { return slices.Contains(submissionSuites, c) })
}

func clientCiphers(s *scene) support {
	h := s.clientHello()
	if h == nil || h.MaxVersion() < tlswire.TLS12 {
		return support{}
	}
	if s.strictTLS() && !sharesSuite(h) {
		return support{confidence: Likely, because: []Ground{s.ground(s.main.ClientHello, "none of the %d cipher suites in its ClientHello is on Microsoft's list", len(h.Suites))},
			summary: "The device has no cipher suite in common with Microsoft 365."}
	}
	if a, ok := s.answeredChain(); ok && (a.Description == tlswire.AlertInsufficientSecurity || a.Description == tlswire.AlertHandshakeFailure) {
		got := support{confidence: Possible, because: []Ground{s.ground(s.main.Alert, "it does not like what was chosen of its own offer: %s", a)}}
		if a.Description == tlswire.AlertInsufficientSecurity {
			got.confidence = Likely
		}
		return got
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
	tlswire.AlertCertificateUnknown, tlswire.AlertUnknownCA, tlswire.AlertCertificateRevoked, tlswire.AlertBadCertificateStatusResponse}

// clientRefuses: the client refused the certificate, for what the cause stands for. What is wrong with it we know, because we made it.
func clientRefuses(id cause.ID) func(*scene) support {
	return func(s *scene) support {
		if why, got := s.certificateRefused(); why == id {
			return got
		}
		return support{}
	}
}

// A refusalOf is what a fault of our own certificate is called, and what it means that a client refused it.
type refusalOf struct {
	cause   cause.ID
	summary string
}

var certificateRefusals = map[evidence.CertProblem]refusalOf{
	evidence.CertOK: {cause.CertificateUntrusted, "The device checks certificates and does not know the authority of this stand-in: that is right of it. Import the authority " +
		"(smtptriage listen ca) to see the rest. At Microsoft it needs the root \"DigiCert Global Root G2\"."},
	evidence.CertSelfSigned:   {cause.CertificateUntrusted, "The device checks certificates, and refused a self-signed one, as it should."},
	evidence.CertExpired:      {cause.CertificateExpired, "The device checks certificates, and refused one that has expired, as it should."},
	evidence.CertNameMismatch: {cause.CertificateNameMismatch, "The device checks certificates, and refused one for another name, as it should."},
}

const authorityFirst = "The device checks certificates and does not know the authority of this stand-in: whether it minds the fault of the certificate too " +
	"shows only once the authority is imported (smtptriage listen ca)."

// certificateRefused tells for what, and by what, the client refused the certificate: an alert, or that it left where it would have
// gone on.
func (s *scene) certificateRefused() (cause.ID, support) {
	v, c := s.main, s.chain()
	if c == nil || len(c.Verified) == 0 {
		return "", support{}
	}
	shown := c.Verified[0].Problem
	is := certificateRefusals[shown]
	if a, ok := s.answeredChain(); ok && slices.Contains(certificateAlerts, a.Description) {
		got := support{confidence: Proven, summary: is.summary, because: []Ground{s.ground(v.Alert, "shown the certificate, the device answers with the alert %s", a)}}
		return s.refusedFor(a.Description, shown, got)
	}
	e := v.Ending()
	left := e != nil && (e.Outcome == evidence.Closed || e.Outcome == evidence.Reset)
	if f := s.tlsFailed(); left && (f != nil && f.How == evidence.TLSEnded && v.ServerHello >= 0 || v.Secured >= 0 && len(v.TLSHellos) == 0) {
		return is.cause, support{confidence: Possible, summary: is.summary,
			because: []Ground{s.ground(v.Ended, "shown the certificate, %s; devices that refuse one do so without a word", clientEnding(e))}}
	}
	return "", support{}
}

// refusedFor says what the alert tells of the reason: some name it, of others the fault shown is the best guess.
func (s *scene) refusedFor(a tlswire.AlertDescription, shown evidence.CertProblem, got support) (cause.ID, support) {
	is := certificateRefusals[shown]
	switch a {
	case tlswire.AlertUnknownCA:
		if is.cause != cause.CertificateUntrusted {
			got.summary = authorityFirst
		}
		return cause.CertificateUntrusted, got
	case tlswire.AlertCertificateExpired:
		if shown != evidence.CertExpired {
			got.confidence = Likely
			got.summary = "The device takes a certificate for expired that is valid for months: set its clock."
		}
		return cause.CertificateExpired, got
	case tlswire.AlertCertificateRevoked, tlswire.AlertBadCertificateStatusResponse:
		got.confidence = Likely
		got.summary = "The device asks whether the certificate was revoked, and gets no answer that it likes: the certificates of this stand-in name no place to ask."
		return cause.RevocationCheckFailed, got
	}
	switch shown {
	case evidence.CertOK:
		got.confidence = Likely // its clock may be wrong, which most stacks tell by the same alerts
	case evidence.CertExpired, evidence.CertNameMismatch:
		got.confidence = Possible
		got.summary = is.summary + " Or it only does not know the authority of this stand-in: with that imported (smtptriage listen ca) it shows."
	}
	return is.cause, got
}

// answeredChain is the alert by which the client answered the certificate that it was shown.
func (s *scene) answeredChain() (tlswire.Alert, bool) {
	v := s.main
	if v.Chain < 0 || v.Alert < v.Chain || v.Trace.Events[v.Alert].Alert.From != evidence.Client {
		return tlswire.Alert{}, false
	}
	return v.Trace.Events[v.Alert].Alert.Alert, true
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
	if e := v.Ending(); !s.interrupted() && s.walk.Port != 25 && len(v.Mails)+len(v.Auths) == 0 && e != nil && e.Outcome != evidence.TimedOut {
		return support{confidence: Possible, because: append(because, s.ground(v.Ended, "it left without sending mail: %s", clientEnding(e)))}
	}
	return support{}
}

// clientStartsNoTLS: it asked for STARTTLS, was told to go ahead, and did not.
func clientStartsNoTLS(s *scene) support {
	v := s.main
	r, f := s.reply(v.StartTLS), s.tlsFailed()
	if r == nil || r.Code != 220 || v.ClientHello >= 0 || f == nil || s.interrupted() || f.How != evidence.TLSNotTLS && f.How != evidence.TLSEnded {
		return support{}
	}
	because := []Ground{s.ground(v.StartTLS.Reply, "it asked for STARTTLS and was told to go ahead: %s", r)}
	for _, i := range v.Bytes {
		if b := v.Trace.Events[i].Bytes; i > v.StartTLS.Reply && b.From == evidence.Client {
			return support{confidence: Likely, because: append(because, s.ground(i, "what came was no TLS: %q", head(b.Head, 40))),
				summary: "The device asks for STARTTLS and goes on without TLS: its software is at fault."}
		}
	}
	if e := v.Ending(); e != nil {
		because = append(because, s.ground(v.Ended, "no ClientHello came: %s", clientEnding(e)))
	}
	return support{confidence: Possible, because: because, summary: "The device asks for STARTTLS and then does not start TLS: its TLS does not work, or was cut off on the way."}
}
