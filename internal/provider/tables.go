package provider

// A table is rows that belong together, and the title over them where they are printed.
type table struct {
	title string
	rows  []Row
}

// tables are the rows in the order in which they are tried. Refused sign-ins come before all else, because other replies
// quote them; then each service's own words, then those that any server may use, then the RFC's own, which give no reason.
var tables = []table{
	{"Microsoft 365: signing in", m365Auth},
	{"Microsoft 365: errors of the sign-in service", aadstsRows},
	{"Microsoft 365: connectors, attribution, Direct Send", m365Route},
	{"Microsoft 365: senders, blocked accounts and tenants", m365Send},
	{"Microsoft 365: quotas and limits", m365Limits},
	{"Microsoft 365 and Outlook.com: the client's address", m365Reputation},
	{"Microsoft 365: recipients", m365Recipient},
	{"Microsoft 365: the message", m365Message},
	{"Microsoft 365: servers it delivers to", m365Outbound},
	{"Microsoft 365: faults and limits of the service", m365Service},
	{"Exchange, in the cloud and on premises", exchangeRows},
	{"Gmail and Google Workspace", googleRows},
	{"Postfix", postfixRows},
	{"Exim", eximRows},
	{"sendmail and OpenSMTPD", sendmailRows},
	{"Microsoft 365: codes without known words", m365Ranges},
	{"Hosted relays, filtering services, big providers", hostedRows},
	{"Greylisting and blocklists", blocklistRows},
	{"Any server: TLS, signing in, syntax of addresses", genericAuth},
	{"Any server: client, sender, recipient", genericEnvelope},
	{"Any server: the message, and too much mail", genericMessage},
	{"Any server: the dialogue and its troubles", genericSession},
	{"Words without a reason", lastRows},
}
