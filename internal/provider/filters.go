package provider

import "strings"

// A Filter is a filtering service that stands in front of people's mailboxes: a domain's MX points to it, and the mailboxes
// are elsewhere. Mail that skips it, as Direct Send does, is often refused by a connector (5.7.51).
type Filter struct {
	Name   string
	Suffix string // of its MX hosts
}

// filters are known by the ending of their MX hosts, as seen in public DNS records.
var filters = []Filter{
	{"Proofpoint", ".pphosted.com"},
	{"Proofpoint (US government)", ".gpphosted.com"},
	{"Proofpoint Essentials", ".ppe-hosted.com"},
	{"Mimecast", ".mimecast.com"},
	{"Mimecast (Australia)", ".mimecast-offshore.com"},
	{"Barracuda", ".barracudanetworks.com"},
	{"Barracuda (UK)", ".ess.uk.barracudanetworks.com"},
	{"Cisco Secure Email", ".iphmx.com"},
	{"Symantec Email Security.cloud", ".messagelabs.com"},
	{"Sophos Email", ".sophos.com"},
	{"Sophos Email (Reflexion)", ".reflexion.net"},
	{"Trend Micro Email Security", ".tmes.trendmicro.com"},
	{"Trend Micro Email Security (EU)", ".tmes.trendmicro.eu"},
	{"Trend Micro Hosted Email Security", ".in.hes.trendmicro.com"},
	{"Forcepoint", ".mailcontrol.com"},
	{"Trustwave MailMarshal", ".mailmax.trustwave.com"},
	{"AppRiver / Zix", ".arsmtp.com"},
	{"Zix", ".zixmail.net"},
	{"Hornetsecurity", ".hornetsecurity.com"},
	{"Hornetsecurity (antispameurope)", ".antispameurope.com"},
	{"NoSpamProxy Cloud", ".nospamproxy.com"},
	{"N-able Mail Assure", ".antispamcloud.com"},
	{"SpamExperts", ".spamexperts.com"},
	{"SpamTitan", ".spamtitan.com"},
	{"FortiMail Cloud", ".fortimailcloud.com"},
	{"FortiMail Cloud", ".fortimail.com"},
	{"Trellix (FireEye)", ".fireeyecloud.com"},
	{"McAfee / MX Logic", ".mxlogic.net"},
	{"MX Guarddog", ".mxguarddog.com"},
	{"Cloudflare Area 1", ".mxrecord.io"},
	{"Cloudflare Email Routing", ".mx.cloudflare.net"},
	{"Perception Point", ".perception-point.io"},
	{"TitanHQ", ".titanhq.com"},
	{"Retarus", ".retarus.com"},
	{"Vade / Hornetsecurity", ".vadesecure.com"},
	{"SecurEnvoy / MailRoute", ".mailroute.net"},
	{"Libraesva", ".esvacloud.com"},
	{"Heimdal", ".heimdalsecurity.com"},
}

// FilterOf finds the filtering service that an MX host belongs to.
func FilterOf(mxHost string) (Filter, bool) {
	host := Canonical(mxHost)
	var best Filter
	for _, f := range filters {
		if strings.HasSuffix(host, f.Suffix) && len(f.Suffix) > len(best.Suffix) {
			best = f
		}
	}
	return best, best.Name != ""
}
