package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

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
	return clientOfNoMail(s)
}

// foreignVerbs are commands of other protocols, of which the first word, or behind a tag the second, says which it is.
var foreignVerbs = map[string]string{
	"USER": "POP3 or FTP", "PASS": "POP3 or FTP", "APOP": "POP3", "CAPA": "POP3", "STLS": "POP3", "FEAT": "FTP",
	"CAPABILITY": "IMAP", "AUTHENTICATE": "IMAP", "LOGIN": "IMAP",
	"PUT": "HTTP", "DELETE": "HTTP", "PROPFIND": "HTTP", "GET": "HTTP", "POST": "HTTP", "HEAD": "HTTP", "OPTIONS": "HTTP", "CONNECT": "HTTP",
}

// clientOfNoMail: commands of another protocol, or octets that are no text, from a client that never said hello.
func clientOfNoMail(s *scene) support {
	v := s.main
	if len(v.Hellos)+len(v.TLSHellos)+len(v.Mails)+len(v.Auths) > 0 || v.ClientHello >= 0 && v.Secured < 0 {
		return support{}
	}
	for _, x := range v.Others {
		line := v.SentAt(x.Sent).Line
		words := strings.Fields(strings.ToUpper(line))
		for _, w := range words[:min(len(words), 2)] {
			if name := foreignVerbs[w]; name != "" {
				return support{confidence: Likely, because: []Ground{s.ground(x.Sent, "it says %q, which is a command of %s", line, name)},
					summary: "What connected is no mail client: it speaks " + name + "."}
			}
		}
		if strings.ContainsFunc(line, control) {
			return support{confidence: Likely, because: []Ground{s.ground(x.Sent, "what it says is no text: %q", head([]byte(line), 40))}, summary: noMailClient}
		}
	}
	for _, i := range v.Bytes {
		if b := v.Trace.Events[i].Bytes; b.From == evidence.Client && strings.ContainsFunc(string(b.Head), control) {
			return support{confidence: Likely, because: []Ground{s.ground(i, "its first octets are no text: %q", head(b.Head, 40))}, summary: noMailClient}
		}
	}
	return support{}
}

const noMailClient = "What connected is no mail client: what it sends is neither SMTP nor TLS."

// control reports what stands in no line of text.
func control(r rune) bool { return r < ' ' && !strings.ContainsRune("\t\r\n", r) }

// clientNeverEndsLine: a line without CR LF after it, for whose end the server waits. CR alone ends none (RFC 5321, section 2.3.8).
func clientNeverEndsLine(s *scene) support {
	v := s.main
	e := v.Ending()
	if len(v.Bytes) == 0 || v.ClientHello >= 0 || v.StartTLS.Reply >= 0 || e == nil || e.Waiting != "command" {
		return support{}
	}
	at := v.Bytes[len(v.Bytes)-1]
	b := v.Trace.Events[at].Bytes
	if b.From != evidence.Client || slices.ContainsFunc(v.Trace.Events[at:], func(e evidence.Event) bool { return e.Sent != nil || e.Reply != nil }) {
		return support{}
	}
	got := support{confidence: Possible, because: []Ground{s.ground(at, "the server waits for the end of the line %q", head(b.Head, 40)), s.ground(v.Ended, "%s", clientEnding(e))},
		summary: "The device does not end its line with CR LF, so no server answers it: its software is at fault."}
	if e.Waited > time.Second { // else it may have been cut off in the middle
		got.confidence = Likely
	}
	return got
}

// clientAwaitsGreeting: on a port of implicit TLS the client has to begin, and it waits, or speaks plain text.
func clientAwaitsGreeting(s *scene) support {
	v := s.main
	if s.walk.TLS != evidence.ImplicitTLS || v.ClientHello >= 0 {
		return support{}
	}
	port := s.walk.Port
	summary := fmt.Sprintf("The device expects plain text on port %d, which speaks TLS from the first byte: choose STARTTLS with port 587 on it, or SSL/TLS with this port.", port)
	if i := slices.IndexFunc(v.Trace.Events, func(e evidence.Event) bool { return e.Sent != nil }); i >= 0 {
		return support{confidence: Proven, summary: summary, because: []Ground{s.ground(i, "on a port of implicit TLS its first octets are plain text: %s", v.SentAt(i).Line)}}
	}
	if e := v.Ending(); e != nil && len(v.Bytes) == 0 && e.Waited > knock {
		sure := Possible
		if e.Waited > time.Second {
			sure = Likely
		}
		return support{confidence: sure, summary: summary, because: []Ground{s.ground(v.Ended, "it waited for a greeting, and sent nothing: %s", clientEnding(e))}}
	}
	return support{}
}

// knock is how long those stay who only look whether a port is open.
const knock = 50 * time.Millisecond

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
		case r != nil && (r.Code == 500 || r.Code == 502 || r.Code == 503): // not for its name
		case name == "" && r != nil && r.Permanent():
			return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "%s has no name after it, and is refused: %s", sent.Verb, r)},
				summary: "The device greets without a name: give it a host name, such as scanner.example.com."}
		case r != nil && r.Permanent():
			return support{confidence: Proven, because: []Ground{s.ground(x.Sent, "the name %q is refused: %s", name, r)},
				summary: fmt.Sprintf("The device greets with the name %q, which servers refuse: give it a host name without blanks.", name)}
		case tooLongName(name):
			return support{confidence: Possible, because: []Ground{s.ground(x.Sent, "its name has %d octets, or a part of over %d (RFC 5321, section 4.5.3.1.2; RFC 1035, section 2.3.4)", len(name), maxLabel)},
				summary: "The device greets with a name longer than any host's may be: some servers refuse it."}
		case strings.ContainsFunc(name, oddInName):
			return support{confidence: Possible, because: []Ground{s.ground(x.Sent, "the name %q is no host name (RFC 5321, section 4.1.2): some servers refuse it", name)},
				summary: fmt.Sprintf("The device greets with %q, which is no valid host name: many servers take it, some refuse it.", name)}
		}
	}
	return support{}
}

const (
	maxName  = 255 // octets of a domain
	maxLabel = 63  // of a part of it
)

func tooLongName(name string) bool {
	return len(name) > maxName || slices.ContainsFunc(strings.Split(name, "."), func(l string) bool { return len(l) > maxLabel })
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
