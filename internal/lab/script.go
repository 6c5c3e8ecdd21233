package lab

import (
	"crypto/tls"
	"path"
	"slices"
	"time"
)

// An Event is a point of the conversation that a script can attach actions to: the verb of a command, or one of the
// names below.
type Event string

// Events that are no verbs.
const (
	Connect     Event = "CONNECT"     // the connection is there, the greeting is due
	Handshake   Event = "TLS"         // the first TLS record (or what was sent in its place) has come
	Credentials Event = "CREDENTIALS" // the client has given all of its user name and password, or its token
	Body        Event = "BODY"        // the final dot of DATA has come
	Any         Event = "ANY"         // any command line
	Unknown     Event = "UNKNOWN"     // a command line whose verb the server does not know
)

var events = []Event{
	Connect, Handshake, Credentials, Body, Any, Unknown,
	"EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY",
}

// A Script says how the server behaves: a personality, what differs from it, and what goes wrong when.
type Script struct {
	personality *personality
	host        string // the server's name for itself; "" takes the personality's
	clientIP    string // what it says the client's address is; "" takes the real one
	rules       []rule
	tls         tlsScript
	accounts    []account
	mechanisms  []string // of AUTH; nil takes the personality's
	with        []string // further EHLO keywords
	without     []string // EHLO keywords left out
	keywords    []string // all EHLO keywords; nil takes the personality's
	size        int64    // octets a message may have; 0 takes what the keywords say
	eol         string   // of replies; "" is CRLF
	piece       int      // octets written at once; 0: a whole reply
	wire        []wireFault

	closed   bool // nothing listens: the port refuses
	noAnswer bool // the address does not answer at all: only Running.Dial can show it
}

// A tlsScript says how the server does TLS.
type tlsScript struct {
	implicit     bool // from the first byte (RFC 8314, section 3)
	stripped     bool // STARTTLS is not in the list, but taken
	off          bool // the server has no STARTTLS
	required     bool // MAIL before TLS is refused
	min, max     uint16
	ciphers      []uint16
	curves       []tls.CurveID
	rsa          bool // the key of the certificate
	clientCert   bool // a certificate of the client is required
	certificate  string
	certArgument string
}

// An account is a user name and the password that the server takes for it.
type account struct{ user, password string }

// A phase narrows a rule to one side of the TLS handshake.
type phase int

const (
	anyPhase phase = iota
	plainPhase
	tlsPhase
)

// A rule attaches one action to an event. Several rules for one event happen in the order they are written.
type rule struct {
	event    Event
	phase    phase
	nth      int    // only the nth time on this connection; 0: always
	matching string // glob over the command's arguments, or over the path of MAIL and RCPT; "": all
	larger   int    // of TLS: only if the first flight is longer; 0: all
	action   action
}

// matches reports whether the rule is for what happens.
func (r rule) matches(h happening) bool {
	switch {
	case r.event != h.event && (r.event != Any || h.command.Line == ""):
		return false
	case r.phase == plainPhase && h.inTLS, r.phase == tlsPhase && !h.inTLS:
		return false
	case r.nth > 0 && r.nth != h.nth:
		return false
	case r.larger > 0 && h.flight <= r.larger:
		return false
	case r.matching == "":
		return true
	}
	byPath, _ := path.Match(r.matching, envelopeOf(h.command))
	byArgs, _ := path.Match(r.matching, h.command.Args)
	return byPath || byArgs
}

// A wireFault cuts the connection short after so many octets, whatever is going on.
type wireFault struct {
	sent  bool // counts what the server sends; otherwise what it gets
	after int64
	how   cutKind
}

// Slow reports whether the script makes its client wait: by delays of 3 s and more, by dripping, or by silence.
func (s *Script) Slow() bool {
	const long = 3 * time.Second
	return s.noAnswer || s.tls.implicit && len(s.rules) == 0 || slices.ContainsFunc(s.rules, func(r rule) bool {
		switch a := r.action.(type) {
		case delay:
			return time.Duration(a) >= long
		case drip:
			return a.every*time.Duration(len(a.text)) >= long
		case cutKind:
			return a == silence
		}
		return false
	}) || slices.ContainsFunc(s.wire, func(f wireFault) bool { return f.how == silence })
}

// Implicit reports whether the server speaks TLS from the first byte.
func (s *Script) Implicit() bool { return s.tls.implicit }

// serverName is what the server calls itself.
func (s *Script) serverName() string {
	if s.host != "" {
		return s.host
	}
	return s.personality.host
}
