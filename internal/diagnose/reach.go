package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A reach is what the experiments about a failing connection showed, put together.
type reach struct {
	open     []Ground // other ports of the same host that connect
	shut     []Ground // and that don't, in the same way as the failing one
	refused  []Ground // other ports that are refused: the host, or a firewall for it, answers
	controls []Ground // other hosts that connect on the same port
	deadCtl  []Ground // and that don't
	alive    []Ground // anything else that was reached
	deadAll  []Ground // and what of it was not
	blocked  route    // the way to the failing port
	way      route    // the way to an open port
}

// A route is what a TCP traceroute showed.
type route struct {
	port  int
	trace string
	last  fact[*evidence.Hop] // the farthest hop that answered with "time exceeded"; nil what: none
	end   fact[*evidence.Hop] // the hop at which the port connected, or was refused or prohibited; nil: none
	count int                 // hops asked
}

func (r route) known() bool { return r.count > 0 }

// lastTTL is the distance of the last router that answered; 0 if not even the first did.
func (r route) lastTTL() int {
	if r.last.what == nil {
		return 0
	}
	return r.last.what.TTL
}

// reach sums up the experiments of step 1.
func (s *scene) reach() reach {
	var r reach
	for _, e := range s.experiments(askOtherPort) {
		for _, v := range e.views {
			if g, o, ok := dialGround(v); ok {
				switch o {
				case evidence.Connected:
					r.open = append(r.open, g)
				case evidence.Refused:
					r.refused = append(r.refused, g)
				default:
					r.shut = append(r.shut, g)
				}
			}
		}
	}
	split := func(name string, alive, dead *[]Ground) {
		for _, e := range s.experiments(name) {
			connected := false
			var last Ground
			seen := false
			for _, v := range e.views {
				g, o, ok := dialGround(v)
				if !ok {
					continue
				}
				seen, last = true, g
				if o == evidence.Connected || name == askAnything && o == evidence.Refused {
					connected = true
					break
				}
			}
			switch {
			case connected:
				*alive = append(*alive, last)
			case seen:
				*dead = append(*dead, last)
			}
		}
	}
	split(askControl, &r.controls, &r.deadCtl)
	split(askAnything, &r.alive, &r.deadAll)
	for _, e := range s.experiments(askResolver) {
		for _, v := range e.views {
			for i := range v.Trace.Events {
				if l := v.Trace.Events[i].Lookup; l != nil && l.RCode != "" && publicServer(l.Server) {
					r.alive = append(r.alive, Ground{Text: "the resolver " + l.Server + " answers", Trace: v.Trace.ID, Event: i})
				}
			}
		}
	}
	r.blocked, r.way = s.route(askTraceroute), s.route(askTraceOpen)
	return r
}

func publicServer(hostport string) bool {
	ap, err := netip.ParseAddrPort(hostport)
	return err == nil && !privateAddress(ap.Addr())
}

// dialGround says how the dial of a trace ended.
func dialGround(v *evidence.View) (Ground, evidence.Outcome, bool) {
	if v.Dialed < 0 {
		return Ground{}, "", false
	}
	d := v.Trace.Events[v.Dialed].Dialed
	name := d.Address.String()
	if h := v.Trace.Walk.Host; h != "" && h != d.Address.Addr().String() {
		name = fmt.Sprintf("%s:%d", h, d.Address.Port())
	}
	return Ground{Text: name + " " + outcome(d), Trace: v.Trace.ID, Event: v.Dialed}, d.Outcome, d.Outcome != evidence.Aborted
}

// route reads the traceroute of that name.
func (s *scene) route(name string) route {
	var r route
	for _, e := range s.experiments(name) {
		for _, v := range e.views {
			for i := range v.Trace.Events {
				h := v.Trace.Events[i].Hop
				if h == nil {
					continue
				}
				r.count++
				r.port, r.trace = h.Port, v.Trace.ID
				f := fact[*evidence.Hop]{h, v.Trace, i}
				switch {
				case h.Outcome == evidence.Connected, h.Outcome == evidence.Refused, h.Outcome == evidence.Prohibited,
					h.Outcome == evidence.Unreachable && h.ICMP != nil && !exceeded(h.ICMP):
					if r.end.what == nil || h.TTL < r.end.what.TTL {
						r.end = f
					}
				case h.From.IsValid() && (r.last.what == nil || h.TTL > r.last.what.TTL):
					r.last = f
				}
			}
		}
	}
	return r
}

// exceeded reports whether an ICMP error is "time exceeded": a router on the way, and no refusal.
func exceeded(i *evidence.ICMP) bool {
	return !i.V6 && i.Type == 11 || i.V6 && i.Type == 3
}

// A place is where on the path something happens.
type place int

const (
	nowhere  place = iota // not known
	thisHost              // this machine itself
	site                  // the site's own gateway or firewall
	beyond                // past the site: the ISP, or further on
	farSide               // the server, or what stands before it
)

// where tells at which place packets to the failing port are lost or refused, and what shows it. A drop at router N and one
// before router N+1 look the same, so the place is that of the last router that answered.
func (r reach) where(s *scene) (place, []Ground) {
	if !r.blocked.known() {
		return nowhere, nil
	}
	if end := r.blocked.end; end.what != nil && end.what.Outcome != evidence.Connected {
		return r.refusedAt(s, end)
	}
	n := r.blocked.lastTTL()
	if n == 0 {
		if r.way.known() && r.way.lastTTL() == 0 && (r.way.end.what == nil || r.way.end.what.TTL > 1) {
			return nowhere, nil // no router answers for an open port either
		}
		if !r.way.known() {
			return nowhere, nil
		}
		return thisHost, []Ground{{Text: fmt.Sprintf("not even the first router answers for port %d, though it does for port %d", r.blocked.port, r.way.port), Trace: r.blocked.trace, Event: 0}}
	}
	because := []Ground{r.blocked.last.ground("packets to port %d come as far as hop %d (%s), and no further", r.blocked.port, n, r.blocked.last.what.From)}
	if r.way.known() {
		if end := r.way.end.what; end != nil {
			because = append(because, r.way.end.ground("port %d of the same host is %d hops away", r.way.port, end.TTL))
			if n >= end.TTL-1 && !r.portOnly() {
				return farSide, because // or the last router, which happens to stand right before it
			}
		}
	}
	if s.ownSide(r.blocked.last.what.From, n) {
		return site, because
	}
	return beyond, because
}

// refusedAt places a refusal by its distance: one that comes from nearer than the server is not the server's.
func (r reach) refusedAt(s *scene, end fact[*evidence.Hop]) (place, []Ground) {
	h := end.what
	because := []Ground{end.ground("port %d is refused already at hop %d", r.blocked.port, h.TTL)}
	if far := r.way.end.what; far != nil {
		because = append(because, r.way.end.ground("the server itself is %d hops away", far.TTL))
		if h.TTL >= far.TTL && !r.portOnly() {
			return farSide, because
		}
	} else if h.ICMP == nil {
		return nowhere, nil
	}
	switch {
	case h.TTL <= 1 && r.blocked.lastTTL() == 0 && h.ICMP == nil:
		return site, because
	case h.ICMP != nil && s.ownAddress(h.ICMP.From):
		return thisHost, because
	case h.TTL <= 2 || h.ICMP != nil && s.ownSide(h.ICMP.From, h.TTL):
		return site, because
	case h.ICMP == nil && r.blocked.lastTTL() == h.TTL-1 && s.ownSide(r.blocked.last.what.From, h.TTL-1):
		return site, because // a router forwards, or refuses to, only after it has looked at the TTL
	}
	return beyond, because
}

// ownSide reports whether a router belongs to the site: it is the first hop, or has a private address.
func (s *scene) ownSide(a netip.Addr, ttl int) bool {
	return ttl <= 1 || a.Unmap().IsPrivate() || s.onLink(a)
}

// ownAddress reports whether an address is this machine's.
func (s *scene) ownAddress(a netip.Addr) bool {
	if s.rec.Host == nil {
		return false
	}
	for _, i := range s.rec.Host.Interfaces {
		for _, text := range i.Addresses {
			if p, err := netip.ParsePrefix(text); err == nil && p.Addr() == a {
				return true
			}
		}
	}
	return false
}

// nothingWorks reports whether no experiment reached anything, and enough were tried to say so.
func (r reach) nothingWorks() bool {
	return len(r.open)+len(r.refused)+len(r.controls)+len(r.alive) == 0 && len(r.shut)+len(r.deadCtl) >= 3 && len(r.deadAll) >= 1
}

// portOnly reports whether the failing port is dead to everywhere while others live.
func (r reach) portOnly() bool {
	return len(r.controls) == 0 && len(r.deadCtl) > 0 && len(r.open)+len(r.alive) > 0
}

// hostOnly reports whether other hosts are reached on the same port, so that the way out is free.
func (r reach) hostOnly() bool { return len(r.controls) > 0 }

// evidenceFor picks the grounds that a verdict about the near side rests on.
func (r reach) evidenceFor(first Ground, more ...Ground) []Ground {
	out := append([]Ground{first}, more...)
	for _, list := range [][]Ground{r.open, r.alive, r.deadCtl, r.controls} {
		if len(list) > 0 {
			out = append(out, list[0])
		}
	}
	return out
}

// localRules are this machine's own firewall rules about mail ports, where they could be read.
func (s *scene) localRules() []Ground {
	if s.rec.Host == nil || s.rec.Host.FirewallRead != "yes" {
		return nil
	}
	var out []Ground
	for _, rule := range s.rec.Host.Firewall {
		out = append(out, Ground{Text: "this machine's firewall has the rule: " + rule, Event: -1})
	}
	return out
}

// answersDropped are those of the local rules that drop what comes from the failing port: packets get out then, routers and the
// server see them, and nothing comes back.
func (s *scene) answersDropped() []Ground {
	port := strconv.Itoa(s.walk.Port)
	return slices.DeleteFunc(s.localRules(), func(g Ground) bool {
		numbers := strings.FieldsFunc(g.Text, func(r rune) bool { return r < '0' || r > '9' })
		return !strings.Contains(g.Text, "sport") || strings.Contains(g.Text, "dport") || !slices.Contains(numbers, port)
	})
}

// blockedBy supports a cause by where the block sits; it is shared by the rules for firewall and ISP.
func (s *scene) blockedBy(first fact[*evidence.Dialed], places ...place) support {
	r := s.reach()
	at, why := r.where(s)
	nearBy := at == thisHost || at == site
	if r.hostOnly() && !nearBy || r.nothingWorks() {
		return support{}
	}
	base := first.ground("%s %s", first.what.Where(), outcome(first.what))
	c := Possible
	for _, p := range places {
		if at == p {
			c = Likely
			if p == thisHost && len(s.localRules()) > 0 {
				c = Proven
			}
		}
	}
	switch {
	case r.hostOnly() && c == Possible:
		return support{}
	case r.hostOnly() && len(r.open)+len(r.refused) == 0:
		c = Possible // or the router has no way to that host, and does not say so
	case at == farSide && first.what.Outcome == evidence.TimedOut && (s.walk.Port != 25 || slices.Contains(places, beyond)):
		// The last router before the server, the server itself, or answers that are lost on the way back.
		return support{confidence: Possible, because: r.evidenceFor(base, why...)}
	case at == farSide, at != nowhere && c == Possible && !r.portOnly():
		return support{}
	case at == nowhere && !r.portOnly():
		return support{confidence: Possible, because: []Ground{base}}
	}
	because := r.evidenceFor(base, why...)
	if at == thisHost {
		because = append(because, s.localRules()...)
	}
	return support{confidence: c, because: because}
}

// blockSummary says what blocks, in one sentence: the port, or that of one host where others are reached on it.
func (r reach) blockSummary(at place, w evidence.Walk) string {
	port := w.Port
	switch {
	case r.hostOnly() && len(r.open)+len(r.refused) == 0:
		return fmt.Sprintf("Packets to %s come no further than the site's gateway or firewall; other hosts are reached.", w.Host)
	case r.hostOnly() && at == site:
		return fmt.Sprintf("The site's gateway or firewall blocks port %d of %s; other hosts are reached on it.", port, w.Host)
	}
	switch at {
	case thisHost:
		return fmt.Sprintf("This machine's own firewall or security software blocks port %d.", port)
	case site:
		return fmt.Sprintf("The site's gateway or firewall blocks port %d.", port)
	case beyond:
		return fmt.Sprintf("Port %d is filtered past the site's own gateway, most likely by the ISP.", port)
	}
	return ""
}
