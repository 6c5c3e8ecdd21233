package netlab

import (
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
)

const ms = time.Millisecond

var healthyCases = []Case{
	{
		Name: "healthy", Title: "An own server through NAT",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted),
	},
	{
		Name: "healthy-mx", Title: "A tenant's MX host through NAT",
		Target: mx25, Flags: words(toMX), Want: healthy(cause.Accepted),
	},
	{
		Name: "healthy-submission", Title: "The provider's submission host, without credentials",
		Target: submit, Want: healthy(cause.AcceptedNotProven),
	},
	{
		Name: "healthy-465", Title: "TLS from the first byte on 465",
		Target: own465, Flags: words("--tls implicit " + toOwn), Want: healthy(cause.Accepted),
	},
	{
		Name: "healthy-ipv6", Title: "A server with IPv4 and IPv6, both alive",
		Target: "dual.example.com:25", Flags: words(toOwn), Want: healthy(cause.Accepted),
	},
	{
		Name: "healthy-latency", Title: "A satellite link: 300 ms each way", Delay: 300 * ms,
		Target: submit, Want: healthy(cause.AcceptedNotProven),
	},
	{
		Name: "healthy-loss", Title: "One packet of a hundred is lost, each way", Delay: 10 * ms,
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted),
		Commands: at(ISP, "nft add rule inet lab forward numgen random mod 100 '< 1' drop"),
	},
	{
		Name: "healthy-loss-latency", Title: "Three packets of a hundred are lost on a slow link", Delay: 60 * ms,
		Target: submit, Want: healthy(cause.AcceptedNotProven),
		Commands: at(ISP, "nft add rule inet lab forward numgen random mod 100 '< 3' drop"),
	},
	{
		Name: "healthy-small-mtu", Title: "A tunnel of 1300 octets, with working path MTU discovery",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted), Servers: bigChain(own25, ownServer),
		Commands: append(at(ISP, "ip link set core mtu 1300"), at(Core, "ip link set isp mtu 1300")...),
	},
	{
		Name: "healthy-mss-clamped", Title: "A tunnel of 1300 octets without ICMP, and a gateway that clamps the MSS",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted), Servers: bigChain(own25, ownServer),
		Commands: append(append(noICMP(ISP), at(ISP, "ip route replace default via 192.0.2.2 mtu lock 1300")...),
			at(Gateway, "nft add rule inet lab forward tcp flags syn tcp option maxseg size set 1200")...),
	},
	{
		Name: "healthy-one-dead-of-three", Title: "One address of three is dead",
		Target: "three.example.com:25", Flags: words(toOwn), Want: healthy(cause.Accepted),
		Commands: at(Internet, "nft add rule inet lab input ip daddr 203.0.113.27 drop"),
	},
	{
		Name: "healthy-first-resolver-dead", Title: "The first of two resolvers is dead", Resolv: "nameserver 10.1.0.66\nnameserver 10.1.0.1\noptions timeout:2",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted),
	},
	{
		Name: "healthy-dns-truncated", Title: "The site's resolver answers over TCP alone",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted), DNS: []string{"site * TRUNCATED"},
	},
	{
		Name: "healthy-no-ipv6", Title: "A server with IPv6, and a device without",
		Target: "dual.example.com:25", Flags: words(toOwn), Want: healthy(cause.Accepted),
		Commands: at(Device, "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1"),
	},
	{
		Name: "healthy-no-icmp", Title: "No router answers pings or says anything by ICMP",
		Target: submit, Want: healthy(cause.AcceptedNotProven),
		Commands: append(at(Gateway, "nft add rule inet lab output meta l4proto icmp drop", "nft add rule inet lab forward meta l4proto icmp drop"),
			at(ISP, "nft add rule inet lab output meta l4proto icmp drop")...),
	},
	{
		Name: "healthy-only-587", Title: "A strict gateway: 587 is the only port that gets out",
		Target: submit, Want: healthy(cause.AcceptedNotProven),
		Commands: at(Gateway, "nft add rule inet lab forward iifname lan tcp dport != 587 drop", "nft add rule inet lab forward iifname lan meta l4proto udp drop"),
	},
	{
		Name: "healthy-honest-proxy", Title: "A transparent proxy that changes nothing",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted),
		Proxies: []Proxy{{Gateway, 2525, PassOn}}, Commands: redirect("25"),
	},
	{
		Name: "healthy-slow-line", Title: "A line of 256 kbit/s",
		Target: mx25, Flags: words(toMX), Want: healthy(cause.Accepted), Servers: bigChain(mx25, tenantMX),
		Commands: at(ISP, "tc qdisc add dev cust root tbf rate 256kbit burst 4kb latency 400ms"),
	},
	{
		Name: "healthy-real-postfix", Title: "A real Postfix",
		Target: own25, Flags: words(toOwn), Want: healthy(cause.Accepted), RealServer: "postfix-healthy",
	},
}
