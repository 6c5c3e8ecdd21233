package packets_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

const (
	client   = "192.0.2.10:40000"
	server25 = "203.0.113.25:25"
)

// captured writes a capture and reads it back.
func captured(t *testing.T, write func(w *craft.Writer)) ([]*packets.Conversation, packets.Result) {
	t.Helper()
	var file bytes.Buffer
	w := craft.NewWriter(&file, craft.Ethernet)
	write(w)
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	return read(t, file.Bytes(), packets.Options{})
}

func read(t *testing.T, file []byte, o packets.Options) ([]*packets.Conversation, packets.Result) {
	t.Helper()
	var got []*packets.Conversation
	res, err := packets.Read(context.Background(), "test.pcap", bytes.NewReader(file), o, func(c *packets.Conversation) { got = append(got, c) })
	if err != nil {
		t.Fatal(err)
	}
	return got, res
}

// one returns the only conversation's trace.
func one(t *testing.T, write func(w *craft.Writer)) evidence.Trace {
	t.Helper()
	got, _ := captured(t, write)
	if len(got) != 1 {
		t.Fatalf("got %d conversations, want 1", len(got))
	}
	return got[0].Trace
}

// script prints a trace in one line an event, without the facts of packets.
func script(tr evidence.Trace) []string {
	var out []string
	for _, e := range tr.Events {
		switch {
		case e.Dialed != nil:
			out = append(out, "dial "+string(e.Dialed.Outcome))
		case e.Sent != nil && e.Sent.Verb == evidence.Message:
			out = append(out, fmt.Sprintf("C: message of %d octets, done %v", e.Sent.Bytes, e.Sent.Done))
		case e.Sent != nil:
			out = append(out, "C: "+e.Sent.Line)
		case e.Reply != nil:
			to := ""
			if e.Reply.To >= 0 {
				to = " to " + tr.Events[e.Reply.To].Sent.Verb
			}
			out = append(out, "S: "+e.Reply.String()+to)
		case e.Bytes != nil:
			out = append(out, fmt.Sprintf("%s octets %d %q", e.Bytes.From, e.Bytes.Count, e.Bytes.Head))
		case e.Note != nil:
			out = append(out, "note "+e.Note.Text)
		case e.ClientHello != nil:
			out = append(out, "client hello "+e.ClientHello.ServerName)
		case e.ServerHello != nil:
			out = append(out, "server hello "+e.ServerHello.Version.String())
		case e.Chain != nil:
			out = append(out, "certificates "+e.Chain.Certificates[0].Common)
		case e.Alert != nil:
			out = append(out, "alert "+string(e.Alert.From))
		case e.Secured != nil:
			out = append(out, "secured "+e.Secured.Version)
		case e.TLSFailed != nil:
			out = append(out, "tls failed "+string(e.TLSFailed.How)+" "+string(e.TLSFailed.Outcome))
		case e.Ended != nil:
			out = append(out, strings.TrimSpace(fmt.Sprintf("end %s by %q waiting %q %s", e.Ended.Outcome, e.Ended.By, e.Ended.Waiting, e.Ended.Why)))
		}
	}
	return out
}

func segments(t *testing.T, tr evidence.Trace) *evidence.Segments {
	t.Helper()
	for _, e := range tr.Events {
		if e.Segments != nil {
			return e.Segments
		}
	}
	t.Fatal("no facts of packets")
	return nil
}

func TestDialogues(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(c *craft.Conn)
		want  []string
	}{
		{"a message delivered", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx.example.com ESMTP", "EHLO printer", "250-mx.example.com\r\n250 SIZE 1000", "MAIL FROM:<a@example.com>", "250 2.1.0 ok",
				"RCPT TO:<b@example.net>", "250 2.1.5 ok", "DATA", "354 go on", "Subject: scan\r\n\r\n..dot\r\n.", "250 2.0.0 queued", "QUIT", "221 bye")
			c.Close(craft.FromServer)
		}, []string{"dial connected", "S: 220 mx.example.com ESMTP", "C: EHLO printer", "S: 250 mx.example.com SIZE 1000 to EHLO", "C: MAIL FROM:<a@example.com>",
			"S: 250 2.1.0 ok to MAIL", "C: RCPT TO:<b@example.net>", "S: 250 2.1.5 ok to RCPT", "C: DATA", "S: 354 go on to DATA",
			"C: message of 27 octets, done true", "S: 250 2.0.0 queued to MESSAGE", "C: QUIT", "S: 221 bye to QUIT", `end aborted by "server" waiting "" done`}},
		{"secrets are masked", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250-mx\r\n250 AUTH LOGIN PLAIN", "AUTH LOGIN", "334 VXNlcm5hbWU6", "c2Nhbm5lcg==", "334 UGFzc3dvcmQ6", "czNjcjN0", "535 5.7.8 no",
				"AUTH PLAIN AHNjYW5uZXIAczNjcjN0", "535 5.7.8 no")
			c.Close(craft.FromClient)
		}, []string{"dial connected", "S: 220 mx", "C: EHLO a", "S: 250 mx AUTH LOGIN PLAIN to EHLO", "C: AUTH LOGIN", "S: 334 VXNlcm5hbWU6 to AUTH", "C: [masked]",
			"S: 334 UGFzc3dvcmQ6 to ", "C: [masked]", "S: 535 5.7.8 no to ", "C: AUTH PLAIN [masked]", "S: 535 5.7.8 no to AUTH", `end aborted by "client" waiting "" done`}},
		{"pipelined commands", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250 mx", "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA", "250 one\r\n550 5.1.1 two\r\n554 three")
			c.Close(craft.FromClient)
		}, []string{"dial connected", "S: 220 mx", "C: EHLO a", "S: 250 mx to EHLO", "C: MAIL FROM:<a@example.com>", "C: RCPT TO:<b@example.net>", "C: DATA", "S: 250 one to MAIL",
			"S: 550 5.1.1 two to RCPT", "S: 554 three to DATA", `end aborted by "client" waiting "" done`}},
		{"BDAT and what stands behind it", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250 mx", "BDAT 6 LAST\r\nAB\r\nCDQUIT", "250 ok\r\n221 bye")
			c.Close(craft.FromClient)
		}, []string{"dial connected", "S: 220 mx", "C: EHLO a", "S: 250 mx to EHLO", "C: BDAT 6 LAST", "C: QUIT", "S: 250 ok to BDAT", "S: 221 bye to QUIT",
			`end aborted by "client" waiting "" done`}},
		{"closed before the greeting", func(c *craft.Conn) {
			c.Open()
			c.Close(craft.FromServer)
		}, []string{"dial connected", `end closed by "server" waiting "greeting"`}},
		{"the client gives up the wait for a greeting", func(c *craft.Conn) {
			c.Open()
			c.W.Now = c.W.Now.Add(30 * time.Second)
			c.Close(craft.FromClient)
		}, []string{"dial connected", `end timeout by "client" waiting "greeting" the client gave up`}},
		{"reset after EHLO", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a")
			c.Reset(craft.FromServer)
		}, []string{"dial connected", "S: 220 mx", "C: EHLO a", `end reset by "server" waiting "EHLO"`}},
		{"refused", func(c *craft.Conn) {
			c.SYN(craft.FromClient)
			c.Reset(craft.FromServer)
		}, []string{"dial refused"}},
		{"no answer", func(c *craft.Conn) {
			for range 3 {
				c.Seq[0] = 1000
				c.SYN(craft.FromClient)
				c.W.Now = c.W.Now.Add(2 * time.Second)
			}
		}, []string{"dial timeout"}},
		{"a router says no", func(c *craft.Conn) {
			c.SYN(craft.FromClient)
			s := c.Segment(0, craft.SYN, nil)
			s.Seq = 1000
			c.W.Packet(craft.ICMP(c.Server.Addr(), c.Client.Addr(), 3, 13, 0, s.IP()))
		}, []string{"dial prohibited"}},
		{"HTTP on port 25", func(c *craft.Conn) {
			c.Open()
			c.Talk("HTTP/1.1 400 Bad Request")
			c.Close(craft.FromServer)
		}, []string{"dial connected", `server octets 26 "HTTP/1.1 400 Bad Request"`, `end closed by "server" waiting "greeting"`}},
		{"a reply that breaks off", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a")
			c.Say(craft.FromServer, "250-mx\r\n250-SI")
			c.Reset(craft.FromServer)
		}, []string{"dial connected", "S: 220 mx", "C: EHLO a", "S: 250 mx SI to EHLO", `end reset by "server" waiting "EHLO"`}},
		{"the capture lacks a reply", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a")
			c.Advance(craft.FromServer, 0, 20)
			c.W.Now = c.W.Now.Add(time.Second)
			c.Say(craft.FromClient, "MAIL FROM:<a@example.com>\r\n")
			c.Say(craft.FromServer, "250 ok\r\n")
			c.W.Now = c.W.Now.Add(time.Second)
			c.Say(craft.FromClient, "secret in the middle\r\n")
			c.Close(craft.FromClient)
		}, []string{"dial connected", "S: 220 mx", "C: EHLO a", "C: MAIL FROM:<a@example.com>", "note 20 octets of the server are missing in the capture here",
			"S: 250 ok to MAIL", `client octets 20 ""`, `end aborted by "client" waiting "" done`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := one(t, func(w *craft.Writer) { tt.write(craft.NewConn(w, client, server25)) })
			if d := cmp.Diff(tt.want, script(tr)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}
