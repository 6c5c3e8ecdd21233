package provider

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

func TestClassify(t *testing.T) {
	tests := []struct {
		host, profile string
		kind          DoorKind
		cloud         Cloud
	}{
		{"smtp.office365.com", "microsoft365", Submission, Worldwide},
		{" SMTP.Office365.COM. ", "microsoft365", Submission, Worldwide},
		{"outlook.office365.com", "microsoft365", Submission, Worldwide},
		{"contoso-com.mail.protection.outlook.com", "microsoft365", DirectSend, Worldwide},
		{"contoso-com.o-v1.mx.microsoft", "microsoft365", DirectSend, Worldwide},
		{"smtp.hve.mx.microsoft", "microsoft365", HVE, Worldwide},
		{"smtp-hve.office365.com", "microsoft365", HVE, Worldwide},
		{"smtp.azurecomm.net", "microsoft365", ACS, Worldwide},
		{"smtp-legacy.office365.com", "microsoft365", Legacy, Worldwide},
		{"smtp-mail.outlook.com", "microsoft365", Consumer, Worldwide},
		{"outlook-com.olc.protection.outlook.com", "microsoft365", DirectSend, Worldwide},
		{"smtp.office365.us", "microsoft365", Submission, GCCHigh},
		{"contoso.mail.protection.office365.us", "microsoft365", DirectSend, GCCHigh},
		{"outlook-dod.office365.us", "microsoft365", Submission, DoD},
		{"contoso.protection.apps.mil", "microsoft365", DirectSend, DoD},
		{"smtp.partner.outlook.cn", "microsoft365", Submission, China},
		{"contoso-cn.mail.protection.partner.outlook.cn", "microsoft365", DirectSend, China},
		{"smtp.gmail.com", "google", Submission, Worldwide},
		{"alt1.aspmx.l.google.com", "google", DirectSend, Worldwide},
		{"smtp-relay.gmail.com", "google", Relay, Worldwide},
		{"mail.example.com", "", "", ""},
		{"smtp.office365.com.example.net", "", "", ""},
		{"notsmtp.office365.com", "", "", ""},
		{".mail.protection.outlook.com", "", "", ""},
		{"", "", "", ""},
	}
	for _, tt := range tests {
		p, d, ok := Classify(tt.host)
		name := ""
		if ok {
			name = p.Name
		}
		if name != tt.profile || d.Kind != tt.kind || d.Cloud != tt.cloud {
			t.Errorf("Classify(%q) = %q %q %q, want %q %q %q", tt.host, name, d.Kind, d.Cloud, tt.profile, tt.kind, tt.cloud)
		}
	}
}

func TestTenantMX(t *testing.T) {
	for host, want := range map[string]bool{
		"contoso-com.mail.protection.outlook.com": true,
		"contoso.mail.protection.office365.us":    true,
		"outlook-com.olc.protection.outlook.com":  false,
		"smtp.office365.com":                      false,
		"smtp.hve.mx.microsoft":                   false,
		"aspmx.l.google.com":                      false,
	} {
		if _, got := TenantMX(host); got != want {
			t.Errorf("TenantMX(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestFor(t *testing.T) {
	const submit = "220 LO4P302CA0005.outlook.office365.com Microsoft ESMTP MAIL Service ready at Thu, 10 Oct 2024 22:49:55 +0000 [08DCE8B62813AB2B]"
	const mx = "220 SN1NAM02FT0049.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Wed, 28 Jun 2023 12:02:11 +0000"
	tests := []struct{ host, greeting, want string }{
		{"smtp.office365.com", "", "microsoft365"},
		{"mail.example.com", submit, "microsoft365"},
		{"mail.example.com", mx, "microsoft365"},
		{"mail.example.com", "220 mail.contoso.com Microsoft ESMTP MAIL Service ready at Wed, 28 Jun 2023 12:02:11 +0000", "generic"}, // Exchange Server
		{"mail.example.com", "220 mail.example.com ESMTP Postfix", "generic"},
		{"mail.example.com", "220 smtp.gmail.com ESMTP a1-20020aa7.12 - gsmtp", "google"},
		{"smtp-emea.outlook.com", "", "microsoft365"},
		{"mail.messaging.microsoft.com", "", "microsoft365"},
		{"contoso-de.mail.protection.outlook.de", "", "microsoft365"},
		{"mail.example.com", "", "generic"},
	}
	for _, tt := range tests {
		if got := For(tt.host, reply(t, tt.greeting)).Name; got != tt.want {
			t.Errorf("For(%q, %q) = %q, want %q", tt.host, tt.greeting, got, tt.want)
		}
	}
}

func TestIsRetired(t *testing.T) {
	for host, want := range map[string]string{
		"smtp-emea.outlook.com":                   "smtp.office365.com",
		"Mail.Global.Frontbridge.com.":            "your domain's own MX host",
		"contoso-com.mail.eo.outlook.com":         "your domain's own MX host",
		"contoso-de.mail.protection.outlook.de":   "your domain's own MX host",
		"smtp.office365.com":                      "",
		"contoso-com.mail.protection.outlook.com": "",
		"": "",
	} {
		if r, ok := IsRetired(host); r.Instead != want || ok != (want != "") {
			t.Errorf("IsRetired(%q) = %q, %v, want %q", host, r.Instead, ok, want)
		}
	}
}

func TestDoorGreets(t *testing.T) {
	_, submit, _ := Classify("smtp.office365.com")
	_, mx, _ := Classify("contoso-com.mail.protection.outlook.com")
	tests := []struct {
		name     string
		door     Door
		greeting string
		want     bool
	}{
		{"submission", submit, "220 LO4P302CA0005.outlook.office365.com Microsoft ESMTP MAIL Service ready at Thu, 10 Oct 2024 22:49:55 +0000 [08DCE8B62813AB2B]", true},
		{"without id", submit, "220 AM6PR07CA0001.outlook.office365.com Microsoft ESMTP MAIL Service ready at Fri, 1 Mar 2024 09:00:00 +0000", true},
		{"mx", mx, "220 BN1BFFO11FD038.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Wed, 28 Jun 2016 12:02:11 +0000", true},
		{"mx for submission", submit, "220 BN1BFFO11FD038.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Wed, 28 Jun 2016 12:02:11 +0000", false},
		{"masked", mx, "220 ****************************************", false},
		{"another server", submit, "220 relay.example.net ESMTP Postfix", false},
		{"a refusal", submit, "421 4.3.2 Service not available", false},
	}
	for _, tt := range tests {
		if got := tt.door.Greets(reply(t, tt.greeting)); got != tt.want {
			t.Errorf("%s: Greets = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestDoorMissing(t *testing.T) {
	_, submit, _ := Classify("smtp.office365.com")
	full := "250-AM6PR07CA0001.outlook.office365.com Hello [198.51.100.7]\n250-SIZE 157286400\n250-PIPELINING\n250-DSN\n250-ENHANCEDSTATUSCODES\n250-STARTTLS\n250-8BITMIME\n250-BINARYMIME\n250-CHUNKING\n250 SMTPUTF8"
	x := smtp.ParseExtensions(reply(t, full))
	if got := submit.Missing(x, false); got != nil {
		t.Errorf("before TLS: Missing = %q, want none", got)
	}
	if diff := cmp.Diff([]string{"AUTH"}, submit.Missing(x, true)); diff != "" {
		t.Errorf("after TLS (-want +got):\n%s", diff)
	}
	stripped := smtp.ParseExtensions(reply(t, "250-x Hello [198.51.100.7]\n250-SIZE 157286400\n250 XXXXXXXA"))
	if got := submit.Missing(stripped, false); !slices.Contains(got, "STARTTLS") || slices.Contains(got, "SIZE") {
		t.Errorf("stripped: Missing = %q, want STARTTLS and not SIZE", got)
	}
}

func TestPublicAddress(t *testing.T) {
	tests := []struct{ reply, want string }{
		{"250-LO2P265CA0443.outlook.office365.com Hello [198.51.100.7]\n250 SIZE 157286400", "198.51.100.7"},
		{"250 LO2P265CA0443.outlook.office365.com Hello [198.51.100.7]", "198.51.100.7"},
		{"250-PN4P287CA0064.outlook.office365.com Hello [2001:db8::f897]\n250 SIZE", "2001:db8::f897"},
		{"250 mail.example.com Hello printer [IPv6:2001:db8::1]", "2001:db8::1"},
		{"250 mail.example.com Hello [::ffff:192.0.2.4]", "192.0.2.4"},
		{"250 mail.example.com Hello [printer] [192.0.2.4]", "192.0.2.4"},
		{"250-mail.example.com\n250 X [192.0.2.4]", ""},
		{"250 mail.example.com Hello [fe80::1%eth0]", ""},
		{"250 mail.example.com Hello []", ""},
		{"550 mail.example.com Hello [192.0.2.4]", ""},
		{"250 mail.example.com", ""},
	}
	for _, tt := range tests {
		got, ok := PublicAddress(reply(t, tt.reply))
		want, _ := netip.ParseAddr(tt.want)
		if got != want || ok != want.IsValid() {
			t.Errorf("PublicAddress(%q) = %v, %v, want %v", tt.reply, got, ok, want)
		}
	}
}

func TestMXCandidates(t *testing.T) {
	const outlook = ".mail.protection.outlook.com"
	tests := []struct {
		domain, first string
		known         bool
	}{
		{"contoso.com", "contoso-com" + outlook, false},
		{"Contoso.COM.", "contoso-com" + outlook, false},
		{"mail.contoso.co.uk", "mail-contoso-co-uk" + outlook, false},
		{"contoso.onmicrosoft.com", "contoso-onmicrosoft-com" + outlook, true},
		{"contoso.mail.onmicrosoft.com", "contoso-mail-onmicrosoft-com" + outlook, true},
		{"contoso.onmicrosoft.us", "contoso.mail.protection.office365.us", true},
		// One hyphen, by its place in the domain; the shapes are those of names seen, places 2 to 5 and 9.
		{"ab-contoso.com", "abcontoso-com0e" + outlook, false},
		{"abc-contoso.com", "abccontoso-com0i" + outlook, false},
		{"fabr-tech.com", "fabrtech-com01b" + outlook, false},
		{"fabri-tech.com", "fabritech-com01c" + outlook, false},
		{"fabrikams-tech.com", "fabrikamstech-com02c" + outlook, false},
		// Not seen, by the same rule.
		{"a-contoso.com", "acontoso-com0c" + outlook, false},
		{"fabrik-tech.com", "fabriktech-com01e" + outlook, false},
		{"fabrika-tech.com", "fabrikatech-com01i" + outlook, false},
		{"fabrikam-tech.com", "fabrikamtech-com02b" + outlook, false},
		{"ab-c-fabrik.com", "abcfabrik-com0e1b" + outlook, false},
	}
	for _, tt := range tests {
		c := MXCandidates(tt.domain)
		if len(c) == 0 {
			t.Errorf("MXCandidates(%q) is empty", tt.domain)
			continue
		}
		if c[0].Host != tt.first || c[0].Known != tt.known {
			t.Errorf("MXCandidates(%q)[0] = %q, known %v, want %q, %v", tt.domain, c[0].Host, c[0].Known, tt.first, tt.known)
		}
		for _, x := range c {
			if _, ok := TenantMX(x.Host); !ok {
				t.Errorf("MXCandidates(%q): %q is no tenant's MX host", tt.domain, x.Host)
			}
		}
	}
	for _, bad := range []string{"", "contoso", "a..b", "contoso.com/x", "con toso.com", "contoso.com\r\nQUIT", "[192.0.2.1]"} {
		if c := MXCandidates(bad); c != nil {
			t.Errorf("MXCandidates(%q) = %v, want none", bad, c)
		}
	}
}

func TestFilterOf(t *testing.T) {
	for host, want := range map[string]string{
		"mx1-us1.ppe-hosted.com":                     "Proofpoint Essentials",
		"mxa-00012345.gslb.pphosted.com":             "Proofpoint",
		"eu-smtp-inbound-1.mimecast.com.":            "Mimecast",
		"d12345a.ess.barracudanetworks.com":          "Barracuda",
		"d12345a.ess.uk.barracudanetworks.com":       "Barracuda (UK)",
		"cluster1.eu.messagelabs.com":                "Symantec Email Security.cloud",
		"mx01.hornetsecurity.com":                    "Hornetsecurity",
		"esa1.contoso.iphmx.com":                     "Cisco Secure Email",
		"contoso-com.mail.protection.outlook.com":    "",
		"mimecast.com":                               "",
		"notmimecast.com":                            "",
		"eu-smtp-inbound-1.mimecast.com.example.org": "",
	} {
		f, ok := FilterOf(host)
		if f.Name != want || ok != (want != "") {
			t.Errorf("FilterOf(%q) = %q, %v, want %q", host, f.Name, ok, want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	tests := []struct{ host, want string }{
		{"smtp.ofice365.com", "smtp.office365.com"},
		{"smtp-office365.com", "smtp.office365.com"},
		{"smtp.office365.con", "smtp.office365.com"},
		{"smtp.office365.co", "smtp.office365.com"},
		{"stmp.office365.com", "smtp.office365.com"},
		{"smtp.offcie365.com", "smtp.office365.com"},
		{"smtp.outlook.office365.com", "smtp.office365.com"},
		{"smtp.office365", "smtp.office365.com"},
		{"office365.com", "smtp.office365.com"},
		{"smtp.o365.com", "smtp.office365.com"},
		{"smtp.office356.com", "smtp.office365.com"},
		{"smtp.gmial.com", "smtp.gmail.com"},
		{"contoso-com.mail.protection.outlok.com", "contoso-com.mail.protection.outlook.com"},
		{"contoso-com.mail.protecton.outlook.com", "contoso-com.mail.protection.outlook.com"},
		// Right names, and names of people's own.
		{"smtp.office365.com", ""},
		{"SMTP.OFFICE365.COM.", ""},
		{"smtp.office365.us", ""},
		{"smtp.mail.com", ""},
		{"smtp.googlemail.com", ""},
		{"contoso-com.mail.protection.outlook.com", ""},
		{"mail.example.com", ""},
		{"smtp.example.com", ""},
		{"smtp.contoso.com", ""},
		{"relay.contoso.local", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got, _ := DidYouMean(tt.host); got != tt.want {
			t.Errorf("DidYouMean(%q) = %q, want %q", tt.host, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"abc", "abc", 0}, {"abc", "abd", 1}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b, 9); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestMisfits(t *testing.T) {
	tests := []struct {
		host        string
		port        int
		credentials bool
		want        []cause.ID
	}{
		{"smtp.office365.com", 587, true, nil},
		{"smtp.office365.com", 25, true, nil},
		{"smtp.office365.com", 465, true, []cause.ID{cause.WrongEndpoint}},
		{"smtp.office365.com", 587, false, []cause.ID{cause.AuthRequired}},
		{"contoso-com.mail.protection.outlook.com", 25, false, nil},
		{"contoso-com.mail.protection.outlook.com", 587, false, []cause.ID{cause.WrongEndpoint}},
		{"contoso-com.mail.protection.outlook.com", 587, true, []cause.ID{cause.WrongEndpoint, cause.AuthNotOffered}},
		{"contoso-com.mail.protection.outlook.com", 465, false, []cause.ID{cause.WrongEndpoint}},
		{"smtp-emea.outlook.com", 587, true, []cause.ID{cause.WrongEndpoint}},
		{"52.96.0.1", 587, true, []cause.ID{cause.WrongEndpoint}},
		{"127.0.0.1", 587, true, nil},
		{"192.168.1.20", 25, false, nil},
		{"smtp-mail.outlook.com", 587, true, []cause.ID{cause.WrongEndpoint}},
		{"smtp.gmail.com", 465, true, nil},
		{"mail.example.com", 465, true, nil},
	}
	for _, tt := range tests {
		var got []cause.ID
		for _, m := range Misfits(tt.host, tt.port, tt.credentials) {
			got = append(got, m.Cause)
			if m.What == "" || m.Instead == "" || m.Source.Where == "" {
				t.Errorf("Misfits(%q, %d): %+v is incomplete", tt.host, tt.port, m)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Misfits(%q, %d, %v) (-want +got):\n%s", tt.host, tt.port, tt.credentials, diff)
		}
	}
}

func TestOnPremises(t *testing.T) {
	own := smtp.ParseExtensions(reply(t, "250-mail.contoso.com Hello [192.0.2.5]\n250-SIZE 37748736\n250-X-ANONYMOUSTLS\n250-AUTH NTLM\n250-X-EXPS GSSAPI NTLM\n250 XRDST"))
	if diff := cmp.Diff([]string{"X-ANONYMOUSTLS", "X-EXPS", "XRDST", "AUTH NTLM", "SIZE 37748736"}, OnPremises(own)); diff != "" {
		t.Errorf("Exchange Server (-want +got):\n%s", diff)
	}
	cloud := smtp.ParseExtensions(reply(t, "250-x.outlook.office365.com Hello [192.0.2.5]\n250-SIZE 157286400\n250-AUTH LOGIN XOAUTH2\n250 SMTPUTF8"))
	if got := OnPremises(cloud); got != nil {
		t.Errorf("Exchange Online: OnPremises = %q, want none", got)
	}
}

// TestProfilesAreWhole checks what every door, notice and retired host must say.
func TestProfilesAreWhole(t *testing.T) {
	names := map[string]bool{}
	for _, p := range Profiles() {
		if p.Name == "" || p.Title == "" || names[p.Name] {
			t.Errorf("profile %q: no name, no title, or not unique", p.Name)
		}
		names[p.Name] = true
		for _, d := range p.Doors {
			if d.Kind == "" || len(d.Ports) == 0 || d.TLS == "" || d.Reaches == "" || len(d.Sources) == 0 {
				t.Errorf("%s: %s lacks a kind, ports, TLS mode, reach or source", p.Name, d.Name())
			}
			if d.Greeting != "" {
				pattern(d.Greeting)
			}
		}
		for _, n := range p.Notices {
			if n.Said == "" || n.What == "" || n.Source.Date == "" {
				t.Errorf("%s: notice %+v is incomplete", p.Name, n)
			}
		}
		for _, r := range p.Retired {
			if r.Instead == "" || r.Source.Date == "" {
				t.Errorf("%s: retired host %+v is incomplete", p.Name, r)
			}
		}
	}
	m365, _ := ByName("microsoft365")
	if n := m365.CurrentNotices(); len(n) == 0 || slices.ContainsFunc(n, func(n Notice) bool { return n.Superseded }) {
		t.Errorf("CurrentNotices = %v", n)
	}
	if !slices.IsSortedFunc(m365.Notices, func(a, b Notice) int { return strings.Compare(a.Said, b.Said) }) {
		t.Error("the notices are not in the order of their dates")
	}
	if _, ok := ByName("nosuch"); ok {
		t.Error("ByName finds a profile that does not exist")
	}
}

func reply(t *testing.T, text string) smtp.Reply {
	t.Helper()
	if text == "" {
		return smtp.Reply{}
	}
	r, err := smtp.ParseReply(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPasswordNotice: what was announced differs from door to door, and no door gets another's dates.
func TestPasswordNotice(t *testing.T) {
	for kind, want := range map[DoorKind]string{Submission: "end of December 2026", Legacy: "end of December 2026", Consumer: "since 2024-09-16", HVE: "September 2028", ACS: "", DirectSend: ""} {
		n, ok := microsoft365.PasswordNotice(kind)
		if ok != (want != "") || !strings.Contains(n.What, want) {
			t.Errorf("%s: %q, want %q", kind, n.What, want)
		}
	}
}

func TestMisfitsKeepToTheCloud(t *testing.T) {
	for host, want := range map[string]string{"agency.mail.protection.office365.us": "smtp.office365.us", "contoso-cn.mail.protection.partner.outlook.cn": "smtp.partner.outlook.cn",
		"contoso-com.o-v1.mx.microsoft": "smtp.office365.com"} {
		m := Misfits(host, 25, true)
		if len(m) != 1 || !strings.HasPrefix(m[0].Instead, want) {
			t.Errorf("%s: %v, want %s", host, m, want)
		}
	}
}

func TestPersonal(t *testing.T) {
	for domain, want := range map[string]bool{"outlook.com": true, "Hotmail.co.uk": true, "live.nl": true, "contoso.com": false, "outlook.contoso.com": false, "live.example.org": false} {
		if got := Personal(domain); got != want {
			t.Errorf("%s: %v", domain, got)
		}
	}
}
