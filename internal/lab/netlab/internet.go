package netlab

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A host of the healthy internet.
type host struct {
	name   string
	issuer string         // of its certificates: an authority of the lab's under that name
	addrs  []string       // IPv4 first
	ports  map[int]string // port -> script of package lab
	web    bool           // 443 answers too
	mute   bool           // other ports are silent, as at large providers; otherwise they refuse
}

const (
	submission   = "personality m365-submission"
	tenantMX     = "personality m365-mx"
	ownServer    = "personality postfix"
	gmailServer  = "personality gmail"
	otherServer  = "personality exim"
	implicitly   = "\nimplicit-tls"
	mailHost     = "mail.example.com"
	submitHost   = "smtp.office365.com"
	mxHost       = "contoso-com.mail.protection.outlook.com"
	nameServer   = "203.0.113.53"
	smartHost    = "203.0.113.200" // of the ISP, for redirected mail
	toMX         = "--from scanner@contoso.com --to office@contoso.com"
	toOwn        = "--from scanner@example.com --to office@example.com"
	siteResolver = "10.1.0.1"
)

// Authorities of the lab, named like those that really issue for these hosts.
const (
	letsEncrypt   = "Let's Encrypt R12"
	digiCert      = "DigiCert Cloud Services CA-1"
	digiCertYahoo = "DigiCert Global G2 TLS RSA SHA256 2020 CA1"
	google        = "Google Trust Services WR2"
	sectigo       = "Sectigo Public Server Authentication CA DV R36"
)

// hosts are the target hosts, the control hosts of package provider, and resolvers. A healthy walk to any of them passes.
var hosts = []host{
	{mailHost, letsEncrypt, []string{"203.0.113.25"}, map[int]string{25: ownServer, 587: ownServer, 465: ownServer + implicitly}, true, false},
	{"dual.example.com", letsEncrypt, []string{"203.0.113.26", "2001:db8:25::26"}, map[int]string{25: ownServer, 587: ownServer}, true, false},
	{"three.example.com", letsEncrypt, []string{"203.0.113.27", "203.0.113.28", "203.0.113.29"}, map[int]string{25: ownServer}, true, false},
	{submitHost, digiCert, []string{"203.0.113.61", "203.0.113.62"}, map[int]string{25: submission, 587: submission}, true, true},
	{mxHost, digiCert, []string{"203.0.113.71", "203.0.113.72"}, map[int]string{25: tenantMX}, false, true},
	{"gmail-smtp-in.l.google.com", google, []string{"203.0.113.101", "2001:db8:25::101"}, map[int]string{25: gmailServer}, false, true},
	{"mta5.am0.yahoodns.net", digiCertYahoo, []string{"203.0.113.102"}, map[int]string{25: otherServer}, false, true},
	{"smtp.gmail.com", google, []string{"203.0.113.103", "2001:db8:25::103"}, map[int]string{587: gmailServer, 465: gmailServer + implicitly}, false, true},
	{"smtp.mail.yahoo.com", digiCertYahoo, []string{"203.0.113.104"}, map[int]string{587: otherServer, 465: otherServer + implicitly}, true, true},
	{"smtp-out.isp.example", sectigo, []string{smartHost}, map[int]string{25: otherServer, 587: otherServer}, false, false},
	{"ns.isp.example", sectigo, []string{nameServer}, nil, false, true},
	{"one.one.one.one", sectigo, []string{"1.1.1.1"}, nil, true, true},
	{"dns.google", google, []string{"8.8.8.8"}, nil, true, true},
	{"dns9.quad9.net", sectigo, []string{"9.9.9.9"}, nil, true, true},
}

// resolvers are the addresses in the internet that answer DNS queries.
var resolvers = []string{nameServer, "1.1.1.1", "8.8.8.8", "9.9.9.9"}

// zone is the truth: what every healthy resolver says.
func zone() []string {
	records := []string{
		"contoso.com MX 0 " + mxHost + ".",
		`contoso.com TXT "v=spf1 ip4:198.51.100.10 include:spf.protection.outlook.com -all"`,
		"example.com MX 10 " + mailHost + ".",
		`example.com TXT "v=spf1 mx -all"`,
		"gmail.com MX 5 gmail-smtp-in.l.google.com.",
		`o-o.myaddr.l.google.com TXT "198.51.100.10"`,
		"10.100.51.198.in-addr.arpa PTR scanner.contoso.com.",
		"scanner.contoso.com A 198.51.100.10",
	}
	for _, h := range hosts {
		for _, a := range h.addrs {
			kind := "A"
			if netip.MustParseAddr(a).Is6() {
				kind = "AAAA"
			}
			records = append(records, fmt.Sprintf("%s %s %s", h.name, kind, a))
		}
	}
	return records
}

// findHost finds a host by its name.
func findHost(name string) (host, bool) {
	for _, h := range hosts {
		if strings.EqualFold(h.name, name) {
			return h, true
		}
	}
	return host{}, false
}

func sortedPorts(h host) []int { return slices.Sorted(maps.Keys(h.ports)) }
