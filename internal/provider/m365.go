package provider

// exchangeKeywords is what Exchange Online offers before TLS, on both doors, in the order seen.
var exchangeKeywords = []string{
	"SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8",
}

// exchangeSize is the SIZE that Exchange Online announces: 150 MiB, the ceiling of the service. A mailbox's own
// limits are lower.
const exchangeSize = 157286400

// The greetings of Exchange Online. The id in brackets at the end is there since October 2024.
const (
	greetingReady  = ` microsoft esmtp mail service ready at .{6,60}?(?: \[[0-9a-f]+\])?$`
	greetingSubmit = `^[a-z0-9-]+\.outlook\.office365\.(?:com|us)` + greetingReady
	greetingMX     = `^[a-z0-9-]+\.mail\.protection\.(?:outlook\.com|office365\.us|partner\.outlook\.cn)` + greetingReady
)

// mxSuffixes are the endings of tenants' MX hosts in the worldwide cloud.
var mxSuffixes = []string{".mail.protection.outlook.com", ".mx.microsoft"}

var microsoft365 = Profile{
	Name:     "microsoft365",
	Title:    "Microsoft 365 (Exchange Online)",
	Greeting: `^[a-z0-9-]+\.(?:outlook\.office365\.(?:com|us)|mail\.protection\.(?:outlook\.com|office365\.us|partner\.outlook\.cn))` + greetingReady,
	Doors:    append(worldwideDoors, sovereignDoors...),
	Retired:  m365Retired,
	Notices:  m365Notices,
}

var worldwideDoors = []Door{
	{
		Kind: Submission, Cloud: Worldwide, Host: "smtp.office365.com",
		Aliases: []string{"outlook.office365.com", "smtp.outlook.com"},
		Ports:   []int{587, 25}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Greeting: greetingSubmit, Keywords: exchangeKeywords, Size: exchangeSize,
		CertNames: []string{"outlook.com", "*.office365.com", "*.outlook.com", "outlook.office365.com"},
		Issuers:   []string{"DigiCert Cloud Services CA-1", "DigiCert", "Microsoft", "GlobalSign"},
		Reaches:   "anyone",
		Needs: []string{
			"a mailbox with an Exchange Online licence, and SMTP AUTH switched on for it",
			"its password (no security defaults, no policy against it) or an OAuth token for outlook.office365.com",
			"TLS 1.2 in the device, and STARTTLS on port 587; port 465 does not exist here",
			"a From address that is the mailbox's own or one it has Send As on",
		},
		Breaks: []string{
			"SMTP AUTH switched off for the tenant or the mailbox, security defaults, Conditional Access, an expired password",
			"a full mailbox: each message sent is kept in Sent Items",
			"Basic authentication going away (see the notices)",
		},
		Limits: []string{
			"30 messages a minute; the excess waits, it is not refused",
			"10,000 recipients a day for each mailbox",
			"3 connections at a time for each mailbox, then 432 4.3.2",
			"500 recipients a message unless set higher (at most 1,000)",
		},
		SignIn:  "login.microsoftonline.com",
		Sources: []Source{srcPrinter, srcDevice, srcSubmit, srcSeen},
	},
	{
		Kind: DirectSend, Cloud: Worldwide, Suffixes: mxSuffixes,
		Ports: []int{25}, TLS: StartTLSOptional,
		Greeting: greetingMX, Keywords: exchangeKeywords, Size: exchangeSize,
		CertNames: []string{"mail.protection.outlook.com"},
		Issuers:   []string{"DigiCert Cloud Services CA-1", "DigiCert", "Microsoft"},
		Reaches:   "recipients of the tenant whose MX host it is, nobody else",
		Needs: []string{
			"port 25 open to the Internet, all the way",
			"a public address that is on no blocklist, best with reverse DNS and in the sender domain's SPF record",
		},
		Breaks: []string{
			"an ISP or cloud that closes port 25", "the tenant's switch Reject Direct Send",
			"an address that Spamhaus or Microsoft lists", "recipients that take mail from signed-in senders only",
		},
		Limits:  []string{"200 recipients of one domain in a transaction, then 452 4.5.3"},
		Sources: []Source{srcDevice, srcPrinter, srcReject, srcDNSSEC, srcSeen},
	},
	{
		Kind: Relay, Cloud: Worldwide, Suffixes: mxSuffixes,
		Ports: []int{25}, TLS: StartTLSOptional,
		Greeting: greetingMX, Keywords: exchangeKeywords, Size: exchangeSize,
		CertNames: []string{"mail.protection.outlook.com"},
		Issuers:   []string{"DigiCert Cloud Services CA-1", "DigiCert", "Microsoft"},
		Reaches:   "anyone, if a connector matches and the sender's domain or the certificate's is an accepted domain",
		Needs: []string{
			"an inbound connector of type OnPremises",
			"a static IPv4 address that nobody else sends from, or a TLS client certificate for an accepted domain",
			"a MAIL FROM in an accepted domain of the tenant",
			"port 25 open to the Internet, all the way",
		},
		Breaks: []string{
			"a public address that changed, a certificate that was renewed under another name or sent without its intermediates",
			"the same address in connectors of two tenants",
		},
		Sources: []Source{srcDevice, srcPrinter, srcShell},
	},
	{
		Kind: HVE, Cloud: Worldwide, Host: "smtp-hve.office365.com", Aliases: []string{"smtp.hve.mx.microsoft"},
		Ports: []int{587}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Reaches: "recipients of the tenant, nobody else (since June 2025)",
		Needs: []string{
			"an HVE account and a pay-as-you-go billing policy",
			"for passwords: security defaults off and an exception in Conditional Access; the tenant's SMTP AUTH switch does not matter",
			"for OAuth: the app allowed with Add-HVEAppAccess",
		},
		Limits:  []string{"100 accounts a tenant", "50 recipients and 10 MB a message"},
		SignIn:  "login.microsoftonline.com",
		Sources: []Source{srcHVE, srcShell},
	},
	{
		Kind: ACS, Cloud: Worldwide, Host: "smtp.azurecomm.net",
		Ports: []int{587}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "PLAIN"},
		Reaches: "anyone",
		Needs: []string{
			"an Azure Communication Services resource with a verified domain linked to it",
			"an Entra app with the role Communication and Email Service Owner, its secret as password",
			"an SMTP username resource as login",
		},
		Limits: []string{
			"a new domain: 30 messages a minute and 100 an hour for each subscription", "50 recipients and 10 MB a message",
			"250 connections at a time for each subscription",
		},
		SignIn:  "login.microsoftonline.com",
		Sources: []Source{srcACS},
	},
	{
		Kind: Legacy, Cloud: Worldwide, Host: "smtp-legacy.office365.com",
		Ports: []int{587, 25}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Greeting: greetingSubmit, Keywords: exchangeKeywords, Size: exchangeSize,
		Reaches: "anyone",
		Needs: []string{
			"Set-TransportConfig -AllowLegacyTLSClients $true in the tenant (not in GCC, GCC High and DoD)",
			"all that ordinary submission needs, TLS 1.2 apart",
		},
		Breaks:  []string{"whether the host still answers was not found out: try it"},
		Sources: []Source{srcLegacy},
	},
	{
		Kind: Consumer, Cloud: Worldwide, Host: "smtp-mail.outlook.com", Aliases: []string{"smtp.live.com"},
		Ports: []int{587}, TLS: StartTLSRequired, Auth: true, Mechanisms: []string{"LOGIN", "XOAUTH2"},
		Greeting: greetingSubmit, Keywords: exchangeKeywords, Size: exchangeSize,
		Reaches: "anyone",
		Needs:   []string{"a personal Outlook.com account and OAuth: passwords are refused since 2024-09-16"},
		Sources: []Source{srcBasic24, srcSeen},
	},
	{
		Kind: DirectSend, Cloud: Worldwide, Suffixes: []string{".olc.protection.outlook.com"},
		Ports: []int{25}, TLS: StartTLSOptional, Keywords: exchangeKeywords,
		Reaches: "personal Outlook.com, Hotmail and Live mailboxes: not a tenant's door",
		Sources: []Source{srcSeen},
	},
}
