package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// systemResolver is what a Lookup names as its server when it asked as programs on this machine do.
const systemResolver = "system"

const lookupWait = 20 * time.Second // longer than the system resolver's own patience with two dead servers: 2 x 2 x 5 s

// networks are what net.Resolver calls the families.
var networks = map[int]string{0: "ip", 4: "ip4", 6: "ip6"}

// A resolution is one name looked up once a run: by whoever needs it first, while the others wait.
type resolution struct {
	done  chan struct{} // closed when addrs is there
	addrs []netip.Addr
}

// addresses are those to dial for a walk, in the order the resolver gave them.
func (r *run) addresses(ctx context.Context, g *group, w evidence.Walk) []netip.Addr {
	if w.Address.IsValid() {
		return []netip.Addr{w.Address.Unmap()}
	}
	if ip, err := netip.ParseAddr(strings.Trim(w.Host, "[]")); err == nil {
		return []netip.Addr{ip.Unmap()}
	}
	key := networks[w.Family] + " " + w.Host
	r.mu.Lock()
	res, known := r.resolved[key]
	if !known {
		res = &resolution{done: make(chan struct{})}
		r.resolved[key] = res
	}
	r.mu.Unlock()
	if !known {
		res.addrs = r.resolve(ctx, g, w)
		close(res.done)
	}
	<-res.done // the resolver ends with ctx
	return inTurn(res.addrs, r.p.Turn)
}

// inTurn puts another address first each turn. Resolvers rotate them too, so they are sorted before.
func inTurn(addrs []netip.Addr, turn int) []netip.Addr {
	addrs = slices.Clone(addrs)
	if turn <= 0 || len(addrs) < 2 {
		return addrs
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	n := (turn - 1) % len(addrs)
	return slices.Concat(addrs[n:], addrs[:n])
}

// resolve looks a name up, and records that in a trace of its own.
func (r *run) resolve(ctx context.Context, g *group, w evidence.Walk) []netip.Addr {
	j := g.trace(evidence.Trace{Role: evidence.RoleLookup, Walk: w})
	if len(r.p.Resolvers) > 0 {
		return r.resolveWith(ctx, j, w)
	}
	lookup := r.p.Lookup
	if lookup == nil {
		lookup = r.systemLookup
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	defer time.AfterFunc(SilenceToReport, r.poke).Stop()
	began := time.Now()
	addrs, err := lookup(ctx, networks[w.Family], w.Host)
	l := evidence.Lookup{Server: systemResolver, Name: w.Host, Type: "ADDR", Waited: time.Since(began)}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
		l.Answers = append(l.Answers, evidence.RR{Name: w.Host, Type: addressType(addrs[i]), Data: addrs[i].String()})
	}
	if err != nil {
		lookupFailed(&l, err)
	}
	j.add(evidence.Event{Took: l.Waited, Lookup: &l})
	return addrs
}

// lookupFailed keeps apart what net.Resolver tells apart. It does not tell NXDOMAIN from a name without addresses.
func lookupFailed(l *evidence.Lookup, err error) {
	var d *net.DNSError
	l.Text = err.Error()
	switch {
	case errors.As(err, &d) && d.IsNotFound:
		l.NotFound = true
	case errors.As(err, &d) && d.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		l.Outcome = evidence.TimedOut
	case errors.Is(err, context.Canceled):
		l.Outcome = evidence.Aborted
	default:
		l.Outcome, _ = outcomeOf(err)
	}
}

// systemLookup asks as other programs here do.
func (r *run) systemLookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	resolver := r.systemResolver()
	return resolver.LookupNetIP(ctx, network, host)
}

// systemResolver is that of other programs here. Where Go's own resolver does the work, its servers become known.
func (r *run) systemResolver() *net.Resolver {
	d := new(net.Dialer)
	return &net.Resolver{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		r.contact(address)
		return d.DialContext(ctx, network, address)
	}}
}

func addressType(a netip.Addr) string {
	if a.Is4() {
		return "A"
	}
	return "AAAA"
}
