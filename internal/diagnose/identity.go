package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// A sign is one thing that DNS says of a sender's domain, or of the door.
type sign struct {
	text   string
	tenant bool // it speaks for a domain of a Microsoft 365 tenant
	lookup fact[*evidence.Lookup]
}

// signs reads the look-ups about a sender's domain. What was not answered gives no sign: silence is not absence.
func signs(t *evidence.Trace) []sign {
	var out []sign
	for i := range t.Events {
		l := t.Events[i].Lookup
		if l == nil || !answered(*l) {
			continue
		}
		if text, tenant := readSign(l); text != "" {
			out = append(out, sign{text, tenant, fact[*evidence.Lookup]{l, t, i}})
		}
	}
	return out
}

// readSign says what one look-up tells.
func readSign(l *evidence.Lookup) (text string, tenant bool) {
	first := ""
	for _, rr := range l.Answers {
		if rr.Type == l.Type && first == "" {
			first = rr.Data
		}
	}
	label, _, _ := strings.Cut(l.Name, ".")
	target := provider.Canonical(first)
	switch {
	case l.Type == "MX":
		return readMX(l)
	case l.Type == "TLSA" && first == "":
		return "no DANE record for " + l.Name, false
	case l.Type == "TLSA":
		return "a DANE record for " + l.Name, false
	case label == "_dmarc":
		return recordOf("DMARC", "v=DMARC1", l), false
	case label == "_mta-sts":
		return recordOf("MTA-STS", "v=STSv1", l), false
	case strings.HasPrefix(label, "selector") && first == "":
		return "no DKIM key " + label, false
	case strings.HasPrefix(label, "selector"):
		return "DKIM key " + label + " at " + target, strings.HasSuffix(target, ".onmicrosoft.com") || strings.HasSuffix(target, ".dkim.mail.microsoft")
	case label == "autodiscover" && strings.HasSuffix(target, ".outlook.com"):
		return "autodiscover leads to " + target, true
	case label == "enterpriseregistration" && strings.HasSuffix(target, ".windows.net"):
		return "enterpriseregistration leads to " + target, true
	}
	return "", false
}

func readMX(l *evidence.Lookup) (string, bool) {
	hosts, null := mxHosts(*l)
	switch {
	case null:
		return l.Name + " takes no mail (null MX)", false
	case len(hosts) == 0:
		return l.Name + " has no MX", false
	}
	if _, ok := provider.TenantMX(hosts[0]); ok {
		return "the MX of " + l.Name + " is at Microsoft 365 (" + hosts[0] + ")", true
	}
	if f, ok := provider.FilterOf(hosts[0]); ok {
		return "the MX of " + l.Name + " is the filtering service " + f.Name, false
	}
	return "the MX of " + l.Name + " is " + hosts[0], false
}

// recordOf says whether a TXT record of a kind is there.
func recordOf(kind, version string, l *evidence.Lookup) string {
	for _, rr := range l.Answers {
		if strings.HasPrefix(strings.ToLower(rr.Data), strings.ToLower(version)) {
			return kind + ": " + quoteLine(rr.Data)
		}
	}
	return "no " + kind + " record"
}

// identityResult sums up the look-ups about a sender's domain.
func identityResult(t *evidence.Trace) string {
	var parts []string
	for _, s := range signs(t) {
		parts = append(parts, s.text)
	}
	return strings.Join(parts, "; ")
}

// blocklistsResult sums up what blocklists, or their test points, answer.
func blocklistsResult(t *evidence.Trace) string {
	var parts []string
	for i := range t.Events {
		l := t.Events[i].Lookup
		if l == nil {
			continue
		}
		for _, b := range provider.Blocklists(netip.IPv4Unspecified()) {
			if reversed, ok := strings.CutSuffix(l.Name, "."+b.Zone); ok {
				parts = append(parts, b.Zone+": "+answerOf(b, reversed, l))
			}
		}
	}
	return strings.Join(parts, "; ")
}

func answerOf(b provider.Blocklist, reversed string, l *evidence.Lookup) string {
	point := strings.HasPrefix(reversed, "2.0.0.127") || strings.HasPrefix(reversed, "2.0.0.0.0.0.f.7.")
	if answers := l.Addresses(); len(answers) > 0 {
		listing, ok := b.Read(answers[0])
		why, _ := provider.BlocklistError(answers[0])
		switch {
		case !ok:
			return "could not be asked, " + why
		case point:
			return "answers"
		}
		return fmt.Sprintf("listed, %s (%s)", listing.Name, listing.Answer)
	}
	switch {
	case !answered(*l):
		return lookupOutcome(l)
	case point:
		return "its test point is not found, so it cannot be asked through this resolver"
	}
	return "not listed"
}

// weighAccepted says whether the sender's domain looks like one of a tenant, where the refusal may be because it is none.
func weighAccepted(s *scene, f *Finding) {
	for _, e := range s.experiments(askIdentity) {
		for _, v := range e.views {
			all := signs(v.Trace)
			var speak []string
			for _, one := range all {
				if one.tenant {
					speak = append(speak, one.text)
				}
			}
			if len(all) == 0 {
				continue
			}
			domain := domainOf(s.walk.From)
			g := all[0].lookup.ground("DNS shows no sign that %s is a domain of a Microsoft 365 tenant", domain)
			if len(speak) > 0 {
				g = all[0].lookup.ground("%s is likely an accepted domain of a tenant: %s", domain, strings.Join(speak, "; "))
			}
			f.Because = append(f.Because, g)
		}
	}
}

// aboutDomain are the causes for which it matters whether the sender's domain is one of a tenant.
func aboutDomain(id cause.ID) bool {
	return slices.Contains([]cause.ID{cause.SenderDomainNotAccepted, cause.ConnectorMisconfigured}, id)
}
