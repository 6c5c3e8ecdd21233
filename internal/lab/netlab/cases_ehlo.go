package netlab

import "github.com/smtptriage/smtptriage/internal/cause"

var ehloCases = []Case{
	{
		Name: "ehlo-refused-by-proxy", Title: "A proxy on the gateway answers EHLO with 500",
		Target: own25, Flags: words(toOwn), Want: named(cause.EHLO, cause.SMTPProxyAlters),
		Proxies: []Proxy{{Gateway, 2525, RefuseEHLO}}, Commands: redirect("25"),
	},
	{
		Name: "ehlo-cut-by-proxy", Title: "A proxy on the gateway closes after EHLO",
		Target: submit, Want: named(cause.EHLO, cause.ConnectionCutAfterEHLO),
		Proxies: []Proxy{{Gateway, 2525, CutAfterEHLO}}, Commands: redirect("587"),
	},
	{
		Name: "ehlo-swallowed-by-proxy", Title: "A proxy on the gateway swallows EHLO",
		Target: own25, Flags: words(toOwn), Want: named(cause.EHLO, cause.ConnectionCutAfterEHLO),
		Proxies: []Proxy{{Gateway, 2525, SilentPastEHLO}}, Commands: redirect("25"),
	},
	{
		Name: "ehlo-reset-by-payload", Title: "An inline IPS resets the connection at the word EHLO",
		Target: own25, Flags: words(toOwn), Want: named(cause.EHLO, cause.ConnectionCutAfterEHLO),
		Commands: at(Gateway, "nft add rule inet lab forward tcp dport 25 @ih,0,32 0x45484c4f reject with tcp reset"),
	},
	{
		Name: "ehlo-dropped-by-payload", Title: "An inline IPS of the ISP drops packets with the word EHLO",
		Target: mx25, Flags: words(toMX), Want: named(cause.EHLO, cause.ConnectionCutAfterEHLO),
		Commands: at(ISP, "nft add rule inet lab forward tcp dport 25 @ih,0,32 0x45484c4f drop"),
	},
	{
		Name: "firewall-masks-starttls", Title: "A firewall overwrites STARTTLS with X's, and refuses it",
		Target: submit, Want: named(cause.EHLO, cause.SMTPProxyAlters, also(cause.StartTLSOffer, cause.StartTLSStripped)),
		Proxies: []Proxy{{Gateway, 2525, MaskSTARTTLS}}, Commands: redirect("587"),
	},
}

var offerCases = []Case{
	{
		Name: "gateway-strips-starttls", Title: "A proxy on the gateway leaves STARTTLS out of the list",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLSOffer, cause.StartTLSStripped),
		Proxies: []Proxy{{Gateway, 2525, StripSTARTTLS}}, Commands: redirect("25"),
	},
	{
		Name: "gateway-strips-starttls-of-submission", Title: "The same, between the device and the provider's submission host",
		Target: submit, Want: named(cause.StartTLSOffer, cause.StartTLSStripped),
		Proxies: []Proxy{{Gateway, 2525, StripSTARTTLS}}, Commands: redirect("587"),
	},
	{
		Name: "isp-strips-starttls", Title: "The ISP strips STARTTLS on port 25 on the way to a tenant's MX host",
		Target: mx25, Flags: words(toMX), Want: named(cause.StartTLSOffer, cause.StartTLSStripped),
		Proxies:  []Proxy{{ISP, 2525, StripSTARTTLS}},
		Commands: at(ISP, "nft add rule ip nat pre iifname cust tcp dport 25 redirect to :2525"),
	},
	{
		Name: "server-without-starttls", Title: "The server itself has no STARTTLS",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLSOffer, cause.StartTLSNotSupported),
		Servers: map[string]string{own25: ownServer + "\nstarttls off"},
	},
}
