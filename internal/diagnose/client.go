package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// aboutClient reports whether it is the client that is judged: the record was made by a server of our own, which has no fault
// and no path worth speaking of before it. What fails is the client's doing, and its own octets prove it.
func (s *scene) aboutClient() bool {
	return s.rec.Source == evidence.FromListen && s.role == evidence.RoleObserved && s.sees().ServerSide
}

// clientRules look for what a client does wrong, or cannot do, in the order of the tree.
var clientRules = []struct {
	step cause.Step
	rule
}{
	{cause.Banner, rule{cause.NotSMTP, clientOfOtherProtocol}},
	{cause.Banner, rule{cause.ImplicitTLSExpected, clientAwaitsGreeting}},
	{cause.Banner, rule{cause.GreetingDelayed, clientLeavesEarly}},
	{cause.EHLO, rule{cause.HELONameRejected, clientName}},
	{cause.EHLO, rule{cause.HELOOnlyClient, clientSaysHELO}},
	{cause.StartTLS, rule{cause.ImplicitTLSOnStartTLSPort, clientTLSTooEarly}},
	{cause.StartTLS, rule{cause.TLSVersionMismatch, clientTLSTooOld}},
	{cause.StartTLS, rule{cause.TLSCipherMismatch, clientCiphers}},
	{cause.StartTLS, rule{cause.CertificateExpired, clientRefuses(evidence.CertExpired)}},
	{cause.StartTLS, rule{cause.CertificateNameMismatch, clientRefuses(evidence.CertNameMismatch)}},
	{cause.StartTLS, rule{cause.CertificateUntrusted, clientRefuses(evidence.CertSelfSigned, evidence.CertOK)}},
	{cause.StartTLS, rule{cause.ClientTrustStoreOutdated, clientDistrustsServer}},
	{cause.StartTLS, rule{cause.ClientTLSUnavailable, clientWithoutTLS}},
	{cause.Auth, rule{cause.TLSRequiredFirst, clientSignsInEarly}},
	{cause.Auth, rule{cause.AuthMechanismMismatch, clientMechanism}},
	{cause.Auth, rule{cause.ClientProtocolError, clientResponse}},
	{cause.Mail, rule{cause.SenderAddressInvalid, clientSender}},
	{cause.Mail, rule{cause.MessageTooLarge, clientSize}},
	{cause.Mail, rule{cause.AuthRequired, clientWithoutLogin}},
	{cause.Rcpt, rule{cause.RecipientAddressInvalid, clientRecipient}},
	{cause.Data, rule{cause.MessageMalformed, clientMessage}},
	{cause.Data, rule{cause.DataStalls, clientStopsInBody}},
	{cause.Mail, rule{cause.ClientProtocolError, clientOutOfStep}},
}

// clientFindings are what the rules say of a client; or else what any conversation of others would be called.
func (s *scene) clientFindings(steps []StepResult) []Finding {
	var found []Finding
	for _, r := range clientRules {
		if got := r.judge(s); got.confidence != "" {
			step := r.step
			if got.step != "" {
				step = got.step
			}
			found = append(found, finding(step, r.cause, got.confidence, got.summary, got.because...))
		}
	}
	if len(found) > 0 {
		return rank(found)
	}
	for _, r := range steps {
		if r.Status == Fail {
			if found := rank(s.refusalFindings(r)); len(found) > 0 {
				return found
			}
			return []Finding{s.undetermined(r)}
		}
	}
	if s.clientSaidNothing() {
		f := finding(cause.None, cause.Undetermined, Possible, "The device opened a connection and said nothing: a test whether the port is open looks like this.")
		if s.main.Ended >= 0 {
			f.Because = []Ground{s.ground(s.main.Ended, "%s", clientEnding(s.main.Ending()))}
		}
		return []Finding{f}
	}
	return []Finding{s.allPassed(steps)}
}

func (s *scene) clientSaidNothing() bool {
	v := s.main
	return v != nil && len(v.Hellos)+len(v.TLSHellos)+len(v.Others)+len(v.Mails)+len(v.Bytes) == 0 && v.ClientHello < 0 && v.Quit.Sent < 0
}

func clientEnding(e *evidence.Ended) string {
	after := ""
	if e.Waited > 0 {
		after = " after " + seconds(e.Waited)
	}
	switch e.Outcome {
	case evidence.TimedOut:
		return "the device said nothing for " + seconds(e.Waited)
	case evidence.Reset:
		return "the device reset the connection" + after
	case evidence.Closed:
		return "the device closed the connection" + after
	}
	return ending(e)
}

// newest picks the conversation of a device that counts: the last in which it said something.
func newest(views []*evidence.View) *evidence.View {
	for _, v := range slices.Backward(views) {
		if len(v.Hellos)+len(v.TLSHellos)+len(v.Others)+len(v.Bytes) > 0 || v.ClientHello >= 0 {
			return v
		}
	}
	return views[len(views)-1]
}

func clientOfOtherProtocol(s *scene) support {
	for _, i := range s.main.Bytes {
		b := s.main.Trace.Events[i].Bytes
		if b.From == evidence.Client && slices.Contains([]string{"http", "ssh", "imap", "pop3", "telnet"}, b.Looks) {
			return support{confidence: Proven, because: []Ground{s.ground(i, "its first octets look like %s: %q", b.Looks, head(b.Head, 40))},
				summary: "What connected is no mail client: it speaks " + strings.ToUpper(b.Looks) + "."}
		}
	}
	return support{}
}

// clientAwaitsGreeting: on a port of implicit TLS the client has to begin, and it waits, or speaks plain text.
func clientAwaitsGreeting(s *scene) support {
	v := s.main
	if s.walk.TLS != evidence.ImplicitTLS || v.ClientHello >= 0 {
		return support{}
	}
	port := s.walk.Port
	summary := fmt.Sprintf("The device expects plain text on port %d, which speaks TLS from the first byte: choose STARTTLS with port 587 on it, or SSL/TLS with this port.", port)
	if x := evidence.First(v.Hellos); x.Sent >= 0 {
		return support{confidence: Proven, summary: summary, because: []Ground{s.ground(x.Sent, "on a port of implicit TLS its first octets are plain text: %s", v.SentAt(x.Sent).Line)}}
	}
	if e := v.Ending(); e != nil && len(v.Bytes) == 0 {
		return support{confidence: Likely, summary: summary, because: []Ground{s.ground(v.Ended, "it waited for a greeting, and sent nothing: %s", clientEnding(e))}}
	}
	return support{}
}

// clientLeavesEarly: a client that was made to wait and left. It shows only where the server waits, so with cases of the lab.
func clientLeavesEarly(s *scene) support {
	v := s.main
	e := v.Ending()
	if v.Greeting >= 0 || s.walk.TLS == evidence.ImplicitTLS || e == nil || e.Outcome != evidence.Closed && e.Outcome != evidence.Reset || len(v.Bytes) > 0 || v.ClientHello >= 0 {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(v.Ended, "no greeting had come: %s", clientEnding(e))},
		summary: "The device waits no longer than " + seconds(e.Waited) + " for a greeting; RFC 5321 wants 5 minutes."}
}

func helloName(sent *evidence.Sent) string {
	return strings.TrimSpace(strings.TrimPrefix(sent.Line, sent.Line[:min(len(sent.Verb), len(sent.Line))]))
}

// clientName: no name, one with a blank, or one that no host may have (RFC 5321, section 4.1.1.1; RFC 1123, section 2.1).
func clientName(s *scene) support {
	for _, x := range append(slices.Clone(s.main.Hellos), s.main.TLSHellos...) {
		sent := s.main.SentAt(x.Sent)
		name := helloName(sent)
		r := s.reply(x)
		switch {
		case name == "" && r != nil && r.Permanent():
			return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "%s has no name after it, and is refused: %s", sent.Verb, r)},
				summary: "The device greets without a name: give it a host name, such as scanner.example.com."}
		case r != nil && r.Permanent():
			return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the name %q is refused: %s", name, r)},
				summary: fmt.Sprintf("The device greets with the name %q, which servers refuse: give it a host name without blanks.", name)}
		case strings.ContainsFunc(name, oddInName):
			return support{confidence: Possible, because: []Ground{s.ground(x.Sent, "the name %q is no host name (RFC 5321, section 4.1.2): some servers refuse it", name)},
				summary: fmt.Sprintf("The device greets with %q, which is no valid host name: many servers take it, some refuse it.", name)}
		}
	}
	return support{}
}

func oddInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".-[]:", r))
}

// clientSaysHELO: without EHLO there is neither STARTTLS nor AUTH. Where mail is taken all the same it does no harm.
func clientSaysHELO(s *scene) support {
	got := heloOnly(s)
	if got.confidence != Likely {
		return support{}
	}
	got.confidence = Proven
	got.summary = "The device says HELO, never EHLO, so it is never offered STARTTLS or a sign-in."
	return got
}

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

func clientSender(s *scene) support {
	x := evidence.Last(s.main.Mails)
	if r := s.reply(x); r != nil && r.Code == 501 {
		return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the sender's address is malformed: %s", s.main.SentAt(x.Sent).Line)},
			summary: "The sender's address that the device is set to is malformed: write it as scanner@example.com."}
	}
	return support{}
}

func clientSize(s *scene) support {
	for _, x := range []evidence.Exchange{evidence.Last(s.main.Mails), s.main.Message} {
		if r := s.reply(x); r != nil && r.Code == 552 {
			step := cause.Mail
			if x == s.main.Message {
				step = cause.Data
			}
			return support{confidence: Proven, step: step, because: []Ground{s.ground(x.Reply, "the message is over the limit announced: %s", r)}}
		}
	}
	return support{}
}

// clientWithoutLogin: TLS is there, and the client sends mail without signing in.
func clientWithoutLogin(s *scene) support {
	x := evidence.Last(s.main.Mails)
	r := s.reply(x)
	if r == nil || r.Code != 530 || s.main.Secured < 0 || len(s.main.Auths) > 0 {
		return support{}
	}
	return support{confidence: Proven, because: []Ground{s.ground(x.Reply, "inside TLS it sends mail without signing in: %s", r)},
		summary: "The device does not sign in: give it user name and password, and switch SMTP authentication on."}
}

func clientRecipient(s *scene) support {
	for _, x := range s.main.Rcpts {
		if r := s.reply(x); r != nil && r.Code == 501 {
			return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the recipient's address is malformed: %s", s.main.SentAt(x.Sent).Line)},
				summary: "A recipient's address in the device is malformed or empty: look at its address book."}
		}
	}
	return support{}
}

// clientMessage: faults of the message itself, by which many servers refuse it.
func clientMessage(s *scene) support {
	for i := range s.main.Trace.Events {
		m := s.main.Trace.Events[i].Mail
		if m == nil {
			continue
		}
		var faults []string
		if m.BareLF > 0 {
			faults = append(faults, fmt.Sprintf("%d of %d lines end with LF alone", m.BareLF, m.Lines))
		}
		if slices.Contains(m.Missing, "From") {
			faults = append(faults, "it has no From")
		}
		if m.NUL > 0 {
			faults = append(faults, "it holds NUL octets")
		}
		if m.Longest > 998 && m.EndedBy != "chunk" {
			faults = append(faults, fmt.Sprintf("a line of %d octets (998 are allowed)", m.Longest))
		}
		if len(faults) == 0 || m.Bytes == 0 {
			continue
		}
		got := support{confidence: Likely, because: []Ground{s.ground(i, "the message breaks RFC 5322: %s", strings.Join(faults, "; "))}}
		if r := s.reply(s.main.Message); r != nil && r.Permanent() {
			got.confidence = Proven
			got.because = append(got.because, s.ground(s.main.Message.Reply, "it is refused: %s", r))
		}
		return got
	}
	return support{}
}

func clientStopsInBody(s *scene) support {
	e, ok := s.inBody()
	if !ok {
		return support{}
	}
	n := int64(0)
	if m := s.main.SentAt(s.main.Message.Sent); m != nil {
		n = m.Bytes
	}
	return support{confidence: Likely, because: []Ground{s.ground(s.main.Ended, "after %d octets of the message %s", n, clientEnding(e))},
		summary: "The device does not send its message to the end."}
}

// clientOutOfStep: commands in an order, or of a kind, that no server takes.
func clientOutOfStep(s *scene) support {
	for i := range s.main.Trace.Events {
		r := s.main.ReplyAt(i)
		if r == nil || r.Code != 503 && r.Code != 500 || r.To < 0 {
			continue
		}
		sent := s.main.SentAt(r.To)
		if sent.Early && mayComeEarly(sent.Verb) {
			continue // it was on its way when the command before it was refused
		}
		line := sent.Line
		if sent.Secret {
			line = "a line that is no command"
		}
		return support{confidence: Likely, step: stepOf(s.main, i), because: []Ground{s.ground(i, "%s is answered %s", line, r)},
			summary: "The device's software does not keep to the order or the words of SMTP."}
	}
	for i := range s.main.Trace.Events {
		if sent := s.main.SentAt(i); sent != nil && sent.Early && !mayComeEarly(sent.Verb) {
			return support{confidence: Possible, because: []Ground{s.ground(i, "%s came before the reply to the command before it, which it has to wait for (RFC 2920, section 3.1)", sent.Verb)}}
		}
	}
	return support{}
}

// mayComeEarly reports whether a command may be sent before the reply to the one before it.
func mayComeEarly(verb string) bool {
	return slices.Contains([]string{"MAIL", "RCPT", "RSET", "DATA", "QUIT", "BDAT", "NOOP", evidence.Message, "STARTTLS", ""}, verb)
}
