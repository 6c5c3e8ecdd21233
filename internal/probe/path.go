package probe

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Kinds of path tests.
const (
	tcpTraceroute = "tcp-traceroute"
	udpMTU        = "udp-mtu"
	pingMTU       = "ping-mtu"
)

// seesPath is what the trace of a path test sees: packets of its own making, and no conversation.
var seesPath = evidence.Sees{Timing: true, FromStart: true}

// path looks at the way to an address. It returns why that was not possible, or "".
func (r *run) path(ctx context.Context, g *group, test evidence.PathTest) (notPossible string) {
	address := netip.AddrPortFrom(test.Address.Unmap(), uint16(test.Port))
	switch {
	case test.Kind != tcpTraceroute && test.Kind != udpMTU && test.Kind != pingMTU:
		return fmt.Sprintf("no path test is named %q", test.Kind)
	case !test.Address.IsValid():
		return "there is no address to look for"
	case test.Kind == tcpTraceroute:
		return r.traceroute(ctx, g, address)
	}
	return r.sizes(ctx, g, address, test.Kind == pingMTU)
}

// pathTrace starts the trace of a path test.
func (g *group) pathTrace(address netip.AddrPort) *journal {
	j := g.trace(evidence.Trace{Address: address})
	j.rec.Update(func(t *evidence.Trace) { t.Sees = seesPath })
	return j
}
