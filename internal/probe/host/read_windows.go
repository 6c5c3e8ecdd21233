package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// adapters returns those that are up, the preferred one first, as the system's own resolver asks them.
func adapters() ([]*windows.IpAdapterAddresses, error) {
	size := uint32(15 << 10) // what Microsoft advises to begin with
	for range 5 {
		buf := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&buf[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_INCLUDE_GATEWAYS, 0, first, &size)
		if errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) && size <= maxOutput {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the adapters: %w", err)
		}
		var up []*windows.IpAdapterAddresses
		for a := first; a != nil; a = a.Next {
			if a.OperStatus == windows.IfOperStatusUp && a.IfType != windows.IF_TYPE_SOFTWARE_LOOPBACK {
				up = append(up, a)
			}
		}
		slices.SortStableFunc(up, func(a, b *windows.IpAdapterAddresses) int {
			return cmp.Compare(min(a.Ipv4Metric, a.Ipv6Metric), min(b.Ipv4Metric, b.Ipv6Metric))
		})
		return up, nil
	}
	return nil, errors.New("reading the adapters: their number keeps growing")
}

func resolvers(context.Context) []string {
	list, err := adapters()
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range list {
		for s := a.FirstDnsServerAddress; s != nil; s = s.Next {
			ip, ok := netip.AddrFromSlice(s.Address.IP())
			if !ok || placeholder(ip) {
				continue
			}
			if server := netip.AddrPortFrom(ip.Unmap(), 53).String(); !slices.Contains(out, server) {
				out = append(out, server)
			}
		}
	}
	return out
}

// placeholder reports whether an address is one of fec0:0:0:ffff::1 to 3, which Windows lists on adapters without an
// IPv6 resolver, and never asks.
func placeholder(ip netip.Addr) bool {
	return netip.MustParsePrefix("fec0:0:0:ffff::/64").Contains(ip)
}

func gateways() ([]string, error) {
	list, err := adapters()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range list {
		for g := a.FirstGatewayAddress; g != nil; g = g.Next {
			if ip, ok := netip.AddrFromSlice(g.Address.IP()); ok && !ip.IsUnspecified() {
				out = append(out, ip.Unmap().String())
			}
		}
	}
	return out, nil
}

// Where the firewall keeps its rules: those of this machine, and those of group policy.
var ruleKeys = []string{
	`SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules`,
	`SOFTWARE\Policies\Microsoft\WindowsFirewall\FirewallRules`,
}

const profileKey = `SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\`

// firewall reads the rules from the registry, where every user may read them and their words are those of no language.
func firewall(ctx context.Context) ([]string, error) {
	var out []string
	for i, path := range ruleKeys {
		key, err := registry.OpenKey(registry.LOCAL_MACHINE, path, registry.QUERY_VALUE)
		if errors.Is(err, registry.ErrNotExist) && i > 0 {
			continue // no group policy
		}
		if err != nil {
			return out, fmt.Errorf("not read: %s: %w", path, err)
		}
		rules, err := readRules(ctx, key)
		key.Close()
		out = append(out, rules...)
		if err != nil {
			return out, fmt.Errorf("not read: %s: %w", path, err)
		}
	}
	return append(out, defaults()...), nil
}

func readRules(ctx context.Context, key registry.Key) ([]string, error) {
	names, err := key.ReadValueNames(-1)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		value, _, err := key.GetStringValue(name)
		if err != nil {
			continue // no rule is of another type
		}
		if shown := windowsRule(value); shown != "" {
			out = append(out, shown)
		}
	}
	return out, nil
}

// defaults names the profiles that block what no rule allows.
func defaults() []string {
	var out []string
	for _, profile := range []string{"DomainProfile", "StandardProfile", "PublicProfile"} {
		key, err := registry.OpenKey(registry.LOCAL_MACHINE, profileKey+profile, registry.QUERY_VALUE)
		if err != nil {
			continue
		}
		blocked, _, err1 := key.GetIntegerValue("DefaultOutboundAction")
		enabled, _, err2 := key.GetIntegerValue("EnableFirewall")
		key.Close()
		if err1 == nil && err2 == nil && blocked == 1 && enabled == 1 {
			out = append(out, "windows: "+profile+" blocks outgoing connections that no rule allows")
		}
	}
	return out
}

func settings() []string { return nil }
