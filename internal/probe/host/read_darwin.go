package host

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"syscall"

	"golang.org/x/net/route"
)

func gateways() ([]string, error) {
	rib, err := route.FetchRIB(syscall.AF_UNSPEC, route.RIBTypeRoute, 0)
	if err != nil {
		return nil, fmt.Errorf("reading the routes: %w", err)
	}
	messages, err := route.ParseRIB(route.RIBTypeRoute, rib)
	if err != nil {
		return nil, fmt.Errorf("reading the routes: %w", err)
	}
	var out []string
	for _, m := range messages {
		if r, ok := m.(*route.RouteMessage); ok {
			out = appendDefault(out, r)
		}
	}
	return out, nil
}

// appendDefault appends the gateway of a route if it is a default route.
func appendDefault(out []string, r *route.RouteMessage) []string {
	if len(r.Addrs) <= syscall.RTAX_NETMASK || r.Flags&syscall.RTF_UP == 0 || r.Flags&syscall.RTF_REJECT != 0 ||
		!zero(r.Addrs[syscall.RTAX_DST]) || !zeroMask(r.Addrs[syscall.RTAX_NETMASK]) {
		return out
	}
	switch a := r.Addrs[syscall.RTAX_GATEWAY].(type) {
	case *route.Inet4Addr:
		return append(out, netip.AddrFrom4(a.IP).String())
	case *route.Inet6Addr:
		gateway := netip.AddrFrom16(a.IP)
		if a.ZoneID != 0 {
			gateway = gateway.WithZone(strconv.Itoa(a.ZoneID))
		}
		return append(out, gateway.String())
	case *route.LinkAddr:
		return append(out, "dev "+a.Name)
	}
	return out
}

func zero(a route.Addr) bool {
	switch a := a.(type) {
	case *route.Inet4Addr:
		return a.IP == [4]byte{}
	case *route.Inet6Addr:
		return a.IP == [16]byte{}
	}
	return false
}

// zeroMask: a default route's mask has no bits, or is not there at all.
func zeroMask(a route.Addr) bool { return a == nil || zero(a) }

func firewall(context.Context) ([]string, error) {
	return nil, errors.New("not read: pf shows its rules to root alone")
}

func settings() []string { return nil }
