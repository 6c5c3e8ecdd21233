package listen

import (
	"net/netip"
	"sync"
	"time"
)

// Limits bound what clients can take of this machine. A zero field is the default.
type Limits struct {
	Conns      int           // at once; 4,000
	PerAddress int           // at once from one address; 200
	Wait       time.Duration // for the client's next octets; 5 minutes (RFC 5321, section 4.5.3.2.7)
	Life       time.Duration // of a connection; 2 hours
}

func orElse[T int | int64 | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

func (l Limits) wait() time.Duration { return orElse(l.Wait, 5*time.Minute) }
func (l Limits) life() time.Duration { return orElse(l.Life, 2*time.Hour) }

// A gate decides who is let in.
type gate struct {
	anywhere bool
	limits   Limits

	mu    sync.Mutex
	all   int
	count map[netip.Addr]int
}

func newGate(anywhere bool, l Limits) *gate {
	return &gate{anywhere: anywhere, limits: l, count: map[netip.Addr]int{}}
}

// enter lets an address in, and returns how it leaves; or else why it may not come in.
func (g *gate) enter(a netip.Addr) (leave func(), why string) {
	if !g.anywhere && !nearby(a) {
		return nil, "takes connections from private networks only (--from-anywhere takes all)"
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.all >= orElse(g.limits.Conns, 4000):
		return nil, "has too many connections"
	case g.count[a] >= orElse(g.limits.PerAddress, 200):
		return nil, "has too many connections from your address"
	}
	g.all++
	g.count[a]++
	return func() { g.leave(a) }, ""
}

func (g *gate) leave(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.count[a]--; g.count[a] == 0 {
		delete(g.count, a)
	}
}

// nearby reports whether an address is one of a private network (RFC 1918, 4193, 3927, 4291), of a carrier's NAT (RFC 6598), or
// of this machine. An invalid one is a pipe within the process.
func nearby(a netip.Addr) bool {
	return !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}
