package text_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// facts writes what a record holds in one line an event, for comparing.
func facts(rec *evidence.Record) []string {
	var out []string
	for _, t := range rec.Traces {
		for _, e := range t.Events {
			switch {
			case e.Dialed != nil:
				out = append(out, fmt.Sprintf("dialed %s %s", e.Dialed.Where(), e.Dialed.Outcome))
			case e.Lookup != nil:
				out = append(out, fmt.Sprintf("lookup %s notfound=%t %s", e.Lookup.Name, e.Lookup.NotFound, e.Lookup.Outcome))
			case e.Sent != nil:
				out = append(out, "sent "+e.Sent.Verb)
			case e.Reply != nil:
				out = append(out, fmt.Sprintf("reply %d %s to=%d", e.Reply.Code, e.Reply.Enhanced, e.Reply.To))
			case e.Alert != nil:
				out = append(out, fmt.Sprintf("alert %s from %s", e.Alert.Description, e.Alert.From))
			case e.TLSFailed != nil:
				out = append(out, strings.TrimSpace(fmt.Sprintf("tls failed %s %s", e.TLSFailed.How, e.TLSFailed.Outcome)))
			case e.Chain != nil:
				out = append(out, "certificate "+string(e.Chain.Verified[0].Problem))
			case e.Secured != nil:
				out = append(out, "secured "+e.Secured.Version)
			case e.Ended != nil:
				out = append(out, fmt.Sprintf("ended %s waiting=%s", e.Ended.Outcome, e.Ended.Waiting))
			case e.Said != nil:
				out = append(out, "said "+e.Said.Kind)
			case e.Note != nil:
				out = append(out, "note")
			}
		}
	}
	return out
}

func TestFacts(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"a refusal", "Error: connect ECONNREFUSED 192.0.2.1:587", []string{"dialed 192.0.2.1:587 refused"}},
		{"two families", "postfix/smtp[1]: connect to mx.example.com[192.0.2.1]:25: Connection timed out\n" +
			"postfix/smtp[1]: connect to mx.example.com[2001:db8::1]:25: Network is unreachable",
			[]string{"dialed 192.0.2.1:25 timeout", "dialed [2001:db8::1]:25 no-route"}},
		{"no such name", "Error: getaddrinfo ENOTFOUND smtp.example.com", []string{"lookup smtp.example.com notfound=true "}},
		{"a greeting that never came", "postfix/smtp[1]: 3F1A22B: conversation with mx.example.com[192.0.2.1] timed out while receiving the initial server greeting",
			[]string{"dialed 192.0.2.1 connected", "ended timeout waiting=greeting"}},
		{"a reply and its command", "host mx.example.com[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)", []string{"sent RCPT", "reply 550 5.1.1 to=0"}},
		{"a reply alone", "550 5.7.64 TenantAttribution; Relay Access Denied", []string{"reply 550 5.7.64 to=-1"}},
		{"a reply without its code", "5.7.501 Access denied, spam abuse detected", []string{"reply 0 5.7.501 to=-1"}},
		{"an alert", "error:1409442E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version (smtp)", []string{"alert protocol_version from server", "tls failed server-alert"}},
		{"an alert in a server's log", "postfix/smtpd[1]: warning: TLS library problem: error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:SSL alert number 48:",
			[]string{"alert unknown_ca from client", "tls failed server-alert"}},
		{"no TLS", "tls: first record does not look like a TLS handshake", []string{"tls failed not-tls"}},
		{"a certificate", "x509: certificate signed by unknown authority (smtp)", []string{"certificate unknown-authority"}},
		{"a conclusion", "The SMTP server does not support the STARTTLS extension.", []string{"said no-starttls"}},
		{"TLS within a dialogue", "S: 220 mx\nC: EHLO a\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nC: EHLO a\nS: 250 OK\n",
			[]string{"reply 220  to=-1", "sent EHLO", "reply 250  to=1", "sent STARTTLS", "reply 220  to=3", "secured ", "sent EHLO", "reply 250  to=6"}},
		{"pipelined", "C: MAIL FROM:<a@example.com>\nC: RCPT TO:<b@example.com>\nS: 250 2.1.0 ok\nS: 550 5.1.1 no\n",
			[]string{"sent MAIL", "sent RCPT", "reply 250 2.1.0 to=0", "reply 550 5.1.1 to=1"}},
		{"what a dialogue repeats", "220 mx ESMTP\nHELO a\n250 mx\nMAIL FROM:<a@example.com>\n530 5.7.1 Authentication required\nError: 530 5.7.1 Authentication required\n",
			[]string{"reply 220  to=-1", "sent HELO", "reply 250  to=1", "sent MAIL", "reply 530 5.7.1 to=3"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec, _ := judge(t, tt.text)
			if d := cmp.Diff(tt.want, facts(rec)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// A trace must not claim to have seen what its text could not show.
func TestSees(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       evidence.Sees
	}{
		{"a reply", "550 5.1.1 User unknown", evidence.Sees{Unverified: true}},
		{"a transcript from the start", "Trying 192.0.2.1...\nConnected to mx.example.com.\n220 mx\nHELO a\n250 mx\n",
			evidence.Sees{Dial: true, Client: true, Server: true, FromStart: true, Unverified: true}},
		{"one from the middle", "C: MAIL FROM:<a@example.com>\nS: 550 5.7.1 no\n", evidence.Sees{Client: true, Server: true, Unverified: true}},
		{"a server's log", "postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.7]: 550 5.1.1 no such user; from=<a@example.com> to=<b@example.com>",
			evidence.Sees{Unverified: true, ServerSide: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec, _ := judge(t, tt.text)
			if len(rec.Traces) != 1 {
				t.Fatalf("got %d traces, want 1", len(rec.Traces))
			}
			if d := cmp.Diff(tt.want, rec.Traces[0].Sees); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}
