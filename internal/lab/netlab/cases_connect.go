package netlab

import "github.com/smtptriage/smtptriage/internal/cause"

const (
	own25    = mailHost + ":25"
	own587   = mailHost + ":587"
	own465   = mailHost + ":465"
	mx25     = mxHost + ":25"
	submit   = submitHost + ":587"
	dropping = "nft add rule inet lab forward tcp dport "
)

func at(n Node, lines ...string) []Command {
	var commands []Command
	for _, line := range lines {
		commands = append(commands, Command{n, line})
	}
	return commands
}

var connectCases = []Case{
	{
		Name: "host-firewall-drops", SilentDrop: true, Title: "The device's own firewall drops port 25",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Device, "nft add rule inet lab output tcp dport 25 drop"),
	},
	{
		Name: "host-firewall-drops-answers", SilentDrop: true, Title: "The device's own firewall lets port 25 out, and drops what comes back",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Device, "nft add rule inet lab input tcp sport 25 drop"),
	},
	{
		Name: "host-firewall-resets", Title: "The device's own firewall resets port 25",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Device, "nft add rule inet lab output tcp dport 25 reject with tcp reset"),
	},
	{
		Name: "host-firewall-rejects", Title: "The device's own firewall rejects port 25 by ICMP",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Device, "nft add rule inet lab output tcp dport 25 reject with icmpx admin-prohibited"),
	},
	{
		Name: "gateway-drops-25", SilentDrop: true, Title: "The site's gateway drops port 25",
		Target: own25, Flags: words(toOwn), Want: unsure(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"25 drop"),
	},
	{
		Name: "gateway-drops-25-to-mx", SilentDrop: true, Title: "The site's gateway drops port 25; the target is a tenant's MX host",
		Target: mx25, Flags: words(toMX), Want: unsure(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"25 drop"),
	},
	{
		Name: "gateway-drops-587", SilentDrop: true, Title: "The site's gateway drops port 587",
		Target: submit, Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"587 drop"),
	},
	{
		Name: "gateway-drops-all-smtp", SilentDrop: true, Title: "The site's gateway lets no mail port out",
		Target: submit, Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"{ 25, 465, 587 } drop"),
	},
	{
		Name: "gateway-drops-unseen", SilentDrop: true, Title: "The site's gateway drops port 25 before it looks at the TTL: that hop is silent too",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, "nft add rule inet lab early tcp dport 25 drop"),
	},
	{
		Name: "gateway-resets-25", Title: "The site's gateway resets port 25", Delay: 10 * ms,
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"25 reject with tcp reset"),
	},
	{
		Name: "gateway-rejects-25", Title: "The site's gateway rejects port 25 by ICMP, and so owns up",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"25 reject with icmpx admin-prohibited"),
	},
	{
		Name: "gateway-rejects-587-host-unreachable", Title: "The site's gateway answers port 587 with host unreachable, and lets 443 through",
		Target: submit, Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, dropping+"587 reject with icmpx host-unreachable"),
	},
	{
		Name: "isp-drops-25", SilentDrop: true, Title: "The ISP drops port 25",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(ISP, dropping+"25 drop"),
	},
	{
		Name: "isp-drops-25-to-mx", SilentDrop: true, Title: "The ISP drops port 25; the target is a tenant's MX host with no other port",
		Target: mx25, Flags: words(toMX), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(ISP, dropping+"25 drop"),
	},
	{
		Name: "isp-resets-25", Title: "The ISP resets port 25", Delay: 10 * ms,
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(ISP, dropping+"25 reject with tcp reset"),
	},
	{
		Name: "isp-rejects-25", Title: "The ISP rejects port 25 by ICMP",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(ISP, dropping+"25 reject with icmpx admin-prohibited"),
	},
	{
		Name: "upstream-drops-25", SilentDrop: true, Title: "A router behind the ISP drops port 25",
		Target: mx25, Flags: words(toMX), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(Core, dropping+"25 drop"),
	},
	{
		Name: "last-router-drops-25", SilentDrop: true, Title: "The last router before the server drops port 25, of this and of all other servers",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(Core, dropping+"25 drop"),
	},
	{
		Name: "last-router-resets-25", Title: "The last router before the server resets port 25, of this and of all other servers", Delay: 10 * ms,
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(Core, dropping+"25 reject with tcp reset"),
	},
	{
		Name: "gateway-drops-25-of-one-host", SilentDrop: true, Title: "The site's gateway drops port 25 of one server; others are reached on it",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.FirewallBlocksSMTP),
		Commands: at(Gateway, "nft add rule inet lab forward ip daddr 203.0.113.25 tcp dport 25 drop"),
	},
	{
		Name: "ipv6-dropped", Title: "IPv6 packets vanish at the ISP, IPv4 works",
		Target: "dual.example.com:25", Flags: words(toOwn), Want: named(cause.Connect, cause.IPv6PathBroken),
		Commands: at(ISP, "nft add rule inet lab forward meta nfproto ipv6 drop"),
	},
	{
		Name: "ipv6-no-route", Title: "The gateway has no IPv6 route to the internet, and says so",
		Target: "dual.example.com:25", Flags: words(toOwn), Want: named(cause.Connect, cause.IPv6PathBroken),
		Commands: at(Gateway, "ip -6 route replace unreachable default"),
	},
	{
		Name: "server-port-closed", Title: "Nothing listens on the server's port 587",
		Target: own587, Flags: words(toOwn), Want: named(cause.Connect, cause.PortClosed), Delay: 10 * ms,
		Servers: map[string]string{own587: ""},
	},
	{
		Name: "server-port-25-closed", Title: "Nothing listens on the server's port 25, other hosts' answer", Delay: 10 * ms,
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.PortClosed),
		Servers: map[string]string{own25: ""},
	},
	{
		Name: "mx-on-587", Title: "A tenant's MX host asked on 587, where it is silent",
		Target: mxHost + ":587", Flags: words(toMX), Want: named(cause.Connect, cause.WrongEndpoint),
	},
	{
		Name: "submission-on-465", Title: "The submission host asked on 465, which it does not have",
		Target: submitHost + ":465", Want: named(cause.Connect, cause.WrongEndpoint),
	},
	{
		Name: "no-default-gateway", Title: "The device has no default gateway",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.RoutingOrNAT),
		Commands: at(Device, "ip route del default", "ip -6 route del default"),
	},
	{
		Name: "gateway-address-wrong", Title: "The device's default gateway is an address that nobody has",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.RoutingOrNAT),
		Commands: at(Device, "ip route replace default via 10.1.0.9", "ip -6 route del default"),
	},
	{
		Name: "isp-has-no-route", Title: "The ISP has no route to the server, and says so",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.RoutingOrNAT),
		Commands: at(ISP, "ip route add unreachable 203.0.113.25/32"),
	},
	{
		Name: "routing-loop", Title: "Two routers behind the ISP send the packets to each other",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.RoutingOrNAT),
		Commands: at(Core, "ip route add 203.0.113.25/32 via 192.0.2.1"),
	},
	{
		Name: "internet-down", Title: "Everything behind the gateway is lost; only the site's resolver answers",
		Target: submit, Want: named(cause.Connect, cause.RoutingOrNAT),
		Commands: at(ISP, "nft add rule inet lab forward drop"),
	},
	{
		Name: "nat-full", Title: "The gateway's NAT table is full: no new connection of any kind gets out",
		Target: own25, Flags: words(toOwn), Want: named(cause.Connect, cause.RoutingOrNAT),
		Holds:    []string{"203.0.113.104:443"},
		Commands: at(Gateway, "nft add rule inet lab forward ct state new ct count over 1 drop"),
	},
	{
		Name: "server-down", Title: "The server's machine is off; everything else works",
		Target: "old.example.com:25", DNS: []string{"all old.example.com A 203.0.113.99"}, Flags: words(toOwn),
		Want: unsure(cause.Connect, cause.RoutingOrNAT, also(cause.Connect, cause.PortClosed), also(cause.Connect, cause.DNSWrongAnswer), also(cause.Connect, cause.FirewallBlocksSMTP), also(cause.None, cause.Undetermined)),
	},
}
