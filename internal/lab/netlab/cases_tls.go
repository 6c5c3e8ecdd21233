package netlab

import "github.com/smtptriage/smtptriage/internal/cause"

// inspectionName is the authority of the inspection devices of the site, unless Case.Trusts names another.
const inspectionName = "Contoso SSL Inspection CA"

// inFront is a stunnel at mail.example.com:25 that speaks SMTP up to STARTTLS, before a server that speaks none.
func inFront(options string) []Program {
	return []Program{{At: Internet, Ready: "203.0.113.25:25", Args: words("stunnel {dir}/stunnel.conf"), Files: map[string]string{"stunnel.conf": `
foreground = yes
pid =
debug = notice
[smtp]
accept = 203.0.113.25:25
connect = 203.0.113.25:2627
protocol = smtp
cert = {dir}/cert.pem
key = {dir}/key.pem
` + options}}}
}

// behindStunnel are the servers that go with inFront.
var behindStunnel = map[string]string{own25: "", mailHost + ":2627": ownServer + "\nstarttls off"}

// withCert is mail.example.com:25 with another certificate.
func withCert(kind string) map[string]string {
	return map[string]string{own25: ownServer + "\ntls cert " + kind}
}

// splitting is an sslsplit on the gateway, which upgrades at STARTTLS and forges certificates.
var splitting = []Program{{At: Gateway, Ready: "0.0.0.0:2525",
	Args: words("sslsplit -D -k {dir}/inspection.key -c {dir}/inspection.pem -u root -P autossl 0.0.0.0 2525")}}

var tlsCases = []Case{
	{
		Name: "tls-old-server", Title: "The server (OpenSSL) stops at TLS 1.1, the client asks for 1.2",
		Target: own25, Flags: words("--tls-min 1.2 " + toOwn), Want: named(cause.StartTLS, cause.TLSVersionMismatch),
		Servers: behindStunnel, Programs: inFront("sslVersionMin = TLSv1\nsslVersionMax = TLSv1.1\nciphers = ALL:@SECLEVEL=0\n"),
	},
	{
		Name: "tls-new-server", Title: "The server (OpenSSL) wants TLS 1.3, the client stops at 1.2",
		Target: own25, Flags: words("--tls-max 1.2 " + toOwn), Want: named(cause.StartTLS, cause.TLSVersionMismatch),
		Servers: behindStunnel, Programs: inFront("sslVersionMin = TLSv1.3\n"),
	},
	{
		Name: "tls-old-client", Title: "A TLS 1.0 client at the provider's submission host, which wants 1.2",
		Target: submit, Flags: words("--tls-max 1.0"), Want: named(cause.StartTLS, cause.TLSVersionMismatch, also(cause.EHLO, cause.TLSVersionMismatch), also(cause.Mail, cause.TLSVersionMismatch)),
	},
	{
		Name: "tls-ssl3-server", Title: "A server that answers in SSL 3.0",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.TLSVersionMismatch),
		Servers: map[string]string{own25: "personality exim\non TLS server-hello ssl3\non TLS silence"},
	},
	{
		Name: "tls-dhe-only", Title: "The server (OpenSSL) has finite-field Diffie-Hellman suites alone",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.TLSCipherMismatch),
		Servers: behindStunnel, Programs: inFront("sslVersionMax = TLSv1.2\nciphers = DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES256-SHA\n"),
	},
	{
		Name: "tls-camellia-only", Title: "Port 465 of an openssl s_server with Camellia alone",
		Target: own465, Flags: words("--tls implicit " + toOwn), Want: named(cause.StartTLS, cause.TLSCipherMismatch),
		Servers: map[string]string{own465: ""},
		Programs: []Program{{At: Internet, Ready: "203.0.113.25:465",
			Args: words("openssl s_server -accept 203.0.113.25:465 -cert {dir}/cert.pem -key {dir}/key.pem -tls1_2 -cipher CAMELLIA256-SHA:@SECLEVEL=0 -quiet")}},
	},
	{
		Name: "server-certificate-expired", Title: "The server's certificate has expired",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.CertificateExpired), Servers: withCert("expired"),
	},
	{
		Name: "server-certificate-not-yet-valid", Title: "The server's certificate starts in a month",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.CertificateNotYetValid), Servers: withCert("not-yet"),
	},
	{
		Name: "server-certificate-of-other-name", Title: "The server's certificate is for another name",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.CertificateNameMismatch), Servers: withCert("wrong-name www.example.org"),
	},
	{
		Name: "server-certificate-self-signed", Title: "The server's certificate is self-signed",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.CertificateUntrusted), Servers: withCert("self-signed"),
	},
	{
		Name: "server-certificate-by-private-authority", Title: "The server's certificate is by its owner's authority",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.CertificateUntrusted), Servers: withCert("unknown-ca"),
	},
	{
		Name: "server-certificate-chain-incomplete", Title: "The server leaves the intermediate certificate out",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.CertificateUntrusted), Servers: withCert("incomplete"),
	},
	{
		Name: "inspected-by-sslsplit", Title: "sslsplit on the gateway breaks STARTTLS open; the device trusts its authority", Delay: 5 * ms,
		Target: submit, Trusts: inspectionName, Want: named(cause.StartTLS, cause.TLSIntercepted),
		Programs: splitting, Commands: redirect("587"),
	},
	{
		Name: "inspected-by-sslsplit-untrusted", Title: "The same, and the device does not trust the authority", Delay: 5 * ms,
		Target: mx25, Flags: words(toMX), Want: named(cause.StartTLS, cause.TLSIntercepted),
		Programs: splitting, Commands: redirect("25"),
	},
	{
		Name: "inspected-by-product", Title: "A firewall breaks STARTTLS open, with its maker's name in the certificate",
		Target: submit, Want: named(cause.StartTLS, cause.TLSIntercepted),
		Servers: map[string]string{onGateway: submission + "\ntls cert inspection FortiGate CA"}, Commands: redirect("587"),
	},
	{
		Name: "inspected-by-haproxy", Title: "HAProxy on the gateway ends TLS on port 465, and opens it anew",
		Target: "smtp.gmail.com:465", Flags: words("-4 --tls implicit"), Trusts: inspectionName, Want: named(cause.StartTLS, cause.TLSIntercepted),
		Commands: at(Gateway, "nft add rule ip nat pre iifname lan tcp dport 465 redirect to :2525"),
		Programs: []Program{{At: Gateway, Ready: "0.0.0.0:2525", Args: words("haproxy -db -f {dir}/inspect.cfg"), Files: map[string]string{"inspect.cfg": `
defaults
  mode tcp
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend inspect
  bind 0.0.0.0:2525 ssl crt {dir}/forged-both.pem
  default_backend real
backend real
  server gmail 203.0.113.103:465 ssl verify none sni str(smtp.gmail.com)
`}}},
	},
	{
		Name: "inspected-by-stunnel", Title: "stunnel on the gateway ends TLS on port 465 of an own server, and opens it anew",
		Target: own465, Flags: words("--tls implicit " + toOwn), Trusts: "Zscaler Root CA", Want: named(cause.StartTLS, cause.TLSIntercepted),
		Commands: at(Gateway, "nft add rule ip nat pre iifname lan tcp dport 465 redirect to :2525"),
		Programs: []Program{
			{At: Gateway, Ready: "0.0.0.0:2525", Args: words("stunnel {dir}/ends.conf"), Files: map[string]string{"ends.conf": "foreground = yes\npid =\n[ends]\naccept = 0.0.0.0:2525\nconnect = 127.0.0.1:2526\ncert = {dir}/forged.pem\nkey = {dir}/forged.key\n" +
				"[anew]\nclient = yes\naccept = 127.0.0.1:2526\nconnect = 203.0.113.25:465\n"}},
		},
	},
	{
		Name: "handshake-reset-by-payload", Title: "An inline IPS on the gateway resets whatever looks like a ClientHello on port 25",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.HandshakeCut),
		Commands: at(Gateway, "nft add rule inet lab forward tcp dport 25 @ih,0,16 0x1603 reject with tcp reset"),
	},
	{
		Name: "handshake-dropped-by-payload", Title: "An inline IPS on the gateway drops whatever looks like a ClientHello on port 587",
		Target: submit, Want: named(cause.StartTLS, cause.HandshakeCut),
		Commands: at(Gateway, "nft add rule inet lab forward tcp dport 587 @ih,0,16 0x1603 drop"),
	},
	{
		Name: "handshake-answer-dropped", Title: "An inline IPS of the ISP drops what looks like a ServerHello",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.HandshakeCut),
		Commands: at(ISP, "nft add rule inet lab forward tcp sport 25 @ih,0,16 0x1603 drop"),
	},
	{
		Name: "sni-filter", Title: "HAProxy on the gateway refuses the server's name in the ClientHello",
		Target: own465, Flags: words("--tls implicit " + toOwn), Want: named(cause.StartTLS, cause.HandshakeCut),
		Commands: at(Gateway, "nft add rule ip nat pre iifname lan tcp dport 465 redirect to :2525"),
		Programs: []Program{{At: Gateway, Ready: "0.0.0.0:2525", Args: words("haproxy -db -f {dir}/sni.cfg"), Files: map[string]string{"sni.cfg": `
defaults
  mode tcp
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend filter
  bind 0.0.0.0:2525
  tcp-request inspect-delay 10s
  tcp-request content reject if { req.ssl_sni -i mail.example.com }
  tcp-request content accept if { req.ssl_hello_type 1 }
  default_backend real
backend real
  server mail 203.0.113.25:465
`}}},
	},
	{
		Name: "large-hello-reset", Title: "A firewall resets ClientHellos of more than 600 octets",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.ClientHelloTooLarge),
		Commands: at(Gateway, "nft add rule inet lab forward tcp dport 25 @ih,0,16 0x1603 @ih,24,16 '> 600' reject with tcp reset"),
	},
	{
		Name: "large-hello-dropped", Title: "A firewall drops ClientHellos of more than 600 octets, however they are cut into packets",
		Target: submit, Want: named(cause.StartTLS, cause.ClientHelloTooLarge),
		Commands: at(Gateway, "nft add rule inet lab forward tcp dport 587 @ih,0,16 0x1603 @ih,24,16 '> 600' drop"),
	},
	{
		Name: "starttls-refused-by-proxy", Title: "A proxy on the gateway answers STARTTLS with 454",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.StartTLSRefused),
		Proxies: []Proxy{{Gateway, 2525, RefuseSTARTTLS}}, Commands: redirect("25"),
	},
	{
		Name: "client-certificate-wanted", Title: "A stunnel that speaks TLS 1.2 wants a certificate of the client",
		Target: own465, Flags: words("--tls implicit " + toOwn), Want: named(cause.StartTLS, cause.ClientCertificateMissing),
		Servers: map[string]string{own465: ""},
		Programs: []Program{{At: Internet, Ready: "203.0.113.25:465", Args: words("stunnel {dir}/stunnel.conf"), Files: map[string]string{"stunnel.conf": `
foreground = yes
pid =
[smtps]
accept = 203.0.113.25:465
connect = 203.0.113.25:25
cert = {dir}/cert.pem
key = {dir}/key.pem
sslVersionMax = TLSv1.2
CAfile = {dir}/inspection.pem
verifyChain = yes
requireCert = yes
`}}},
	},
	{
		Name: "ehlo-after-tls-cut", Title: "The server closes at the EHLO after TLS",
		Target: own25, Flags: words(toOwn), Want: named(cause.StartTLS, cause.EHLOAfterTLSFails),
		Servers: map[string]string{own25: ownServer + "\non after-tls EHLO close"},
	},
	{
		Name: "tls-first-on-587", Title: "The client starts TLS at the first byte on port 587",
		Target: own587, Flags: words("--tls implicit " + toOwn), Want: named(cause.StartTLS, cause.ImplicitTLSOnStartTLSPort),
	},
}
