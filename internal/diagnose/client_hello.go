package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

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
