package diagnose

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Rounds: address, a space, and how it went.
var roundScripts = map[string]string{
	"ok":      "secured",
	"refused": "dial refused %s",
	"554":     "dial connected %s\nS: 554 mx.example.com no service for you\nend closed",
	"odd":     "RCPT ends",
}

// repeated makes the record of a check with these rounds.
func repeated(t *testing.T, rounds ...string) *evidence.Record {
	t.Helper()
	var all []*evidence.Record
	for i, round := range rounds {
		address, how, _ := strings.Cut(round, " ")
		began := start.Add(time.Duration(i) * time.Minute)
		rec := &evidence.Record{Schema: evidence.Schema, Source: evidence.FromCheck, Started: began, Took: time.Second,
			Target: evidence.Target{Input: plain.Host, Walk: plain}}
		if how == "cut" {
			rec.Interrupted = evidence.ByUser
			all = append(all, rec)
			continue
		}
		script, ok := roundScripts[how]
		if !ok {
			t.Fatalf("no round %q", how)
		}
		if !strings.Contains(script, "%s") {
			end := map[string]string{"secured": "S: 250 ok", "RCPT ends": "end closed RCPT"}[script]
			script = strings.Replace(secured, "dial connected", "dial connected %s", 1) +
				"C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\n" + end
		}
		tr := play(t, "t1", evidence.RoleAsked, plain, fmt.Sprintf(script, address+":25"))
		tr.Address = evidence.NewView(&tr).Trace.Events[0].Dialed.Address
		rec.Traces = []evidence.Trace{tr}
		all = append(all, rec)
	}
	return evidence.Join(all)
}

func TestSeries(t *testing.T) {
	const a, b = "203.0.113.1 ", "203.0.113.2 "
	for _, tt := range []struct {
		name    string
		rounds  []string
		want    Steadiness
		status  int
		typical int
		says    string
	}{
		{"all pass", []string{a + "ok", a + "ok"}, AllPass, 0, 0, "All 2 runs passed"},
		{"steady", []string{a + "554", b + "554", a + "554"}, Steady, 1, 0, "all 3 runs failed, each at banner / server-refuses-service"},
		{"two causes", []string{a + "refused", a + "554", a + "554"}, Varies, 1, 1, "banner / server-refuses-service 2 times, connect / firewall-blocks-smtp once"},
		{"comes and goes", []string{a + "ok", a + "554", a + "ok", a + "ok"}, ComesGoes, 1, 1, "1 of 4 runs failed (25 %)"},
		{"one address of two", []string{a + "ok", b + "554", a + "ok", b + "554"}, ByAddress, 1, 1, "203.0.113.1 failed 0 of 2, 203.0.113.2 failed 2 of 2"},
		{"an address walked to once decides nothing", []string{a + "ok", b + "554", a + "ok"}, ComesGoes, 1, 1, "203.0.113.2 failed 1 of 1"},
		{"an address that does both", []string{a + "ok", b + "554", a + "ok", b + "ok"}, ComesGoes, 1, 1, "203.0.113.2 failed 1 of 2"},
		{"undetermined", []string{a + "ok", a + "odd"}, ComesGoes, 3, 1, "undetermined once"},
		{"a named cause before an undetermined", []string{a + "odd", a + "odd", a + "554"}, Varies, 1, 2, "not always alike"},
		{"ended by the user in the third", []string{a + "554", a + "554", "- cut"}, Steady, 1, 0, "all 2 runs failed"},
		{"ended by the user in the second", []string{a + "ok", "- cut"}, TooFew, 0, 0, "Fewer than two"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := DiagnoseSeries(repeated(t, tt.rounds...))
			if s.Steadiness != tt.want || !strings.Contains(s.Summary, tt.says) {
				t.Errorf("%s: %s; want %s: %s", s.Steadiness, s.Summary, tt.want, tt.says)
			}
			if got := s.ExitStatus(); got != tt.status {
				t.Errorf("exit status %d, want %d", got, tt.status)
			}
			if s.Typical != tt.typical {
				t.Errorf("shows round %d, want %d", s.Typical, tt.typical)
			}
			rec, d := s.Shown()
			if d.Verdict.Because[0].Text != s.Summary || d.Findings[0].Because[0].Text != s.Summary {
				t.Errorf("the summary is not among the grounds: %+v", d.Verdict.Because)
			}
			for _, g := range d.Verdict.Because[1:] {
				if rec.Trace(g.Trace) == nil {
					t.Errorf("the ground %q cites %q, which the shown record has not", g.Text, g.Trace)
				}
			}
		})
	}
}

func TestSeriesOfOneRecord(t *testing.T) {
	rec := repeated(t, "203.0.113.1 554")
	s := DiagnoseSeries(rec)
	if len(s.Rounds) != 1 || s.ExitStatus() != 1 || s.Rounds[0].Diagnosis.Verdict.Cause != cause.ServerRefusesService {
		t.Errorf("%+v", s)
	}
}
