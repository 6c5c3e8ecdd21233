package cause

// pathNodes are steps 1 to 5: from the first packet to a TLS session that has said EHLO.
var pathNodes = []Node{
	{
		Step: Connect, Number: 1, Title: "Can the port be reached?",
		Tests: []string{
			"Resolve the configured host name and open a TCP connection to the configured port, to every address by itself.",
		},
		Expected: []string{
			"The connection opens: port 25 for an MX or relay, port 587 for submission.",
		},
		ToldApart: []string{
			"Each resolver is asked by itself, with a public one as a control: NXDOMAIN, no answer and a different answer are three different causes.",
			"Every address is dialled by itself, IPv4 and IPv6: a dead family, or one dead address among many, shows.",
			"The same host is tried on 25, 465, 587 and 443, and other providers' hosts on the same port: port 25 dead everywhere while the rest works is filtering, not the server.",
			"The error and its time count: a reset quicker than the far side could send comes from near by; an ICMP refusal names the router that sent it; silence names nobody.",
			"A TCP traceroute on the blocked port beside one on an open port: the last hop that still answers separates this computer's firewall, the site's gateway and the ISP.",
			"Other ports and other hosts dead too, or no default gateway: routing or NAT, and not SMTP.",
		},
		Actions: []string{
			"Check the firewall rules for outgoing TCP to the host and port, on this computer and on the gateway.",
			"Repeat the test from the device's own VLAN and from a workstation on the same network, and compare.",
			"Test the bare TCP connection by script: smtptriage check HOST:PORT, or Test-NetConnection HOST -Port 587 in PowerShell.",
			"Compare the configured host name, letter by letter, with the one the provider documents.",
			"Ask the ISP or hoster whether outgoing port 25 is filtered; use port 587 meanwhile.",
		},
		Notes: []string{
			"The walk goes on over IPv4 when every IPv6 address is dead, and warns: common devices would stumble there. One dead address among living ones is a note.",
		},
	},
	{
		Step: Banner, Number: 2, Title: "Does the server greet?",
		Tests: []string{
			"Open the connection, send nothing, and wait for the 220 greeting.",
		},
		Expected: []string{
			"220 <server> Microsoft ESMTP MAIL Service ready at <date> (from Microsoft 365; other servers greet in their own words)",
		},
		Also: []ID{ImplicitTLSOnStartTLSPort},
		ToldApart: []string{
			"Who ended it and how: a close and a reset differ, and so do one after a few milliseconds and one after minutes.",
			"The wait goes on past a device's patience: RFC 5321 allows the server 5 minutes, devices give up after 30 seconds or less, and both are reported.",
			"A TLS hello and an HTTP request are tried on the silent port: an answer to one of them names what listens there.",
			"A second address, a second port and a control host: if they all fail alike it is the path, not this server.",
			"A greeting of asterisks was rewritten; a greeting or certificate that is not the provider's was given by something in its place.",
		},
		Actions: []string{
			"Switch off intrusion prevention (IDS/IPS) and TLS or SSL inspection for SMTP, at least for this destination.",
			"Repeat the test from a clean network segment, such as a phone's hotspot or a line outside the firewall.",
			"Switch off the mail shield of the antivirus software on this computer and test again.",
		},
		Notes: []string{
			"An open TCP connection proves little: transparent proxies and SYN proxies accept connections for servers they never reach.",
		},
	},
	{
		Step: EHLO, Number: 3, Title: "Is EHLO answered?",
		Tests: []string{
			"Send EHLO with the name this client goes by.",
		},
		Expected: []string{
			"One or more lines that begin with 250- and a keyword, and a last line that begins with 250 and a blank.",
		},
		Also: []ID{ImplicitTLSOnStartTLSPort},
		ToldApart: []string{
			"HELO and NOOP instead of EHLO: if they are answered and EHLO is not, something objects to EHLO itself.",
			"Another name, fully qualified or an address literal: if that one is taken, the first name was the trouble.",
			"Keywords that come as rows of X, are missing against the provider's usual list, or differ between ports 25 and 587, were changed on the path.",
			"A reset or silence straight after EHLO, and not after HELO, points to an inline IPS or proxy.",
		},
		Actions: []string{
			"Make sure the device supports EHLO and uses it, not HELO; update its firmware if it cannot.",
			"Make sure no SMTP proxy or content filter stands in the path; switch off SMTP or ESMTP inspection on the firewall.",
			"Give the device a host name of letters, digits and hyphens, with a domain.",
		},
		Notes: []string{
			"A server that offers STARTTLS and answers 530 until it is used behaves as it should.",
		},
	},
	{
		Step: StartTLSOffer, Number: 4, Title: "Is STARTTLS offered?",
		Tests: []string{
			"Look for 250-STARTTLS among the keywords of the EHLO reply.",
		},
		Expected: []string{
			"STARTTLS is one of the keywords.",
		},
		Also: []ID{TLSInspection, ClientTLSUnavailable},
		ToldApart: []string{
			"The door is checked first: submission host or MX, and whether port and host belong together.",
			"STARTTLS is sent although it was not offered: a 220 proves that the keyword was taken out on the path, a 5xx says that the server has none.",
			"A masked keyword of the same length as STARTTLS was overwritten, not left out.",
			"The same host on another port, where the filter may not look, shows what the server really offers.",
		},
		Actions: []string{
			"Make sure the device uses the right host: smtp.office365.com for sign-in, the tenant's MX host for Direct Send or relay.",
			"Switch off TLS inspection and SMTP inspection for this destination.",
			"Probe the server by hand and compare: openssl s_client -starttls smtp -connect HOST:587, or smtptriage check from another line.",
			"If it is your own server, allow STARTTLS in its policy and give it a certificate.",
		},
		Notes: []string{
			"A server that answers 421 or 450 here limits its clients or has a passing fault. It has not said that it has no STARTTLS.",
		},
	},
	{
		Step: StartTLS, Number: 5, Title: "Does TLS come up?",
		Tests: []string{
			"Send STARTTLS.",
			"Do the TLS handshake and keep the certificate chain.",
			"Send EHLO again, inside TLS.",
		},
		Expected: []string{
			"220 Ready to start TLS (Microsoft 365 says: 220 2.0.0 SMTP server ready)",
			"A TLS session, version 1.2 or newer, with a certificate that names the host and verifies.",
			"A second EHLO reply; a submission door now offers AUTH.",
		},
		Also: []ID{TLSInspection},
		ToldApart: []string{
			"The raw records are read: which side sent an alert and which one, whether a ServerHello came, how many bytes went each way.",
			"TLS 1.0 to 1.3 and the cipher families are tried one at a time: what is taken and what is not separates version from cipher.",
			"A small and a large ClientHello, with and without a server name: only the large one lost, or only the named one cut.",
			"The same handshake with a clamped segment size: if it passes clamped and hangs unclamped, there is an MTU hole.",
			"The certificate is judged by names, dates, chain and issuer, against this machine's roots and the public ones, and beside that of another door of the provider: a strange issuer there too means interception.",
			"The clock is compared with the date in the greeting before any certificate is called expired or too young.",
			"EHLO is sent again in TLS: some servers refuse an old TLS version only there (Microsoft 365: 421 4.7.66).",
		},
		Actions: []string{
			"Set the device to TLS 1.2 if it lets you choose, and update its firmware if it does not know TLS 1.2.",
			"Test the path MTU, for example with ping and the don't-fragment flag, and lower the MTU or clamp the MSS on the gateway.",
			"Let the connection bypass IDS/IPS and TLS inspection for a test.",
			"Choose STARTTLS, not SSL/TLS, for ports 587 and 25.",
			"Check the date and the root certificates of the device.",
		},
		Notes: []string{
			"A certificate that does not verify fails this step. The walk goes on over that TLS to show what lies behind, and sends no credentials there.",
		},
	},
}
