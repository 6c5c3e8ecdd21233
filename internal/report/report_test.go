package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// blocklisted is a walk that a blocklist stops, with a control beside it and an experiment after it; the server tries
// to write escape sequences to the terminal on the way.
func blocklisted(t *testing.T) (*evidence.Record, *diagnose.Diagnosis) {
	t.Helper()
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	server := netip.MustParseAddrPort("192.0.2.25:25")
	walk := evidence.Walk{Via: evidence.ViaDirectSend, Host: "example-com.mail.protection.outlook.com", Port: 25,
		From: "scanner@example.com", To: []string{"office@example.com"}}
	rec := evidence.NewRecorder(evidence.Trace{ID: "t1", Role: evidence.RoleAsked, Walk: walk, Address: server, Start: start, Sees: evidence.SeesAll}, nil)
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	say := func(ms int, to int, text string) int {
		r, err := smtp.ParseReply(text)
		if err != nil {
			t.Fatal(err)
		}
		return rec.Reply(at(ms), r, to, nil, int64(len(text)))
	}
	do := func(ms int, line string) int { return rec.Command(at(ms), []byte(line), smtp.CRLF) }
	rec.Add(evidence.Event{At: at(21), Took: at(21), Dialed: &evidence.Dialed{Address: server, Outcome: evidence.Connected}})
	say(64, -1, "220 AM0.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready")
	ehlo := do(65, "EHLO scanner.example.com")
	say(90, ehlo, "250-AM0.mail.protection.outlook.com Hello [198.51.100.7]\n250-SIZE 157286400\n250-PIPELINING\n250 STARTTLS")
	say(120, do(91, "STARTTLS"), "220 2.0.0 SMTP server ready")
	rec.Add(evidence.Event{At: at(180), Secured: &evidence.Secured{Version: "TLS 1.3", Suite: "TLS_AES_256_GCM_SHA384", Group: "X25519"}})
	say(210, do(181, "EHLO scanner.example.com"), "250-AM0.mail.protection.outlook.com Hello [198.51.100.7]\n250 SIZE 157286400")
	say(240, do(211, "MAIL FROM:<scanner@example.com>"), "250 2.1.0 Sender OK")
	refused := say(290, do(241, "RCPT TO:<office@example.com>"),
		"550 5.7.1 Service unavailable, Client host [198.51.100.7] blocked using Spamhaus. \x1b[2J\u202eevil")
	rec.Add(evidence.Event{At: at(320), Ended: &evidence.Ended{Outcome: evidence.Aborted, Why: "done", GotN: 700, SentN: 200}})
	reply := *rec.Snapshot().Events[refused].Reply

	control := evidence.NewRecorder(evidence.Trace{ID: "c1.1", Role: evidence.RoleControl, Start: start, Sees: evidence.SeesAll,
		Walk: evidence.Walk{Via: evidence.ViaSubmission, Host: "smtp.office365.com", Port: 587}}, nil)
	control.Add(evidence.Event{At: at(3000), Dialed: &evidence.Dialed{Address: netip.MustParseAddrPort("192.0.2.87:587"),
		Outcome: evidence.Refused, Errno: "ECONNREFUSED", Waited: at(3000)}})

	record := &evidence.Record{Schema: evidence.Schema, Tool: evidence.Tool{Name: "smtptriage", Version: "test"}, Source: evidence.FromCheck,
		Started: start, Took: at(3210), Target: evidence.Target{Input: "office@example.com", Domain: "example.com", Walk: walk},
		Traces: []evidence.Trace{rec.Snapshot(), control.Snapshot()},
		Runs: []evidence.Run{{Experiment: evidence.Experiment{Name: "blocklist-lookup", Because: "whether the public address is listed"},
			At: at(300), Took: at(45)}, {Experiment: evidence.Experiment{Name: "traceroute", Because: "who is in the way"}, NotPossible: "needs Linux"}},
		Contacted: []string{"192.0.2.25:25", "192.0.2.87:587", "192.0.2.53:53"}}

	verdict := diagnose.Finding{Step: cause.Rcpt, Cause: cause.IPBlocklisted, Confidence: diagnose.Proven,
		Summary: "The server refuses the recipient because the public address 198.51.100.7 is on a Spamhaus blocklist.",
		Because: []diagnose.Ground{{Text: "the reply to RCPT TO names the blocklist: " + reply.String(), Trace: "t1", Event: refused},
			{Text: "the submission door was tried too", Trace: "c1.1", Event: 0}, {Text: "a fact about the run", Event: -1}},
		Actions: []string{"Look the address up at https://check.spamhaus.org and see which list it is on and why.",
			"Point the device to smtp.office365.com, port 587, with a sign-in: there the reputation of the address hardly counts."},
		Links: []string{"https://check.spamhaus.org/"}}
	other := diagnose.Finding{Step: cause.Rcpt, Cause: cause.ConnectorRestriction, Confidence: diagnose.Possible, Summary: "A connector does not admit this address."}
	closed := diagnose.Finding{Step: cause.Connect, Cause: cause.PortClosed, Confidence: diagnose.Likely, Summary: "Nothing listens there."}
	pass := func(n int, s cause.Step, detail string) diagnose.StepResult {
		return diagnose.StepResult{Number: n, Step: s, Status: diagnose.Pass, Detail: detail, Trace: "t1"}
	}
	failed := diagnose.StepResult{Number: 7, Step: cause.Rcpt, Status: diagnose.Fail, Detail: reply.String(), At: at(290), Took: at(49), Trace: "t1", Event: refused}
	d := &diagnose.Diagnosis{Provider: "microsoft365", Verdict: verdict, Findings: []diagnose.Finding{verdict, other},
		Paths: []diagnose.Path{{Role: evidence.RoleAsked, Via: evidence.ViaDirectSend, Host: walk.Host, Port: 25, Address: server,
			Steps: []diagnose.StepResult{pass(1, cause.Connect, "connected in 21 ms"), pass(2, cause.Banner, "220 AM0.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready"),
				pass(3, cause.EHLO, "250, 3 keywords"), pass(4, cause.StartTLSOffer, "STARTTLS is offered"), pass(5, cause.StartTLS, "TLS 1.3, the certificate is good"),
				{Step: cause.Auth, Status: diagnose.Skipped}, pass(6, cause.Mail, "250 2.1.0 Sender OK"), failed, {Number: 8, Step: cause.Data, Status: diagnose.NotReached}},
			Verdict: verdict, Findings: []diagnose.Finding{verdict, other}, Traces: []string{"t1"}, Provider: "microsoft365"},
			{Role: evidence.RoleControl, Via: evidence.ViaSubmission, Host: "smtp.office365.com", Port: 587, Verdict: closed, Traces: []string{"c1.1"}}},
		Patterns: []diagnose.PatternMatch{{ID: cause.RecipientFailsAfterTLS, Title: "STARTTLS works, MAIL FROM works, RCPT TO fails", Meaning: "Look at the reputation first."}},
		Guidance: []string{"Send by submission on port 587."}, CannotKnow: []string{"whether the device meets the same"},
		Results: []string{"zen.spamhaus.org lists the address", ""}, PublicIP: netip.MustParseAddr("198.51.100.7"),
		Codes: []diagnose.Code{{Step: cause.Rcpt, Reply: &reply.Reply, Text: reply.String(), Trace: "t1", Event: refused}}}
	return record, d
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got)\n%s", name, d)
	}
}

func TestText(t *testing.T) {
	rec, d := blocklisted(t)
	for _, tt := range []struct {
		golden string
		o      Options
		width  int
	}{
		{"blocklisted.txt", Options{}, 79},
		{"blocklisted-unicode.txt", Options{Width: 100, Unicode: true}, 100},
		{"blocklisted-narrow.txt", Options{Width: 20}, 40},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			var b bytes.Buffer
			if err := Text(&b, rec, d, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.golden, b.String())
			for n, l := range strings.Split(b.String(), "\n") {
				if columns(l) > tt.width && strings.Contains(strings.TrimSpace(l), " ") && tt.width > minWidth {
					t.Errorf("line %d has %d columns: %q", n+1, columns(l), l)
				}
				if !tt.o.Unicode && !isPlain(l) {
					t.Errorf("line %d is not plain ASCII: %q", n+1, l)
				}
			}
		})
	}
}

func TestTextColour(t *testing.T) {
	rec, d := blocklisted(t)
	var colored, bare bytes.Buffer
	if err := Text(&colored, rec, d, Options{Color: true}); err != nil {
		t.Fatal(err)
	}
	if err := Text(&bare, rec, d, Options{}); err != nil {
		t.Fatal(err)
	}
	s := colored.String()
	for _, code := range []paint{bold, dim, red, green, yellow, cyan} {
		s = strings.ReplaceAll(s, "\x1b["+string(code)+"m", "")
	}
	s = strings.ReplaceAll(s, "\x1b[0m", "")
	if d := cmp.Diff(bare.String(), s); d != "" {
		t.Errorf("colour changes more than colour (-without +with)\n%s", d)
	}
	if colored.Len() == bare.Len() {
		t.Error("no colour")
	}
}

func TestHeadline(t *testing.T) {
	finding := func(s cause.Step, id cause.ID) diagnose.Finding { return diagnose.Finding{Step: s, Cause: id} }
	path := func(s diagnose.Status) []diagnose.Path {
		return []diagnose.Path{{Steps: []diagnose.StepResult{{Number: 2, Step: cause.Banner, Status: s}}}}
	}
	for _, tt := range []struct {
		want string
		d    diagnose.Diagnosis
		rec  evidence.Record
	}{
		{"PASSED: every step", diagnose.Diagnosis{Verdict: finding(cause.None, cause.Accepted)}, evidence.Record{}},
		{"PASSED AS FAR AS TRIED", diagnose.Diagnosis{Verdict: finding(cause.None, cause.AcceptedNotProven)}, evidence.Record{}},
		{"NOT DETERMINED: step 2 (Banner) fails", diagnose.Diagnosis{Verdict: finding(cause.Banner, cause.Undetermined), Paths: path(diagnose.Fail)}, evidence.Record{}},
		{"NOT DETERMINED: what was seen", diagnose.Diagnosis{Verdict: finding(cause.None, cause.Undetermined)}, evidence.Record{}},
		{"NOT DETERMINED: the run ended", diagnose.Diagnosis{Verdict: finding(cause.None, cause.Undetermined)}, evidence.Record{Interrupted: "interrupted"}},
		{"WARNING: step 2 (Banner) works here", diagnose.Diagnosis{Verdict: finding(cause.Banner, cause.GreetingDelayed), Paths: path(diagnose.Warn)}, evidence.Record{}},
		{"FAILED: step 2 (Banner) fails", diagnose.Diagnosis{Verdict: finding(cause.Banner, cause.NotSMTP), Paths: path(diagnose.Fail)}, evidence.Record{}},
	} {
		if _, got := headline(&tt.rec, &tt.d); !strings.HasPrefix(got, tt.want) {
			t.Errorf("got %q, want %q ...", got, tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	rec, d := blocklisted(t)
	var b bytes.Buffer
	if err := JSON(&b, rec, d); err != nil {
		t.Fatal(err)
	}
	golden(t, "blocklisted.json", b.String())
	if i := bytes.IndexFunc(b.Bytes(), func(r rune) bool { return r != '\n' && hidden(r) }); i >= 0 {
		t.Errorf("raw control character at %d", i)
	}
	var back Document
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(back.Verdict.Because[0].Text, "\x1b[2J\u202eevil") {
		t.Errorf("the server's words did not come back whole: %q", back.Verdict.Because[0].Text)
	}
}

func TestJSONOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := JSON(&b, &evidence.Record{}, &diagnose.Diagnosis{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "nothing.json", b.String())
}

func TestTranscript(t *testing.T) {
	rec, _ := blocklisted(t)
	golden(t, "blocklisted-transcript.txt", Transcript(&rec.Traces[0]))
}

func TestExcerpt(t *testing.T) {
	long := make([]line, 100)
	for i := range long {
		long[i] = line{text: strings.Repeat("x", 10*i), event: i}
	}
	shown, at, cut := excerpt(long)
	if len(shown) != firstLines+lastLines || at != firstLines || cut != 100-firstLines-lastLines {
		t.Errorf("%d lines, %d cut at %d", len(shown), cut, at)
	}
	if shown[at-1].event != firstLines-1 || shown[at].event != 100-lastLines || columns(shown[len(shown)-1].text) > shownText+10 {
		t.Errorf("wrong lines: %v and %v", shown[at-1].event, shown[at].event)
	}
	if shown, at, cut := excerpt(long[:5]); len(shown) != 5 || at != -1 || cut != 0 {
		t.Errorf("a short one: %d lines, %d cut at %d", len(shown), cut, at)
	}
}

func TestFoldReplies(t *testing.T) {
	reply := func(event int, texts ...string) (out []line) {
		for _, s := range texts {
			out = append(out, line{who: "S:", text: s, event: event})
		}
		return out
	}
	in := append(append(reply(1, "250-mx", "250-SIZE 9", "250-DSN", "250 HELP"), reply(2, "220-a", "220 b")...), reply(3, "221 bye")...)
	var got []string
	for _, l := range foldReplies(in) {
		got = append(got, l.text)
	}
	if d := cmp.Diff([]string{"250-mx", "250-SIZE 9 | DSN | HELP", "220-a", "220 b", "221 bye"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"averyverylongword a", []string{"averyverylongword", "a"}},
		{"größe größe", []string{"größe", "größe"}},
	} {
		if d := cmp.Diff(tt.want, wrap(tt.in, 8)); d != "" {
			t.Errorf("wrap(%q) (-want +got)\n%s", tt.in, d)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", 300 * time.Microsecond: "under 1 ms", 21400 * time.Microsecond: "21 ms", 2340 * time.Millisecond: "2.3 s", 301 * time.Second: "5 min 1 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("duration(%v) = %q, want %q", d, got, want)
		}
	}
}
