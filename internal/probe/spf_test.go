package probe

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/evidence"
	faults "github.com/smtptriage/smtptriage/internal/lab"
)

// TestSPF evaluates records through resolvers of our own, and looks that each look-up is in the trace.
func TestSPF(t *testing.T) {
	c, err := faults.ParseCase("spf.txtar", []byte("SPF\n-- want --\nverdict none accepted\n-- dns --\n"+
		"contoso.com TXT v=spf1 ip4:203.0.113.0/24 include:spf.example.net -all\n"+
		"spf.example.net TXT v=spf1 a:mail.example.net mx:example.net ~all\n"+
		"mail.example.net A 198.51.100.1\nexample.net MX mx.example.net\nmx.example.net A 198.51.100.2\n"+
		"ptr.example TXT v=spf1 ptr -all\nbroken.example TXT v=spf1 nonsense -all\nservfail.example SERVFAIL\nplain.example TXT hello\n"+
		"-- server --\npersonality plain\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := faults.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	for _, tt := range []struct{ sender, address, want, asked string }{
		{"a@contoso.com", "203.0.113.25", "pass", "contoso.com TXT"},
		{"a@contoso.com", "198.51.100.1", "pass", "mail.example.net A"},
		{"a@contoso.com", "198.51.100.2", "pass", "mx.example.net A"},
		{"a@contoso.com", "192.0.2.1", "fail", "example.net MX"},
		{"a@ptr.example", "192.0.2.1", "fail", "1.2.0.192.in-addr.arpa PTR"},
		{"a@broken.example", "192.0.2.1", "permerror", "broken.example TXT"},
		{"a@servfail.example", "192.0.2.1", "temperror", "servfail.example TXT"},
		{"a@plain.example", "192.0.2.1", "none", "plain.example TXT"},
		{"a@gone.example", "2001:db8::1", "none", "gone.example TXT"},
	} {
		run := newRun(&Prober{Resolvers: []string{r.DNSAddr}}, evidence.Target{})
		g := run.group("e1.", evidence.RoleExperiment, nil)
		if problem := run.spf(t.Context(), g, evidence.SPFTest{Address: netip.MustParseAddr(tt.address), Sender: tt.sender}); problem != "" {
			t.Fatal(problem)
		}
		events := g.traces[0].rec.Snapshot().Events
		got := events[len(events)-1].SPF
		if got == nil || got.Result != tt.want || len(got.Trail) == 0 || got.Domain != tt.sender[2:] {
			t.Errorf("%s from %s: %+v, want %s", tt.sender, tt.address, got, tt.want)
		}
		if !slices.ContainsFunc(events, func(e evidence.Event) bool {
			return e.Lookup != nil && strings.TrimSuffix(e.Lookup.Name, ".")+" "+e.Lookup.Type == tt.asked
		}) {
			t.Errorf("%s from %s: %s was not asked", tt.sender, tt.address, tt.asked)
		}
	}
}
