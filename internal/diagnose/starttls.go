package diagnose

import (
	"fmt"
	"strings"
	"time"

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
}

// oneSegment is what fits into one TCP segment on an Ethernet path: 1500 less IP and TCP headers with timestamps.
const oneSegment = 1448

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
	got := "the server sent nothing"
	if f.GotN > 0 {
		got = fmt.Sprintf("the server had sent %d octets", f.GotN)
	}
	how := string(f.Outcome)
	if e := s.main.Ending(); e != nil && e.Outcome == f.Outcome {
		how = ending(e)
	}
	return fmt.Sprintf("the handshake broke off: %s; %s", how, got)
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
	if r == nil || r.Code == 220 {
		return support{}
	}
	c := Likely
	if r.Code == 0 {
		c = Possible
	}
	return support{confidence: c, because: []Ground{s.ground(v.StartTLS.Reply, "STARTTLS was offered, and is answered: %s", r)}}
}

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
		return support{}
	}
	if taken := s.sweep(askCiphers).taken; len(taken) > 0 && a.Description != tlswire.AlertProtocolVersion {
		spoken, _ := s.versions()
		if shared, known := s.sharedVersion(spoken); shared || !known || len(spoken) == 0 {
			return s.otherCiphers(a, at, taken)
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

// otherCiphers: the server refused what the walk offered, and takes suites that the walk did not offer.
func (s *scene) otherCiphers(a tlswire.Alert, at int, taken []hello) support {
	offered := map[tlswire.CipherSuite]bool{}
	if s.main.ClientHello >= 0 {
		for _, c := range s.main.Trace.Events[s.main.ClientHello].ClientHello.Suites {
			offered[c] = true
		}
	}
	because := []Ground{s.ground(at, "the server's alert is %s", a)}
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

func clientCertificate(s *scene) support {
	a, at, ok := s.alertAnytime()
	if !ok {
		return support{}
	}
	switch a.Description {
	case tlswire.AlertCertificateRequired, tlswire.AlertNoCertificate:
		return support{confidence: Likely, because: []Ground{s.ground(at, "the server's alert is %s", a)}}
	case tlswire.AlertBadCertificate, tlswire.AlertUnsupportedCertificate, tlswire.AlertUnknownCA, tlswire.AlertAccessDenied:
		return support{confidence: Possible, because: []Ground{s.ground(at, "the server's alert %s speaks of the client's certificate", a)}}
	}
	return support{}
}

// chain returns the certificates shown, or nil.
func (s *scene) chain() *evidence.Chain {
	if s.main == nil || s.main.Chain < 0 {
		return nil
	}
	return s.main.Trace.Events[s.main.Chain].Chain
}

// certProblem is why the chain does not verify, by the roots that the user, or else this machine, trusts.
func (s *scene) certProblem() fact[evidence.Verified] {
	c := s.chain()
	if c == nil || s.aboutClient() { // what is wrong with our own certificate is so on purpose
		return fact[evidence.Verified]{}
	}
	for _, roots := range []string{"ca-file", "system", ""} {
		for _, v := range c.Verified {
			if v.Roots == roots {
				return fact[evidence.Verified]{v, s.main.Trace, s.main.Chain}
			}
		}
	}
	if len(c.Verified) > 0 {
		return fact[evidence.Verified]{c.Verified[0], s.main.Trace, s.main.Chain}
	}
	return fact[evidence.Verified]{}
}

func certText(v evidence.Verified) string {
	if v.Text == "" {
		return string(v.Problem)
	}
	return v.Text
}

// leaf describes the certificate shown, for a person.
func (s *scene) leaf() string {
	c := s.chain()
	if c == nil || len(c.Certificates) == 0 {
		return "no certificate was seen"
	}
	l := c.Certificates[0]
	return fmt.Sprintf("subject %q, issuer %q, valid %s to %s", l.Subject, l.Issuer, l.NotBefore.Format(time.DateOnly), l.NotAfter.Format(time.DateOnly))
}

// inspectors are words in the issuer's name by which TLS-inspecting products are known. Their names are in the certificates
// they make, unless an administrator chose others; vendors' own public sites have certificates of public authorities.
var inspectors = []string{
	"fortigate", "fortinet", "zscaler", "palo alto", "paloalto", "sophos", "sonicwall", "watchguard", "barracuda", "check point", "checkpoint",
	"cisco umbrella", "umbrella", "bluecoat", "blue coat", "symantec web", "netskope", "forcepoint", "websense", "mcafee web", "skyhigh", "trend micro",
	"untangle", "smoothwall", "lightspeed", "securly", "contentkeeper", "iboss", "avast", "avg ", "kaspersky", "eset ssl", "eset,", "bitdefender", "dr.web",
	"norton", "mitmproxy", "sslsplit", "squid", "charles proxy", "fiddler", "opnsense", "pfsense", "sangfor", "hillstone", "stormshield", "clavister", "gateprotect",
}

func inspector(issuer string) string {
	low := strings.ToLower(issuer)
	for _, name := range inspectors {
		if strings.Contains(low, name) {
			return strings.TrimSpace(name)
		}
	}
	return ""
}

func intercepted(s *scene) support {
	p := s.certProblem()
	c := s.chain()
	if c == nil || len(c.Certificates) == 0 {
		return support{}
	}
	issuer := c.Certificates[0].Issuer
	if same := s.sameIssuer(issuer); len(same) > 0 && p.what.Problem != evidence.CertNameMismatch && !verifiedBy(c, "mozilla") {
		return support{confidence: Proven, because: append([]Ground{s.ground(s.main.Chain, "%s", s.leaf())}, same...),
			summary: "A device on the path breaks the encryption: servers of different providers show certificates of one private authority."}
	}
	public, private := verifiedBy(c, "mozilla"), verifiedBy(c, "system")
	switch name := inspector(issuer); {
	case name != "" && !public:
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Chain, "the certificate was issued by an inspection product (%s): %s", name, s.leaf())}}
	case private && !public && hasPool(c, "mozilla") && s.known:
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Chain, "this machine trusts the issuer, the public web does not: %s", s.leaf())}}
	case s.known && (p.what.Problem == evidence.CertUntrusted || p.what.Problem == evidence.CertSelfSigned):
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Chain, "a host of %s shows a certificate that no public authority issued: %s", s.profile.Title, s.leaf())}}
	case p.what.Problem == evidence.CertUntrusted && s.rec.Source == evidence.FromCheck:
		return support{confidence: Possible, because: []Ground{s.ground(s.main.Chain, "an inspection device with its own authority looks the same: %s", s.leaf())}}
	}
	return support{}
}

func verifiedBy(c *evidence.Chain, roots string) bool {
	for _, v := range c.Verified {
		if v.Roots == roots && v.Problem == evidence.CertOK {
			return true
		}
	}
	return false
}

func hasPool(c *evidence.Chain, roots string) bool {
	for _, v := range c.Verified {
		if v.Roots == roots {
			return true
		}
	}
	return false
}

// certIs supports a cause that one kind of certificate problem stands for.
func certIs(s *scene, c Confidence, problems ...evidence.CertProblem) support {
	p := s.certProblem()
	for _, want := range problems {
		if p.trace != nil && p.what.Problem == want {
			return support{confidence: c, because: []Ground{s.ground(s.main.Chain, "%s: %s", certText(p.what), s.leaf())}}
		}
	}
	return support{}
}

// greetingDate reads the date that Exchange and others put in their greeting; zero if there is none.
func (s *scene) greetingDate() time.Time {
	g := s.greeting()
	if g == nil {
		return time.Time{}
	}
	words := strings.Fields(g.Joined())
	for i := range words {
		for n := 5; n <= 6 && i+n <= len(words); n++ {
			for _, layout := range []string{time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700"} {
				if t, err := time.Parse(layout, strings.Join(words[i:i+n], " ")); err == nil {
					return t
				}
			}
		}
	}
	return time.Time{}
}

// clockOff returns how far this machine's clock is ahead of the server's, if the greeting has a date; ok is false if not.
func (s *scene) clockOff() (ahead time.Duration, ok bool) {
	at := s.greetingDate()
	if at.IsZero() || s.main.Trace.Start.IsZero() || s.rec.Source != evidence.FromCheck {
		return 0, false
	}
	return s.main.Trace.Start.Add(s.main.At(s.main.Greeting)).Sub(at), true
}

// dateProblem judges a certificate outside its dates, with what the greeting's own date says of the clock.
func dateProblem(s *scene, problem evidence.CertProblem) support {
	got := certIs(s, Likely, problem)
	if got.confidence == "" {
		return got
	}
	ahead, ok := s.clockOff()
	switch {
	case !ok:
		got.because = append(got.because, Ground{Text: "nothing was seen that would check this machine's clock", Event: -1})
	case ahead.Abs() > 24*time.Hour:
		got.summary = fmt.Sprintf("The certificate seems out of its dates because this machine's clock is wrong: it differs from the server's by %s.", ahead.Abs().Round(time.Hour))
		got.because = append(got.because, s.ground(s.main.Greeting, "the greeting's date differs from this machine's clock by %s", ahead.Abs().Round(time.Hour)))
	default:
		got.confidence = Proven
		got.because = append(got.because, s.ground(s.main.Greeting, "the greeting's date agrees with this machine's clock"))
	}
	return got
}

func expired(s *scene) support     { return dateProblem(s, evidence.CertExpired) }
func notYetValid(s *scene) support { return dateProblem(s, evidence.CertNotYetValid) }

func nameMismatch(s *scene) support {
	got := certIs(s, Likely, evidence.CertNameMismatch)
	if got.confidence == "" {
		return got
	}
	got.summary = fmt.Sprintf("The certificate is for other names than %s.", s.walk.Host)
	return got
}

func untrusted(s *scene) support {
	got := certIs(s, Likely, evidence.CertUntrusted, evidence.CertSelfSigned, evidence.CertIncomplete)
	if got.confidence != "" && s.known {
		got.confidence = Possible
	}
	return got
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
	z := s.sizes()
	first := s.ground(s.main.TLSFailed, "small packets passed until the handshake, then silence; %d octets were sent, %d received", f.SentN, f.GotN)
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
	if f == nil || f.How != evidence.TLSEnded {
		return support{}
	}
	got := support{confidence: Possible, because: []Ground{s.ground(v.TLSFailed, "%s", s.handshakeFailure())}}
	if f.Outcome == evidence.Reset || f.Outcome == evidence.Closed && f.GotN == 0 {
		got.confidence = Likely
	}
	z := s.sizes()
	nameless := s.trials(askNoSNI, "without the server's name in the ClientHello")
	switch {
	case every(nameless, true) && every(z.usual, false):
		got.confidence = Proven
		got.because = append(got.because, trialGrounds(nameless, z.usual)...)
		got.summary = "A filter on the path cuts the handshake because of the server's name in the ClientHello."
	case z.hole() || every(z.smallHello, true) && every(z.usual, false):
		return support{} // it is the size
	case every(z.small, false) && every(z.usual, false) && every(z.smallHello, false):
		got.confidence = Likely
		got.because = append(got.because, trialGrounds(z.smallHello[:1], z.small[:1], z.usual[:1])...)
	}
	if spoken, because := s.versions(); len(spoken) > 0 && got.confidence == Likely {
		got.because = append(got.because, because[len(because)-1])
	}
	return got
}

// garbageInHandshake: after "220 go ahead" something answers that is not TLS.
func garbageInHandshake(s *scene) support {
	f := s.tlsFailed()
	if f == nil || f.How != evidence.TLSNotTLS || s.main.StartTLS.Sent < 0 {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.TLSFailed, "STARTTLS was accepted, and the answer to the ClientHello is not TLS: %s", f.Text)}}
}

// sameIssuer are the hosts known to work that show a certificate of the same issuer as this one. Providers that have nothing
// in common share no private authority, unless it sits on the path.
func (s *scene) sameIssuer(issuer string) []Ground {
	var out []Ground
	for _, name := range []string{askControl, askSibling} {
		for _, e := range s.experiments(name) {
			for _, v := range e.views {
				if v.Chain < 0 {
					continue
				}
				if c := v.Trace.Events[v.Chain].Chain; len(c.Certificates) > 0 && c.Certificates[0].Issuer == issuer && !verifiedBy(c, "mozilla") {
					out = append(out, Ground{Text: fmt.Sprintf("%s shows a certificate of the same issuer", v.Trace.Walk.Host), Trace: v.Trace.ID, Event: v.Chain})
				}
			}
		}
	}
	return out
}
