package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

func TestParseTarget(t *testing.T) {
	for _, tt := range []struct {
		in, host string
		port     int
		wrong    string
	}{
		{"mail.example.com", "mail.example.com", 0, ""},
		{"Mail.Example.COM.:587", "mail.example.com", 587, ""},
		{"192.0.2.1", "192.0.2.1", 0, ""},
		{"192.0.2.1:25", "192.0.2.1", 25, ""},
		{"2001:db8::1", "2001:db8::1", 0, ""},
		{"[2001:db8::1]", "2001:db8::1", 0, ""},
		{"[2001:db8::1]:465", "2001:db8::1", 465, ""},
		{"bücher.example", "xn--bcher-kva.example", 0, ""},
		{"localhost:2525", "localhost", 2525, ""},
		{"", "", 0, "it is empty"},
		{"mail.example.com:", "", 0, `the port ""`},
		{"mail.example.com:65536", "", 0, "1 to 65535"},
		{"a:b:c", "", 0, "the port"},
		{"[2001:db8::1", "", 0, "brackets"},
		{"[2001:db8::1]25", "", 0, "only :PORT"},
		{"[mail.example.com]:25", "", 0, "brackets"},
		{"fe80::1%eth0", "fe80::1%eth0", 0, ""},
		{"fe80::1%eth0]\x1b[2J", "", 0, "the port"},
		{"[fe80::1%a\r\nb]:25", "", 0, "brackets"},
		{"mail\r\nQUIT", "", 0, "not a valid name"},
		{"<mail.example.com>", "", 0, "not a valid name"},
		{"-oProxy.example.com", "", 0, "hyphen"},
		{"https://mail.example.com/", "", 0, "it is a URL"},
		{"scanner@contoso.com", "contoso.com", 0, ""},
		{"scanner@bücher.example", "xn--bcher-kva.example", 0, ""},
		{"scanner@", "", 0, "bad address"},
		{"scanner@[192.0.2.1]", "", 0, "names its host already"},
	} {
		e, err := parseTarget(tt.in)
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%q: got %v, want an error with %q", tt.in, err, tt.wrong)
			}
			continue
		}
		if want := (endpoint{host: tt.host, port: tt.port, address: e.address}); err != nil || e != want || (e.address != "") != strings.Contains(tt.in, "@") {
			t.Errorf("%q: got %v, %v, want %v", tt.in, e, err, want)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"mail.example.com:25", "[2001:db8::1]:587", "192.0.2.1", "a\r\nb", "[::1%eth0]:1", "::%eth0]h0", "fe80::1%\x1b[2J"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseTarget(s)
		if err != nil {
			return
		}
		if e.host == "" || e.port < 0 || e.port > 65535 || strings.ContainsAny(e.host, "\r\n\x00 <>[]") {
			t.Errorf("parseTarget(%q) = %+v", s, e)
		}
	})
}

func TestWalkOfFlags(t *testing.T) {
	for _, tt := range []struct {
		args string
		want evidence.Walk
	}{
		{"mail.example.com", evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 25, TLS: evidence.StartTLS}},
		{"smtp.office365.com", evidence.Walk{Via: evidence.ViaSubmission, Host: "smtp.office365.com", Port: 587, TLS: evidence.StartTLS}},
		{"contoso-com.mail.protection.outlook.com", evidence.Walk{Via: evidence.ViaDirectSend, Host: "contoso-com.mail.protection.outlook.com", Port: 25, TLS: evidence.StartTLS}},
		{"mail.example.com:465", evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 465, TLS: evidence.ImplicitTLS}},
		{"mail.example.com:465 --tls starttls", evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 465, TLS: evidence.StartTLS}},
		{"mail.example.com --tls implicit", evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 465, TLS: evidence.ImplicitTLS}},
		{"mail.example.com --via submission", evidence.Walk{Via: evidence.ViaSubmission, Host: "mail.example.com", Port: 587, TLS: evidence.StartTLS}},
		{"mail.example.com --from <a@example.com> --to b@example.com --to c@example.org -6 --port 26", evidence.Walk{Via: evidence.ViaHost,
			Host: "mail.example.com", Port: 26, TLS: evidence.StartTLS, From: "a@example.com", To: []string{"b@example.com", "c@example.org"}, Family: 6}},
		{"mail.example.com --bind 127.0.0.1", evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 25, TLS: evidence.StartTLS, Family: 4}},
		{"mail.example.com --from a@example.com --send --size 9", evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 25,
			TLS: evidence.StartTLS, From: "a@example.com", To: []string{"a@example.com"}, Send: true, Size: 9}},
	} {
		o, target, err := caseOptions(strings.Fields(tt.args))
		if err != nil {
			t.Fatal(err)
		}
		goal, err := o.goal(target)
		if err != nil {
			t.Errorf("%s: %v", tt.args, err)
		}
		// A bare name without MX records is a host.
		goal, _ = diagnose.Doors(goal, []evidence.Lookup{{Name: goal.Domain, Type: "MX", RCode: "NOERROR"}})
		got := goal.Walk
		if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b evidence.Walk) bool { return walkText(a) == walkText(b) })); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.args, d)
		}
	}
}

// TestDomainOrHost: what may be a domain is looked up, what cannot be one is not.
func TestDomainOrHost(t *testing.T) {
	for _, tt := range []struct {
		args, domain string
		certain      bool
	}{
		{"contoso.com", "contoso.com", false},
		{"scanner@contoso.com", "contoso.com", true},
		{"scanner@contoso.com --port 587", "contoso.com", true},
		{"contoso.com --via submission", "contoso.com", false},
		{"contoso.com --via host", "", false},
		{"scanner@contoso.com --via host", "", false},
		{"contoso.com:25", "", false},
		{"contoso.com --port 25", "", false},
		{"smtp.office365.com", "", false},
		{"contoso-com.mail.protection.outlook.com", "", false},
		{"smtp-emea.outlook.com", "", false},
		{"localhost", "", false},
		{"192.0.2.1", "", false},
	} {
		o, target, err := caseOptions(strings.Fields(tt.args))
		if err != nil {
			t.Fatal(err)
		}
		got, err := o.goal(target)
		if err != nil || got.Domain != tt.domain || (got.Walk.Host == "") != tt.certain {
			t.Errorf("%s: domain %q, host %q, %v; want domain %q, certain %v", tt.args, got.Domain, got.Walk.Host, err, tt.domain, tt.certain)
		}
		if want := strings.HasPrefix(tt.args, "scanner@"); (got.Walk.From == "scanner@contoso.com") != want {
			t.Errorf("%s: from %q", tt.args, got.Walk.From)
		}
	}
}
