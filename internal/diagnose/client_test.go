package diagnose_test

import (
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
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

// A TLS alert is something said, though nothing else was.
func TestClientOpensWithAlert(t *testing.T) {
	sees := evidence.SeesAll
	sees.ServerSide = true
	alert := &evidence.Alert{From: evidence.Client, Alert: tlswire.Alert{Level: tlswire.Fatal, Description: tlswire.AlertHandshakeFailure}}
	v := diagnose.Diagnose(&evidence.Record{Schema: evidence.Schema, Source: evidence.FromListen, Traces: []evidence.Trace{{ID: "t1", Role: evidence.RoleObserved, Sees: sees,
		Walk: evidence.Walk{Via: evidence.ViaSubmission, Host: "smtp.office365.com", Port: 587, TLS: evidence.StartTLS},
		Events: []evidence.Event{
			{Reply: &evidence.Reply{Reply: smtp.Reply{Code: 220, Text: []string{"mail.example.com"}, Complete: true}, To: -1}},
			{Alert: alert},
			{Ended: &evidence.Ended{Outcome: evidence.Closed, By: evidence.Client, Waiting: "handshake"}},
		}}}}).Verdict
	if v.Cause != cause.ImplicitTLSOnStartTLSPort || v.Confidence != diagnose.Possible || !strings.Contains(v.Summary, "alert") {
		t.Errorf("%s (%s): %s", v.Cause, v.Confidence, v.Summary)
	}
}

// Behind a relay, chunks are the message: the first that is refused decides, and else the last.
func TestChunks(t *testing.T) {
	for _, tt := range []struct {
		line string
		code int
		want cause.ID
	}{{"BDAT 9 LAST", 250, cause.Accepted}, {"BDAT 9 LAST", 552, cause.MessageTooLarge}, {"BDAT 9", 250, cause.Undetermined}} {
		command := func(verb, line string) evidence.Event {
			return evidence.Event{Sent: &evidence.Sent{Verb: verb, Line: line}}
		}
		reply := func(code, to int, text string) evidence.Event {
			return evidence.Event{Reply: &evidence.Reply{Reply: smtp.Reply{Code: code, Text: []string{text}, Complete: true}, To: to}}
		}
		v := diagnose.Diagnose(&evidence.Record{Schema: evidence.Schema, Source: evidence.FromListen, Traces: []evidence.Trace{{ID: "t1", Role: evidence.RoleAsked, Sees: evidence.SeesAll,
			Walk: evidence.Walk{Via: evidence.ViaHost, Host: "mx.example.com", Port: 25, TLS: evidence.NoTLS, To: []string{"b@example.com"}, Send: true},
			Events: []evidence.Event{
				{Dialed: &evidence.Dialed{Outcome: evidence.Connected}},
				reply(220, -1, "mx.example.com ESMTP"), command("EHLO", "EHLO a.example.com"), reply(250, 2, "mx.example.com"),
				command("MAIL", "MAIL FROM:<>"), reply(250, 4, "ok"), command("RCPT", "RCPT TO:<b@example.com>"), reply(250, 6, "ok"),
				command("BDAT", tt.line), reply(tt.code, 8, "Message size exceeds fixed maximum message size"),
				{Ended: &evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Why: "done"}},
			}}}}).Verdict
		if v.Cause != tt.want {
			t.Errorf("%s answered %d: %s (%s), want %s", tt.line, tt.code, v.Cause, v.Summary, tt.want)
		}
	}
}
