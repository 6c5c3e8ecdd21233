package diagnose

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// oneSegment is what fits into one TCP segment on an Ethernet path: 1500 less IP and TCP headers with timestamps.
const oneSegment = 1448

func versionMismatch(s *scene) support {
	f := s.tlsFailed()
	if f == nil {
		return support{}
	}
	if spoken, because := s.versions(); len(spoken) > 0 {
		if shared, ok := s.sharedVersion(spoken); ok && !shared {
			because = append([]Ground{s.ground(s.main.ClientHello, "offered: %s", s.versionsOffered())}, because...)
			return support{confidence: Proven, because: because,
				summary: fmt.Sprintf("No TLS version in common: the client offers %s, the server speaks %s.", s.versionsOffered(), names(spoken))}
		} else if ok {
			return support{}
		}
	}
	if a, at, ok := s.alert(); ok {
		switch a.Description {
		case tlswire.AlertProtocolVersion:
			return support{confidence: Likely, because: []Ground{s.ground(at, "the server's alert is %s: it speaks none of the versions offered (%s)", a, s.versionsOffered())}}
		case tlswire.AlertHandshakeFailure, tlswire.AlertInappropriateFallback:
			return support{confidence: Possible, because: []Ground{s.ground(at, "the server's alert %s can mean this too", a)}}
		}
	}
	if f.How == evidence.TLSRefused && s.main.ServerHello >= 0 {
		h := s.main.Trace.Events[s.main.ServerHello].ServerHello
		if h.Version < tlswire.TLS12 {
			return support{confidence: Likely, because: []Ground{s.ground(s.main.ServerHello, "the server chose %s, which the client refuses: %s", h.Version, f.Text)}}
		}
	}
	if f.How == evidence.TLSEnded && f.GotN == 0 && f.Outcome != evidence.TimedOut {
		return support{confidence: Possible, because: []Ground{s.ground(s.main.TLSFailed, "old servers cut the connection when they know no version in common")}}
	}
	return support{}
}

func (s *scene) versionsOffered() string {
	if s.main.ClientHello < 0 {
		return "the ClientHello was not seen"
	}
	var names []string
	for _, v := range s.main.Trace.Events[s.main.ClientHello].ClientHello.Offers() {
		names = append(names, v.String())
	}
	return strings.Join(names, ", ")
}

func cipherMismatch(s *scene) support {
	if s.tlsFailed() == nil {
		return support{}
	}
	a, at, ok := s.alert()
	if !ok {
		return s.cutForCiphers()
	}
	if s.agreed() {
		return support{}
	}
	if taken := s.sweep(askCiphers).taken; len(taken) > 0 && a.Description != tlswire.AlertProtocolVersion {
		spoken, _ := s.versions()
		if shared, known := s.sharedVersion(spoken); shared || !known || len(spoken) == 0 {
			return s.otherCiphers(s.ground(at, "the server's alert is %s", a), taken)
		}
	}
	switch a.Description {
	case tlswire.AlertInsufficientSecurity:
		return support{confidence: Likely, because: []Ground{s.ground(at, "the server's alert is %s: the cipher suites offered are too weak for it", a)}}
	case tlswire.AlertHandshakeFailure:
		return support{confidence: Likely, because: []Ground{s.ground(at, "the server's alert is %s: it found no acceptable cipher suite, group or signature algorithm", a)}}
	}
	return support{}
}

// cutForCiphers: some servers, Windows' among them, cut the connection where others send an alert. A filter that cuts
// handshakes would cut those too which offer other suites.
func (s *scene) cutForCiphers() support {
	f, w := s.tlsFailed(), s.sweep(askCiphers)
	if f.How != evidence.TLSEnded || f.GotN > 0 || len(w.taken) == 0 || len(w.refused) == 0 {
		return support{}
	}
	offered := s.suitesOffered()
	for _, h := range w.taken {
		if offered[h.server.Suite] {
			return support{} // it is not the suites
		}
	}
	return s.otherCiphers(s.ground(s.main.TLSFailed, "%s", s.handshakeFailure()), w.taken)
}

func (s *scene) suitesOffered() map[tlswire.CipherSuite]bool {
	offered := map[tlswire.CipherSuite]bool{}
	if s.main.ClientHello >= 0 {
		for _, c := range s.main.Trace.Events[s.main.ClientHello].ClientHello.Suites {
			offered[c] = true
		}
	}
	return offered
}

// otherCiphers: the server refused what the walk offered, and takes suites that the walk did not offer.
func (s *scene) otherCiphers(first Ground, taken []hello) support {
	offered := s.suitesOffered()
	because := []Ground{first}
	c := Proven
	var families []string
	for _, h := range taken {
		if offered[h.server.Suite] {
			c = Likely // the suite alone was not the trouble: a group or a signature algorithm
		}
		families = append(families, h.name)
		because = append(because, Ground{Text: fmt.Sprintf("asked with %s alone, the server takes %s", h.name, h.server.Suite), Trace: h.ground.Trace, Event: h.ground.Event})
	}
	return support{confidence: c, because: because, summary: "Client and server have no cipher suite, group or signature algorithm in common; the server takes " + strings.Join(families, ", ") + "."}
}

// agreed reports whether the server had chosen version and suite, and shown its certificate, before it sent its alert: what it
// objects to then came after the ClientHello.
func (s *scene) agreed() bool {
	v := s.main
	return v != nil && v.ServerHello >= 0 && v.Chain >= 0 && v.ServerHello < v.Alert
}

func clientCertificate(s *scene) support {
	a, at, ok := s.alertAnytime()
	if !ok {
		return support{}
	}
	switch a.Description {
	case tlswire.AlertCertificateRequired, tlswire.AlertNoCertificate:
		return support{confidence: Likely, because: []Ground{s.ground(at, "the server's alert is %s", a)}}
	case tlswire.AlertHandshakeFailure:
		if s.agreed() { // a proof that fails has an alert of its own, decrypt_error (RFC 5246, section 7.2.2)
			return support{confidence: Likely, because: []Ground{
				s.ground(s.main.ServerHello, "version and cipher suite were agreed on, and the server showed its certificate"),
				s.ground(at, "then the server's alert is %s: servers that want a certificate of the client, and get none, end so", a)}}
		}
	case tlswire.AlertBadCertificate, tlswire.AlertUnsupportedCertificate, tlswire.AlertUnknownCA, tlswire.AlertAccessDenied:
		return support{confidence: Possible, because: []Ground{s.ground(at, "the server's alert %s speaks of the client's certificate", a)}}
	}
	return support{}
}

// stalled reports whether the handshake ended in silence, and what had come by then.
func (s *scene) stalled() (f *evidence.TLSFailed, ok bool) {
	f = s.tlsFailed()
	return f, f != nil && f.How == evidence.TLSEnded && f.Outcome == evidence.TimedOut
}

// largeHello is the size of the ClientHello if it does not fit one segment.
func (s *scene) largeHello() int {
	if s.main.ClientHello < 0 {
		return 0
	}
	if n := s.main.Trace.Events[s.main.ClientHello].ClientHello.Size; n > oneSegment {
		return n
	}
	return 0
}

func mtuHole(s *scene) support {
	f, ok := s.stalled()
	if !ok {
		return support{}
	}
	if s.rec.Source == evidence.FromListen && !s.sees().Inside && s.main.ServerHello >= 0 {
		return support{} // passed through: the server's answer has come, and what fell silent is the client
	}
	z := s.sizes()
	first := s.ground(s.main.TLSFailed, "small packets passed until the handshake, then silence; %d octets were sent, %d received", f.SentN, f.GotN)
	if s.rec.Source == evidence.FromText {
		first.Text = "all went well until the handshake, then silence"
	}
	switch {
	case z.hole():
		return support{confidence: Proven, because: append([]Ground{first}, trialGrounds(z.small, z.usual)...),
			summary: "Full-sized packets vanish on the way, and no router says so: the same handshake passes in small segments."}
	case every(z.small, false) && every(z.usual, false):
		return support{} // size is not what matters
	}
	for i := range s.main.Trace.Events {
		if t := s.main.Trace.Events[i].TCP; t != nil && t.OutOfOrder > 0 {
			return support{confidence: Likely, because: []Ground{first, s.ground(i, "the kernel holds a later segment while an earlier, larger one never came")}}
		}
	}
	return support{confidence: Possible, because: []Ground{first}}
}

func helloTooLarge(s *scene) support {
	f := s.tlsFailed()
	if f == nil || f.How != evidence.TLSEnded || f.GotN > 0 || s.largeHello() == 0 {
		return support{}
	}
	first := s.ground(s.main.ClientHello, "the ClientHello has %d octets, more than one segment, and was not answered", s.largeHello())
	z := s.sizes()
	switch {
	case every(z.smallHello, true) && every(z.usual, false) && every(z.small, false):
		return support{confidence: Proven, because: append([]Ground{first}, trialGrounds(z.smallHello, z.usual, z.small)...),
			summary: "Something on the way, or the server, drops a ClientHello that is larger than one packet; a small one passes."}
	case every(z.smallHello, false) || every(z.small, true):
		return support{}
	}
	return support{confidence: Possible, because: []Ground{first}}
}

func handshakeCut(s *scene) support {
	v := s.main
	if v == nil {
		return support{}
	}
	if s.brokeIn("STARTTLS") {
		return support{confidence: Possible, because: []Ground{s.ground(v.Ended, "STARTTLS was sent, then %s", ending(v.Ending()))}}
	}
	f := s.tlsFailed()
	if f != nil && s.nameRefused() {
		return s.cutForName()
	}
	if f == nil || f.How != evidence.TLSEnded {
		return support{}
	}
	got := support{confidence: Possible, because: []Ground{s.ground(v.TLSFailed, "%s", s.handshakeFailure())}}
	if f.Outcome == evidence.Reset || f.Outcome == evidence.Closed && f.GotN == 0 {
		got.confidence = Likely
	}
	z := s.sizes()
	nameless := s.nameless()
	switch {
	case every(nameless, true) && every(z.usual, false):
		got.confidence = Proven
		got.because = append(got.because, trialGrounds(nameless, z.usual)...)
		got.summary = "A filter on the path cuts the handshake because of the server's name in the ClientHello."
	case z.hole() || every(z.smallHello, true) && every(z.usual, false):
		return support{} // it is the size
	case every(z.small, false) && every(z.usual, false) && every(z.smallHello, false):
		if f.Outcome != evidence.TimedOut || f.GotN == 0 { // else an answer had begun: slow is not cut
			got.confidence = Likely
		}
		got.because = append(got.because, trialGrounds(z.smallHello[:1], z.small[:1], z.usual[:1])...)
	}
	if spoken, because := s.versions(); len(spoken) > 0 && got.confidence == Likely {
		got.because = append(got.because, because[len(because)-1])
	}
	return got
}

func (s *scene) nameless() []trial {
	return s.trials(askNoSNI, "without the server's name in the ClientHello")
}

// nameRefused reports whether the alert says that it is the server's name in the ClientHello that is not accepted.
func (s *scene) nameRefused() bool {
	a, _, ok := s.alert()
	return ok && a.Description == tlswire.AlertUnrecognizedName
}

// cutForName: a filter on the path says so with the same alert as a server that does not go by that name.
func (s *scene) cutForName() support {
	got := support{confidence: Possible, because: []Ground{s.ground(s.main.Alert, "%s", s.handshakeFailure())}}
	if nameless := s.nameless(); every(nameless, true) {
		got.confidence = Likely
		got.because = append(got.because, trialGrounds(nameless)...)
		got.summary = "The server, or a filter before it, refuses the server's name in the ClientHello; without the name the handshake passes."
	}
	return got
}

// garbageInHandshake: after "220 go ahead" something answers that is not TLS.
func garbageInHandshake(s *scene) support {
	f := s.tlsFailed()
	if f == nil || f.How != evidence.TLSNotTLS || s.main.StartTLS.Reply < 0 {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.TLSFailed, "STARTTLS was accepted, and the answer to the ClientHello is not TLS: %s", f.Text)}}
}
