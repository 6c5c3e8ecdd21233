package provider

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Blocklist is a list of addresses that is asked by DNS (RFC 5782).
type Blocklist struct {
	Zone     string
	Name     string
	Words    []string // lower case: how a server that goes by this list names it
	Listings []Listing
	Remove   string // where an address is taken off
	IPv6     bool
	Source   Source
}

// A Listing is what one answer of a blocklist means.
type Listing struct {
	Answer string // "127.0.0.10"
	Name   string // of the part of the list
	Means  string
	Advice string
}

// blocklists are those that mail services go by, Spamhaus first: it is the one that Microsoft 365 itself uses.
var blocklists = []Blocklist{
	{
		Zone: "zen.spamhaus.org", Name: "Spamhaus", Words: []string{"spamhaus"}, IPv6: true, Remove: "https://check.spamhaus.org/",
		Listings: []Listing{
			{"127.0.0.2", "SBL", "a source of spam", "Ask the provider of the line: Spamhaus deals with the network's owner."},
			{"127.0.0.3", "CSS", "low reputation: bulk mail, or a compromised host", "Stop bulk mail from this address, then take it off the list."},
			{"127.0.0.4", "XBL", "an infected or open machine sends from behind this address", "Find and clean the machine behind this address first; it would be listed again."},
			{"127.0.0.5", "XBL", "an infected or open machine sends from behind this address", "Find and clean the machine behind this address first; it would be listed again."},
			{"127.0.0.6", "XBL", "an infected or open machine sends from behind this address", "Find and clean the machine behind this address first; it would be listed again."},
			{"127.0.0.7", "XBL", "an infected or open machine sends from behind this address", "Find and clean the machine behind this address first; it would be listed again."},
			{"127.0.0.9", "DROP", "the network is hijacked or in criminal hands", "Ask the provider of the line at once."},
			{"127.0.0.10", "PBL", "the provider of the line says that no mail is sent from such lines directly", "This is normal for a line with a changing address: do not ask for removal, use submission on port 587."},
			{"127.0.0.11", "PBL", "Spamhaus says that no mail is sent from such lines directly", "Use submission on port 587; an own static address with a mail server may be taken off."},
			{"127.0.0.20", "AuthBL", "stolen passwords are tried from this address", "Find and clean the machine behind this address."},
			{"127.0.0.30", "BCL", "a botnet is controlled from this address", "Find and clean the machine behind this address."},
		},
		Source: Source{"docs.spamhaus.com: zone pages; spamhaus.org/news/article/788", "2019-09-30"},
	},
	{
		Zone: "bl.spamcop.net", Name: "SpamCop", Words: []string{"spamcop"}, Remove: "https://www.spamcop.net/bl.shtml",
		Listings: []Listing{{"127.0.0.2", "SCBL", "people reported spam from this address within the last days", "It expires by itself about a day after the last report."}},
		Source:   srcMemory,
	},
	{
		Zone: "b.barracudacentral.org", Name: "Barracuda", Words: []string{"barracuda"}, Remove: "https://www.barracudacentral.org/rbl/removal-request",
		Listings: []Listing{{"127.0.0.2", "BRBL", "spam or viruses came from this address", "Ask for removal once the cause is gone."}},
		Source:   srcMemory,
	},
	{
		Zone: "psbl.surriel.com", Name: "PSBL", Words: []string{"psbl", "surriel"}, Remove: "https://psbl.org/remove",
		Listings: []Listing{{"127.0.0.2", "PSBL", "this address sent mail to a spam trap", "It can be taken off by anyone; see that it stays off."}},
		Source:   srcMemory,
	},
}

// Blocklists are those to ask about an address. The slice is the caller's.
func Blocklists(a netip.Addr) []Blocklist {
	var out []Blocklist
	for _, b := range blocklists {
		if a.Unmap().Is4() || b.IPv6 {
			out = append(out, b)
		}
	}
	return out
}

// NamedIn reports whether a server's words name the list.
func (b Blocklist) NamedIn(text string) bool {
	text = strings.ToLower(text)
	for _, w := range b.Words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

// Query is the name to ask for an address.
func (b Blocklist) Query(a netip.Addr) string {
	if a = a.Unmap(); a.Is4() {
		return octets(a) + "." + b.Zone
	}
	return nibbles(a) + "." + b.Zone
}

// TestPoint is the name that is always listed, and tells whether the list answers here at all (RFC 5782, section 5).
func (b Blocklist) TestPoint(a netip.Addr) string {
	if a.Unmap().Is4() {
		return octets(netip.AddrFrom4([4]byte{127, 0, 0, 2})) + "." + b.Zone
	}
	return nibbles(netip.MustParseAddr("::ffff:7f00:2")) + "." + b.Zone
}

// Read says what an answer means. ok is false for one that is no listing: an error code of the list, or an address that no list
// answers with, as when a resolver sends every unknown name to a page of its own.
func (b Blocklist) Read(answer netip.Addr) (l Listing, ok bool) {
	if _, isError := BlocklistError(answer); isError {
		return Listing{}, false
	}
	for _, l := range b.Listings {
		if l.Answer == answer.String() {
			return l, true
		}
	}
	return Listing{Answer: answer.String(), Name: b.Name, Means: "listed, with a code that is not known here"}, true
}

// blocklistErrors are answers that say why there is no answer.
var blocklistErrors = map[string]string{
	"127.255.255.252": "the zone's name is misspelt",
	"127.255.255.254": "it does not answer public or open resolvers",
	"127.255.255.255": "this resolver has asked too much",
	"127.0.1.255":     "an address was asked for where a domain belongs",
}

// BlocklistError reads an answer that is no listing.
func BlocklistError(answer netip.Addr) (why string, ok bool) {
	if why, ok = blocklistErrors[answer.String()]; ok {
		return why, true
	}
	switch {
	case netip.MustParsePrefix("127.255.255.0/24").Contains(answer):
		return "it answers with the error " + answer.String(), true
	case !netip.MustParsePrefix("127.0.0.0/8").Contains(answer):
		return "something answers in its place, with " + answer.String(), true
	}
	return "", false
}

// octets are the labels of an IPv4 address, backwards (RFC 1035, section 3.5).
func octets(a netip.Addr) string {
	o := a.Unmap().As4()
	return fmt.Sprintf("%d.%d.%d.%d", o[3], o[2], o[1], o[0])
}

// nibbles are the labels of an IPv6 address, backwards (RFC 3596, section 2.5).
func nibbles(a netip.Addr) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	all := a.As16()
	for i := len(all) - 1; i >= 0; i-- {
		b.Write([]byte{hex[all[i]&15], '.', hex[all[i]>>4], '.'})
	}
	return strings.TrimSuffix(b.String(), ".")
}

// ReverseName is the name whose PTR record an address has.
func ReverseName(a netip.Addr) string {
	if a = a.Unmap(); a.Is4() {
		return octets(a) + ".in-addr.arpa"
	}
	return nibbles(a) + ".ip6.arpa"
}
