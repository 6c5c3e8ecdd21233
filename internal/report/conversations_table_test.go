package report

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// The summary fits the page: with long names each conversation takes two lines.
func TestTallyWidth(t *testing.T) {
	for _, tt := range []struct {
		host  string
		width int
		want  string
	}{
		{"mx.example.com", 0, "  no.  times  client      server             step  cause           sure?\n" +
			"  1    1      192.0.2.10  mx.example.com:25  rcpt  ip-blocklisted  likely\n"},
		{"contoso-com.mail.protection.outlook.com", 0, "  no.  times  client      server\n         step  cause           sure?\n" +
			"  1    1      192.0.2.10  contoso-com.mail.protection.outlook.com:25\n         rcpt  ip-blocklisted  likely\n"},
		{"contoso-com.mail.protection.outlook.com", 110, "  no.  times  client      server                                      step  cause           sure?\n"},
	} {
		var tally Tally
		tr := evidence.Trace{Local: netip.MustParseAddrPort("192.0.2.10:40000"), Address: netip.MustParseAddrPort("203.0.113.25:25"), Walk: evidence.Walk{Host: tt.host}}
		tally.Add(1, &tr, &diagnose.Finding{Step: cause.Rcpt, Cause: cause.IPBlocklisted, Confidence: diagnose.Likely})
		var out bytes.Buffer
		if err := tally.Text(&out, Options{Width: tt.width}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("got\n%s\nwant\n%s", &out, tt.want)
		}
		for l := range strings.Lines(out.String()) {
			if limit := (Options{Width: tt.width}).width(); columns(strings.TrimSuffix(l, "\n")) > limit {
				t.Errorf("more than %d columns: %q", limit, l)
			}
		}
	}
}
