package lab

import "crypto/tls"

// Exchange as its servers are seen to word things: banners of 2023 and 2024, EHLO lists of 2022 and 2023, replies as
// quoted by their clients up to 2026. Host names follow their pattern and are made up.

var exchangeReplies = replies{
	startTLS:     "220 2.0.0 SMTP server ready",
	noStartTLS:   "502 5.3.3 Command not implemented",
	tlsActive:    "503 5.5.2 Only one STARTTLS command can be issued per session",
	tlsFirst:     "451 5.7.3 STARTTLS is required to send mail {tag}",
	helloFirst:   "503 5.5.2 Send hello first {tag}",
	helloName:    "501 5.5.4 Invalid domain name {tag}",
	mail:         "250 2.1.0 Sender OK",
	nested:       "503 5.5.2 Sender already specified {tag}",
	badSender:    "501 5.1.7 Invalid address {tag}",
	tooLarge:     "552 5.3.4 Message size exceeds fixed maximum message size",
	rcpt:         "250 2.1.5 Recipient OK",
	needMail:     "503 5.5.2 Need mail command {tag}",
	badRecipient: "501 5.1.3 Invalid address {tag}",
	data:         "354 Start mail input; end with <CRLF>.<CRLF>",
	needRcpt:     "503 5.5.2 Need rcpt command {tag}",
	queued:       "250 2.6.0 <{id}@{host}> [InternalId=1, Hostname={host}] {size} bytes in 0.1, 1 KB/sec Queued mail for delivery",
	signedIn:     "235 2.7.0 Authentication successful",
	badLogin:     "535 5.7.3 Authentication unsuccessful {tag}",
	noAuth:       "503 5.5.2 Command not allowed {tag}",
	noMechanism:  "504 5.7.4 Unrecognized authentication type {tag}",
	rset:         "250 2.0.0 Resetting",
	noop:         "250 2.0.0 OK",
	quit:         "221 2.0.0 Service closing transmission channel",
	vrfy:         "252 2.1.5 Cannot VRFY user",
	syntax:       "501 5.5.4 Invalid arguments {tag}",
	badSequence:  "503 5.5.2 Bad sequence of commands {tag}",
	unknown:      "500 5.3.3 Unrecognized command 'unknown' {tag}",
}

var exchangeOnlineKeywords = []string{
	"SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8",
}

const noOldTLS = "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. " +
	"Visit https://aka.ms/smtp_auth_tls. [{host}]"

// m365MX is a tenant's MX host, port 25: anonymous mail for the tenant, never AUTH.
var m365MX = personality{
	name:     "m365-mx",
	host:     "AM4PEPF00027A5E.mail.protection.outlook.com",
	banner:   "220 {host} Microsoft ESMTP MAIL Service ready at {now} [{id}]",
	hello:    "{host} Hello [{client-ip}]",
	helo:     "{host} Hello [{client-ip}]",
	keywords: exchangeOnlineKeywords,
	strict:   true,
	replies:  exchangeReplies,
}

// m365Submission is smtp.office365.com, port 587: TLS, sign-in, then mail to anyone.
var m365Submission = personality{
	name:         "m365-submission",
	host:         "AM0PR04CA0123.outlook.office365.com",
	banner:       "220 {host} Microsoft ESMTP MAIL Service ready at {now} [{id}]",
	hello:        "{host} Hello [{client-ip}]",
	helo:         "{host} Hello [{client-ip}]",
	keywords:     exchangeOnlineKeywords,
	mechanisms:   []string{"LOGIN", "XOAUTH2"},
	strict:       true,
	authRequired: "530 5.7.57 Client not authenticated to send mail. {tag}",
	minTLS:       tls.VersionTLS12,
	oldTLS:       noOldTLS,
	replies:      exchangeReplies,
}

// exchangeOnPrem is a company's own Exchange 2016 or 2019.
var exchangeOnPrem = personality{
	name:   "exchange-onprem",
	host:   "mail.contoso.com",
	banner: "220 {host} Microsoft ESMTP MAIL Service ready at {now}",
	hello:  "{host} Hello [{client-ip}]",
	helo:   "{host} Hello [{client-ip}]",
	keywords: []string{
		"SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS", "AUTH NTLM", "X-EXPS GSSAPI NTLM",
		"8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "XRDST",
	},
	mechanisms: []string{"NTLM"},
	plainAuth:  true,
	strict:     true,
	replies:    exchangeReplies,
}
