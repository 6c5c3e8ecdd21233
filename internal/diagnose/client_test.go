package diagnose_test

import (
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// What a client left undone is its own fault only if it was the client that left.
func TestClientCutOff(t *testing.T) {
	sees := evidence.SeesAll
	sees.ServerSide = true
	for _, tt := range []struct {
		ended evidence.Ended
		want  cause.ID
	}{
		{evidence.Ended{Outcome: evidence.Closed, By: evidence.Client, Waiting: "command"}, cause.ClientTLSUnavailable},
		{evidence.Ended{Outcome: evidence.Aborted, By: evidence.Server, Waiting: "command", Why: "interrupt"}, cause.Undetermined},
	} {
		reply := func(code int, to int, text ...string) evidence.Event {
			return evidence.Event{Reply: &evidence.Reply{Reply: smtp.Reply{Code: code, Text: text, Complete: true}, To: to}}
		}
		tr := evidence.Trace{ID: "t1", Role: evidence.RoleObserved, Start: time.Unix(0, 0), Sees: sees,
			Walk: evidence.Walk{Via: evidence.ViaSubmission, Host: "smtp.office365.com", Port: 587, TLS: evidence.StartTLS},
			Events: []evidence.Event{
				reply(220, -1, "mail.example.com"),
				{Sent: &evidence.Sent{Verb: "EHLO", Line: "EHLO scanner.example.com"}},
				reply(250, 1, "mail.example.com", "STARTTLS"),
				{Ended: &tt.ended},
			}}
		rec := &evidence.Record{Schema: evidence.Schema, Source: evidence.FromListen, Traces: []evidence.Trace{tr}}
		if v := diagnose.Diagnose(rec).Verdict; v.Cause != tt.want {
			t.Errorf("ended by %s: %s, want %s", tt.ended.By, v.Cause, tt.want)
		}
	}
}
