package diagnose_test

import (
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// An EHLO answered by garbage is not cut off, even if the run ends before it is clear that nothing follows.
func TestGarbageThenSilence(t *testing.T) {
	walk := evidence.Walk{Via: evidence.ViaHost, Host: "mx.example.com", Port: 25, TLS: evidence.NoTLS}
	v := diagnose.Diagnose(&evidence.Record{Schema: evidence.Schema, Source: evidence.FromCheck, Target: evidence.Target{Walk: walk}, Traces: []evidence.Trace{{ID: "t1", Role: evidence.RoleAsked, Sees: evidence.SeesAll,
		Walk: walk,
		Events: []evidence.Event{
			{Dialed: &evidence.Dialed{Outcome: evidence.Connected}},
			{Reply: &evidence.Reply{Reply: smtp.Reply{Code: 220, Text: []string{"mx.example.com ESMTP"}, Complete: true}, To: -1}},
			{Sent: &evidence.Sent{Verb: "EHLO", Line: "EHLO a.example.com"}},
			{Bytes: &evidence.Bytes{From: evidence.Server, Count: 12, Head: []byte("what is this")}},
			{Ended: &evidence.Ended{Outcome: evidence.TimedOut, By: evidence.Unknown, Waiting: "EHLO", Waited: 5 * time.Second}},
		}}}}).Verdict
	if v.Cause != cause.NotSMTP {
		t.Errorf("%s: %s", v.Cause, v.Summary)
	}
}
