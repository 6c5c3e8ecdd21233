package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

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
		return "the certificate itself was not seen"
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

// Inspector names the TLS-inspecting product that an issuer's name tells of, "" if none.
func Inspector(issuer string) string {
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
	switch name := Inspector(issuer); {
	case name != "" && !public:
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Chain, "the certificate was issued by an inspection product (%s): %s", name, s.leaf())}}
	case private && !public && hasPool(c, "mozilla") && s.known:
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Chain, "this machine trusts the issuer, the public web does not: %s", s.leaf())}}
	case s.known && (p.what.Problem == evidence.CertUntrusted || p.what.Problem == evidence.CertSelfSigned):
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Chain, "a host of %s shows a certificate that no public authority issued: %s", s.profile.Title, s.leaf())}}
	case p.what.Problem == evidence.CertUntrusted && s.asClient():
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

// trustedHere reports whether the chain verifies by the roots that the user, or else this machine, trusts.
func trustedHere(c *evidence.Chain) bool { return verifiedBy(c, "ca-file") || verifiedBy(c, "system") }

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
	if at.IsZero() || s.main.Trace.Start.IsZero() || !s.asClient() {
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

func expired(s *scene) support { return dateProblem(s, evidence.CertExpired) }

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

// sameIssuer are the hosts known to work that show a certificate of the same issuer as this one. Providers that have nothing
// in common share no private authority, unless it sits on the path. An authority that this machine trusts, as a chain of it
// shows, is not what is wrong with this certificate.
func (s *scene) sameIssuer(issuer string) []Ground {
	var out []Ground
	for _, name := range []string{askControl, askSibling} {
		for _, e := range s.experiments(name) {
			for _, v := range e.views {
				if v.Chain < 0 {
					continue
				}
				if c := v.Trace.Events[v.Chain].Chain; len(c.Certificates) > 0 && c.Certificates[0].Issuer == issuer && !verifiedBy(c, "mozilla") && !trustedHere(c) {
					out = append(out, Ground{Text: fmt.Sprintf("%s shows a certificate of the same issuer", v.Trace.Walk.Host), Trace: v.Trace.ID, Event: v.Chain})
				}
			}
		}
	}
	return out
}
