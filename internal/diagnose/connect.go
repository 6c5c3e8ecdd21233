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

var connectRules = []rule{
	{cause.DNSNameNotFound, nullMX},
	{cause.DNSResolverFailing, mxUnanswered},
	{cause.DNSNameNotFound, nameNotFound},
	{cause.DNSResolverFailing, resolverFailing},
	{cause.DNSWrongAnswer, wrongAnswer},
	{cause.WrongEndpoint, wrongDoorSilent},
	{cause.WrongEndpoint, retiredName},
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
	own, control := split(s.answers())
	because := append(grounds(own, isNotFound), grounds(control, isNotFound)...)
	if len(because) == 0 || slices.ContainsFunc(control, isFound) {
		return support{}
	}
	got := support{confidence: Likely, because: because, summary: fmt.Sprintf("The host name %s does not exist, or has no address.", s.walk.Host)}
	if all(own, isNotFound) && all(control, isNotFound) {
		got.confidence = Proven // nobody knows it, inside and outside
	}
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
	own, control := split(s.answers())
	because := grounds(own, isFailed)
	if len(because) == 0 || slices.ContainsFunc(own, isNotFound) {
		return support{}
	}
	got := support{confidence: Likely, because: because}
	switch {
	case slices.ContainsFunc(control, isFound):
		got.confidence = Proven
		got.because = append(got.because, grounds(control, isFound)...)
	case all(control, isFailed):
		got.confidence = Possible // perhaps nothing gets out at all
		got.because = append(got.because, grounds(control, isFailed)...)
	}
	return got
}

// wrongAnswer: the name leads somewhere else than to the server meant. Public addresses that differ from a control's mean
// little by themselves, because large providers answer each region with addresses of its own; an address that no public
// server has means much, unless the host is an own one.
func wrongAnswer(s *scene) support {
	own, control := split(s.answers())
	outside := grounds(control, isFound)
	var got support
	for _, a := range own {
		for _, addr := range a.found {
			switch {
			case addr.IsUnspecified() || addr.IsMulticast() || privateAddress(addr) && s.known:
				got.confidence = Likely
			case privateAddress(addr) && len(outside) > 0 && s.noneConnected():
				got.confidence = Likely
			default:
				continue
			}
			got.because = append(got.because, Ground{Text: fmt.Sprintf("%s resolves to %s, which is no address of a public server", s.walk.Host, addr),
				Trace: a.ground.Trace, Event: a.ground.Event})
		}
	}
	local := hostsFile(own)
	switch {
	case got.confidence != "" && len(outside) > 0 && !privateAny(control):
		got.confidence = Proven
		got.because = append(got.because, outside...)
	case got.confidence == "" && len(outside) > 0 && (all(own, isNotFound) || (disjoint(own, control) || local != "") && (s.noneConnected() || s.foreignHere())):
		got.confidence = Possible
		if all(own, isNotFound) || s.foreignHere() && s.known || local != "" || s.refusedForGood() {
			got.confidence = Likely
		}
		got.because = append(grounds(own, func(answer) bool { return true }), outside...)
	}
	if got.confidence != "" {
		got.step = cause.Connect
		if local != "" {
			got.because = append(got.because, Ground{Text: local, Event: -1})
		}
	}
	return got
}

// refusedForGood reports whether the address itself refuses a port on which the provider's hosts never refuse.
func (s *scene) refusedForGood() bool {
	d, ok := s.failedDial(evidence.Refused)
	if !ok || !s.known || !s.door.Takes(s.walk.Port) || d.what.Offender != nil && d.what.Offender.From != d.what.Address.Addr() {
		return false
	}
	at, _ := s.reach().where(s)
	return at == farSide || at == nowhere && s.reach().hostOnly()
}

// noneConnected reports whether dials were made and none connected.
func (s *scene) noneConnected() bool {
	_, alive := s.outcomes()
	return len(s.dials()) > 0 && !alive
}

func privateAny(list []answer) bool {
	return slices.ContainsFunc(list, func(a answer) bool { return slices.ContainsFunc(a.found, privateAddress) })
}

// disjoint reports whether both sides found addresses and have none in common.
func disjoint(own, control []answer) bool {
	seen := map[netip.Addr]bool{}
	for _, a := range own {
		for _, addr := range a.found {
			seen[addr] = true
		}
	}
	n := 0
	for _, a := range control {
		for _, addr := range a.found {
			n++
			if seen[addr] {
				return false
			}
		}
	}
	return n > 0 && len(seen) > 0
}

// hostsFile says so if programs on this machine get another address than its resolvers give: the hosts file, or a rule of a
// VPN, stands between.
func hostsFile(own []answer) string {
	var system, wire []answer
	for _, a := range own {
		if a.server == "system" {
			system = append(system, a)
		} else {
			wire = append(wire, a)
		}
	}
	if disjoint(system, wire) {
		return "programs on this machine get another address than its resolvers give: look at the hosts file and at the VPN's rules"
	}
	return ""
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
			because: []Ground{d.ground("%s %s", d.what.Where(), outcome(d.what)), {Text: m.What, Event: -1}}}
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

// failedDial is the first dial that ended in one of these ways, if none connected.
func (s *scene) failedDial(outcomes ...evidence.Outcome) (fact[*evidence.Dialed], bool) {
	by, alive := s.outcomes()
	if alive {
		return fact[*evidence.Dialed]{}, false
	}
	for _, o := range outcomes {
		if len(by[o]) > 0 {
			return by[o][0], true
		}
	}
	return fact[*evidence.Dialed]{}, false
}

func firewallBlocks(s *scene) support {
	if d, ok := s.failedDial(evidence.Prohibited); ok {
		return prohibited(s, d)
	}
	if d, ok := s.failedDial(evidence.Refused, evidence.Unreachable); ok {
		if o := d.what.Offender; o != nil && d.what.Outcome == evidence.Refused && o.From != d.what.Address.Addr() {
			return support{confidence: Likely, summary: fmt.Sprintf("A firewall at %s refuses connections to port %d.", o.From, s.walk.Port),
				because: []Ground{d.ground("%s %s: the refusal comes from another host on the way", d.what.Where(), outcome(d.what))}}
		}
		if d.what.Outcome == evidence.Unreachable {
			return unreachableByFilter(s, d)
		}
	}
	d, ok := s.failedDial(evidence.TimedOut, evidence.Refused)
	if !ok {
		return support{}
	}
	if rules := s.answersDropped(); len(rules) > 0 && d.what.Outcome == evidence.TimedOut && !s.reach().hostOnly() {
		_, why := s.reach().where(s)
		return support{confidence: Likely, because: slices.Concat([]Ground{d.ground("%s %s", d.what.Where(), outcome(d.what))}, rules, why),
			summary: fmt.Sprintf("This machine's own firewall drops the answers from port %d.", s.walk.Port)}
	}
	got := s.blockedBy(d, thisHost, site)
	if at, _ := s.reach().where(s); got.confidence != "" && (at == thisHost || at == site) {
		got.summary = s.reach().blockSummary(at, s.walk)
	} else if got.confidence != "" && s.walk.Port != 25 && s.reach().portOnly() {
		got.confidence = Likely // nobody but a firewall closes a submission port for every host
	}
	return got
}

// prohibited: somebody says that the port is forbidden, this machine or a router.
func prohibited(s *scene, d fact[*evidence.Dialed]) support {
	o := d.what.Offender
	switch {
	case o == nil || s.ownAddress(o.From) || o.From.IsLoopback():
		return support{confidence: Likely, summary: "This machine's own rules forbid the connection.",
			because: append([]Ground{d.ground("%s %s: the system itself refused %s", d.what.Where(), outcome(d.what), d.what.Errno)}, s.localRules()...)}
	case o.From == d.what.Address.Addr():
		return support{} // the server's own, or its firewall's
	}
	got := support{confidence: Likely, because: []Ground{d.ground("%s %s: a firewall that owns up", d.what.Where(), outcome(d.what))},
		summary: fmt.Sprintf("A firewall at %s refuses connections to port %d.", o.From, s.walk.Port)}
	r := s.reach()
	if len(r.open) > 0 {
		got.because = append(got.because, r.open[0])
	}
	if !s.nearSide(o.From) && s.walk.Port == 25 {
		got.confidence = Possible // a router of the ISP's: see the rule for that
	}
	return got
}

// unreachableByFilter: routers also say "host unreachable" for what a rule forbids. If other ports of the host live, it is
// a rule.
func unreachableByFilter(s *scene, d fact[*evidence.Dialed]) support {
	r := s.reach()
	o := d.what.Offender
	if len(r.open)+len(r.refused) == 0 || o == nil {
		return support{}
	}
	c := Likely
	if !s.nearSide(o.From) && s.walk.Port == 25 {
		c = Possible
	}
	return support{confidence: c, because: r.evidenceFor(d.ground("%s %s, though other ports of it are reached", d.what.Where(), outcome(d.what))),
		summary: fmt.Sprintf("A firewall at %s refuses connections to port %d.", o.From, s.walk.Port)}
}

// nearSide reports whether a router is the site's own, as far as its address tells.
func (s *scene) nearSide(a netip.Addr) bool {
	if s.ownAddress(a) || a.Unmap().IsPrivate() || s.onLink(a) {
		return true
	}
	if s.rec.Host != nil {
		for _, g := range s.rec.Host.Gateways {
			if g == a.String() {
				return true
			}
		}
	}
	return false
}

func ispBlocks(s *scene) support {
	if s.walk.Port != 25 {
		return support{}
	}
	if d, ok := s.failedDial(evidence.Prohibited, evidence.Unreachable); ok {
		o, r := d.what.Offender, s.reach()
		if d.what.Outcome == evidence.Unreachable && len(r.controls) > 0 {
			return support{} // port 25 gets out; it is the way to this host that is missing
		}
		if o == nil || s.nearSide(o.From) || o.From == d.what.Address.Addr() || len(r.open)+len(r.controls) == 0 && d.what.Outcome == evidence.Unreachable {
			return support{}
		}
		return support{confidence: Likely, because: r.evidenceFor(d.ground("%s %s: a router past the site's own", d.what.Where(), outcome(d.what))),
			summary: fmt.Sprintf("A router past the site, %s, refuses connections to port 25.", o.From)}
	}
	d, ok := s.failedDial(evidence.TimedOut, evidence.Refused)
	if !ok || privateAddress(d.what.Address.Addr()) {
		return support{}
	}
	if d.what.Outcome == evidence.Refused && !s.reach().portOnly() {
		return support{}
	}
	got := s.blockedBy(d, beyond)
	if got.confidence == Likely && len(s.answersDropped()) > 0 {
		got.confidence = Possible // this machine would not hear it if the ISP let it through
	}
	if at, _ := s.reach().where(s); got.confidence == Likely {
		got.summary = s.reach().blockSummary(at, s.walk)
	}
	return got
}

// besideIPv4 reports whether a dial went to an IPv6 address while IPv4 ones were tried too: a host without IPv6 says that it
// has no route, and what keeps it from the server is how IPv4 fared.
func (s *scene) besideIPv4(d fact[*evidence.Dialed]) bool {
	six := d.what.Address.Addr()
	return six.Is6() && !six.Is4In6() && slices.ContainsFunc(s.dials(), func(o fact[*evidence.Dialed]) bool {
		return o.what.Address.Addr().Unmap().Is4() && o.what.Outcome != evidence.NoRoute
	})
}

func routing(s *scene) support {
	if d, ok := s.failedDial(evidence.NoRoute); ok && !s.besideIPv4(d) {
		got := support{confidence: Likely, because: []Ground{d.ground("%s %s", d.what.Where(), outcome(d.what))}}
		if h := s.rec.Host; h != nil && h.RoutesRead == "yes" && len(h.Gateways) == 0 {
			got.summary = "This machine has no default gateway."
			got.because = append(got.because, Ground{Text: "the routing table was read, and has no default gateway", Event: -1})
		}
		return got
	}
	r := s.reach()
	if d, ok := s.failedDial(evidence.Unreachable); ok && len(r.open)+len(r.refused) == 0 {
		return support{confidence: Likely, because: []Ground{d.ground("%s %s", d.what.Where(), outcome(d.what))}}
	}
	d, ok := s.failedDial(evidence.TimedOut)
	if !ok {
		return support{}
	}
	first := d.ground("%s %s", d.what.Where(), outcome(d.what))
	switch {
	case r.nothingWorks():
		return support{confidence: Likely, because: append([]Ground{first}, merge3(r.shut, r.deadCtl, r.deadAll)...),
			summary: "Nothing can be reached from here, on this port or on others."}
	case r.hostOnly() || len(r.open)+len(r.refused) > 0 || r.portOnly():
		return support{}
	}
	return support{confidence: Possible, because: []Ground{first}}
}

// merge3 takes the first of each list.
func merge3(lists ...[]Ground) []Ground {
	var out []Ground
	for _, l := range lists {
		if len(l) > 0 {
			out = append(out, l[0])
		}
	}
	return out
}

// nothingListens names port and host as far as they are known.
func nothingListens(w evidence.Walk) string {
	switch {
	case w.Port == 0:
		return "Nothing listens on that port."
	case w.Host == "":
		return fmt.Sprintf("Nothing listens on port %d.", w.Port)
	}
	return fmt.Sprintf("Nothing listens on port %d of %s.", w.Port, w.Host)
}

func portClosed(s *scene) support {
	r := s.reach()
	if d, ok := s.failedDial(evidence.Refused); ok {
		if o := d.what.Offender; o != nil && o.From != d.what.Address.Addr() {
			return support{}
		}
		c := Possible
		a := d.what.Address.Addr()
		at, why := r.where(s)
		// A refusal from this machine, its own network, or from as far away as the server is has no firewall behind it that
		// would imitate it, as a rule.
		if a.IsLoopback() || s.onLink(a) || at == farSide || r.hostOnly() && at == nowhere {
			c = Likely
		} else if at != nowhere && !r.hostOnly() || r.portOnly() {
			return support{}
		}
		return support{confidence: c, because: r.evidenceFor(d.ground("%s %s", d.what.Where(), outcome(d.what)), why...),
			summary: nothingListens(s.walk)}
	}
	if d, ok := s.failedDial(evidence.Reset); ok {
		return resetAtOnce(d, r)
	}
	d, ok := s.failedDial(evidence.TimedOut, evidence.Prohibited)
	if !ok || !r.hostOnly() {
		return support{}
	}
	first := d.ground("%s %s", d.what.Where(), outcome(d.what))
	if len(r.open) > 0 {
		c := Likely
		if at, _ := r.where(s); at == thisHost || at == site {
			c = Possible // packets to this port do not come near the server
		}
		return support{confidence: c, because: r.evidenceFor(first),
			summary: fmt.Sprintf("The server, or a firewall before it, does not answer on port %d; other servers do, and other ports of it do.", s.walk.Port)}
	}
	return support{confidence: Possible, because: r.evidenceFor(first),
		summary: fmt.Sprintf("%s does not answer on any port tried, while other servers do: it is down, or its address is stale.", s.walk.Host)}
}

// resetAtOnce: what takes the connection and resets it in the same breath stands before the server, as a SYN proxy does, and
// finds nothing behind it.
func resetAtOnce(d fact[*evidence.Dialed], r reach) support {
	c := Possible
	if r.hostOnly() && len(r.open) > 0 {
		c = Likely
	}
	return support{confidence: c, because: r.evidenceFor(d.ground("%s %s as soon as it was up", d.what.Where(), outcome(d.what))),
		summary: fmt.Sprintf("Something before the server takes connections to port %d and resets them at once: nothing listens behind it, or a filter objects.", d.what.Address.Port())}
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
		got.because = append(got.because, d.ground("%s %s, while IPv4 works", d.what.Where(), outcome(d.what)))
	}
	return got
}
