// Package devices holds scripted mail clients: scanners, copiers and programs that do one thing badly each, and what must be
// said of them by whoever listens. They are modelled on what small devices are known to do, and are nobody's product.
//
// It shares the octets of TLS with the program (package tlswire) and no more: what a device says is written out here.
package devices

import "github.com/smtptriage/smtptriage/internal/cause"

// A Device is one client.
type Device struct {
	Name   string
	About  string // one line
	Port   int    // the one it is set to: 25, 465 or 587
	Polite bool   // it says QUIT when it is refused
	Script string // see actions

	Certificate string // the kind it is shown; "": a good one
	Generic     bool   // it talks to an ordinary server, not to one that stands in for Microsoft 365
	Step        cause.Step
	Cause       cause.ID
}

// A conversation that most scripts begin with: to the end of the EHLO inside TLS.
const upToTLS = `
expect 220
send EHLO scanner.example.com
expect 250
send STARTTLS
expect 220
tls
send EHLO scanner.example.com
expect 250
`

const signIn = `
send AUTH LOGIN
expect 334
base64 scanner@contoso.com
expect 334
base64 lab-password
expect 235
`

const envelope = `
send MAIL FROM:<scanner@contoso.com>
expect 250
send RCPT TO:<office@contoso.com>
expect 250
send DATA
expect 354
`

const message = `
send From: scanner@contoso.com
send To: office@contoso.com
send Date: Fri, 20 Nov 2026 09:00:00 +0000
send Subject: Scan
send
send one page
send .
expect 250
send QUIT
expect 221
`

// All are the devices, in the order of the steps they fail at. The slice is the caller's.
func All() []Device {
	return append([]Device{
		{Name: "good-starttls", About: "does all right on 587", Port: 587, Script: upToTLS + signIn + envelope + message,
			Step: cause.None, Cause: cause.Accepted},
		{Name: "good-direct-send", About: "no TLS, no sign-in, on port 25", Port: 25,
			Script: "expect 220\nsend EHLO scanner.example.com\nexpect 250" + envelope + message, Step: cause.None, Cause: cause.Accepted},
		{Name: "good-checks-certificate", About: "checks the certificate, and knows the authority", Port: 587,
			Script: "expect 220\nsend EHLO scanner.example.com\nexpect 250\nsend STARTTLS\nexpect 220\ntls check\nsend EHLO scanner.example.com\nexpect 250" + signIn + envelope + message,
			Step:   cause.None, Cause: cause.Accepted},
		{Name: "good-implicit", About: "TLS from the first byte, on a port for it", Port: 465, Generic: true,
			Script: "tls\nexpect 220\nsend EHLO scanner.example.com\nexpect 250" + signIn + envelope + message, Step: cause.None, Cause: cause.Accepted},
		{Name: "settings-test", About: "signs in and quits, as \"test connection\" buttons do", Port: 587, Script: upToTLS + signIn + "send QUIT\nexpect 221",
			Step: cause.None, Cause: cause.AcceptedNotProven},
		{Name: "no-sni", About: "names no server in TLS", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls nosni max=1.2\nsend EHLO scanner\nexpect 250" + signIn + envelope + message,
			Step:   cause.None, Cause: cause.Accepted},
		{Name: "xoauth2", About: "signs in with a token", Port: 587,
			Script: upToTLS + "send AUTH XOAUTH2 dXNlcj1zY2FubmVyQGNvbnRvc28uY29tAWF1dGg9QmVhcmVyIGxhYi10b2tlbgEB\nexpect 235" + envelope + message,
			Step:   cause.None, Cause: cause.Accepted},

		{Name: "port-knocker", About: "opens the connection and leaves", Port: 587, Script: "expect 220\nclose", Step: cause.None, Cause: cause.Undetermined},
		{Name: "browser", About: "a web browser", Port: 587, Script: "send GET / HTTP/1.1\nsend Host: 192.0.2.10\nsend\ndrain",
			Step: cause.Banner, Cause: cause.NotSMTP},
		{Name: "plain-on-465", About: "waits for a greeting on a port of implicit TLS", Port: 465, Generic: true, Script: "wait 100ms\nclose",
			Step: cause.Banner, Cause: cause.ImplicitTLSExpected},
		{Name: "talks-first-on-465", About: "speaks plain text on a port of implicit TLS", Port: 465, Generic: true, Script: "send EHLO scanner\ndrain",
			Step: cause.Banner, Cause: cause.ImplicitTLSExpected},

		{Name: "nameless-helo", About: "HELO without a name, as a power supply does", Port: 25, Script: "expect 220\noctets \"HELO \\r\\n\"\nexpect 250",
			Step: cause.EHLO, Cause: cause.HELONameRejected},
		{Name: "blank-in-name", About: "its host name has a blank", Port: 587, Polite: true, Script: "expect 220\nsend EHLO Front Office\nexpect 250",
			Step: cause.EHLO, Cause: cause.HELONameRejected},
		{Name: "underscore-in-name", About: "its host name has an underscore, else all is right", Port: 587,
			Script: "expect 220\nsend EHLO SCAN_2\nexpect 250\nsend STARTTLS\nexpect 220\ntls\nsend EHLO SCAN_2\nexpect 250" + signIn + envelope + message,
			Step:   cause.EHLO, Cause: cause.HELONameRejected},
		{Name: "helo-only", About: "says HELO, so it is offered nothing", Port: 587, Polite: true,
			Script: "expect 220\nsend HELO scanner\nexpect 250\nsend MAIL FROM:<scanner@contoso.com>\nexpect 250", Step: cause.EHLO, Cause: cause.HELOOnlyClient},

		{Name: "ssl-on-587", About: "implicit TLS on the port of STARTTLS", Port: 587, Script: "hello modern\ndrain\nclose",
			Step: cause.StartTLS, Cause: cause.ImplicitTLSOnStartTLSPort},
		{Name: "old-ssl-on-25", About: "a hello in the format of SSLv2, at the first byte", Port: 25, Script: "hello ssl2\ndrain\nclose",
			Step: cause.StartTLS, Cause: cause.ImplicitTLSOnStartTLSPort},
		{Name: "tls10", About: "TLS 1.0 at the most", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls max=1.0 suites=rsa\nsend EHLO scanner\nexpect 250",
			Step:   cause.StartTLS, Cause: cause.TLSVersionMismatch},
		{Name: "tls11", About: "TLS 1.1 at the most, and stubborn", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls max=1.1\nsend EHLO scanner\nexpect 250",
			Step:   cause.StartTLS, Cause: cause.TLSVersionMismatch},
		{Name: "ssl3", About: "SSLv3 alone", Port: 587, Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\nhello ssl3\ndrain",
			Step: cause.StartTLS, Cause: cause.TLSVersionMismatch},
		{Name: "ssl2-hello", About: "a hello in the format of SSLv2, for TLS 1.0", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\nhello ssl2\ndrain", Step: cause.StartTLS, Cause: cause.TLSVersionMismatch},
		{Name: "rc4-only", About: "TLS 1.2 with RC4 and nothing else", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls max=1.2 suites=rc4\nsend EHLO scanner\nexpect 250" + signIn + envelope + message,
			Step:   cause.StartTLS, Cause: cause.TLSCipherMismatch},
		{Name: "export-ciphers", About: "ciphers of the nineties", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\nhello export\ndrain", Step: cause.StartTLS, Cause: cause.TLSCipherMismatch},
		{Name: "distrusts-authority", About: "checks the certificate, and does not know the authority", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls distrust", Step: cause.StartTLS, Cause: cause.CertificateUntrusted},
		{Name: "distrusts-in-tls12", About: "the same in TLS 1.2", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls distrust max=1.2", Step: cause.StartTLS, Cause: cause.CertificateUntrusted},
		{Name: "refuses-expired", About: "is shown an expired certificate, and refuses it", Port: 587, Certificate: "expired",
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls check", Step: cause.StartTLS, Cause: cause.CertificateExpired},
		{Name: "refuses-self-signed", About: "is shown a self-signed certificate, and refuses it", Port: 587, Certificate: "self-signed",
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls check", Step: cause.StartTLS, Cause: cause.CertificateUntrusted},
		{Name: "refuses-wrong-name", About: "is shown a certificate for another name, and refuses it", Port: 587, Certificate: "wrong-name",
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls check", Step: cause.StartTLS, Cause: cause.CertificateNameMismatch},
		{Name: "takes-expired", About: "is shown an expired certificate, and does not mind", Port: 587, Certificate: "expired",
			Script: upToTLS + signIn + envelope + message, Step: cause.None, Cause: cause.Accepted},
		{Name: "no-tls", About: "encryption is off in its settings", Port: 587, Polite: true,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend MAIL FROM:<scanner@contoso.com>\nexpect 250", Step: cause.StartTLS, Cause: cause.ClientTLSUnavailable},

		{Name: "auth-before-tls", About: "sends its password in clear", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend AUTH PLAIN AHNjYW5uZXJAY29udG9zby5jb20AbGFiLXBhc3N3b3Jk\nexpect 235",
			Step:   cause.Auth, Cause: cause.TLSRequiredFirst},
		{Name: "stubborn-password", About: "goes on with user name and password though AUTH was refused", Port: 587,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend AUTH LOGIN\nbase64 scanner@contoso.com\nbase64 lab-password\ndrain",
			Step:   cause.Auth, Cause: cause.TLSRequiredFirst},
		{Name: "cram-md5-only", About: "knows no mechanism but CRAM-MD5", Port: 587, Script: upToTLS + "send AUTH CRAM-MD5\nexpect 334",
			Step: cause.Auth, Cause: cause.AuthMechanismMismatch},
		{Name: "ntlm-only", About: "signs in as to an Exchange server of its own", Port: 587,
			Script: upToTLS + "send AUTH NTLM TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAGAbEdAAAADw==\nexpect 334", Step: cause.Auth, Cause: cause.AuthMechanismMismatch},
		{Name: "odd-password", About: "does not encode a password with odd characters", Port: 587,
			Script: upToTLS + "send AUTH LOGIN\nexpect 334\nbase64 scanner@contoso.com\nexpect 334\nsend lab-p\u00e4\u00dfword!\nexpect 235", Step: cause.Auth, Cause: cause.ClientProtocolError},
		{Name: "no-credentials", About: "TLS, but no sign-in", Port: 587, Script: upToTLS + envelope + message, Step: cause.Mail, Cause: cause.AuthRequired},

		{Name: "bad-sender", About: "sends from a name without a domain", Port: 587, Script: upToTLS + signIn + "send MAIL FROM:<scanner>\nexpect 250",
			Step: cause.Mail, Cause: cause.SenderAddressInvalid},
		{Name: "declares-too-much", About: "declares 200 MB", Port: 587, Script: upToTLS + signIn + "send MAIL FROM:<scanner@contoso.com> SIZE=209715200\nexpect 250",
			Step: cause.Mail, Cause: cause.MessageTooLarge},
		{Name: "skips-ehlo-after-tls", About: "sends mail right after the handshake", Port: 25,
			Script: "expect 220\nsend EHLO scanner\nexpect 250\nsend STARTTLS\nexpect 220\ntls\nsend MAIL FROM:<scanner@contoso.com>\nexpect 250",
			Step:   cause.Mail, Cause: cause.ClientProtocolError},
		{Name: "empty-recipient", About: "an empty entry in its address book", Port: 587,
			Script: upToTLS + signIn + "send MAIL FROM:<scanner@contoso.com>\nexpect 250\nsend RCPT TO:<>\nexpect 250", Step: cause.Rcpt, Cause: cause.RecipientAddressInvalid},
		{Name: "bare-lf", About: "ends the lines of its message with LF alone", Port: 587,
			Script: upToTLS + signIn + envelope + "lf From: scanner@contoso.com\nlf Date: Fri, 20 Nov 2026 09:00:00 +0000\nlf Subject: Scan\nlf\nlf one page\nsend .\nexpect 250",
			Step:   cause.Data, Cause: cause.MessageMalformed},
		{Name: "no-from", About: "its message has no From", Port: 587, Script: upToTLS + signIn + envelope + "send Subject: Scan\nsend\nsend one page\nsend .\nexpect 250\nsend QUIT\nexpect 221",
			Step: cause.Data, Cause: cause.MessageMalformed},
		{Name: "stops-in-body", About: "is switched off in mid-message", Port: 587, Script: upToTLS + signIn + envelope + "send From: scanner@contoso.com\nsend\nfiller 20000\nreset",
			Step: cause.Data, Cause: cause.DataStalls},
	}, slips()...)
}
