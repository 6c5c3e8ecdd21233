package diagnose

import (
	"slices"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// Microsoft 365 as it greets at each door, after TLS.
const (
	m365Keywords = "S: 250-SIZE 157286400\nS: 250-PIPELINING\nS: 250-DSN\nS: 250-ENHANCEDSTATUSCODES\nS: 250-8BITMIME\nS: 250-BINARYMIME\nS: 250-CHUNKING\n"
	m365TLS      = "C: STARTTLS\nS: 220 2.0.0 SMTP server ready\nhello 300\nserver-hello TLS 1.3\ntls TLS 1.3\ncert ok CN=Public CA\nC: EHLO x\nS: 250-here Hello [198.51.100.7]\n"
	m365MX       = "dial connected\nS: 220 AM0EUR02FT012.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 09:00:00 +0000\nC: EHLO x\nS: 250-here\n" +
		m365Keywords + "S: 250-STARTTLS\nS: 250 SMTPUTF8\n" + m365TLS + m365Keywords + "S: 250 SMTPUTF8\n"
	m365Submission = "dial connected\nS: 220 LO4P302CA0005.outlook.office365.com Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 09:00:00 +0000 [08DCE8B62813AB2B]\nC: EHLO x\nS: 250-here\n" +
		m365Keywords + "S: 250-STARTTLS\nS: 250 SMTPUTF8\n" + m365TLS + m365Keywords + "S: 250-AUTH LOGIN XOAUTH2\nS: 250 SMTPUTF8\n"
)

func TestPatternsAndGuidance(t *testing.T) {
	noAuth := with(submit, func(w *evidence.Walk) { w.Auth, w.From, w.To = nil, "", nil })
	listed := m365MX + "C: MAIL FROM:<a@contoso.com>\nS: 250 2.1.0 ok\nC: RCPT TO:<b@contoso.com>\nS: 550 5.7.1 Service unavailable, Client host [198.51.100.7] blocked using Spamhaus."
	accepted := m365MX + "C: MAIL FROM:<a@contoso.com>\nS: 250 2.1.0 ok\nC: RCPT TO:<b@contoso.com>\nS: 250 2.1.5 ok"
	old := with(tenant, func(w *evidence.Walk) { w.TLSMax = "1.0" })
	for _, tt := range []struct {
		name   string
		asked  evidence.Walk
		script string
		other  evidence.Walk
		second string
		tests  []test
		want   []cause.PatternID
		door   provider.DoorKind
		says   string
	}{
		{name: "listed at the MX, submission open", asked: tenant, script: listed, other: noAuth, second: m365Submission,
			want: []cause.PatternID{cause.RecipientFailsAfterTLS, cause.SubmissionWorksMXFails}, door: provider.Submission},
		{name: "port 25 dead, submission open", asked: tenant, script: dropped, other: noAuth, second: m365Submission,
			tests: []test{{askControl, onHost("gmail-smtp-in.l.google.com"), dropped}, {askAnything, onPort(443), "dial connected"}},
			want:  []cause.PatternID{cause.SubmissionWorksMXFails, cause.Port25DeadEverywhere}, door: provider.Submission},
		{name: "credentials at the MX", asked: with(tenant, func(w *evidence.Walk) { w.Auth = submit.Auth }), script: m365MX, other: noAuth, second: m365Submission,
			want: []cause.PatternID{cause.PasswordFitsOneDoor}, door: provider.Submission},
		{name: "submission closed, MX open", asked: submit, script: m365Submission + "C: AUTH LOGIN\nS: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
			other: tenant, second: accepted, door: provider.DirectSend},
		{name: "like a device, and not", asked: old, script: tlsBegins + "alert protocol_version\ntls-failed server-alert", other: noAuth, second: m365Submission,
			tests: []test{{askUnlimited, nil, secured}}, want: []cause.PatternID{cause.SubmissionWorksMXFails, cause.WorksHereFailsOnDevice}, door: provider.Submission},
		{name: "High Volume Email, and a recipient outside", asked: with(submit, func(w *evidence.Walk) { w.Host = "smtp-hve.office365.com" }), script: m365Submission +
			"C: AUTH LOGIN\nS: 235 2.7.0 Authentication successful\nC: MAIL FROM:<a@contoso.com>\nS: 250 2.1.0 ok\nC: RCPT TO:<b@fabrikam.com>\nS: 550 5.5.105 External sending is not supported for High Volume Email accounts.",
			other: tenant, second: accepted, want: []cause.PatternID{cause.RecipientFailsAfterTLS}, door: provider.Submission, says: "High Volume Email delivers inside"},
		{name: "a personal account with a password", asked: with(submit, func(w *evidence.Walk) { w.Host, w.From = "smtp-mail.outlook.com", "a@hotmail.com" }), script: m365Submission +
			"C: AUTH LOGIN\nS: 535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
			other: tenant, second: accepted, says: "A personal account signs in with OAuth alone"},
		{name: "all well", asked: tenant, script: accepted, other: noAuth, second: m365Submission, door: provider.Submission},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := recordWith(t, tt.asked, tt.script, tt.tests...)
			rec.Traces = append(rec.Traces, play(t, "c1.1", evidence.RoleControl, tt.other, tt.second))
			d := Diagnose(rec)
			var got []cause.PatternID
			for _, p := range d.Patterns {
				got = append(got, p.ID)
				if p.Meaning == "" || len(p.Because) == 0 {
					t.Errorf("%s has no meaning or no grounds", p.ID)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("patterns %v, want %v", got, tt.want)
			}
			if d.Recommended != tt.door {
				t.Errorf("recommended %q, want %q\n%q", d.Recommended, tt.door, d.Guidance)
			}
			if !strings.Contains(strings.Join(d.Guidance, "\n"), tt.says) {
				t.Errorf("it does not say %q\n%q", tt.says, d.Guidance)
			}
			if slices.ContainsFunc(d.Guidance, func(s string) bool { return strings.HasPrefix(s, "The wrong door") }) != (tt.name == "credentials at the MX") {
				t.Errorf("the door is called wrong, or not\n%q", d.Guidance)
			}
			checkDiagnosis(t, rec, d)
		})
	}
}

func TestOneAddressDead(t *testing.T) {
	good := secured + "C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok"
	rec := record(plain, play(t, "t1", evidence.RoleAsked, plain, "wait 10s\ndial timeout 203.0.113.7:25"), play(t, "t2", evidence.RoleAsked, plain, good))
	d := Diagnose(rec)
	if d.Verdict.Cause != cause.Accepted || len(d.Patterns) != 1 || d.Patterns[0].ID != cause.OneAddressDead {
		t.Errorf("got %s with patterns %v", d.Verdict.Cause, d.Patterns)
	}
}
