package diagnose

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

var connectRules = []rule{
	{cause.DNSNameNotFound, nameNotFound},
	{cause.DNSResolverFailing, resolverFailing},
	{cause.DNSWrongAnswer, wrongAnswer},
	{cause.WrongEndpoint, wrongDoorSilent},
	{cause.FirewallBlocksSMTP, firewallBlocks},
	{cause.ISPBlocksPort25, ispBlocks},
	{cause.RoutingOrNAT, routing},
	{cause.PortClosed, portClosed},
	{cause.IPv6PathBroken, ipv6Broken},
}

// noAddresses reports whether the name gave no address to dial at all.
func (s *scene) noAddresses() bool {
	return len(s.dials()) == 0 && (s.main == nil || !s.main.Connected())
}

func nameNotFound(s *scene) support {
	if !s.noAddresses() {
		return support{}
	}
	var got support
	for _, l := range s.lookups {
		switch {
		case l.what.RCode == "NXDOMAIN":
			got.confidence = Likely
			got.because = append(got.because, l.ground("%s", lookupOutcome(l.what)))
		case l.what.NotFound, l.what.RCode == "NOERROR" && len(l.what.Addresses()) == 0 && addressQuestion(l.what):
			if got.confidence == "" {
				got.confidence = Likely
			}
			got.because = append(got.because, l.ground("%s", lookupOutcome(l.what)))
		}
	}
	if got.confidence == "" {
		return support{}
	}
	got.summary = fmt.Sprintf("The host name %s does not exist, or has no address.", s.walk.Host)
	if better, ok := provider.DidYouMean(s.walk.Host); ok {
		got.summary += fmt.Sprintf(" Did you mean %s?", better)
	}
	return got
}

func addressQuestion(l *evidence.Lookup) bool {
	return l.Type == "A" || l.Type == "AAAA" || l.Type == "ADDR"
}

func resolverFailing(s *scene) support {
	if !s.noAddresses() {
		return support{}
	}
	var got support
	for _, l := range s.lookups {
		switch {
		case len(l.what.Addresses()) > 0, l.what.NotFound, l.what.RCode == "NXDOMAIN", l.what.RCode == "NOERROR":
			if addressQuestion(l.what) {
				return support{} // it answers
			}
		default:
			got.confidence = Likely
			got.because = append(got.because, l.ground("%s", lookupOutcome(l.what)))
		}
	}
	return got
}

// wrongAnswer: the addresses can't be the provider's. It speaks of providers' hosts alone, because an own server on a private
// address is a common and healthy thing; and of 0.0.0.0 and its kin, which nobody's server has.
func wrongAnswer(s *scene) support {
	var got support
	for _, l := range s.lookups {
		for _, a := range l.what.Addresses() {
			switch {
			case a.IsUnspecified() || a.IsMulticast():
				got.confidence = Likely
			case privateAddress(a) && s.known:
				got.confidence = Likely
			default:
				continue
			}
			got.because = append(got.because, l.ground("%s resolves to %s, which is no address of a public server", l.what.Name, a))
		}
	}
	return got
}

// wrongDoorSilent: a provider's host that never answers on this port.
func wrongDoorSilent(s *scene) support {
	dials := s.dials()
	if len(dials) == 0 || !s.known || s.door.Takes(s.walk.Port) {
		return support{}
	}
	for _, m := range provider.Misfits(s.walk.Host, s.walk.Port, s.walk.Auth != nil) {
		if m.Cause != cause.WrongEndpoint {
			continue
		}
		c := Possible
		if m.Certain {
			c = Likely
		}
		d := dials[len(dials)-1]
		return support{confidence: c, summary: upperFirst(m.What) + ". Use " + m.Instead + ".",
			because: []Ground{d.ground("%s %s", d.what.Address, outcome(d.what)), {Text: m.What, Event: -1}}}
	}
	return support{}
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// outcomes groups the dials by how they ended, and reports whether any of them connected.
func (s *scene) outcomes() (by map[evidence.Outcome][]fact[*evidence.Dialed], alive bool) {
	by = map[evidence.Outcome][]fact[*evidence.Dialed]{}
	for _, d := range s.dials() {
		by[d.what.Outcome] = append(by[d.what.Outcome], d)
		alive = alive || d.what.Outcome == evidence.Connected
	}
	return by, alive
}

func firewallBlocks(s *scene) support {
	by, alive := s.outcomes()
	if alive {
		return support{}
	}
	for _, d := range by[evidence.Prohibited] {
		if d.what.Offender != nil {
			return support{confidence: Likely, because: []Ground{d.ground("%s %s: a firewall that owns up", d.what.Address, outcome(d.what))},
				summary: fmt.Sprintf("A firewall at %s refuses connections to port %d.", d.what.Offender.From, d.what.Address.Port())}
		}
		return support{confidence: Likely, summary: "This machine's own rules forbid the connection.",
			because: []Ground{d.ground("%s %s: the system itself refused (%s)", d.what.Address, outcome(d.what), d.what.Errno)}}
	}
	for _, d := range by[evidence.TimedOut] {
		return support{confidence: Possible, because: []Ground{d.ground("%s %s: packets are dropped somewhere, or nobody is there", d.what.Address, outcome(d.what))}}
	}
	for _, d := range by[evidence.Refused] {
		if o := d.what.Offender; o != nil && o.From != d.what.Address.Addr() {
			return support{confidence: Likely, because: []Ground{d.ground("%s %s: the refusal comes from another host on the way", d.what.Address, outcome(d.what))}}
		}
		return support{confidence: Possible, because: []Ground{d.ground("%s %s: a firewall can send the same refusal as the server", d.what.Address, outcome(d.what))}}
	}
	return support{}
}

func ispBlocks(s *scene) support {
	by, alive := s.outcomes()
	if alive || s.walk.Port != 25 {
		return support{}
	}
	for _, d := range by[evidence.TimedOut] {
		if privateAddress(d.what.Address.Addr()) {
			continue
		}
		return support{confidence: Possible, because: []Ground{d.ground("%s %s: many ISPs and hosters drop port 25 alone", d.what.Address, outcome(d.what))}}
	}
	return support{}
}

func routing(s *scene) support {
	by, alive := s.outcomes()
	if alive {
		return support{}
	}
	for _, o := range []evidence.Outcome{evidence.NoRoute, evidence.Unreachable} {
		for _, d := range by[o] {
			return support{confidence: Likely, because: []Ground{d.ground("%s %s", d.what.Address, outcome(d.what))}}
		}
	}
	for _, d := range by[evidence.TimedOut] {
		return support{confidence: Possible, because: []Ground{d.ground("%s %s: that is also how a lost route looks", d.what.Address, outcome(d.what))}}
	}
	return support{}
}

func portClosed(s *scene) support {
	by, alive := s.outcomes()
	if alive {
		return support{}
	}
	for _, d := range by[evidence.Refused] {
		c := Possible
		a := d.what.Address.Addr()
		// A refusal from this machine or its own network has no firewall on the way that would imitate it, as a rule.
		if o := d.what.Offender; a.IsLoopback() || s.onLink(a) || o != nil && o.From == a {
			c = Likely
		}
		return support{confidence: c, because: []Ground{d.ground("%s %s", d.what.Address, outcome(d.what))},
			summary: fmt.Sprintf("Nothing listens on port %d of %s.", s.walk.Port, s.walk.Host)}
	}
	return support{}
}

// onLink reports whether an address is in one of this machine's own networks.
func (s *scene) onLink(a netip.Addr) bool {
	if s.rec.Host == nil {
		return false
	}
	for _, i := range s.rec.Host.Interfaces {
		for _, text := range i.Addresses {
			if p, err := netip.ParsePrefix(text); err == nil && p.Contains(a) {
				return true
			}
		}
	}
	return false
}

func ipv6Broken(s *scene) support {
	var got support
	for _, d := range s.deadFamily(s.dials()) {
		got.confidence = Likely
		got.because = append(got.because, d.ground("%s %s, while IPv4 works", d.what.Address, outcome(d.what)))
	}
	return got
}
