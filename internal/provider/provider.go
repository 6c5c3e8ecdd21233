// Package provider is what the program knows about mail services: the doors by which each takes mail, the names and
// greetings of its hosts, its limits, and what its replies mean. All of it is tables; each entry names where it was
// read and when, because facts of a service go stale.
//
// It does no I/O and draws no conclusion about a conversation: a row says what a reply means where it is met, and how
// firmly it says so. Weighing that against the rest of the evidence is package diagnose.
package provider

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A Profile is one mail service.
type Profile struct {
	Name     string // as reports have it: "microsoft365", "google", "generic"
	Title    string // for people
	Doors    []Door // the usual one of each kind first
	Retired  []RetiredHost
	Notices  []Notice // what the service announced about its ways to sign in, oldest first
	Greeting string   // RE2: how a host of this service greets; "" for any
}

// A DoorKind is one of the ways a service takes mail.
type DoorKind string

const (
	Submission DoorKind = "submission"  // a mailbox signs in (RFC 6409)
	DirectSend DoorKind = "direct-send" // no sign-in, to the service's own recipients: an MX like any other
	Relay      DoorKind = "relay"       // no sign-in, to anyone, by address or certificate
	HVE        DoorKind = "hve"         // Microsoft's High Volume Email
	ACS        DoorKind = "acs"         // Azure Communication Services
	Legacy     DoorKind = "legacy"      // submission for clients that stopped at TLS 1.1
	Consumer   DoorKind = "consumer"    // submission for the service's personal accounts
)

// A TLSMode says how a door takes TLS.
type TLSMode string

const (
	StartTLSRequired TLSMode = "starttls-required"
	StartTLSOptional TLSMode = "starttls-optional"
	ImplicitTLS      TLSMode = "implicit" // RFC 8314, section 3
)

// A Cloud is a separate installation of a service for one country or government.
type Cloud string

const (
	Worldwide Cloud = "worldwide" // GCC uses it too
	GCCHigh   Cloud = "gcc-high"
	DoD       Cloud = "dod"
	China     Cloud = "china" // operated by 21Vianet
)

// A Door is one way into a service. Host is an exact name; a door whose hosts differ from customer to customer has
// suffixes instead.
type Door struct {
	Kind       DoorKind
	Cloud      Cloud
	Host       string
	Aliases    []string // other exact names of the same door
	Suffixes   []string // ".mail.protection.outlook.com"
	Ports      []int    // the advised one first
	Implicit   []int    // ports of this host that speak TLS from the first byte
	TLS        TLSMode
	Auth       bool     // mail is taken after AUTH only; otherwise AUTH is never offered
	Mechanisms []string // offered after TLS
	Greeting   string   // RE2 over the greeting's text; "" for the profile's
	Keywords   []string // EHLO keywords expected before TLS; after it without STARTTLS, and with AUTH where Auth is set
	Size       int64    // announced with SIZE; 0 if not known
	CertNames  []string // names seen in its certificate. Soft: a different one is a hint, not a proof
	Issuers    []string // organisations or names seen as issuer. Soft too: chains differ between two connections
	Reaches    string   // who can be written to
	Needs      []string // what must be set up before it works
	Breaks     []string // what makes it fail at a site where it worked
	Limits     []string
	SignIn     string // where tokens come from; "" if there is no OAuth
	Sources    []Source
}

// A Source is where a fact was read and the date of that text. Facts with a later date win.
type Source struct {
	Where string // page, file or thread
	Date  string // 2026-11-23, 2026-11 or 2026
}

func (s Source) String() string { return s.Where + " (" + s.Date + ")" }

// A RetiredHost is a name that once was a door.
type RetiredHost struct {
	Host    string // exact name, or ".suffix"
	Since   string // date; "" if it was not found
	Instead string
	Why     string
	Source  Source
}

// A Notice is something a service announced: what changes, when, and whether it still holds.
type Notice struct {
	Said       string     // date of the announcement
	Passwords  []DoorKind // the doors of which it says until when they take passwords
	What       string
	Superseded bool // a later notice says otherwise; kept because many pages still quote it
	Source     Source
}

// Profiles lists every profile, the generic one last.
func Profiles() []*Profile { return []*Profile{&microsoft365, &google, &generic} }

// ByName finds a profile by its name.
func ByName(name string) (*Profile, bool) {
	for _, p := range Profiles() {
		if p.Name == name {
			return p, true
		}
	}
	return nil, false
}

// Generic is the profile of servers that no other profile knows.
func Generic() *Profile { return &generic }

// Classify finds the door that a host name belongs to; ok is false for hosts that no profile knows.
// An exact name beats a suffix, and a longer suffix a shorter one.
func Classify(host string) (p *Profile, d Door, ok bool) {
	host = Canonical(host)
	best := 0
	for _, profile := range Profiles() {
		for _, door := range profile.Doors {
			if n := door.fit(host); n > best {
				p, d, best = profile, door, n
			}
		}
	}
	return p, d, best > 0
}

// fit is how many octets of the host name the door accounts for; an exact name counts one more.
func (d Door) fit(host string) int {
	if host == "" {
		return 0
	}
	if host == d.Host || slices.Contains(d.Aliases, host) {
		return len(host) + 1
	}
	best := 0
	for _, s := range d.Suffixes {
		if strings.HasSuffix(host, s) && len(host) > len(s) {
			best = max(best, len(s))
		}
	}
	return best
}

// For picks the profile of a server: by its host name, and if no profile knows that, by its greeting. A server that
// greets as Exchange Online under a customer's own name is still Exchange Online. The zero Reply is "not seen".
func For(host string, greeting smtp.Reply) *Profile {
	if p, _, ok := Classify(host); ok {
		return p
	}
	for _, p := range Profiles() {
		if _, ok := p.retired(host); ok {
			return p
		}
	}
	for _, p := range Profiles() {
		if p.Greeting != "" && pattern(p.Greeting).MatchString(strings.ToLower(greeting.Joined())) {
			return p
		}
	}
	return &generic
}

// Canonical is a host name as the tables have it: lower case, no blanks around it, no final dot.
func Canonical(host string) string {
	return strings.TrimSuffix(strings.ToLower(strings.TrimSpace(host)), ".")
}

// Door returns the first door of that kind in the worldwide cloud, or else in any.
func (p *Profile) Door(kind DoorKind) (Door, bool) {
	for _, d := range p.Doors {
		if d.Kind == kind {
			return d, true
		}
	}
	return Door{}, false
}

// DoorIn is the first door of that kind in a cloud. What is not known of the cloud's own is taken from the worldwide one, but for
// its name.
func (p *Profile) DoorIn(c Cloud, kind DoorKind) (Door, bool) {
	first, found := p.Door(kind)
	for _, d := range p.Doors {
		if d.Kind != kind || d.Cloud != c {
			continue
		}
		if len(d.Needs) == 0 {
			d.Needs = first.Needs
		}
		return d, true
	}
	if c != "" && c != first.Cloud {
		first.Host, first.Suffixes = "", nil
	}
	return first, found
}

// Siblings are the profile's doors in the same cloud as d, d itself not among them: the controls for a walk through d.
func (p *Profile) Siblings(d Door) []Door {
	var s []Door
	for _, o := range p.Doors {
		if o.Cloud == d.Cloud && (o.Kind != d.Kind || o.Host != d.Host) {
			s = append(s, o)
		}
	}
	return s
}

// Takes reports whether the door is to be found on a port.
func (d Door) Takes(port int) bool {
	return slices.Contains(d.Ports, port) || slices.Contains(d.Implicit, port)
}

// Greets reports whether a greeting is worded as this door's hosts word it. Without a pattern any 220 will do.
func (d Door) Greets(greeting smtp.Reply) bool {
	if !greeting.Positive() {
		return false
	}
	return d.Greeting == "" || pattern(d.Greeting).MatchString(strings.ToLower(greeting.Joined()))
}

// Missing returns the keywords that the door is known to offer and x lacks, before TLS or after it.
func (d Door) Missing(x smtp.Extensions, afterTLS bool) []string {
	var missing []string
	for _, k := range d.Expects(afterTLS) {
		if !x.Has(k) {
			missing = append(missing, k)
		}
	}
	return missing
}

// Expects are the EHLO keywords that the door is known to offer, before TLS or after it. Nil if nothing is known.
func (d Door) Expects(afterTLS bool) []string {
	if !afterTLS {
		return slices.Clone(d.Keywords)
	}
	keep := slices.DeleteFunc(slices.Clone(d.Keywords), func(k string) bool { return k == "STARTTLS" })
	if d.Auth && len(d.Keywords) > 0 {
		keep = append(keep, "AUTH")
	}
	return keep
}

// Name is the door for people: its kind, and the host or the form of it.
func (d Door) Name() string {
	host := d.Host
	if host == "" && len(d.Suffixes) > 0 {
		host = "*" + d.Suffixes[0]
	}
	if host == "" {
		return string(d.Kind)
	}
	return fmt.Sprintf("%s (%s)", d.Kind, host)
}

// PublicAddress returns the client's address as the server sees it, which Exchange says in its EHLO or HELO reply:
// "250-LO2P265CA0443.outlook.office365.com Hello [198.51.100.7]". Other servers say the same in other words; only a
// bracketed address on the first line is taken.
func PublicAddress(r smtp.Reply) (netip.Addr, bool) {
	if !r.Positive() || len(r.Text) == 0 {
		return netip.Addr{}, false
	}
	line := r.Text[0]
	if len(line) > smtp.MaxLine {
		line = line[:smtp.MaxLine]
	}
	for rest := line; ; {
		_, after, ok := strings.Cut(rest, "[")
		if !ok {
			return netip.Addr{}, false
		}
		inner, tail, ok := strings.Cut(after, "]")
		if !ok {
			return netip.Addr{}, false
		}
		if len(inner) > 5 && strings.EqualFold(inner[:5], "ipv6:") {
			inner = inner[5:]
		}
		if a, err := netip.ParseAddr(inner); err == nil && a.Zone() == "" {
			return a.Unmap(), true
		}
		rest = tail
	}
}
