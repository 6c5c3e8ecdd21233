package netlab

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
)

// A link joins two nodes.
type link struct {
	a    Node
	devA string
	b    Node
	devB string
	netA []string // addresses with their prefix length
	netB []string
}

// links are the wires of the lab. No device is called "up": ip takes that for a keyword.
var links = []link{
	{Device, "eth0", Gateway, "lan", []string{"10.1.0.2/24", "2001:db8:1::2/64"}, []string{"10.1.0.1/24", "2001:db8:1::1/64"}},
	{Gateway, "wan", ISP, "cust", []string{"198.51.100.10/24", "2001:db8:2::10/64"}, []string{"198.51.100.1/24", "2001:db8:2::1/64"}},
	{ISP, "core", Core, "isp", []string{"192.0.2.1/24", "2001:db8:3::1/64"}, []string{"192.0.2.2/24", "2001:db8:3::2/64"}},
	{Core, "net", Internet, "eth0", []string{"203.0.113.1/30", "2001:db8:4::1/64"}, []string{"203.0.113.2/30", "2001:db8:4::2/64"}},
}

const accessLink = 1 // the one that Case.Delay slows down

// routes by node. Whatever is not known nearer goes to the internet, where an address nobody has is silent.
var routes = map[Node][]string{
	Device:   {"default via 10.1.0.1", "default via 2001:db8:1::1"},
	Gateway:  {"default via 198.51.100.1", "default via 2001:db8:2::1"},
	ISP:      {"default via 192.0.2.2", "default via 2001:db8:3::2", "2001:db8:1::/64 via 2001:db8:2::10"},
	Core:     {"default via 203.0.113.2", "198.51.100.0/24 via 192.0.2.1", "default via 2001:db8:4::2", "2001:db8:1::/64 via 2001:db8:3::1", "2001:db8:2::/64 via 2001:db8:3::1"},
	Internet: {"default via 203.0.113.1", "default via 2001:db8:4::1"},
}

// ruleSet is on every node, so that a fault is one more rule. The NAT chain of the device and the internet stays empty.
const ruleSet = `
table inet lab {
	chain early { type filter hook prerouting priority -160; }
	chain input { type filter hook input priority 0; }
	chain forward { type filter hook forward priority 0; }
	chain output { type filter hook output priority 0; }
}
table ip nat {
	chain pre { type nat hook prerouting priority dstnat; }
	chain post { type nat hook postrouting priority srcnat; }
}
`

// build makes the namespaces, wires, addresses and routes.
func (l *Lab) build() error {
	for _, node := range nodes {
		ns := l.ns(node)
		if out, err := exec.Command("ip", "netns", "add", ns.name).CombinedOutput(); err != nil {
			return fmt.Errorf("ip netns add: %w: %s", err, out)
		}
		l.made = append(l.made, ns)
		// Duplicate address detection goes off before there are links: tentative addresses are mute for a second or two.
		settings := []string{"net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"}
		if node == Gateway || node == ISP || node == Core {
			settings = append(settings, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
				"net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
		}
		if err := ns.set(settings...); err != nil {
			return err
		}
	}
	for i, k := range links {
		if err := l.wire(i, k); err != nil {
			return err
		}
	}
	if err := l.ns(Internet).run(serverAddresses(), "ip", "-batch", "-"); err != nil {
		return err
	}
	for _, node := range nodes {
		var batch strings.Builder
		fmt.Fprintln(&batch, "link set lo up")
		for _, r := range routes[node] {
			fmt.Fprintln(&batch, "route add", r)
		}
		if err := l.ns(node).run(batch.String(), "ip", "-batch", "-"); err != nil {
			return err
		}
		rules := ruleSet
		switch node {
		case Gateway:
			rules += "add rule ip nat post oifname wan masquerade\n"
		case Internet:
			rules += muteRules()
		}
		if err := l.ns(node).run(rules, "nft", "-f", "-"); err != nil {
			return err
		}
	}
	return nil
}

// wire lays one link: a veth pair, or the slow wire.
func (l *Lab) wire(i int, k link) error {
	a, b := l.ns(k.a), l.ns(k.b)
	if i == accessLink && l.Case.Delay > 0 {
		if err := l.delayWire(a, k.devA, b, k.devB, l.Case.Delay); err != nil {
			return err
		}
	} else if err := a.run("", "ip", "link", "add", k.devA, "type", "veth", "peer", "name", k.devB, "netns", b.name); err != nil {
		return err
	}
	for _, end := range []struct {
		ns    namespace
		dev   string
		addrs []string
	}{{a, k.devA, k.netA}, {b, k.devB, k.netB}} {
		var batch strings.Builder
		for _, addr := range end.addrs {
			fmt.Fprintf(&batch, "addr add %s dev %s\n", addr, end.dev)
		}
		fmt.Fprintf(&batch, "link set %s up\n", end.dev)
		if err := end.ns.run(batch.String(), "ip", "-batch", "-"); err != nil {
			return err
		}
	}
	return nil
}

// serverAddresses gives the internet's loopback device every server's address.
func serverAddresses() string {
	var batch strings.Builder
	fmt.Fprintln(&batch, "link set lo up")
	for _, h := range hosts {
		for _, a := range h.addrs {
			prefix := "/32 dev lo"
			if netip.MustParseAddr(a).Is6() {
				prefix = "/128 dev lo nodad" // or else it can't be listened on for a moment
			}
			fmt.Fprintf(&batch, "addr add %s%s\n", a, prefix)
		}
	}
	return batch.String()
}

// muteRules drop what comes for ports that a large provider does not serve.
func muteRules() string {
	var rules strings.Builder
	for _, h := range hosts {
		if !h.mute {
			continue
		}
		ports := []string{"53"}
		if h.web {
			ports = append(ports, "443")
		}
		for _, p := range sortedPorts(h) {
			ports = append(ports, fmt.Sprint(p))
		}
		for _, a := range h.addrs {
			family := "ip"
			if netip.MustParseAddr(a).Is6() {
				family = "ip6"
			}
			fmt.Fprintf(&rules, "add rule inet lab input %s daddr %s tcp dport != { %s } drop\n", family, a, strings.Join(ports, ", "))
		}
	}
	return rules.String()
}
