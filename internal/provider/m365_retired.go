package provider

import "strings"

var m365Retired = append(regionalHosts(),
	RetiredHost{"mail.messaging.microsoft.com", "2018-05", "your domain's own MX host", "an entry of the filtering service before Exchange Online; answers 451 4.4.62 ATTR35", srcRegion},
	RetiredHost{"mail.global.frontbridge.com", "2018-05", "your domain's own MX host", "an entry of the filtering service before Exchange Online", srcRegion},
	RetiredHost{"mail.eo.outlook.com", "2018-05", "your domain's own MX host", "an entry of the filtering service before Exchange Online", srcRegion},
	RetiredHost{".mail.eo.outlook.com", "2018-05", "your domain's own MX host", "an early form of MX host", srcRegion},
	RetiredHost{"smtp-legacy.partner.outlook.cn", "2023-06-30", "smtp.partner.outlook.cn", "TLS 1.0 and 1.1 for SMTP AUTH ended at 21Vianet", srcLegacy},
	RetiredHost{".mail.protection.outlook.de", "", "your domain's own MX host", "the German cloud is closed", srcUSGov},
	RetiredHost{"pod51000.outlook.com", "", "smtp.office365.com", "a host of the service's first years", srcMemory},
)

// regionalHosts are the submission hosts by region that came before smtp.office365.com.
func regionalHosts() []RetiredHost {
	regions := []string{
		"apacnorth", "apacsouth", "emea", "emeacenter", "emeacentral", "emeaeast", "emeasouth", "emeawest",
		"latam", "nameast", "namnorth", "namsouth", "namwest", "unisa",
	}
	var hosts []RetiredHost
	for _, r := range regions {
		hosts = append(hosts, RetiredHost{
			"smtp-" + r + ".outlook.com", "", "smtp.office365.com", "a regional submission host; one name serves all regions now",
			Source{"Microsoft KB3009995", collected},
		})
	}
	return hosts
}

// IsRetired looks a host up among the names that once were doors.
func IsRetired(host string) (RetiredHost, bool) {
	for _, p := range Profiles() {
		if r, ok := p.retired(host); ok {
			return r, true
		}
	}
	return RetiredHost{}, false
}

// retired looks a host up among the profile's own retired names.
func (p *Profile) retired(host string) (RetiredHost, bool) {
	host = Canonical(host)
	for _, r := range p.Retired {
		if host == r.Host || strings.HasPrefix(r.Host, ".") && strings.HasSuffix(host, r.Host) {
			return r, true
		}
	}
	return RetiredHost{}, false
}
