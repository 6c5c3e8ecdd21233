package realserver

import "github.com/smtptriage/smtptriage/internal/cause"

// opensmtpdCases are OpenSMTPD without TLS (see prepareOpenSMTPD).
var opensmtpdCases = []Case{
	{
		Name: "opensmtpd-healthy", Software: OpenSMTPD,
		About:  "no STARTTLS, and the client asks for none",
		Client: Client{From: Scanner, To: Office, TLS: NoTLS},
		Want:   accepted,
	},
	{
		Name: "opensmtpd-healthy-send", Software: OpenSMTPD,
		About:  "the same server, and a message is sent",
		Client: Client{From: Scanner, To: Office, TLS: NoTLS, Send: true},
		Want:   accepted,
	},
	{
		Name: "opensmtpd-not-proven", Software: OpenSMTPD,
		About:  "a healthy server, and a client that names no sender",
		Client: Client{TLS: NoTLS},
		Want:   Want{Step: cause.None, Cause: cause.AcceptedNotProven},
	},
	{
		Name: "opensmtpd-starttls-off", Software: OpenSMTPD,
		About:  "no STARTTLS, and the client wants it",
		Client: Client{From: Scanner, To: Office, TLS: STARTTLS},
		Want:   Want{Step: cause.StartTLSOffer, Cause: cause.StartTLSNotSupported},
	},
	{
		Name: "opensmtpd-client-rejected", Software: OpenSMTPD,
		About:  "a filter that sends the client away when it connects",
		Client: Client{From: Scanner, To: Office, TLS: NoTLS},
		Want:   Want{Step: cause.Banner, Cause: cause.ServerRefusesService, Code: 554, Says: "Go away"},
		config: config{filter: `connect match src { "127.0.0.0/8" } disconnect "554 5.7.1 Go away"`},
	},
	{
		Name: "opensmtpd-helo-rejected", Software: OpenSMTPD,
		About:  "a filter that refuses the name given with EHLO",
		Client: Client{From: Scanner, To: Office, TLS: NoTLS, EHLO: "copier.example.com"},
		Want:   Want{Step: cause.EHLO, Cause: cause.HELONameRejected, Code: 550, Says: "Invalid host name"},
		config: config{filter: `ehlo match helo { "copier.example.com" } reject "550 5.7.1 Invalid host name in EHLO"`},
	},
	{
		Name: "opensmtpd-sender-rejected", Software: OpenSMTPD,
		About:  "a filter that refuses the sender's domain",
		Client: Client{From: Stranger, To: Office, TLS: NoTLS},
		Want:   Want{Step: cause.Mail, Cause: cause.SenderDomainNotAccepted, Code: 550, Says: "Sender domain not accepted"},
		config: config{filter: `mail-from match mail-from { "@example.org" } reject "550 5.7.1 Sender domain not accepted"`},
	},
	{
		Name: "opensmtpd-unknown-recipient", Software: OpenSMTPD,
		About:  "a recipient without a mailbox, in words that fit a relay denied as well",
		Client: Client{From: Scanner, To: Nobody, TLS: NoTLS},
		Want:   Want{Step: cause.Rcpt, Cause: cause.RecipientNotFound, Code: 550, Says: "Invalid recipient"},
	},
	{
		Name: "opensmtpd-relay-denied", Software: OpenSMTPD,
		About:  "a recipient elsewhere, and a client that may not relay",
		Client: Client{From: Scanner, To: Outside, TLS: NoTLS},
		Want: Want{Step: cause.Rcpt, Cause: cause.ExternalRecipientBlocked, Also: []cause.ID{cause.RecipientNotFound},
			Code: 550, Says: "Invalid recipient"},
	},
	{
		Name: "opensmtpd-size-limit", Software: OpenSMTPD,
		About:  "messages up to 10 kB, and the client declares more, which is refused at DATA",
		Client: Client{From: Scanner, To: Office, TLS: NoTLS, Send: true, Size: 30000},
		Want:   Want{Step: cause.Data, Cause: cause.MessageTooLarge, Code: 554, Says: "Message too big for system"},
		config: config{main: []string{"smtp max-message-size 10240"}},
	},
}
