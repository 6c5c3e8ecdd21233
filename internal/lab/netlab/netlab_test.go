package netlab

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/smtptriage/smtptriage/internal/lab"
)

func TestCasesAreSound(t *testing.T) {
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := make(map[string]bool)
	for _, c := range Cases() {
		if !name.MatchString(c.Name) || seen[c.Name] {
			t.Errorf("name %q: want lower-case words with hyphens, once", c.Name)
		}
		seen[c.Name] = true
		if c.Title == "" || c.Target == "" {
			t.Errorf("%s: title %q, target %q: want both", c.Name, c.Title, c.Target)
		}
		if _, ok := lab.Find(c.Name); ok {
			t.Errorf("%s: package lab has a case of that name too", c.Name)
		}
		if c.Healthy() != (c.Want.Step == "none" && strings.HasPrefix(string(c.Want.Cause), "accepted")) {
			t.Errorf("%s: exit %d does not go with %s", c.Name, c.Want.Exit, c.Want.Verdict)
		}
		if !c.Healthy() && len(c.Fault()) == 0 && !asks(c) {
			t.Errorf("%s: nothing is wrong in it, and %s is wanted", c.Name, c.Want.Verdict)
		}
		if _, err := newResolver(zone(), true, c.DNS); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	const wanted = 45
	if len(seen) < wanted {
		t.Errorf("%d cases, want %d at least", len(seen), wanted)
	}
}

// asks reports whether the fault of a case is in what check is asked to do, not in the network.
func asks(c Case) bool {
	return c.Target != own25 || strings.Contains(strings.Join(c.Flags, " "), "--tls")
}

// TestEveryCauseOfThePath: the lab has a case for each cause of steps 1 to 5 that a network can show.
func TestEveryCauseOfThePath(t *testing.T) {
	have := make(map[string]bool)
	for _, c := range Cases() {
		have[string(c.Want.Cause)] = true
	}
	for _, id := range strings.Fields(`dns-name-not-found dns-resolver-failing dns-wrong-answer firewall-blocks-smtp
		isp-blocks-port-25 routing-or-nat port-closed ipv6-path-broken wrong-endpoint middlebox-terminates
		smtp-blocked-upstream tls-inspection implicit-tls-expected banner-rewritten not-smtp server-refuses-service
		greeting-delayed smtp-redirected smtp-proxy-alters connection-cut-after-ehlo starttls-stripped
		starttls-not-supported tls-version-mismatch tls-cipher-mismatch path-mtu-blackhole tls-intercepted
		certificate-expired certificate-not-yet-valid certificate-name-mismatch certificate-untrusted handshake-cut
		clienthello-too-large starttls-refused ehlo-after-tls-fails implicit-tls-on-starttls-port`) {
		if !have[id] {
			t.Errorf("no case for %s", id)
		}
	}
}

func TestResolverAnswers(t *testing.T) {
	r, err := newResolver([]string{
		"mail.example.com A 203.0.113.25", "mail.example.com AAAA 2001:db8::25", "www.example.com CNAME mail.example.com.",
		"late.example.com A 203.0.113.26", "gone.example.com A 203.0.113.27",
	}, true, []string{
		"site gone.example.com NXDOMAIN", "all broken.example.com SERVFAIL", "site empty.example.com NODATA", "site mute.example.com SILENCE",
		"all big.example.com A 203.0.113.28", "site late.example.com SLOW 2s",
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		kind  uint16
		want  string // RCODE and answers; "" for silence
		delay time.Duration
	}{
		{"mail.example.com.", dns.TypeA, "NOERROR 203.0.113.25", 0},
		{"MAIL.example.com.", dns.TypeAAAA, "NOERROR 2001:db8::25", 0},
		{"mail.example.com.", dns.TypeMX, "NOERROR", 0},
		{"www.example.com.", dns.TypeA, "NOERROR mail.example.com. 203.0.113.25", 0},
		{"none.example.com.", dns.TypeA, "NXDOMAIN", 0},
		{"gone.example.com.", dns.TypeA, "NXDOMAIN", 0},
		{"broken.example.com.", dns.TypeA, "SERVFAIL", 0},
		{"empty.example.com.", dns.TypeA, "NOERROR", 0},
		{"mute.example.com.", dns.TypeA, "", 0},
		{"big.example.com.", dns.TypeA, "NOERROR 203.0.113.28", 0},
		{"late.example.com.", dns.TypeA, "NOERROR 203.0.113.26", 2 * time.Second},
	}
	for _, tt := range tests {
		m, delay := r.answer(new(dns.Msg).SetQuestion(tt.name, tt.kind), false)
		if got := describe(m); got != tt.want || delay != tt.delay {
			t.Errorf("%s %s: %q after %v, want %q after %v", tt.name, dns.TypeToString[tt.kind], got, delay, tt.want, tt.delay)
		}
	}
}

func describe(m *dns.Msg) string {
	if m == nil {
		return ""
	}
	text := dns.RcodeToString[m.Rcode]
	for _, rr := range m.Answer {
		text += " " + strings.TrimPrefix(rr.String(), rr.Header().String())
	}
	return text
}

func TestResolverTruncates(t *testing.T) {
	r, err := newResolver([]string{"mail.example.com A 203.0.113.25"}, true, []string{"site * TRUNCATED"})
	if err != nil {
		t.Fatal(err)
	}
	query := new(dns.Msg).SetQuestion("mail.example.com.", dns.TypeA)
	if m, _ := r.answer(query, false); !m.Truncated || len(m.Answer) != 0 {
		t.Errorf("over UDP: truncated %v with %d answers, want true with none", m.Truncated, len(m.Answer))
	}
	if m, _ := r.answer(query, true); m.Truncated || describe(m) != "NOERROR 203.0.113.25" {
		t.Errorf("over TCP: truncated %v, %s", m.Truncated, describe(m))
	}
}
