package provider

import "github.com/smtptriage/smtptriage/internal/cause"

// sendmailRows is what sendmail and OpenSMTPD say.
var sendmailRows = []Row{
	{
		ID: "sendmail-tls-handshake-failed", Service: "sendmail", Code: 403, Status: "4.7.0",
		Pattern: `4\.7\.0 TLS handshake|403 TLS handshake`,
		Steps:   []cause.Step{cause.StartTLS, cause.Mail},
		Cause:   cause.Undetermined, Firm: Possible, Retry: true,
		Also:    []cause.ID{cause.StartTLSRefused, cause.TLSVersionMismatch, cause.TLSCipherMismatch, cause.HandshakeCut},
		Meaning: "TLS with the next hop failed; why is not said.",
		Actions: []string{"Try one TLS version after another, with few ciphers and many; compare from another network."},
		Sources: []Source{srcMemory},
	},
	{
		ID: "sendmail-relaying-denied", Service: "sendmail", Code: 550, Status: "5.7.1",
		Pattern: `Relaying denied|relaying (?:is )?(?:prohibited|not allowed|disallowed)`,
		Steps:   []cause.Step{cause.Rcpt},
		Cause:   cause.ExternalRecipientBlocked, Firm: Names, Verified: true,
		Meaning: "This client may not relay.",
		Actions: []string{"Sign in, or allow the client in the access map."},
		Sources: []Source{{"github.com/nodemailer/nodemailer/issues/1480", collected}},
	},
	{
		ID: "sendmail-sender-domain", Service: "sendmail", Code: 553, Status: "5.1.8",
		Pattern: `Domain of sender address .{1,120} does not (?:exist|resolve)`,
		Steps:   []cause.Step{cause.Mail},
		Cause:   cause.SenderDomainNotAccepted, Firm: Names,
		Meaning: "The sender's domain has no MX or address record.",
		Actions: []string{"Use a sender in a real domain."},
		Sources: []Source{srcMemory},
	},
	{
		ID: "sendmail-headers-too-large", Service: "sendmail", Code: 552, Status: "5.6.0",
		Pattern: `Headers too large`,
		Steps:   []cause.Step{cause.Data},
		Cause:   cause.MessageMalformed, Firm: Suggests, Verified: true,
		Also:    []cause.ID{cause.MessageTooLarge},
		Meaning: "The message has more or longer headers than the server takes.",
		Actions: []string{"Look at the program that writes the message."},
		Sources: []Source{srcSeen},
	},
	{
		ID: "opensmtpd-invalid-command", Service: "opensmtpd", Code: 500, Status: "5.5.1",
		Pattern: `Invalid command: (?:Command not recognized|Pipelining not supported|Command unrecognized|Session)`,
		Steps:   []cause.Step{cause.EHLO, cause.Auth, cause.Mail, cause.Rcpt, cause.Data},
		Cause:   cause.ClientProtocolError, Firm: Suggests,
		At:      []AtStep{{cause.EHLO, cause.SMTPProxyAlters}},
		Meaning: "OpenSMTPD does not know the command, or it came out of turn.",
		Actions: []string{"See which command it was; after EHLO look for a proxy."},
		Sources: []Source{srcMemory},
	},
	{
		ID: "opensmtpd-must-tls", Service: "opensmtpd", Code: 530, Status: "5.5.1",
		Pattern: `Must issue (?:a )?STARTTLS|must be issued over TLS|Invalid command: (?:must|Must) (?:issue|use) (?:STARTTLS|TLS)`,
		Steps:   []cause.Step{cause.Mail, cause.Auth},
		Cause:   cause.TLSRequiredFirst, Firm: Names,
		Meaning: "The server wants TLS before this.",
		Actions: []string{actStartTLS},
		Sources: []Source{srcMemory},
	},
	{
		ID: "opensmtpd-must-auth", Service: "opensmtpd", Code: 530, Status: "5.5.1",
		Pattern: `Invalid command: Must issue an AUTH command first|Must issue an? AUTH`,
		Steps:   []cause.Step{cause.Mail},
		Cause:   cause.AuthRequired, Firm: Names,
		Meaning: "The server takes mail after sign-in only.",
		Actions: []string{"Set a user name and password in the client."},
		Sources: []Source{srcMemory},
	},
}
