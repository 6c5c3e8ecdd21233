package smtp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// An Address is a mailbox: local-part@domain (RFC 5321, section 4.1.2; RFC 6531 for other scripts).
// The zero value is the null reverse-path.
type Address struct {
	Local  string // as written, quotes included
	Domain string // as written: a name, in any script, or an address literal in brackets
}

// Limits of RFC 5321, section 4.5.3.1.
const (
	maxLocal  = 64
	maxDomain = 255
)

var errControl = errors.New("control characters are not allowed")

// ParseAddress reads what a user gave as a mail address, with or without one pair of angle brackets around it.
// It refuses whatever could end the command early or add another (CR, LF, NUL, further brackets), display names, and
// domains that no resolver would take.
func ParseAddress(s string) (Address, error) {
	fail := func(why string) (Address, error) { return Address{}, fmt.Errorf("bad address %q: %s", s, why) }
	if err := plain(s); err != nil {
		return fail(err.Error())
	}
	inner := s
	if strings.HasPrefix(inner, "<") && strings.HasSuffix(inner, ">") {
		inner = inner[1 : len(inner)-1]
	}
	at := strings.LastIndexByte(inner, '@')
	if at < 0 {
		return fail("it has no @; write local-part@domain")
	}
	local, domain := inner[:at], inner[at+1:]
	if err := checkLocal(local); err != nil {
		return fail(err.Error())
	}
	if strings.HasPrefix(domain, "[") {
		if !strings.HasSuffix(domain, "]") || !isLiteral(domain[1:len(domain)-1]) {
			return fail("the address literal after @ is malformed; write [192.0.2.1] or [IPv6:2001:db8::1]")
		}
	} else if _, err := ASCIIDomain(domain); err != nil {
		return fail(err.Error())
	}
	return Address{local, domain}, nil
}

// String is local-part@domain.
func (a Address) String() string {
	if a == (Address{}) {
		return ""
	}
	return a.Local + "@" + a.Domain
}

// Path is the address in angle brackets, as MAIL and RCPT take it. The domain is written in ASCII unless the
// local part needs SMTPUTF8 anyway.
func (a Address) Path() string {
	if !a.NeedsUTF8() {
		if d, err := ASCIIDomain(a.Domain); err == nil {
			a.Domain = d
		}
	}
	return "<" + a.String() + ">"
}

// NeedsUTF8 reports whether the local part can be sent only with SMTPUTF8 (RFC 6531).
func (a Address) NeedsUTF8() bool { return !isASCII(a.Local) }

// ASCIIDomain returns the name as it goes into DNS: IDN labels in punycode, lower case. It accepts underscores,
// which are met in life, and address literals as they are.
func ASCIIDomain(name string) (string, error) {
	if strings.HasPrefix(name, "[") {
		return name, nil
	}
	trimmed := strings.TrimSuffix(name, ".")
	if trimmed == "" {
		return "", errors.New("the domain is empty")
	}
	d := strings.ToLower(trimmed)
	if !isASCII(d) {
		var err error
		if d, err = idna.Lookup.ToASCII(trimmed); err != nil {
			return "", fmt.Errorf("the domain %q is not a valid name", name)
		}
	}
	if len(d) > maxDomain {
		return "", fmt.Errorf("the domain is longer than %d octets", maxDomain)
	}
	for label := range strings.SplitSeq(d, ".") {
		if err := checkLabel(label); err != nil {
			return "", fmt.Errorf("the domain %q is not a valid name: %w", name, err)
		}
	}
	return d, nil
}

func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("two dots in a row, or one at the start")
	case len(label) > 63:
		return errors.New("a label is longer than 63 octets")
	case label[0] == '-' || label[len(label)-1] == '-':
		return errors.New("a label starts or ends with a hyphen")
	}
	for _, c := range label {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return fmt.Errorf("%q can't be in a name", c)
		}
	}
	return nil
}

// checkLocal wants a dot-string or a quoted-string (RFC 5321, section 4.1.2), with UTF-8 where RFC 6531 allows it.
func checkLocal(local string) error {
	switch {
	case local == "":
		return errors.New("nothing stands before the @")
	case len(local) > maxLocal:
		return fmt.Errorf("the part before the @ is longer than %d octets", maxLocal)
	case local[0] == '"':
		return checkQuoted(local)
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return errors.New("a dot stands at an end of the local part, or two in a row")
	}
	if i := strings.IndexAny(local, " \t<>()[]\\,;:\"@"); i >= 0 {
		return fmt.Errorf("%q is not allowed before the @ without quotes", local[i])
	}
	return nil
}

func checkQuoted(local string) error {
	if len(local) < 2 || local[len(local)-1] != '"' {
		return errors.New("the quotes before the @ don't close")
	}
	inner := local[1 : len(local)-1]
	for i := 0; i < len(inner); i++ {
		switch inner[i] {
		case '"':
			return errors.New("a quote inside quotes wants a backslash")
		case '<', '>':
			return errors.New("angle brackets are not allowed in an address")
		case '\\':
			if i++; i == len(inner) {
				return errors.New("the backslash at the end of the quotes escapes nothing")
			}
		}
	}
	return nil
}

func isLiteral(s string) bool {
	s6, is6 := strings.CutPrefix(s, "IPv6:")
	ip, err := netip.ParseAddr(s6)
	return err == nil && ip.Zone() == "" && ip.Is6() == is6
}

// plain refuses control characters, line separators and broken UTF-8.
func plain(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("it is not valid UTF-8")
	}
	for _, c := range s {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return errControl
		}
	}
	return nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// CheckHELOName says what is wrong with a name that a user wants to give with EHLO or HELO. It allows what RFC 5321
// does not, such as underscores, because devices do; it refuses what could change the command.
func CheckHELOName(name string) error {
	if name == "" {
		return errors.New("the EHLO name is empty")
	}
	if err := plain(name); err != nil {
		return fmt.Errorf("bad EHLO name %q: %w", name, err)
	}
	if strings.ContainsAny(name, " \t<>") || len(name) > maxDomain {
		return fmt.Errorf("bad EHLO name %q: want a host name or an address literal", name)
	}
	return nil
}
