package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// How packet sizes are tried.
const (
	leastIPv4  = 576  // every host takes it (RFC 791)
	leastIPv6  = 1280 // every link carries it (RFC 8200, section 5)
	mostSize   = 9216 // a jumbo frame; the MTU of loopback says nothing of a path
	sizesTime  = 15 * time.Second
	baseWait   = time.Second // for the first answers, which tell how long others take
	shortWait  = 150 * time.Millisecond
	baseTries  = 3
	silences   = 2           // of a size, each with a control that is answered, before it counts as lost
	sizeTries  = 6           // in all for one size
	rateWait   = time.Second // until a host that limits its ICMP errors, as Linux does, has one to spare
	exactness  = 4           // octets between the largest that passes and the least that does not
	defaultUDP = 33434       // where traceroute begins: nobody listens there
)

// commonMTUs are tried first: tunnels, PPPoE, and what firewalls and clouds are set to.
var commonMTUs = []int{1280, 1300, 1350, 1380, 1400, 1420, 1428, 1436, 1440, 1450, 1454, 1460, 1472, 1476, 1480, 1492, 1500}

// sizes looks for the largest packet that reaches an address without being fragmented. That nothing is answered, at any
// size, says nothing: many hosts answer neither.
func (r *run) sizes(ctx context.Context, g *group, address netip.AddrPort, ping bool) string {
	if r.p.Dial != nil {
		return "connections of this run are not made by this system"
	}
	if address.Port() == 0 && !ping {
		address = netip.AddrPortFrom(address.Addr(), defaultUDP)
	}
	ctx, cancel := context.WithTimeout(ctx, sizesTime)
	defer cancel()
	s, err := newSizer(address, ping, r.p.Bind)
	if err != nil {
		return err.Error()
	}
	defer s.close()
	if ping {
		r.contact(address.Addr().String())
	} else {
		r.contact(address.String())
	}
	j := g.pathTrace(address)
	search := sizeSearch{ask: s.ask, tell: func(p evidence.SizeProbe, took time.Duration) { j.add(evidence.Event{Took: took, Size: &p}) }}
	if problem := search.run(ctx, least(address.Addr()), linkMTU(s.local())); problem != "" {
		j.note(problem)
	}
	return ""
}

func least(a netip.Addr) int {
	if a.Is4() {
		return leastIPv4
	}
	return leastIPv6
}

// linkMTU is the MTU of the interface that has an address, or Ethernet's.
func linkMTU(local netip.Addr) int {
	const ethernet = 1500
	devices, err := net.Interfaces()
	if err != nil {
		return ethernet
	}
	for _, d := range devices {
		addresses, _ := d.Addrs()
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == local.WithZone("") {
				return min(d.MTU, mostSize)
			}
		}
	}
	return ethernet
}

// A sizeSearch finds the largest size that passes. Silence about a size counts only when a size known to pass is
// answered right after it, and only when that happens again: hosts limit how often they answer, and packets get lost.
type sizeSearch struct {
	ask  func(ctx context.Context, size int, wait time.Duration) evidence.SizeProbe
	tell func(evidence.SizeProbe, time.Duration)

	wait time.Duration // for one answer
	good int           // the largest size that was answered
}

// run returns why it ended before its time, or "".
func (s *sizeSearch) run(ctx context.Context, low, high int) string {
	low = min(low, high)
	if !s.base(ctx, low) {
		return ""
	}
	ok, limit, problem := s.passes(ctx, high)
	for bad := high; !ok && problem == ""; {
		if bad-s.good <= exactness {
			return ""
		}
		next := between(s.good, bad)
		if s.good < limit && limit < bad {
			next = limit // a router named it
		} else if limit == s.good {
			return "" // and what it named passes
		}
		var named int
		if ok, named, problem = s.passes(ctx, next); ok {
			ok = false
			continue
		}
		if bad = next; named > 0 {
			limit = named
		}
	}
	return problem
}

// base asks the least size, to see whether there is an answer to be had, and after what time.
func (s *sizeSearch) base(ctx context.Context, size int) bool {
	s.wait = baseWait
	for range baseTries {
		p, took := s.one(ctx, size)
		if p.Answered {
			s.good, s.wait = size, min(max(4*took, shortWait), baseWait)
			return true
		}
		if p.By != nil || ctx.Err() != nil {
			return false // somebody else answers
		}
	}
	return false
}

// passes reports whether a size is answered, and the MTU that a router named if not.
func (s *sizeSearch) passes(ctx context.Context, size int) (ok bool, named int, problem string) {
	lost := 0
	for range sizeTries {
		p, _ := s.one(ctx, size)
		switch {
		case ctx.Err() != nil && !p.Answered:
			return false, 0, "the time was over before the largest size was found"
		case p.Answered:
			s.good = max(s.good, size)
			return true, 0, ""
		case tooBig(p.By):
			return false, p.By.MTU, ""
		case p.By != nil:
			return false, 0, "packets of this kind are refused on the way"
		case p.Text != "":
			return false, 0, "" // this host can't send it
		}
		if control, _ := s.one(ctx, s.good); control.Answered {
			if lost++; lost == silences {
				return false, 0, ""
			}
			continue
		}
		pause(ctx, rateWait)
	}
	return false, 0, fmt.Sprintf("answers come too seldom to tell whether %d octets pass", size)
}

// one sends one packet and tells what became of it, unless ctx ended while it was waited for.
func (s *sizeSearch) one(ctx context.Context, size int) (evidence.SizeProbe, time.Duration) {
	began := time.Now()
	p := s.ask(ctx, size, s.wait)
	took := time.Since(began)
	if p.Answered || p.By != nil || ctx.Err() == nil {
		s.tell(p, took)
	}
	return p, took
}

// between is the size to try next: a common MTU if one lies between, the middle one of several.
func between(good, bad int) int {
	from, _ := slices.BinarySearch(commonMTUs, good+1)
	to, _ := slices.BinarySearch(commonMTUs, bad)
	if from < to {
		return commonMTUs[(from+to)/2]
	}
	return (good + bad) / 2
}
