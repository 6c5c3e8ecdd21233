package packets_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
)

// edited writes a capture and takes each packet's octets from edit; nil leaves the packet out.
func edited(t *testing.T, write func(c *craft.Conn), edit func(n int, ip []byte) []byte) []byte {
	t.Helper()
	var whole, out bytes.Buffer
	w := craft.NewWriter(&whole, craft.Raw)
	write(craft.NewConn(w, client, server25))
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	b := whole.Bytes()
	out.Write(b[:24])
	b = b[24:]
	for n := 0; len(b) >= 16; n++ {
		size := int(binary.LittleEndian.Uint32(b[8:]))
		if ip := edit(n, b[16:16+size]); ip != nil {
			head := bytes.Clone(b[:16])
			binary.LittleEndian.PutUint32(head[8:], uint32(len(ip)))
			out.Write(head)
			out.Write(ip)
		}
		b = b[16+size:]
	}
	return out.Bytes()
}

// fromServer reports whether an IPv4 packet comes from the server's port.
func fromServer(ip []byte) bool { return binary.BigEndian.Uint16(ip[20:]) == 25 }

func whole(_ int, ip []byte) []byte { return ip }

func serverOnly(_ int, ip []byte) []byte {
	if !fromServer(ip) {
		return nil
	}
	return ip
}

func clientOnly(_ int, ip []byte) []byte {
	if fromServer(ip) {
		return nil
	}
	return ip
}

// headersOnly cuts each packet behind its TCP header.
func headersOnly(_ int, ip []byte) []byte { return ip[:min(len(ip), 40)] }

// without leaves out the packets that hold some octets.
func without(words string) func(int, []byte) []byte {
	return func(_ int, ip []byte) []byte {
		if bytes.Contains(ip, []byte(words)) {
			return nil
		}
		return ip
	}
}

// What a capture lacks must not be taken for what was not said.
func TestLackingCaptures(t *testing.T) {
	server := &tls.Config{Certificates: []tls.Certificate{certificate(t)}, MaxVersion: tls.VersionTLS12}
	mail := func(c *craft.Conn) {
		c.Open()
		c.Talk("220 mx ESMTP", "EHLO a", "250-mx\r\n250 STARTTLS", "MAIL FROM:<a@example.com>", "250 ok", "RCPT TO:<b@example.net>", "550 5.1.1 no such user", "QUIT", "221 bye")
		c.Close(craft.FromServer)
	}
	cut := func(c *craft.Conn) {
		c.TTL = [2]uint8{64, 52}
		startTLS(c)
		c.Say(craft.FromClient, string(largeHello(t)))
		c.TTL[1] = 63
		c.Reset(craft.FromServer)
	}
	old := func(c *craft.Conn) {
		startTLS(c)
		play(c, session(t, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}, server, false))
		c.Close(craft.FromServer)
	}
	silent := func(c *craft.Conn) {
		c.Open()
		c.W.Now = c.W.Now.Add(15e9)
		c.Close(craft.FromClient)
	}
	for _, tt := range []struct {
		name  string
		write func(c *craft.Conn)
		edit  func(n int, ip []byte) []byte
		step  cause.Step
		cause cause.ID
		sure  diagnose.Confidence
		words string // in the script
	}{
		{"whole", mail, whole, cause.Rcpt, cause.RecipientNotFound, diagnose.Likely, "S: 550 5.1.1 no such user to RCPT"},
		{"the server's packets alone", mail, serverOnly, cause.Rcpt, cause.RecipientNotFound, diagnose.Possible, "note no packet of the client is in the capture"},
		{"the client's packets alone", mail, clientOnly, cause.None, cause.Undetermined, diagnose.Possible, "note no packet of the server is in the capture"},
		{"headers alone", mail, headersOnly, cause.Banner, cause.Undetermined, diagnose.Possible, "note 14 octets of the server are missing in the capture here"},
		{"without the greeting", mail, without("220 mx"), cause.Rcpt, cause.RecipientNotFound, diagnose.Likely, "C: EHLO a"},
		{"an alert, the server's packets alone", old, serverOnly, cause.StartTLS, cause.TLSVersionMismatch, diagnose.Likely, ""},
		{"a client that waits, its packets alone", silent, clientOnly, cause.None, cause.Undetermined, diagnose.Possible, "note no packet of the server is in the capture"},
		{"a reset, without the ClientHello", cut, func(_ int, ip []byte) []byte {
			if len(ip) > 200 {
				return nil
			}
			return ip
		}, cause.StartTLS, cause.HandshakeCut, diagnose.Likely, "missing in the capture"},
		{"broken off", mail, func(n int, ip []byte) []byte {
			if n > 7 {
				return nil
			}
			return ip
		}, cause.None, cause.Undetermined, diagnose.Possible, "the capture ends"},
		{"accepted as far as it goes, but not all is there", func(c *craft.Conn) {
			c.Open()
			c.Talk("220 mx", "EHLO a", "250-mx\r\n250 STARTTLS", "MAIL FROM:<a@example.com>", "250 ok")
			c.Close(craft.FromClient)
		}, without("MAIL"), cause.None, cause.Undetermined, diagnose.Possible, "missing in the capture"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := read(t, edited(t, tt.write, tt.edit), packets.Options{})
			if len(got) != 1 {
				t.Fatalf("%d conversations, want 1", len(got))
			}
			tr := got[0].Trace
			lines := strings.Join(script(tr), "\n")
			if v := judged(tr).Verdict; v.Step != tt.step || v.Cause != tt.cause || v.Confidence != tt.sure {
				t.Errorf("got %s / %s %s, want %s / %s %s\n%s", v.Step, v.Cause, v.Confidence, tt.step, tt.cause, tt.sure, lines)
			}
			if !strings.Contains(lines, tt.words) {
				t.Errorf("got\n%s\nwant %q in it", lines, tt.words)
			}
		})
	}
}
