package packets_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// judged is the verdict on one trace.
func judged(tr evidence.Trace) diagnose.Diagnosis {
	return diagnose.Diagnose(&evidence.Record{Source: evidence.FromCapture, Traces: []evidence.Trace{tr}})
}

// largeHello is a ClientHello of two segments.
func largeHello(t *testing.T) []byte {
	log := session(t, &tls.Config{ServerName: "mx.example.com"}, &tls.Config{}, false)
	if len(log) == 0 || len(log[0].data) < 1460 {
		t.Fatal("no large ClientHello was made")
	}
	return log[0].data
}

// repeat sends a segment again and again, with growing pauses, as a sender does that gets no acknowledgement.
func repeat(c *craft.Conn, side, times int, data []byte) {
	s := c.Segment(side, craft.PSH|craft.ACK, data)
	for i := range times {
		c.W.Packet(s.IP())
		c.W.Now = c.W.Now.Add(time.Second << i)
	}
}

// giveUp ends a connection behind octets that nobody acknowledges.
func giveUp(c *craft.Conn, unacknowledged int) {
	s := c.Segment(craft.FromClient, craft.FIN|craft.ACK, nil)
	s.Seq += uint32(unacknowledged)
	c.W.Packet(s.IP())
}

func TestVerdicts(t *testing.T) {
	cert := certificate(t)
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	old := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}
	roots := x509.NewCertPool()
	hello := largeHello(t)
	router := netip.MustParseAddr("198.51.100.1")
	for _, tt := range []struct {
		name  string
		write func(c *craft.Conn)
		step  cause.Step
		cause cause.ID
		sure  diagnose.Confidence
		words string // in the grounds or the summary
	}{
		{"upward hole", func(c *craft.Conn) {
			startTLS(c)
			repeat(c, craft.FromClient, 5, hello[:1448])
			giveUp(c, 1448)
		}, cause.StartTLS, cause.PathMTUBlackhole, diagnose.Possible, "1488 octets of the client was sent 5 times"},
		{"upward hole, and a router says so", func(c *craft.Conn) {
			startTLS(c)
			c.W.Packet(craft.ICMP(router, c.Client.Addr(), 3, 4, 1400, c.Segment(0, craft.ACK, hello[:1448]).IP()))
			repeat(c, craft.FromClient, 5, hello[:1448])
			giveUp(c, 1448)
		}, cause.StartTLS, cause.PathMTUBlackhole, diagnose.Likely, "198.51.100.1 says that packets may have 1400 octets"},
		{"downward hole", func(c *craft.Conn) {
			startTLS(c)
			c.Say(craft.FromClient, string(hello))
			c.Advance(craft.FromServer, 0, 1448)
			c.Send(craft.FromServer, craft.ACK, make([]byte, 300))
			c.W.Now = c.W.Now.Add(30 * time.Second)
			c.Seq[1] -= 1748
			c.Close(craft.FromClient)
		}, cause.StartTLS, cause.PathMTUBlackhole, diagnose.Likely, "300 octets of the server arrived behind a hole that never closed"},
		{"a lost ServerHello is no hole if what is behind it arrives in full size", func(c *craft.Conn) {
			startTLS(c)
			c.Say(craft.FromClient, string(hello))
			c.Advance(craft.FromServer, 0, 1448)
			c.Send(craft.FromServer, craft.ACK, make([]byte, 1448))
			c.W.Now = c.W.Now.Add(30 * time.Second)
			c.Seq[1] -= 2896
			c.Close(craft.FromClient)
		}, cause.StartTLS, cause.PathMTUBlackhole, diagnose.Possible, "then silence"},
		{"one loss proves nothing", func(c *craft.Conn) {
			startTLS(c)
			repeat(c, craft.FromClient, 2, hello[:1448])
			c.W.Now = c.W.Now.Add(10 * time.Second)
			giveUp(c, 1448)
		}, cause.StartTLS, cause.PathMTUBlackhole, diagnose.Possible, ""},
		{"hole in the message", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250 mx", "MAIL FROM:<a@example.com>", "250 ok", "RCPT TO:<b@example.net>", "250 ok", "DATA", "354 go")
			repeat(c, craft.FromClient, 6, []byte(strings.Repeat("x", 1446)+"\r\n"))
			giveUp(c, 1448)
		}, cause.Data, cause.PathMTUBlackhole, diagnose.Likely, "1488 octets"},
		{"hole inside TLS", func(c *craft.Conn) {
			startTLS(c)
			play(c, session(t, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}}, server, false, "EHLO a", "250 mx"))
			repeat(c, craft.FromClient, 6, make([]byte, 1448))
			c.W.Now = c.W.Now.Add(10 * time.Second)
			c.Reset(craft.FromClient)
		}, cause.Data, cause.PathMTUBlackhole, diagnose.Likely, "1488 octets"},
		{"a reset by another host at the handshake", func(c *craft.Conn) {
			c.TTL = [2]uint8{64, 52}
			startTLS(c)
			c.Say(craft.FromClient, string(hello))
			c.TTL[1] = 63
			c.Reset(craft.FromServer)
		}, cause.StartTLS, cause.HandshakeCut, diagnose.Likely, "TTL of 63, the server's other packets with 52"},
		{"a reset by another host before the greeting", func(c *craft.Conn) {
			c.TTL = [2]uint8{64, 52}
			c.Open()
			c.TTL[1] = 255
			c.Reset(craft.FromServer)
		}, cause.Banner, cause.MiddleboxTerminates, diagnose.Likely, "another host sent it"},
		{"the server's own reset before the greeting", func(c *craft.Conn) {
			c.TTL = [2]uint8{64, 52}
			c.Open()
			c.Reset(craft.FromServer)
		}, cause.Banner, cause.MiddleboxTerminates, diagnose.Possible, ""},
		{"a reset from nearer than the server", func(c *craft.Conn) {
			c.SYN(craft.FromClient)
			c.W.Now = c.W.Now.Add(40 * time.Millisecond)
			c.SYN(craft.FromServer)
			c.Send(craft.FromClient, craft.ACK, nil)
			c.W.Now = c.W.Now.Add(40 * time.Millisecond)
			c.Say(craft.FromServer, "220 mx\r\n")
			c.Send(craft.FromClient, craft.ACK, []byte("EHLO a\r\n"))
			c.Reset(craft.FromServer)
		}, cause.EHLO, cause.ConnectionCutAfterEHLO, diagnose.Likely, "somebody nearer sent it"},
		{"two greetings", func(c *craft.Conn) {
			c.Open()
			c.TTL = [2]uint8{64, 60}
			first, second := c.Segment(1, craft.ACK, []byte("220 proxy\r\n")), c.Segment(1, craft.ACK, []byte("220 mx.ex\r\n"))
			second.TTL = 50
			c.W.Packet(first.IP())
			c.W.Packet(second.IP())
			c.Advance(1, 0, 11)
			c.Talk("", "EHLO a")
			c.Reset(craft.FromServer)
		}, cause.EHLO, cause.SMTPProxyAlters, diagnose.Likely, "octet 4 of the server's part came twice"},
		{"the server reads no more", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250 mx", "MAIL FROM:<a@example.com>", "250 ok", "RCPT TO:<b@example.net>", "250 ok", "DATA", "354 go")
			c.Send(craft.FromClient, craft.ACK, make([]byte, 1448))
			shut := c.Segment(1, craft.ACK, nil)
			shut.Closed = true
			for range 6 {
				c.W.Packet(shut.IP())
				c.W.Now = c.W.Now.Add(10 * time.Second)
				c.W.Packet(c.Segment(0, craft.ACK, []byte("x")).IP())
			}
			c.Close(craft.FromClient)
		}, cause.Data, cause.DataStalls, diagnose.Likely, "it can take no more"},
		{"the client does not know the authority", func(c *craft.Conn) {
			startTLS(c)
			play(c, session(t, &tls.Config{ServerName: "mx.example.com", RootCAs: roots, Time: func() time.Time { return time.Unix(1_700_000_000, 0) }}, old, false))
			c.Close(craft.FromClient)
		}, cause.StartTLS, cause.CertificateUntrusted, diagnose.Possible, "the client ends the handshake with the alert"},
		{"the client closes with an encrypted alert", func(c *craft.Conn) {
			startTLS(c)
			play(c, session(t, &tls.Config{ServerName: "mx.example.com", RootCAs: roots}, server, false))
			c.Close(craft.FromClient)
		}, cause.StartTLS, cause.CertificateUntrusted, diagnose.Possible, "encrypted"},
		{"no version in common", func(c *craft.Conn) {
			startTLS(c)
			play(c, session(t, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, old, false))
			c.Close(craft.FromServer)
		}, cause.StartTLS, cause.TLSVersionMismatch, diagnose.Likely, "protocol_version"},
		{"TLS first where plain text is spoken", func(c *craft.Conn) {
			c.Open()
			c.Say(craft.FromServer, "220 mx\r\n")
			c.Say(craft.FromClient, string(hello))
			c.Say(craft.FromServer, "500 5.5.2 what\r\n")
			c.Close(craft.FromServer)
		}, cause.StartTLS, cause.ImplicitTLSOnStartTLSPort, diagnose.Proven, "500 5.5.2"},
		{"TLS hides the rest", func(c *craft.Conn) {
			startTLS(c)
			play(c, session(t, &tls.Config{InsecureSkipVerify: true}, server, false, "EHLO a", "250 mx", "QUIT", "221 bye"))
			c.Close(craft.FromClient)
		}, cause.None, cause.Undetermined, diagnose.Possible, "can't be read from packets"},
		{"no answer to SYN", func(c *craft.Conn) {
			for range 4 {
				c.Seq[0] = 1000
				c.SYN(craft.FromClient)
				c.W.Now = c.W.Now.Add(2 * time.Second)
			}
		}, cause.Connect, cause.FirewallBlocksSMTP, diagnose.Possible, ""},
		{"blocklisted", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250 mx", "MAIL FROM:<a@example.com>", "250 ok", "RCPT TO:<b@example.net>",
				"550 5.7.1 Service unavailable, Client host [192.0.2.10] blocked using Spamhaus", "QUIT", "221 bye")
			c.Close(craft.FromServer)
		}, cause.Rcpt, cause.IPBlocklisted, diagnose.Likely, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := one(t, func(w *craft.Writer) { tt.write(craft.NewConn(w, client, server25)) })
			d := judged(tr)
			v := d.Verdict
			if v.Step != tt.step || v.Cause != tt.cause || v.Confidence != tt.sure {
				t.Errorf("got %s / %s %s, want %s / %s %s\n%s\n%+v", v.Step, v.Cause, v.Confidence, tt.step, tt.cause, tt.sure, strings.Join(script(tr), "\n"), segments(t, tr))
			}
			text := v.Summary
			for _, g := range v.Because {
				text += "\n" + g.Text
			}
			if !strings.Contains(text, tt.words) {
				t.Errorf("got %q, want %q in it", text, tt.words)
			}
		})
	}
}
