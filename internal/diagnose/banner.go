package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

var bannerRules = []rule{
	{cause.NotSMTP, otherProtocol},
	{cause.SecuritySoftwareIntercepts, localProxySpeaks},
	{cause.ServerRefusesService, greetingRefuses},
	{cause.BannerRewritten, bannerMasked},
	{cause.GreetingDelayed, greetingLate},
	{cause.GreetingDelayed, greetingAtLast},
	{cause.DNSWrongAnswer, wrongAnswer},
	{cause.TLSInspection, inspectorSpeaks},
	{cause.SMTPRedirected, foreignServer},
	{cause.MiddleboxTerminates, cutBeforeBanner},
	{cause.MiddleboxTerminates, cutGreeting},
	{cause.SMTPBlockedUpstream, silentBanner},
	{cause.ImplicitTLSExpected, wantsTLSFirst},
}

// greeting returns the greeting seen, or nil.
func (s *scene) greeting() *evidence.Reply {
	if s.main == nil {
		return nil
	}
	return s.main.ReplyAt(s.main.Greeting)
}

// maskedGreeting: the text after 220 is overwritten in place, as Cisco's SMTP fixup does ("220 ****2***0").
func maskedGreeting(r smtp.Reply) bool {
	text := strings.ReplaceAll(r.Joined(), " ", "")
	return len(text) >= 4 && strings.Count(text, "*")*2 >= len(text)
}

// foreignGreeting: a 220 that a known provider's host does not say.
func (s *scene) foreignGreeting(r smtp.Reply) bool {
	return s.known && !s.aboutClient() && r.Code == 220 && !maskedGreeting(r) && !s.door.Greets(r)
}

// silence returns the end of a connection on which no greeting came, or nil.
func (s *scene) silence() *evidence.Ended {
	v := s.main
	if v == nil || v.Greeting >= 0 || len(v.Bytes) > 0 || !v.Connected() || s.rec.Source == evidence.FromCapture && !s.sees().Server {
		return nil
	}
	if e := v.Ending(); e != nil && e.Outcome != evidence.Aborted && (e.Waiting == waitGreeting || e.Waiting == "") {
		return e
	}
	return nil
}

func wantsTLSFirst(s *scene) support {
	v := s.main
	if v == nil || v.Greeting >= 0 || s.implicit() {
		return support{}
	}
	for _, i := range v.Bytes {
		if b := v.Trace.Events[i].Bytes; b.From == evidence.Server && strings.HasPrefix(b.Looks, "tls") {
			return support{confidence: Likely, because: []Ground{s.ground(i, "the server sent a TLS record to a client that spoke plain text")}}
		}
	}
	e := s.silence()
	if e == nil {
		return support{}
	}
	if l := s.secondLook(); len(l.tls) > 0 {
		return support{confidence: Proven, because: append([]Ground{s.ground(v.Ended, "in plain text: %s", ending(e))}, l.tls...)}
	}
	switch {
	case s.walk.Port == 465:
		return support{confidence: Likely, because: []Ground{s.ground(v.Ended, "port 465 speaks TLS from the first byte (RFC 8314); in plain text: %s", ending(e))}}
	case s.known && containsPort(s.door.Implicit, s.walk.Port):
		return support{confidence: Likely, because: []Ground{s.ground(v.Ended, "this door speaks TLS from the first byte on port %d", s.walk.Port)}}
	case e.Outcome == evidence.TimedOut && len(s.experiments(askTLSFirst)) == 0:
		return support{confidence: Possible, because: []Ground{s.ground(v.Ended, "a port that waits for TLS is silent just so")}}
	}
	return support{}
}

func containsPort(ports []int, p int) bool {
	for _, q := range ports {
		if p == q {
			return true
		}
	}
	return false
}

func otherProtocol(s *scene) support {
	v := s.main
	if v == nil {
		return support{}
	}
	for _, i := range v.Bytes {
		if b := v.Trace.Events[i].Bytes; b.From != evidence.Client && b.Looks != "" && !strings.HasPrefix(b.Looks, "tls") && b.Looks != "smtp" && v.Greeting < 0 {
			c := Likely
			if b.Looks == "other" && b.Count < 4 {
				c = Possible
			}
			return support{confidence: c, because: []Ground{s.ground(i, "the first octets look like %s: %q", b.Looks, head(b.Head, 40))},
				summary: "Something answers on this port that does not speak SMTP (it looks like " + b.Looks + ")."}
		}
	}
	if s.silence() != nil {
		if l := s.secondLook(); l.other != "" {
			return support{confidence: Likely, because: append([]Ground{s.ground(v.Ended, "nothing came by itself: %s", ending(v.Ending()))}, l.spoken...),
				summary: "Something answers on this port that does not speak SMTP (it looks like " + l.other + ")."}
		}
	}
	if g := s.greeting(); g != nil && g.Code == 220 {
		if !g.Complete && (g.Has(smtp.FlawLongLine) || g.Has(smtp.FlawManyLines)) {
			return support{confidence: Possible, because: []Ground{s.ground(v.Greeting, "the greeting goes on without end: no mail server greets so")}}
		}
		return otherGreeting(s, g)
	}
	if g := s.greeting(); g != nil && (g.Code == 0 || g.Code < 200 || g.Code > 599) {
		return support{confidence: Likely, because: []Ground{s.ground(v.Greeting, "the first line has no reply code: %q", head([]byte(g.Joined()), 60))}}
	}
	return support{}
}

// protocols220 are protocols whose servers greet with 220 too (RFC 959, section 5.4) or name themselves where SMTP servers do.
var protocols220 = []struct{ word, name string }{{"ftp", "FTP"}, {"pop3", "POP3"}, {"imap", "IMAP"}, {"telnet", "Telnet"}, {"ssh-", "SSH"}, {"http", "HTTP"}}

// otherGreeting: a 220 of another protocol, which then understands neither EHLO nor HELO.
func otherGreeting(s *scene, g *evidence.Reply) support {
	text := strings.ToLower(g.Joined())
	for _, p := range protocols220 {
		if !strings.Contains(text, p.word) || strings.Contains(text, "smtp") {
			continue
		}
		for _, x := range s.hellos() {
			if r := s.reply(x); r == nil || r.Positive() {
				return support{}
			}
		}
		return support{confidence: Likely, step: cause.Banner, because: []Ground{s.ground(s.main.Greeting, "the greeting is of %s: %s", p.name, g)},
			summary: "A server of another protocol (" + p.name + ") answers on this port."}
	}
	return support{}
}

func head(b []byte, n int) string {
	if len(b) > n {
		return string(b[:n]) + "..."
	}
	return string(b)
}

// localProxySpeaks: the words of a proxy on the way, most often a virus scanner on the client, that could not reach the
// server and says so in a greeting of its own.
func localProxySpeaks(s *scene) support {
	g := s.greeting()
	if g == nil || g.Positive() {
		return support{}
	}
	text := strings.ToLower(g.Joined())
	if strings.Contains(text, "cannot connect to") || strings.Contains(text, "can't connect to") || strings.Contains(text, "connect error") ||
		strings.Contains(text, "could not connect to") {
		return support{confidence: Likely, because: []Ground{s.ground(s.main.Greeting, "the greeting says that its speaker could not connect onward: no mail server greets so")},
			summary: "A proxy answers in place of the server, most often security software on this machine, and could not reach the server itself."}
	}
	return support{}
}

func greetingRefuses(s *scene) support {
	g := s.greeting()
	if g == nil || !g.Transient() && !g.Permanent() {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(s.main.Greeting, "the greeting is a refusal: %s", g)}}
}

func bannerMasked(s *scene) support {
	g := s.greeting()
	if g == nil || !maskedGreeting(g.Reply) {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(s.main.Greeting, "the greeting is overwritten: %s", g)}}
}

func greetingLate(s *scene) support {
	v := s.main
	took := s.greetingTook()
	if took <= deviceWait {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(v.Greeting, "the greeting came after %s; RFC 5321 allows 5 minutes, common devices give up after 10 to 30 s", seconds(took))},
		summary: fmt.Sprintf("The server greets only after %s, which is longer than many devices wait.", seconds(took))}
}

// greetingAtLast: the walk had no patience left, another connection got its greeting.
func greetingAtLast(s *scene) support {
	if g := s.greeting(); g != nil && !g.Complete && s.brokeIn(waitGreeting) && !s.cut() {
		return support{confidence: Possible, because: []Ground{s.ground(s.main.Greeting, "a greeting began, and was not complete when time was over: %s", ending(s.main.Ending()))}}
	}
	e := s.silence()
	if e == nil || e.Outcome != evidence.TimedOut {
		return support{}
	}
	l := s.secondLook()
	if len(l.greeted) == 0 {
		return support{}
	}
	return support{confidence: Likely, because: append([]Ground{s.ground(s.main.Ended, "no greeting: %s", ending(e))}, l.greeted...)}
}

// greetingTook is how long the greeting took from when it could come: from the connection, with which the traces of a listener
// start, or from the end of the handshake under implicit TLS. 0 if that was not seen.
func (s *scene) greetingTook() time.Duration {
	v := s.main
	listened := s.rec.Source == evidence.FromListen && s.role == evidence.RoleObserved
	switch {
	case s.greeting() == nil || !s.sees().Timing || v.Dialed < 0 && !listened:
		return 0
	case v.Secured >= 0 && v.Secured < v.Greeting:
		return v.At(v.Greeting) - v.At(v.Secured)
	case v.Dialed < 0:
		return v.At(v.Greeting)
	}
	return v.At(v.Greeting) - v.At(v.Dialed)
}

// foreignServer: the greeting of somebody else under the provider's name. It is looked for at later steps too, because what
// fails there goes back to it.
func foreignServer(s *scene) support {
	g := s.greeting()
	if g == nil || !s.foreignGreeting(g.Reply) {
		return support{}
	}
	got := support{confidence: Possible, step: cause.Banner,
		because: []Ground{s.ground(s.main.Greeting, "%s does not greet like a host of %s: %s", s.walk.Host, s.profile.Title, g)},
		summary: "Another server than the provider's answers under its name: connections to this port are redirected."}
	if p := s.certProblem(); p.what.Problem == evidence.CertNameMismatch || p.what.Problem == evidence.CertUntrusted || p.what.Problem == evidence.CertSelfSigned {
		got.confidence = Likely
		got.because = append(got.because, s.ground(s.main.Chain, "and its certificate is not the provider's: %s", s.leaf()))
	}
	if x, at, ok := s.offered(); ok && len(s.door.Missing(x, false)) > 0 {
		got.confidence = Likely
		got.because = append(got.because, s.ground(at, "nor does it offer what that host offers: %s missing", strings.Join(s.door.Missing(x, false), " ")))
	}
	for _, e := range s.experiments(askControl) {
		for _, v := range e.views {
			if r := v.ReplyAt(v.Greeting); r != nil && r.Code == 220 && greetingHost(r.Reply) == greetingHost(g.Reply) {
				got.confidence = Proven
				got.because = append(got.because, Ground{Text: fmt.Sprintf("asked for %s, the same server greets: %s", v.Trace.Walk.Host, r), Trace: v.Trace.ID, Event: v.Greeting})
			}
		}
	}
	return got
}

// greetingHost is the name that a server gives itself in its greeting.
func greetingHost(r smtp.Reply) string {
	f := strings.Fields(r.Joined())
	if len(f) == 0 {
		return ""
	}
	return strings.ToLower(f[0])
}

// inspectorSpeaks: a foreign greeting together with a certificate that an inspection product issued.
func inspectorSpeaks(s *scene) support {
	g, c := s.greeting(), s.chain()
	if g == nil || c == nil || len(c.Certificates) == 0 || !s.foreignGreeting(g.Reply) {
		return support{}
	}
	name := Inspector(c.Certificates[0].Issuer)
	if name == "" || verifiedBy(c, "mozilla") {
		return support{}
	}
	return support{confidence: Likely, step: cause.Banner, because: []Ground{s.ground(s.main.Greeting, "the greeting is not the provider's: %s", g),
		s.ground(s.main.Chain, "the certificate was issued by an inspection product (%s): %s", name, s.leaf())}}
}

// A second look: what the experiments saw where the walk got no greeting.
type secondLook struct {
	greeted  []Ground // the same port greeted after all
	same     []Ground // it failed in the same way again
	controls []Ground // other hosts greet on this port
	mute     []Ground // other hosts connect on this port and fail in the same way
	ports    []Ground // other ports of the host greet
	tls      []Ground // TLS from the first byte works here
	other    string   // the protocol of what answers there in place of TLS
	spoken   []Ground
}

func (s *scene) secondLook() secondLook {
	var l secondLook
	sort := func(name string, good, bad *[]Ground) {
		for _, e := range s.experiments(name) {
			for _, v := range e.views {
				if r := v.ReplyAt(v.Greeting); r != nil && r.Code == 220 {
					*good = append(*good, Ground{Text: fmt.Sprintf("%s:%d greets: %s", v.Trace.Walk.Host, v.Trace.Walk.Port, r), Trace: v.Trace.ID, Event: v.Greeting})
				} else if e := v.Ending(); bad != nil && e != nil && v.Connected() && e.Outcome != evidence.Aborted && len(v.Bytes) == 0 {
					*bad = append(*bad, Ground{Text: fmt.Sprintf("%s:%d connects, and does not greet: %s", v.Trace.Walk.Host, v.Trace.Walk.Port, ending(e)), Trace: v.Trace.ID, Event: v.Ended})
				}
			}
		}
	}
	sort(askAgain, &l.greeted, &l.same)
	sort(askControl, &l.controls, &l.mute)
	sort(askOtherPort, &l.ports, nil)
	for _, e := range s.experiments(askTLSFirst) {
		for _, v := range e.views {
			if v.Secured >= 0 || v.ServerHello >= 0 {
				l.tls = append(l.tls, Ground{Text: "asked for TLS from the first byte, it answers with a handshake", Trace: v.Trace.ID, Event: max(v.Secured, v.ServerHello)})
			}
			for _, i := range v.Bytes { // servers that wait to be spoken to answer whatever they are told
				if b := v.Trace.Events[i].Bytes; b.From != evidence.Client && b.Looks == "http" {
					l.other = b.Looks
					l.spoken = append(l.spoken, Ground{Text: fmt.Sprintf("spoken to, it answers: %q", head(b.Head, 40)), Trace: v.Trace.ID, Event: i})
				}
			}
		}
	}
	return l
}

// onThePath weighs whether a connection without a greeting is the path's doing or the server's.
func (s *scene) onThePath(e *evidence.Ended) support {
	l := s.secondLook()
	first := s.ground(s.main.Ended, "the connection opened, then %s, with no octet received", ending(e))
	if len(l.tls) > 0 || l.other != "" {
		return support{}
	}
	got := support{confidence: Possible, because: append([]Ground{first}, l.same...)}
	r := s.reach()
	if near, far := r.blocked.end.what, r.way.end.what; near != nil && far != nil && near.Outcome == evidence.Connected && near.TTL < far.TTL {
		got.confidence = Likely
		got.because = append(got.because, r.blocked.end.ground("port %d is answered at hop %d, though the server is %d hops away", r.blocked.port, near.TTL, far.TTL))
	}
	switch {
	case len(l.controls) > 0:
		if got.confidence != Likely {
			got.because = append(got.because, l.controls[0])
		}
	case len(l.mute) > 0:
		// Two providers that have nothing in common fail alike: what they share is the path.
		if got.confidence == Likely || len(l.mute) > 1 {
			got.confidence = Proven
		} else {
			got.confidence = Likely
		}
		got.because = append(got.because, l.mute...)
	}
	return got
}

// cut reports whether the far end, or something in its name, ended the conversation.
func (s *scene) cut() bool {
	e := s.main.Ending()
	return e != nil && (e.Outcome == evidence.Closed || e.Outcome == evidence.Reset)
}

// cutGreeting: the first octets of a greeting, and then the end.
func cutGreeting(s *scene) support {
	v := s.main
	if v == nil || !s.brokeIn(waitGreeting) || !s.cut() {
		return support{}
	}
	got := support{confidence: Possible, summary: "The connection was cut in the middle of the greeting, by the server or by something on the way to it."}
	switch g := s.greeting(); {
	case g != nil && !g.Complete:
		got.because = append(got.because, s.ground(v.Greeting, "a greeting began: %s", g))
	case g == nil && len(v.Bytes) == 1 && strings.HasPrefix("220", string(v.Trace.Events[v.Bytes[0]].Bytes.Head)):
		got.because = append(got.because, s.ground(v.Bytes[0], "a greeting began: %q", v.Trace.Events[v.Bytes[0]].Bytes.Head))
	default:
		return support{}
	}
	got.because = append(got.because, s.ground(v.Ended, "and before its end %s", ending(v.Ending())))
	return got
}

func cutBeforeBanner(s *scene) support {
	e := s.silence()
	if e == nil || e.Outcome != evidence.Closed && e.Outcome != evidence.Reset {
		return support{}
	}
	return s.onThePath(e)
}

func silentBanner(s *scene) support {
	e := s.silence()
	if e == nil || e.Outcome != evidence.TimedOut {
		return support{}
	}
	return s.onThePath(e)
}
