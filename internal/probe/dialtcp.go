package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// dialTCP opens a connection with the system's own means.
func dialTCP(ctx context.Context, spec DialSpec) (net.Conn, evidence.Dialed) {
	network := "tcp6"
	if spec.Address.Addr().Is4() {
		network = "tcp4"
	}
	d := net.Dialer{KeepAlive: -1} // no packets but those of the conversation
	device := ""
	if spec.Bind != "" {
		local, dev, err := bindTo(spec.Bind, spec.Address.Addr())
		if err != nil {
			return nil, evidence.Dialed{Outcome: evidence.NoRoute, Text: err.Error()}
		}
		d.LocalAddr, device = local, dev
	}
	watch := new(socketWatch)
	defer watch.close()
	d.ControlContext = func(_ context.Context, _, _ string, raw syscall.RawConn) error {
		return watch.prepare(raw, spec, device)
	}
	conn, err := d.DialContext(ctx, network, spec.Address.String())
	if err != nil {
		out := evidence.Dialed{Text: err.Error(), Offender: watch.offender()}
		out.Outcome, out.Errno = outcomeOf(err)
		out.Outcome = blame(out.Outcome, out.Errno, out.Offender)
		return nil, out
	}
	connected(conn)
	return conn, evidence.Dialed{Outcome: evidence.Connected, MSS: segmentSize(conn)}
}

// blame refines an outcome by the ICMP error behind it: the errno alone does not tell a prohibition from a dead end, nor
// a missing route of this host from one further on.
func blame(o evidence.Outcome, errno string, by *evidence.ICMP) evidence.Outcome {
	switch {
	case by == nil && errno == "ENETUNREACH":
		return evidence.NoRoute
	case by == nil:
		return o
	case by.V6 && by.Type == 1 && (by.Code == 1 || by.Code == 5 || by.Code == 6): // RFC 4443, section 3.1
		return evidence.Prohibited
	case !by.V6 && by.Type == 3 && (by.Code == 9 || by.Code == 10 || by.Code == 13): // RFC 1812, section 5.2.7.1
		return evidence.Prohibited
	}
	return o
}

// bindTo finds the local address for a --bind of an address or an interface, and the interface if it was one.
func bindTo(bind string, far netip.Addr) (net.Addr, string, error) {
	if ip, err := netip.ParseAddr(bind); err == nil {
		if ip.Is4() != far.Is4() {
			return nil, "", fmt.Errorf("%v is of the other address family than %v", far, ip)
		}
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, 0)), "", nil
	}
	dev, err := net.InterfaceByName(bind)
	if err != nil {
		return nil, "", fmt.Errorf("no interface or address %q here: %w", bind, err)
	}
	addrs, err := dev.Addrs()
	if err != nil {
		return nil, "", fmt.Errorf("reading the addresses of %s: %w", bind, err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() == far.Is4() && usable(p.Addr(), far) {
			return net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.Addr(), 0)), bind, nil
		}
	}
	return nil, "", fmt.Errorf("%s has no address of the family of %v", bind, far)
}

// usable leaves link-local addresses to link-local targets.
func usable(local, far netip.Addr) bool {
	return local.IsLinkLocalUnicast() == far.IsLinkLocalUnicast()
}
