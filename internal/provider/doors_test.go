package provider

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDoorsFor(t *testing.T) {
	tenant := Candidate{Host: "contoso-com.mail.protection.outlook.com", Why: "dots become hyphens"}
	for _, tt := range []struct {
		name string
		d    MailDomain
		want []string // kind host:port, "?" for a guess
	}{
		{"tenant", MailDomain{Name: "contoso.com", MX: []string{"Contoso-com.mail.protection.outlook.com."}},
			[]string{"direct-send contoso-com.mail.protection.outlook.com", "submission smtp.office365.com"}},
		{"new form", MailDomain{Name: "contoso.com", MX: []string{"contoso-com.k-v1.mx.microsoft"}},
			[]string{"direct-send contoso-com.k-v1.mx.microsoft", "submission smtp.office365.com"}},
		{"GCC High", MailDomain{Name: "contoso.us", MX: []string{"contoso.mail.protection.office365.us"}},
			[]string{"direct-send contoso.mail.protection.office365.us", "submission smtp.office365.us"}},
		{"DoD", MailDomain{Name: "contoso.mil", MX: []string{"contoso.protection.apps.mil"}},
			[]string{"direct-send contoso.protection.apps.mil", "submission outlook-dod.office365.us"}},
		{"China", MailDomain{Name: "contoso.cn", MX: []string{"contoso-cn.mail.protection.partner.outlook.cn"}},
			[]string{"direct-send contoso-cn.mail.protection.partner.outlook.cn", "submission smtp.partner.outlook.cn"}},
		{"Google", MailDomain{Name: "example.com", MX: []string{"aspmx.l.google.com"}},
			[]string{"direct-send aspmx.l.google.com", "submission smtp.gmail.com"}},
		{"filter, confirmed", MailDomain{Name: "contoso.com", MX: []string{"mxa-00000001.gslb.pphosted.com"}, Confirmed: []Candidate{tenant}},
			[]string{"direct-send mxa-00000001.gslb.pphosted.com", "direct-send contoso-com.mail.protection.outlook.com ?", "submission smtp.office365.com ?"}},
		{"filter, nothing behind it", MailDomain{Name: "contoso.com", MX: []string{"mxa-00000001.gslb.pphosted.com"}},
			[]string{"direct-send mxa-00000001.gslb.pphosted.com", "submission mxa-00000001.gslb.pphosted.com ?"}},
		{"own server", MailDomain{Name: "example.com", MX: []string{"mx1.example.com", "mx2.example.com"}},
			[]string{"direct-send mx1.example.com", "submission mx1.example.com ?"}},
		{"no MX", MailDomain{Name: "example.com"}, []string{"direct-send example.com", "submission example.com ?"}},
		{"null MX", MailDomain{Name: "example.com", NullMX: true}, nil},
	} {
		var got []string
		for _, e := range DoorsFor(tt.d) {
			line := string(e.Kind) + " " + e.Host
			if e.Guess {
				line += " ?"
			}
			if got = append(got, line); e.Why == "" || e.Port != 25 && e.Port != 587 {
				t.Errorf("%s: %+v: want a reason and a port", tt.name, e)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestPickDoor(t *testing.T) {
	filtered := DoorsFor(MailDomain{Name: "contoso.com", MX: []string{"eu-smtp-inbound-1.mimecast.com"},
		Confirmed: []Candidate{{Host: "contoso-com.mail.protection.outlook.com"}}})
	for _, tt := range []struct {
		kind   DoorKind
		byName bool
		want   string
	}{
		{DirectSend, false, "eu-smtp-inbound-1.mimecast.com"},
		{DirectSend, true, "contoso-com.mail.protection.outlook.com"},
		{Relay, true, "contoso-com.mail.protection.outlook.com"},
		{Submission, false, "smtp.office365.com"},
	} {
		i := PickDoor(filtered, tt.kind, tt.byName)
		if i < 0 || filtered[i].Host != tt.want {
			t.Errorf("%s, by name %v: got %d, want %s", tt.kind, tt.byName, i, tt.want)
		}
	}
	if i := PickDoor(nil, Submission, true); i != -1 {
		t.Errorf("no doors: got %d", i)
	}
}
