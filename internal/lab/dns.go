package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A DNSRecord is what the case's own resolver says of one name. Names it knows nothing of do not exist.
type DNSRecord struct {
	Name string // without the last dot, lower case
	Kind string // A, AAAA, MX, CNAME, PTR, TXT, NXDOMAIN, SERVFAIL, REFUSED or SILENCE; the last four hold for all types
	Data string // an address, a host ("." for an MX that says there is none), or text
}

var dnsKinds = []string{"A", "AAAA", "MX", "CNAME", "PTR", "TXT", "NXDOMAIN", "SERVFAIL", "REFUSED", "SILENCE"}

// parseDNS reads lines "NAME KIND [DATA]".
func parseDNS(src source) ([]DNSRecord, error) {
	var records []DNSRecord
	for i, line := range src.lines() {
		if blankOrComment(line) {
			continue
		}
		r, err := parseRecord(strings.Fields(line))
		if err != nil {
			return nil, src.errorf(i, "%v", err)
		}
		records = append(records, r)
	}
	return records, nil
}

func parseRecord(f []string) (DNSRecord, error) {
	if len(f) < 2 || len(f) > 3 && f[1] != "TXT" || !slices.Contains(dnsKinds, f[1]) {
		return DNSRecord{}, fmt.Errorf("want NAME KIND [DATA], KIND one of %s", strings.Join(dnsKinds, ", "))
	}
	r := DNSRecord{Name: strings.ToLower(strings.TrimSuffix(f[0], ".")), Kind: f[1]}
	r.Data = strings.Join(f[2:], " ")
	addr, err := netip.ParseAddr(r.Data)
	switch r.Kind {
	case "A":
		if err != nil || !addr.Is4() {
			return DNSRecord{}, fmt.Errorf("record A %q: want an IPv4 address", r.Data)
		}
	case "AAAA":
		if err != nil || !addr.Is6() {
			return DNSRecord{}, fmt.Errorf("record AAAA %q: want an IPv6 address", r.Data)
		}
	case "MX", "CNAME", "PTR", "TXT":
		if r.Data == "" {
			return DNSRecord{}, fmt.Errorf("%s: want its host or text", r.Kind)
		}
	default:
		if r.Data != "" {
			return DNSRecord{}, fmt.Errorf("%s takes no data, got %q", r.Kind, r.Data)
		}
	}
	return r, nil
}
