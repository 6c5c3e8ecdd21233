package cli

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/report"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

func walkText(w evidence.Walk) string {
	b, err := json.Marshal(w)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func TestLiveTree(t *testing.T) {
	var out strings.Builder
	clock := time.Unix(0, 0)
	walk := evidence.Walk{Via: evidence.ViaHost, Host: "mail.example.com", Port: 25}
	l := &liveTree{w: &out, layout: report.Options{Unicode: true, Width: 60}, now: func() time.Time { return clock },
		rec: evidence.Record{Source: evidence.FromCheck, Target: evidence.Target{Walk: walk}}}
	address := netip.MustParseAddrPort("192.0.2.25:25")
	tr := evidence.Trace{ID: "t1", Role: evidence.RoleAsked, Walk: walk, Address: address, Sees: evidence.SeesAll}
	l.observe(tr, evidence.Event{At: 1, Dialed: &evidence.Dialed{Address: address, Outcome: evidence.Connected}})
	first := out.String()
	if !strings.Contains(first, "✓ Connect") || !strings.Contains(first, "Banner ...") {
		t.Errorf("after the dial it shows\n%s", first)
	}
	// Too soon for another drawing.
	greeting, err := smtp.ParseReply("220 mail.example.com ESMTP \x1b[2J" + strings.Repeat("long ", 50))
	if err != nil {
		t.Fatal(err)
	}
	said := evidence.Event{At: 2, Reply: &evidence.Reply{Reply: greeting, To: -1}}
	l.observe(tr, said)
	if out.String() != first {
		t.Error("it draws faster than eyes are")
	}
	// Conversations beside the walk are not in the tree.
	clock = clock.Add(time.Second)
	l.observe(evidence.Trace{ID: "e1.1", Role: evidence.RoleExperiment}, said)
	if out.String() != first {
		t.Error("it draws an experiment")
	}
	l.observe(tr, evidence.Event{At: 3, Note: &evidence.Note{Text: "x"}})
	second := strings.TrimPrefix(out.String(), first)
	if !strings.HasPrefix(second, "\x1b[3A\r\x1b[J") || !strings.Contains(second, "✓ Banner") {
		t.Errorf("the second drawing is %q", second)
	}
	if strings.Contains(second, "\x1b[2J") {
		t.Error("the server's escape sequence reached the terminal")
	}
	for line := range strings.Lines(second) {
		if n := len([]rune(strings.TrimPrefix(line, "\x1b[3A\r\x1b[J"))); n > 61 {
			t.Errorf("a line has %d columns, which may wrap: %q", n, line)
		}
	}
	before := out.Len()
	l.end()
	if got := out.String()[before:]; got != "\x1b[4A\r\x1b[J" {
		t.Errorf("in the end it writes %q", got)
	}
}

func TestEventLines(t *testing.T) {
	var out strings.Builder
	l := eventLines{&out}
	l.observe(evidence.Trace{ID: "t1"}, evidence.Event{At: 1500 * time.Millisecond, Sent: &evidence.Sent{Verb: "EHLO", Line: "EHLO a\x1b[2J"}})
	if got, want := out.String(), "t1         1.500  C: EHLO a\\x1b[2J\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHasUnicode(t *testing.T) {
	for _, tt := range []struct {
		goos string
		env  map[string]string
		want bool
	}{
		{"linux", map[string]string{"LANG": "en_US.UTF-8"}, true},
		{"linux", map[string]string{"LANG": "C.utf8"}, true},
		{"linux", map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "C"}, false},
		{"darwin", nil, false},
		{"windows", map[string]string{"LANG": "en_US.UTF-8"}, false},
		{"windows", map[string]string{"WT_SESSION": "x"}, true},
	} {
		if got := hasUnicode(tt.goos, func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("%s %v: %v, want %v", tt.goos, tt.env, got, tt.want)
		}
	}
}
