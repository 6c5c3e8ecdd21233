package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// An endpoint is what TARGET says: a host, and its port if there is one.
type endpoint struct {
	host    string // ASCII name, or IP address without brackets
	port    int    // 0: not given
	address string // the mail address that was given, host being its domain; "" if none was
}

// parseTarget reads HOST, HOST:PORT, an IP address, [IPv6], [IPv6]:PORT, a domain or a mail address.
func parseTarget(s string) (endpoint, error) {
	fail := func(why string) (endpoint, error) { return endpoint{}, fmt.Errorf("bad target %q: %s", s, why) }
	switch {
	case s == "":
		return fail("it is empty; write a host, such as mail.example.com or mail.example.com:587")
	case strings.Contains(s, "://"):
		return fail("it is a URL; write " + hostOfURL(s))
	case strings.Contains(s, "@"):
		return parseAddressTarget(s)
	}
	if ip, err := parseIP(s); err == nil {
		return endpoint{host: ip.String()}, nil
	}
	host, portText, hasPort, err := cutPort(s)
	if err != nil {
		return fail(err.Error())
	}
	e := endpoint{host: host}
	if hasPort {
		if e.port, err = parsePort(portText); err != nil {
			return fail(err.Error())
		}
	}
	if _, err := parseIP(host); err == nil {
		return e, nil
	}
	if e.host, err = smtp.ASCIIDomain(host); err != nil {
		return fail(err.Error())
	}
	if endsInNumber(e.host) {
		return fail("it looks like an IP address and is none: four numbers from 0 to 255, with dots between them")
	}
	return e, nil
}

// endsInNumber reports whether a name is one that only a mistyped address can be: no domain at the top is a number
// (RFC 3696, section 2).
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return last != name && err == nil
}

// hostOfURL is what to write instead of a URL, if its host can be told.
func hostOfURL(s string) string {
	_, rest, _ := strings.Cut(s, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if e, err := parseTarget(rest); err == nil && e.address == "" {
		return rest
	}
	return "host:port"
}

// parseAddressTarget reads address@domain.
func parseAddressTarget(s string) (endpoint, error) {
	a, err := smtp.ParseAddress(s)
	if err != nil {
		return endpoint{}, fmt.Errorf("bad target: %w", err)
	}
	if strings.HasPrefix(a.Domain, "[") {
		return endpoint{}, fmt.Errorf("bad target %q: an address literal names its host already; write the host, and the address with --to", s)
	}
	host, err := smtp.ASCIIDomain(a.Domain)
	return endpoint{host: host, address: a.String()}, err
}

// asDomain reports whether the target may be a domain, whose doors DNS tells: an address names one for certain, a bare name
// becomes one if it has MX records. A name with a port, one that a provider has for a host, and one label alone are hosts.
func (e endpoint) asDomain(via evidence.Via, port int) bool {
	switch {
	case via == evidence.ViaHost:
		return false
	case e.address != "":
		return true
	case e.port != 0 || port != 0 || !strings.Contains(e.host, "."):
		return false
	}
	if _, err := netip.ParseAddr(e.host); err == nil {
		return false
	}
	_, _, known := provider.Classify(e.host)
	_, retired := provider.IsRetired(e.host)
	return !known && !retired
}

// parseIP reads an IP address. The zone of one is the name of an interface: netip takes any characters there.
func parseIP(s string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return ip, err
	}
	odd := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	if strings.ContainsFunc(ip.Zone(), odd) {
		return netip.Addr{}, fmt.Errorf("no interface is called %q", ip.Zone())
	}
	return ip, nil
}

// cutPort takes the port off HOST:PORT or [IPv6]:PORT.
func cutPort(s string) (host, port string, ok bool, err error) {
	if s[0] != '[' {
		host, port, ok = strings.Cut(s, ":")
		return host, port, ok, nil
	}
	inner, rest, closed := strings.Cut(s[1:], "]")
	ip, err := parseIP(inner)
	if err != nil || !closed || !ip.Is6() {
		return "", "", false, errors.New("what stands in brackets is no IPv6 address; write [2001:db8::1]:25")
	}
	if port, ok = strings.CutPrefix(rest, ":"); !ok && rest != "" {
		return "", "", false, errors.New("after the bracket only :PORT can follow")
	}
	return ip.String(), port, ok, nil
}

func parsePort(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("the port %q is not a number from 1 to 65535", s)
	}
	return n, nil
}

// The ports that SMTP is spoken on.
const (
	portRelay       = 25
	portSubmission  = 587
	portSubmissions = 465 // implicit TLS (RFC 8314, section 3.3)
)

// door decides which door is meant, where the user did not say: that of the provider's host, or else just this host.
func door(via evidence.Via, host string) evidence.Via {
	if via != evidence.ViaAuto {
		return via
	}
	_, d, ok := provider.Classify(host)
	switch {
	case !ok:
		return evidence.ViaHost
	case d.Auth:
		return evidence.ViaSubmission
	case d.Kind == provider.DirectSend:
		return evidence.ViaDirectSend
	case d.Kind == provider.Relay:
		return evidence.ViaRelay
	}
	return evidence.ViaHost
}

// defaultPort is that of the door: the one the provider advises, 587 for submission, else 25.
func defaultPort(via evidence.Via, mode evidence.TLSMode, host string) int {
	switch {
	case mode == evidence.ImplicitTLS:
		return portSubmissions
	case via != evidence.ViaSubmission:
		return portRelay
	}
	if _, d, ok := provider.Classify(host); ok && d.Auth && len(d.Ports) > 0 {
		return d.Ports[0]
	}
	return portSubmission
}
