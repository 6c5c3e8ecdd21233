package provider

import (
	"slices"
	"strconv"
	"strings"
)

// A Candidate is a host name that a tenant's MX may have. Unless Known it is a guess: DNS has to confirm it, and a
// name that resolves is still no proof that it is this organisation's, because domains that differ by a hyphen alone
// have names that differ by the suffix alone.
type Candidate struct {
	Host  string
	Cloud Cloud
	Why   string
	Known bool // the form is Microsoft's documented one for such a domain
}

// MXCandidates lists the MX hosts that a domain may have at Microsoft 365, the likeliest first. It is of use when the
// domain's own MX points to a filtering service, so that DNS does not tell. Domains that were added since July 2026, or that
// turned DNSSEC on, have a host under mx.microsoft whose letter cannot be guessed; for these there is no candidate
// (MC1048624), and the admin centre (Settings > Domains) or Graph (serviceConfigurationRecords) must be asked.
func MXCandidates(domain string) []Candidate {
	domain = Canonical(domain)
	if !plainDomain(domain) {
		return nil
	}
	var c []Candidate
	add := func(host string, cloud Cloud, known bool, why string) {
		if !slices.ContainsFunc(c, func(o Candidate) bool { return o.Host == host }) {
			c = append(c, Candidate{host, cloud, why, known})
		}
	}
	dashed := strings.ReplaceAll(domain, ".", "-")
	if initial, ok := strings.CutSuffix(domain, ".onmicrosoft.us"); ok {
		add(initial+".mail.protection.office365.us", GCCHigh, true, "the first label of an onmicrosoft.us domain")
		return c
	}
	switch {
	case strings.Contains(domain, "-"):
		add(hyphenKey(domain)+".mail.protection.outlook.com", Worldwide, false,
			"a domain with hyphens: they are dropped and their places coded in a suffix (worked out from names seen, documented nowhere)")
		add(dashed+".mail.protection.outlook.com", Worldwide, false, "dots become hyphens, the hyphens kept (not seen for such domains)")
	default:
		add(dashed+".mail.protection.outlook.com", Worldwide, strings.HasSuffix(domain, ".onmicrosoft.com"), "dots become hyphens")
	}
	if strings.HasSuffix(domain, ".cn") {
		add(dashed+".mail.protection.partner.outlook.cn", China, false, "dots become hyphens, in the Chinese cloud")
	}
	return c
}

// hyphenKey is the first label of the MX host of a domain with hyphens, as far as it could be worked out from names in
// public records: the hyphens are dropped, dots become hyphens, and a code for the hyphens' places follows. The places are a bit
// map in groups of four, the letter counting from a: for a hyphen at index i of the name, "0", then i/4 if it is not zero,
// then 'a' + (1 << i%4). Names with one hyphen at index 2, 3, 4, 5 and 9 were seen to fit. For two hyphens in different
// groups nothing was seen; the groups are written one after another.
func hyphenKey(domain string) string {
	var groups []int
	bits := map[int]int{}
	for i, r := range []byte(domain) {
		if r != '-' {
			continue
		}
		if g := i / 4; bits[g] == 0 {
			groups = append(groups, g)
		}
		bits[i/4] |= 1 << (i % 4)
	}
	key := strings.ReplaceAll(strings.ReplaceAll(domain, "-", ""), ".", "-")
	for n, g := range groups {
		if n == 0 {
			key += "0"
		}
		if g > 0 {
			key += strconv.Itoa(g)
		}
		key += string(rune('a' + bits[g]))
	}
	return key
}

// plainDomain reports whether a name is made of letters, digits, hyphens and dots with at least one dot, and short enough to
// stand in a host name.
func plainDomain(domain string) bool {
	if len(domain) > 200 || !strings.Contains(domain, ".") {
		return false
	}
	for _, label := range strings.Split(domain, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return true
}

// TenantMX reports whether a host is the MX of one tenant of Microsoft 365, in any cloud: the door for Direct Send and
// relay, not that of personal Outlook.com mailboxes.
func TenantMX(host string) (Door, bool) {
	p, d, ok := Classify(host)
	if !ok || p.Name != microsoft365.Name || d.Kind != DirectSend || slices.Contains(d.Suffixes, ".olc.protection.outlook.com") {
		return Door{}, false
	}
	return d, true
}
