package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// Each directive of the script language is tried here by hand, with net.Dial, crypto/tls and plain lines.

func TestReplyActions(t *testing.T) {
	c := serve(t, `personality plain
host mx.example.net
client-ip 198.51.100.7
on CONNECT reply 220 {host} at {client-ip}
on before-tls EHLO reply
    250-{host} greets {client-name}
    250 SIZE 5
on RCPT#1 reply 450 4.2.0 <{to}> later, {from}
on RCPT matching *@example.org reply 550 5.7.54 not outside
on NOOP nothing
on VRFY default
on UNKNOWN reply 500 what?
`)
	c.want("", "220 mx.example.net at 198.51.100.7")
	if got := c.say("EHLO me.example"); got != "250-mx.example.net greets me.example\n250 SIZE 5" {
		t.Errorf("EHLO: %q", got)
	}
	c.want("MAIL FROM:<a@example.com>", "250 ")
	c.want("RCPT TO:<b@example.com>", "450 4.2.0 <b@example.com> later, a@example.com")
	c.want("DATA", "503 ") // the refused recipient does not count
	c.want("RCPT TO:<b@example.com>", "250 ")
	c.want("RCPT TO:<c@example.org>", "550 5.7.54")
	c.send("NOOP\r\n")
	c.want("VRFY x", "252 ")
	c.want("XYZZY", "500 what?")
}

func TestSequencesKeepTheirOrder(t *testing.T) {
	c := serve(t, "personality plain\non MAIL default\non MAIL reply 421 4.3.2 enough\n")
	c.want("", "220 ")
	c.want("MAIL FROM:<a@example.com>", "250 ")
	c.want("", "421 4.3.2 enough")
	c.wantEOF() // RFC 5321, section 3.8
}

func TestSendAndGarbage(t *testing.T) {
	c := serve(t, `personality plain
on CONNECT send "220 a\x00\x1b[2J\r\n"
on MAIL send "250-one\r\n250 sent\r\n"
on NOOP garbage 1000
on NOOP reply 250 end
`)
	if got := c.line(); got != "220 a\x00\x1b[2J" {
		t.Errorf("got %q", got)
	}
	c.want("MAIL FROM:<a@example.com>", "250-one\n250 sent")
	c.want("RCPT TO:<b@example.com>", "250 ") // so MAIL was taken, with a reply of octets
	c.send("NOOP\r\n")
	noise := make([]byte, 1000)
	if _, err := io.ReadFull(c.r, noise); err != nil {
		t.Fatal(err)
	}
	c.want("", "250 end")
}

func TestRepeat(t *testing.T) {
	c := serve(t, "personality plain\non CONNECT repeat 10000 \"220-again\\r\\n\"\non CONNECT reply 220 done\non NOOP repeat endless \"A\"\n")
	for i := range 10000 {
		if got := c.line(); got != "220-again" {
			t.Fatalf("line %d: %q", i, got)
		}
	}
	c.want("", "220 done")
	c.send("NOOP\r\n")
	if n, err := io.CopyN(io.Discard, c.r, 5<<20); err != nil {
		t.Errorf("an endless reply ended after %d octets: %v", n, err)
	}
}

func TestEndings(t *testing.T) {
	t.Run("close", func(t *testing.T) {
		c := serve(t, "personality plain\non RCPT reply 550 no\non RCPT close\n")
		c.want("", "220 ")
		c.send("RCPT TO:<a@example.com>\r\nNOOP\r\nNOOP\r\n") // octets left unread would turn FIN into RST
		c.want("", "550 no")
		c.wantEOF()
	})
	t.Run("reset", func(t *testing.T) {
		c := serve(t, "personality plain\non EHLO reset\n")
		c.want("", "220 ")
		c.send("EHLO a\r\n")
		if _, err := c.r.ReadByte(); !errors.Is(err, errReset) {
			t.Errorf("got %v, want a reset", err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		c := serve(t, "personality plain\non EHLO silence\n")
		c.want("", "220 ")
		c.send("EHLO a\r\n")
		c.wantSilence()
	})
	for ending, wantAlert := range map[string]bool{"close": true, "cut": false} {
		t.Run(ending+" in TLS", func(t *testing.T) {
			script := "personality plain\ntls max 1.2\non after-tls NOOP " + ending + "\n"
			c := serve(t, script)
			c.want("", "220 ")
			raw := c.conn
			if err := c.startTLS(nil); err != nil {
				t.Fatal(err)
			}
			c.send("NOOP\r\n")
			rest, err := io.ReadAll(raw)
			if err != nil {
				t.Fatal(err)
			}
			if gotAlert := len(rest) > 0 && rest[0] == recordAlert; gotAlert != wantAlert || !wantAlert && len(rest) > 0 {
				t.Errorf("the last octets are %x, want a close_notify: %v", rest, wantAlert)
			}
		})
	}
}

func TestDelayAndDripScale(t *testing.T) {
	start := time.Now()
	c := serveScaled(t, "personality plain\non CONNECT delay 100s\non CONNECT drip 10s 220 hi\n", 0.001)
	if got := c.line(); got != "220 hi" {
		t.Errorf("got %q", got)
	}
	if took := time.Since(start); took < 100*time.Millisecond || took > 10*time.Second {
		t.Errorf("took %v, want a little over 180ms", took)
	}
}

func TestWireFaults(t *testing.T) {
	t.Run("after-sent", func(t *testing.T) {
		c := serve(t, "personality plain\nafter-sent 10 close\n")
		if got, err := io.ReadAll(c.conn); err != nil || string(got) != "220 mail.e" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("after-sent reset", func(t *testing.T) {
		c := serve(t, "personality plain\nafter-sent 40 reset\n")
		c.want("", "220 ")
		c.send("NOOP\r\n")
		if got, err := io.ReadAll(c.r); !errors.Is(err, errReset) || len(got) > 6 {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("after-got", func(t *testing.T) {
		c := serve(t, "personality plain\nafter-got 12 close\n")
		c.want("", "220 ")
		c.want("NOOP", "250 ")
		c.send("NOOP\r\n")
		c.want("", "250 ")
		c.wantEOF()
	})
	t.Run("after-got silence", func(t *testing.T) {
		c := serve(t, "personality plain\nafter-got 1000 silence\n")
		c.want("", "220 ")
		c.conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		const lot = 64 << 20 // more than all the buffers between here and there hold
		n, err := c.conn.Write(make([]byte, lot))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%d octets of %d were taken, %v; want the transfer to stall", n, lot, err)
		}
	})
	t.Run("silence", func(t *testing.T) {
		c := serve(t, "personality plain\nafter-sent 4 silence\n")
		got := make([]byte, 4)
		if _, err := io.ReadFull(c.r, got); err != nil || string(got) != "220 " {
			t.Fatalf("got %q, %v", got, err)
		}
		c.wantSilence()
	})
}

func TestLineEndsAndPieces(t *testing.T) {
	c := serve(t, "personality plain\nline-end lf\npieces 3\n")
	if got, err := c.r.ReadString('\n'); err != nil || got != "220 mail.example.com ESMTP ready\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestKeywords(t *testing.T) {
	c := serve(t, "personality postfix\nwithout pipelining\nwith X-LAB one two\nsize 77\nauth PLAIN CRAM-MD5\n")
	c.want("", "220 ")
	before := c.say("EHLO a")
	for _, want := range []string{"-SIZE 77\n", "-STARTTLS\n", " X-LAB one two"} {
		if !strings.Contains(before, want) {
			t.Errorf("EHLO lacks %q: %q", want, before)
		}
	}
	if strings.Contains(before, "PIPELINING") || strings.Contains(before, "AUTH") {
		t.Errorf("EHLO before TLS: %q", before)
	}
	if err := c.startTLS(nil); err != nil {
		t.Fatal(err)
	}
	if after := c.say("EHLO a"); !strings.Contains(after, "-AUTH PLAIN CRAM-MD5\n") {
		t.Errorf("EHLO after TLS: %q", after)
	}
	c.want("MAIL FROM:<a@example.com> SIZE=78", "552 ")
	c.want("MAIL FROM:<a@example.com> SIZE=77", "250 ")
}

func TestOwnKeywordList(t *testing.T) {
	c := serve(t, "personality plain\nkeywords\n    XXXXXXXA\n    SIZE 9\n")
	c.want("", "220 ")
	if got := c.say("EHLO a"); got != "250-mail.example.com greets a\n250-XXXXXXXA\n250 SIZE 9" {
		t.Errorf("got %q", got)
	}
}

func TestSizeIsEnforcedAtTheEnd(t *testing.T) {
	c := serve(t, "personality plain\nsize 20\n")
	c.want("", "220 ")
	c.want("MAIL FROM:<a@example.com>", "250 ")
	c.want("RCPT TO:<b@example.com>", "250 ")
	c.want("DATA", "354 ")
	c.want("a line of more than twenty octets\r\n.", "552 ")
}

func TestBDAT(t *testing.T) {
	c := serve(t, "personality m365-mx\n")
	c.want("", "220 ")
	c.want("EHLO a", "250")
	c.want("MAIL FROM:<a@example.com>", "250 ")
	c.want("RCPT TO:<b@example.com>", "250 ")
	c.send("BDAT 5\r\nhello")
	c.want("", "250 ")
	c.send("BDAT 2 LAST\r\n\r\n")
	c.want("", "250 2.6.0 ")
	c.want("BDAT many", "501 ")
}

func TestStartTLSKinds(t *testing.T) {
	tests := []struct {
		script string
		listed bool
		answer string
	}{
		{"personality plain", true, "220 "},
		{"personality plain\nstarttls stripped", false, "220 "},
		{"personality postfix\nstarttls off", false, "502 "},
		{"personality exim\non STARTTLS reply 454 TLS currently unavailable", true, "454 "},
	}
	for _, tt := range tests {
		c := serve(t, tt.script)
		c.want("", "220 ")
		if got := strings.Contains(c.say("EHLO a"), "STARTTLS"); got != tt.listed {
			t.Errorf("%q: listed %v, want %v", tt.script, got, tt.listed)
		}
		c.want("STARTTLS", tt.answer)
	}
	c := serve(t, "personality postfix\nstarttls required\n")
	c.want("", "220 ")
	c.want("EHLO a", "250")
	c.want("MAIL FROM:<a@example.com>", "530 5.7.0 ")
}

func TestClosedPort(t *testing.T) {
	c, _ := Find("port-closed")
	r, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	if _, err := r.Dial(t.Context(), "tcp", "192.0.2.1:25"); !errors.Is(err, errRefused) {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestNoAnswerKeepsTheDialerWaiting(t *testing.T) {
	c, _ := Find("mx-silent-on-587")
	r, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	conn, err := r.Dial(ctx, "tcp", "192.0.2.25:587")
	if conn != nil || err == nil || ctx.Err() == nil {
		t.Errorf("got %v, %v before the time was over", conn, err)
	}
}

func TestImplicitTLS(t *testing.T) {
	c := serve(t, "personality plain\nimplicit-tls\n")
	c.wantSilence() // it waits for a ClientHello
	c = serve(t, "personality plain\nimplicit-tls\n")
	if err := c.handshake(nil); err != nil {
		t.Fatal(err)
	}
	c.want("", "220 ")
	if ehlo := c.say("EHLO a"); strings.Contains(ehlo, "STARTTLS") || !strings.Contains(ehlo, "AUTH PLAIN LOGIN XOAUTH2") {
		t.Errorf("EHLO: %q", ehlo)
	}
}

func TestTLSInThePlainIsNoCommand(t *testing.T) {
	c := serve(t, "personality m365-submission\n")
	err := c.handshake(&tls.Config{InsecureSkipVerify: true})
	var record tls.RecordHeaderError
	if !errors.As(err, &record) || !strings.HasPrefix(string(record.RecordHeader[:]), "220 ") {
		t.Errorf("got %v, want the greeting where a TLS record was due", err)
	}
}

// TestEndingAfter ends a conversation at each octet of its first replies.
func TestEndingAfter(t *testing.T) {
	const sent = "220 mail.example.com ESMTP ready\r\n250 2.0.0 Ok\r\n"
	for n := range len(sent) {
		r, err := Start(context.Background(), mustParse(t, "personality plain\n").EndingAfter(int64(n)))
		if err != nil {
			t.Fatal(err)
		}
		c := dial(t, r)
		io.WriteString(c.conn, "NOOP\r\n") // the server may have closed already
		if got, _ := io.ReadAll(c.r); string(got) != sent[:n] {
			t.Errorf("after %d octets: got %q", n, got)
		}
		c.conn.Close()
		r.Stop()
	}
}
