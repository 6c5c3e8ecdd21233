package netlab

import "github.com/smtptriage/smtptriage/internal/cause"

var dnsCases = []Case{
	{
		Name: "dns-typo", Title: "A typing error in the provider's name: NXDOMAIN everywhere",
		Target: "smtp.ofice365.com:587", Want: named(cause.Connect, cause.DNSNameNotFound),
	},
	{
		Name: "dns-tenant-gone", Title: "A tenant's MX host that is gone",
		Target: "fabrikam-com.mail.protection.outlook.com:25", Flags: words(toMX), Want: named(cause.Connect, cause.DNSNameNotFound),
	},
	{
		Name: "dns-name-without-address", Title: "The name exists, and has no address",
		Target: "example.com:25", Flags: words("--via host"), Want: named(cause.Connect, cause.DNSNameNotFound),
	},
	{
		Name: "dns-site-servfail", Title: "The site's resolver answers SERVFAIL, public ones know the name",
		Target: submitHost + ":587", DNS: []string{"site * SERVFAIL"}, Want: named(cause.Connect, cause.DNSResolverFailing),
	},
	{
		Name: "dns-site-silent", Title: "The site's resolver does not answer",
		Target: submitHost + ":587", DNS: []string{"site * SILENCE"}, Want: named(cause.Connect, cause.DNSResolverFailing),
	},
	{
		Name: "dns-dnsmasq-refuses", Title: "A dnsmasq without upstream servers: REFUSED",
		Target: submitHost + ":587", NoGateway: true, Want: named(cause.Connect, cause.DNSResolverFailing),
		Programs: []Program{{At: Gateway, Ready: "10.1.0.1:53", Args: words("dnsmasq -C /dev/null -k --user=root --pid-file= --no-resolv --no-hosts --listen-address=10.1.0.1 --bind-interfaces --host-record=printer.contoso.com,10.1.0.50")}},
	},
	{
		Name: "dns-unbound-forwarder-dead", Title: "An unbound whose forwarder is dead: SERVFAIL, late",
		Target: submitHost + ":587", NoGateway: true, Want: named(cause.Connect, cause.DNSResolverFailing),
		Programs: []Program{{At: Gateway, Ready: "10.1.0.1:53", Args: words("unbound -d -c {dir}/unbound.conf"), Files: map[string]string{"unbound.conf": `
server:
  interface: 10.1.0.1
  access-control: 10.1.0.0/24 allow
  module-config: "iterator"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-ip6: no
forward-zone:
  name: "."
  forward-addr: 203.0.113.99
`}}},
	},
	{
		Name: "dns-site-nxdomain", Title: "A DNS filter of the site says that the provider's host does not exist",
		Target: submitHost + ":587", DNS: []string{"site " + submitHost + " NXDOMAIN"},
		Want: named(cause.Connect, cause.DNSWrongAnswer, also(cause.Connect, cause.DNSNameNotFound)),
	},
	{
		Name: "dns-sinkhole", Title: "A DNS filter of the site answers 0.0.0.0",
		Target: submitHost + ":587", DNS: []string{"site " + submitHost + " A 0.0.0.0"}, Want: named(cause.Connect, cause.DNSWrongAnswer),
	},
	{
		Name: "dns-private-answer", Title: "Split DNS: the provider's host resolves to a private address that is not in use",
		Target: submitHost + ":587", DNS: []string{"site " + submitHost + " A 10.1.0.77"}, Want: named(cause.Connect, cause.DNSWrongAnswer),
	},
	{
		Name: "dns-stale-hosts-file", Title: "The device's hosts file has an old address of the provider",
		Target: submitHost + ":587", Hosts: "203.0.113.99 " + submitHost, Want: named(cause.Connect, cause.DNSWrongAnswer),
	},
	{
		Name: "dns-hosts-file-loopback", Title: "The device's hosts file leads the provider's host to itself",
		Target: submitHost + ":587", Hosts: "127.0.0.1 " + submitHost, Want: named(cause.Connect, cause.DNSWrongAnswer),
	},
	{
		Name: "dns-other-server", Title: "The site's resolver leads the provider's host to a mail server of somebody else",
		Target: submitHost + ":587", DNS: []string{"site " + submitHost + " A 203.0.113.25"},
		Want: named(cause.Banner, cause.DNSWrongAnswer, also(cause.Connect, cause.DNSWrongAnswer)),
	},
	{
		Name: "dns-block-page", Title: "The site's resolver leads the provider's name to a web server, which refuses port 587",
		Target: submit, DNS: []string{"site " + submitHost + " A 203.0.113.27"}, Want: named(cause.Connect, cause.DNSWrongAnswer),
	},
}
