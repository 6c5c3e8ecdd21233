package netlab

import (
	"slices"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// noICMP has a router keep to itself that packets are too big.
func noICMP(n Node) []Command {
	return at(n, "nft add rule inet lab output icmp type destination-unreachable drop", "nft add rule inet lab output icmpv6 type packet-too-big drop")
}

// upHole is a router on the way out that takes no more than 1400 octets, and does not say so.
var upHole = slices.Concat(noICMP(ISP), at(ISP, "ip route replace default via 192.0.2.2 mtu lock 1400"))

// downHole is the same on the way back.
var downHole = slices.Concat(noICMP(Core), at(Core, "ip route replace 198.51.100.0/24 via 192.0.2.1 mtu lock 1400"))

// bigChain is a server with a certificate chain as large as those of providers.
func bigChain(at, script string) map[string]string {
	return map[string]string{at: script + "\ntls key rsa\ntls cert huge 3000"}
}

var mtuCases = []Case{
	{
		Name: "mtu-hole-up", Title: "Packets of more than 1400 octets toward the server vanish",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.PathMTUBlackhole), Commands: upHole,
	},
	{
		Name: "mtu-hole-up-submission", Title: "The same, toward the provider's submission host",
		Target: submit, Want: named(cause.StartTLS, cause.PathMTUBlackhole), Commands: upHole,
	},
	{
		Name: "mtu-hole-down", Title: "Packets of more than 1400 octets from the server vanish: its certificates never come",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.PathMTUBlackhole),
		Servers: bigChain(own25, ownServer), Commands: downHole,
	},
	{
		Name: "mtu-hole-down-mx", Title: "The same, from a tenant's MX host",
		Target: mx25, Flags: words(toMX), Want: named(cause.StartTLS, cause.PathMTUBlackhole),
		Servers: bigChain(mx25, tenantMX), Commands: downHole,
	},
	{
		Name: "mtu-hole-both", Title: "A tunnel of 1300 octets behind the gateway, and all ICMP filtered",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.PathMTUBlackhole),
		Servers: bigChain(own25, ownServer),
		Commands: slices.Concat(noICMP(ISP), noICMP(Core),
			at(ISP, "ip link set core mtu 1300"), at(Core, "ip link set isp mtu 1300")),
	},
	{
		Name: "mtu-hole-layer-2", Title: "A switch on the way drops frames of more than 1400 octets toward the device",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.PathMTUBlackhole),
		Servers: bigChain(own25, ownServer),
		Commands: slices.Concat(at(Internet, "ethtool -K eth0 tso off gso off gro off sg off", "ip link set eth0 gso_max_segs 1"),
			at(Device, "ethtool -K eth0 tso off gso off gro off sg off", "ip link set eth0 gso_max_segs 1"),
			noICMP(ISP), at(ISP, "ip link set core mtu 1400")),
	},
	{
		Name: "mtu-hole-up-465", Title: "Packets of more than 1400 octets toward the server vanish; TLS from the first byte",
		Target: own465, Flags: words("--tls implicit " + toOwn), Want: named(cause.StartTLS, cause.PathMTUBlackhole), Commands: upHole,
	},
}
