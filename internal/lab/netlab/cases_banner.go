package netlab

import "github.com/smtptriage/smtptriage/internal/cause"

// redirect leads connections to a port from the site to a proxy on the gateway.
func redirect(port string) []Command {
	return at(Gateway, "nft add rule ip nat pre iifname lan tcp dport "+port+" redirect to :2525")
}

const onGateway = "gateway:2525"

var bannerCases = []Case{
	{
		Name: "held-by-transparent-proxy", Title: "A transparent proxy on the gateway takes connections to port 25, and never says a word",
		Target: own25, Flags: words(toOwn), Want: named(cause.Banner, cause.SMTPBlockedUpstream),
		Sinks: []string{onGateway}, Commands: redirect("25"),
	},
	{
		Name: "held-by-syn-proxy", Title: "A SYN proxy of the ISP answers for every server, and lets nothing of port 25 on",
		Target: own25, Flags: words(toOwn), Want: named(cause.Banner, cause.SMTPBlockedUpstream),
		Commands: at(ISP,
			"sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
			"nft add chain inet lab raw '{ type filter hook prerouting priority raw; }'",
			"nft add rule inet lab raw iifname cust tcp dport 25 tcp flags syn notrack",
			"nft add rule inet lab forward iifname cust tcp dport 25 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm",
			"nft add rule inet lab forward ct state invalid drop",
			"nft add chain inet lab late '{ type filter hook postrouting priority 0; }'",
			"nft add rule inet lab late oifname core tcp dport 25 drop"),
	},
	{
		Name: "server-data-dropped", Title: "The gateway lets handshakes of port 587 through, and drops what the server says",
		Target: submit, Want: named(cause.Banner, cause.SMTPBlockedUpstream),
		Commands: at(Gateway, "nft add rule inet lab forward tcp sport 587 meta length '> 80' drop"),
	},
	{
		Name: "closed-by-middlebox", Title: "The gateway takes connections to port 25, and closes them at once",
		Target: mx25, Flags: words(toMX), Want: named(cause.Banner, cause.MiddleboxTerminates),
		Servers: map[string]string{onGateway: ownServer + "\non CONNECT close"}, Commands: redirect("25"),
	},
	{
		Name: "reset-by-middlebox", Title: "The gateway takes connections to port 25, and resets them after a second",
		Target: own25, Flags: words(toOwn), Want: named(cause.Banner, cause.MiddleboxTerminates),
		Servers: map[string]string{onGateway: ownServer + "\non CONNECT delay 1s\non CONNECT reset"}, Commands: redirect("25"),
	},
	{
		Name: "firewall-masks-banner", Title: "A firewall's SMTP inspection overwrites the greeting",
		Target: own25, Flags: words(toOwn), Want: named(cause.Banner, cause.BannerRewritten),
		Proxies: []Proxy{{Gateway, 2525, MaskBanner}}, Commands: redirect("25"),
	},
	{
		Name: "isp-redirects-smtp", Title: "The ISP leads port 25 to its own smart host",
		Target: mx25, Flags: words(toMX), Want: named(cause.Banner, cause.SMTPRedirected),
		Commands: at(ISP, "nft add rule ip nat pre iifname cust tcp dport 25 dnat to "+smartHost),
	},
	{
		Name: "isp-redirects-submission", Title: "The hoster leads port 587 to its own server",
		Target: submit, Want: named(cause.Banner, cause.SMTPRedirected),
		Commands: at(ISP, "nft add rule ip nat pre iifname cust tcp dport 587 dnat to "+smartHost),
	},
	{
		Name: "inspection-proxy-on-the-way", Title: "The firewall's inspecting proxy greets under its own name",
		Target: submit, Want: named(cause.Banner, cause.TLSInspection, also(cause.Banner, cause.SMTPRedirected)),
		Servers:  map[string]string{onGateway: "personality plain\nhost utm01.contoso.com\ntls cert inspection FortiGate CA\non CONNECT reply 220 utm01.contoso.com FortiGate SMTP proxy ready"},
		Commands: redirect("587"),
	},
	{
		Name: "captive-portal", Title: "A captive portal (HAProxy, HTTP) answers on every port",
		Target: submit, Want: named(cause.Banner, cause.NotSMTP),
		Commands: redirect("587"),
		Programs: []Program{{At: Gateway, Ready: "0.0.0.0:2525", Args: words("haproxy -db -f {dir}/portal.cfg"), Files: map[string]string{"portal.cfg": `
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
  timeout http-request 6s
frontend portal
  bind 0.0.0.0:2525
  http-request redirect location https://portal.contoso.com/
`}}},
	},
	{
		Name: "captive-portal-waits", Title: "A web server (HAProxy) answers on every port, and waits to be asked",
		Target: submit, Want: named(cause.Banner, cause.NotSMTP),
		Commands: redirect("587"),
		Programs: []Program{{At: Gateway, Ready: "0.0.0.0:2525", Args: words("haproxy -db -f {dir}/portal.cfg"), Files: map[string]string{"portal.cfg": `
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend portal
  bind 0.0.0.0:2525
  http-request redirect location https://portal.contoso.com/
`}}},
	},
	{
		Name: "ssh-on-the-port", Title: "Another service answers: SSH",
		Target: own587, Flags: words(toOwn), Want: named(cause.Banner, cause.NotSMTP),
		Servers: map[string]string{own587: "personality plain\non CONNECT send \"SSH-2.0-OpenSSH_9.2p1\\r\\n\""},
	},
	{
		Name: "port-465-in-plain-text", Title: "Port 465 asked in plain text",
		Target: own465, Flags: words("--tls starttls " + toOwn), Want: named(cause.Banner, cause.ImplicitTLSExpected),
	},
	{
		Name: "greeting-refuses", Title: "The server's greeting is a refusal",
		Target: own25, Flags: words(toOwn), Want: named(cause.Banner, cause.ServerRefusesService),
		Servers: map[string]string{own25: ownServer + "\non CONNECT reply 554 5.3.2 mail.example.com is not accepting mail now"},
	},
	{
		Name: "server-greets-late", Title: "The greeting comes after 12 seconds", Slow: true,
		Target: own25, Flags: words(toOwn), Want: named(cause.Banner, cause.GreetingDelayed),
		Servers: map[string]string{own25: ownServer + "\non CONNECT delay 12s"},
	},
}
