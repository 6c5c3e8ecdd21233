package netlab

import "github.com/smtptriage/smtptriage/internal/cause"

// tenant is what check is given in these cases: a domain, whose doors DNS tells.
const tenant = "contoso.com"

// The site's public address, as the servers see it behind the NAT.
const seenAs = "\nclient-ip 198.51.100.10"

const blockedUsingSpamhaus = "\non RCPT reply 550 5.7.1 Service unavailable, Client host [{client-ip}] blocked using Spamhaus. " +
	"To request removal from this list see https://www.spamhaus.org/query/ip/{client-ip} (AS16012611)"

// zen is what the blocklist's zone says: its test point, and one answer for the site's address.
func zen(answer string) []string {
	records := []string{"all 2.0.0.127.zen.spamhaus.org A 127.0.0.2"}
	if answer != "" {
		records = append(records, "all 10.100.51.198.zen.spamhaus.org A "+answer)
	}
	return records
}

// atMX serves the tenant's MX with a script of its own.
func atMX(script string) map[string]string {
	return map[string]string{mx25: tenantMX + seenAs + script}
}

// atSubmission serves the submission host with a script of its own.
func atSubmission(script string) map[string]string {
	return map[string]string{submit: submission + seenAs + script}
}

// tenantCases are a customer of Microsoft 365 with all doors, asked about by domain.
var tenantCases = []Case{
	{
		Name: "healthy-tenant", Title: "A domain: its MX and its submission host, side by side",
		Target: tenant, Flags: words(toMX), Want: healthy(cause.Accepted),
	},
	{
		Name: "healthy-tenant-address", Title: "An address: its domain's doors, side by side",
		Target: "scanner@contoso.com", Want: healthy(cause.Accepted),
	},
	{
		Name: "tenant-blocklisted", Title: "Spamhaus lists the site's address, and the MX goes by it; submission works",
		Target: tenant, Flags: words(toMX), Want: named(cause.Rcpt, cause.IPBlocklisted), Servers: atMX(blockedUsingSpamhaus), DNS: zen("127.0.0.4"),
	},
	{
		Name: "tenant-blocklisted-before", Title: "The MX still blocks an address that Spamhaus lists no more",
		Target: tenant, Flags: words(toMX), Want: named(cause.Rcpt, cause.IPBlocklisted), Servers: atMX(blockedUsingSpamhaus), DNS: zen(""),
	},
	{
		Name: "tenant-direct-send-rejected", Title: "The tenant rejects Direct Send; submission works",
		Target: tenant, Flags: words(toMX), Want: named(cause.Rcpt, cause.DirectSendRejected),
		Servers: atMX("\non RCPT reply 550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources {tag}"),
	},
	{
		Name: "tenant-no-connector", Title: "No connector matches the site's address",
		Target: tenant, Flags: words(toMX + " --via relay"), Want: named(cause.Rcpt, cause.ConnectorMisconfigured),
		Servers: atMX("\non RCPT reply 550 5.7.64 TenantAttribution; Relay Access Denied {tag}"),
	},
	{
		Name: "tenant-port-25-blocked", Title: "The ISP drops port 25; submission works",
		Target: tenant, Flags: words(toMX), Want: named(cause.Connect, cause.ISPBlocksPort25),
		Commands: at(ISP, "nft add rule inet lab forward tcp dport 25 drop"), SilentDrop: true,
	},
	{
		Name: "tenant-submission-wants-sign-in", Title: "The submission door by name, without credentials",
		Target: tenant, Flags: words(toMX + " --via submission"), Want: named(cause.Mail, cause.AuthRequired), Servers: atSubmission(""),
	},
	{
		Name: "tenant-takes-no-mail", Title: "The domain publishes a null MX",
		Target: tenant, Flags: words(toMX), Want: named(cause.Connect, cause.DNSNameNotFound), DNS: []string{"all contoso.com MX 0 ."},
	},
}
