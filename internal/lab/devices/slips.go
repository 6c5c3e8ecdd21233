package devices

import "github.com/smtptriage/smtptriage/internal/cause"

// toMail is a conversation on port 25 up to where mail may be sent.
const toMail = "expect 220\nsend EHLO scanner.example.com\nexpect 250\n"

// toTLS is a conversation on 587 up to where TLS may start.
const toTLS = toMail + "send STARTTLS\nexpect 220\n"

// slips are devices whose software slips in one place, where most servers would put up with it, or say nothing that helps.
func slips() []Device {
	return []Device{
		{Name: "waits-on-465", About: "waits for a greeting on a port of implicit TLS, and quits", Port: 465, Script: "wait 100ms\nsend QUIT\ndrain",
			Step: cause.Banner, Cause: cause.ImplicitTLSExpected},
		{Name: "mailbox-reader", About: "fetches mail by POP3, on the port for sending", Port: 25, Script: "expect 220\nsend USER scanner\nexpect 500\nsend PASS lab-password\nexpect 500",
			Step: cause.Banner, Cause: cause.NotSMTP},
		{Name: "remote-desktop", About: "a program that speaks in octets", Port: 25, Script: "expect 220\noctets \"\\x03\\x00\\x00\\x13\\x0e\\xe0\\x00\\x00\\x00\\x00\\x00\\x01\\x00\\x08\\x00\\x03\\x00\\x00\\x00\"\ndrain",
			Step: cause.Banner, Cause: cause.NotSMTP},

		{Name: "cr-alone", About: "ends its lines with CR alone, and waits", Port: 25, Script: "expect 220\noctets \"EHLO scanner\\r\"\nwait 1200ms\nclose",
			Step: cause.EHLO, Cause: cause.ClientProtocolError},
		{Name: "lf-alone", About: "ends its commands with LF alone", Port: 25, Script: "expect 220\nlf EHLO scanner\nexpect 250" + envelope + message,
			Step: cause.EHLO, Cause: cause.ClientProtocolError},
		{Name: "endless-name", About: "its host name is longer than a name may be", Port: 25,
			Script: "expect 220\nsend EHLO scanner-on-the-third-floor-beside-the-window-of-the-accounting-department\nexpect 250" + envelope + message,
			Step:   cause.EHLO, Cause: cause.HELONameRejected},

		{Name: "tls-unasked", About: "starts TLS after EHLO, without STARTTLS", Port: 587, Script: toMail + "hello modern\ndrain",
			Step: cause.StartTLS, Cause: cause.ImplicitTLSOnStartTLSPort},
		{Name: "starttls-in-name-only", About: "asks for STARTTLS, and goes on in clear", Port: 587, Script: toTLS + "send EHLO scanner.example.com\ndrain",
			Step: cause.StartTLS, Cause: cause.ClientTLSUnavailable},
		{Name: "starttls-and-away", About: "asks for STARTTLS, and leaves", Port: 587, Script: toTLS + "close", Step: cause.StartTLS, Cause: cause.ClientTLSUnavailable},
		{Name: "hurries-past-starttls", About: "sends EHLO together with STARTTLS", Port: 587,
			Script: toMail + "octets \"STARTTLS\\r\\nEHLO scanner\\r\\n\"\nexpect 220\ntls\nsend EHLO scanner.example.com\nexpect 250" + signIn + envelope + message,
			Step:   cause.StartTLS, Cause: cause.ClientProtocolError},
		{Name: "wrong-clock", About: "takes a good certificate for expired", Port: 587, Script: toTLS + "hello tls12\nwait 300ms\noctets \"\\x15\\x03\\x03\\x00\\x02\\x02\\x2d\"\nclose",
			Step: cause.StartTLS, Cause: cause.CertificateExpired},
		{Name: "asks-for-revocation", About: "wants to know whether the certificate was revoked", Port: 587, Script: toTLS + "hello tls12\nwait 300ms\noctets \"\\x15\\x03\\x03\\x00\\x02\\x02\\x71\"\nclose",
			Step: cause.StartTLS, Cause: cause.RevocationCheckFailed},
		{Name: "expired-from-a-stranger", About: "is shown an expired certificate, and refuses it because it does not know the authority", Port: 587, Certificate: "expired",
			Script: toTLS + "hello tls12\nwait 300ms\noctets \"\\x15\\x03\\x03\\x00\\x02\\x02\\x30\"\nclose", Step: cause.StartTLS, Cause: cause.CertificateUntrusted},

		{Name: "no-password", About: "signs in with an empty password", Port: 587, Script: upToTLS + "send AUTH LOGIN\nexpect 334\nbase64 scanner@contoso.com\nexpect 334\nsend\nexpect 235",
			Step: cause.Auth, Cause: cause.AuthBadCredentials},
		{Name: "password-for-token", About: "sends a password where a token belongs", Port: 587, Script: upToTLS + "send AUTH XOAUTH2 c2Nhbm5lckBjb250b3NvLmNvbTpsYWItcGFzc3dvcmQ=\nexpect 235",
			Step: cause.Auth, Cause: cause.OAuthTokenInvalid},
		{Name: "gives-up-sign-in", About: "begins to sign in and has nothing to say", Port: 587, Script: upToTLS + "send AUTH LOGIN\nexpect 334\nsend *\nexpect 501",
			Step: cause.Auth, Cause: cause.Undetermined},
		{Name: "auth-of-old", About: "signs in by AUTH=LOGIN, as before the standard", Port: 587, Script: upToTLS + "send AUTH=LOGIN\nexpect 334", Step: cause.Auth, Cause: cause.ClientProtocolError},

		{Name: "no-sender", About: "MAIL FROM without an address", Port: 25, Script: toMail + "send MAIL FROM:\nexpect 250", Step: cause.Mail, Cause: cause.SenderAddressInvalid},
		{Name: "umlaut-in-sender", About: "its address has a letter beyond ASCII", Port: 25, Script: toMail + "send MAIL FROM:<b\u00fcro@contoso.com>\nexpect 250",
			Step: cause.Mail, Cause: cause.SenderAddressInvalid},
		{Name: "no-brackets", About: "writes addresses without angle brackets", Port: 25,
			Script: toMail + "send MAIL FROM:scanner@contoso.com\nexpect 250\nsend RCPT TO:office@contoso.com\nexpect 250\nsend DATA\nexpect 354" + message,
			Step:   cause.Mail, Cause: cause.SenderAddressInvalid},
		{Name: "all-at-once", About: "sends commands before it has read the answer to EHLO", Port: 25,
			Script: "expect 220\noctets \"EHLO scanner\\r\\nMAIL FROM:<scanner@contoso.com>\\r\\nRCPT TO:<office@contoso.com>\\r\\n\"\nexpect 250\nexpect 250\nexpect 250\nsend DATA\nexpect 354" + message,
			Step:   cause.Mail, Cause: cause.ClientProtocolError},
		{Name: "two-in-one", About: "names two recipients in one command", Port: 25,
			Script: toMail + "send MAIL FROM:<scanner@contoso.com>\nexpect 250\nsend RCPT TO:<a@contoso.com>,<b@contoso.com>\nexpect 250", Step: cause.Rcpt, Cause: cause.RecipientAddressInvalid},

		{Name: "at-in-name", About: "has an @ in the name before its address", Port: 25,
			Script: toMail + envelope + "send From: scanner@office <scanner@contoso.com>\nsend Date: Fri, 20 Nov 2026 09:00:00 +0000\nsend\nsend one page\nsend .\nexpect 250", Step: cause.Data, Cause: cause.MessageMalformed},
		{Name: "dot-and-lf", About: "ends its message with a dot and LF", Port: 25,
			Script: toMail + envelope + "send From: scanner@contoso.com\nsend Date: Fri, 20 Nov 2026 09:00:00 +0000\nsend\nsend one page\nlf .\nexpect 250", Step: cause.Data, Cause: cause.MessageMalformed},
		{Name: "chunk-cut-short", About: "promises more octets than it sends", Port: 25,
			Script: toMail + "send MAIL FROM:<scanner@contoso.com>\nexpect 250\nsend RCPT TO:<office@contoso.com>\nexpect 250\nsend BDAT 5000 LAST\nsend From: scanner@contoso.com\nclose",
			Step:   cause.Data, Cause: cause.DataStalls},
	}
}
