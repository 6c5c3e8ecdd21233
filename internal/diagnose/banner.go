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
	{cause.SMTPRedirected, foreignServer},
	{cause.MiddleboxTerminates, cutBeforeBanner},
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
	return s.known && r.Code == 220 && !maskedGreeting(r) && !s.door.Greets(r)
}

// silence returns the end of a connection on which no greeting came, or nil.
func (s *scene) silence() *evidence.Ended {
	v := s.main
	if v == nil || v.Greeting >= 0 || len(v.Bytes) > 0 || !v.Connected() {
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
	switch {
	case s.walk.Port == 465:
		return support{confidence: Likely, because: []Ground{s.ground(v.Ended, "port 465 speaks TLS from the first byte (RFC 8314); in plain text: %s", ending(e))}}
	case s.known && containsPort(s.door.Implicit, s.walk.Port):
		return support{confidence: Likely, because: []Ground{s.ground(v.Ended, "this door speaks TLS from the first byte on port %d", s.walk.Port)}}
	case e.Outcome == evidence.TimedOut:
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
			c := Possible
			if b.Looks == "http" || b.Looks == "ssh" {
				c = Likely
			}
			return support{confidence: c, because: []Ground{s.ground(i, "the first octets look like %s: %q", b.Looks, head(b.Head, 40))},
				summary: "Something answers on this port that does not speak SMTP (it looks like " + b.Looks + ")."}
		}
	}
	if g := s.greeting(); g != nil && (g.Code == 0 || g.Code < 200 || g.Code > 599) {
		return support{confidence: Likely, because: []Ground{s.ground(v.Greeting, "the first line has no reply code: %q", head([]byte(g.Joined()), 60))}}
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

// greetingTook is how long the greeting took from when it could come: from the connection, or from the end of the handshake
// under implicit TLS. 0 if that was not seen.
func (s *scene) greetingTook() time.Duration {
	v := s.main
	if s.greeting() == nil || v.Dialed < 0 || !s.sees().Timing {
		return 0
	}
	from := v.Dialed
	if v.Secured >= 0 && v.Secured < v.Greeting {
		from = v.Secured
	}
	return v.At(v.Greeting) - v.At(from)
}

func foreignServer(s *scene) support {
	g := s.greeting()
	if g == nil || !s.foreignGreeting(g.Reply) {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.Greeting, "%s does not greet like a host of %s: %s", s.walk.Host, s.profile.Title, g)},
		summary: "Another server than the provider's seems to answer under its name."}
}

func cutBeforeBanner(s *scene) support {
	e := s.silence()
	if e == nil || e.Outcome != evidence.Closed && e.Outcome != evidence.Reset {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.Ended, "the connection opened, then %s, with no octet received", ending(e))}}
}

func silentBanner(s *scene) support {
	e := s.silence()
	if e == nil || e.Outcome != evidence.TimedOut {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.Ended, "the connection opened, then %s, with no octet received", ending(e))}}
}
