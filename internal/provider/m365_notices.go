package provider

import "slices"

// m365Notices is what Microsoft announced that decides whether a device can send: passwords for SMTP AUTH above all. Their dates moved more than once and many
// pages still give old ones, so the superseded notices stay, marked.
var m365Notices = []Notice{
	{"2019-09-20", nil, "Basic authentication ends for the other protocols (done by 2022-10-01). SMTP AUTH is excepted, and is switched off in tenants that did not use it.", false, Source{"techcommunity.microsoft.com: Basic authentication and Exchange Online", "2022-10"}},
	{"2024-04-15", []DoorKind{Submission, Legacy}, "Basic authentication for SMTP AUTH is to end in September 2025 (MC786329).", true, srcBasic24},
	{"2024-06-11", []DoorKind{Consumer}, "Personal Outlook.com accounts take no passwords over SMTP since 2024-09-16.", false, srcBasic24},
	{"2025-06-12", []DoorKind{Submission, Legacy}, "The end of Basic authentication for SMTP AUTH moves to 2026-03-01 to 2026-04-30.", true, srcBasic24},
	{"2026-01-27", []DoorKind{Submission, Legacy}, "Nothing changes before December 2026. At the end of December 2026 Basic authentication for SMTP AUTH goes off by default in existing tenants, and an administrator can switch it on again; tenants made later do not have it. The day of final removal is to be announced in the second half of 2027. All clouds.", false, srcBasic26},
	{"2026-01-28", nil, "The certificates' root becomes DigiCert Global Root G2; clients had to trust it by 2026-03-22. Devices with an old, fixed list of roots fail since then, if they check certificates at all.", false, srcG2},
	{"2026-03-01", []DoorKind{HVE}, "High Volume Email keeps Basic authentication until September 2028 (reported, not seen in Microsoft's own pages).", false, srcHVE},
	{"2026-07-01", nil, "The MX host of a domain added from now on is under mx.microsoft, with a letter that cannot be guessed. Domains of before keep theirs.", false, srcDNSSEC},
}

// CurrentNotices are the notices of a profile that still hold.
func (p *Profile) CurrentNotices() []Notice {
	var n []Notice
	for _, x := range p.Notices {
		if !x.Superseded {
			n = append(n, x)
		}
	}
	return n
}

// PasswordNotice is the newest notice of a profile that says until when a kind of door takes passwords.
func (p *Profile) PasswordNotice(kind DoorKind) (n Notice, ok bool) {
	for _, x := range p.CurrentNotices() {
		if slices.Contains(x.Passwords, kind) {
			n, ok = x, true
		}
	}
	return n, ok
}
