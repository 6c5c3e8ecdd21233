package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A client talks to a server by hand: net.Dial, crypto/tls and lines.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	ca   []byte
}

const clientWait = 20 * time.Second // longer than anything here takes

// serve starts a script and connects to it.
func serve(t *testing.T, script string) *client {
	t.Helper()
	return serveScaled(t, script, 0)
}

func serveScaled(t *testing.T, script string, scale float64) *client {
	t.Helper()
	c, err := ParseCase("cases/test.txtar", []byte("a test\n-- want --\nverdict none accepted\n-- server --\n"+script))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	srv.TimeScale = scale
	r, err := srv.Start(context.Background(), c, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return dial(t, r)
}

func dial(t *testing.T, r *Running) *client {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(clientWait))
	return &client{t, conn, bufio.NewReader(conn), r.Server.CA()}
}

// line reads one line, without CRLF.
func (c *client) line() string {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatalf("reading a line after %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// reply reads a whole reply.
func (c *client) reply() string {
	c.t.Helper()
	var lines []string
	for {
		line := c.line()
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "\n")
		}
	}
}

// say sends a command and returns the reply.
func (c *client) say(command string) string {
	c.t.Helper()
	c.send(command + "\r\n")
	return c.reply()
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.t.Fatalf("sending %q: %v", s, err)
	}
}

// want fails the test unless the reply to command begins with prefix.
func (c *client) want(command, prefix string) {
	c.t.Helper()
	var got string
	if command == "" {
		got = c.reply()
	} else {
		got = c.say(command)
	}
	if !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("reply to %q: got %q, want it to begin with %q", command, got, prefix)
	}
}

// startTLS says STARTTLS and does the handshake.
func (c *client) startTLS(config *tls.Config) error {
	c.t.Helper()
	c.want("STARTTLS", "220 ")
	return c.handshake(config)
}

func (c *client) handshake(config *tls.Config) error {
	if config == nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(c.ca)
		config = &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}
	}
	conn := tls.Client(c.conn, config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
	return nil
}

// wantEOF fails the test unless the server closes now.
func (c *client) wantEOF() {
	c.t.Helper()
	if b, err := c.r.ReadByte(); err != io.EOF {
		c.t.Fatalf("got %q, %v; want the connection closed", b, err)
	}
}

// wantSilence fails the test if anything comes within a short time.
func (c *client) wantSilence() {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
	b, err := c.r.ReadByte()
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		c.t.Fatalf("got %q, %v; want silence", b, err)
	}
	c.conn.SetReadDeadline(time.Now().Add(clientWait))
}

func TestWholeConversation(t *testing.T) {
	for _, name := range personalityNames() {
		t.Run(name, func(t *testing.T) {
			c := serve(t, "personality "+name)
			c.want("", "220 ")
			c.want("EHLO client.example.org", "250")
			if name != "old-relay" {
				if err := c.startTLS(nil); err != nil {
					t.Fatal(err)
				}
				ehlo := c.say("EHLO client.example.org")
				if strings.Contains(ehlo, "STARTTLS") {
					t.Errorf("STARTTLS offered inside TLS: %q", ehlo)
				}
			}
			if name == "m365-submission" {
				c.want("MAIL FROM:<scanner@contoso.com>", "530 5.7.57 ")
				return
			}
			c.want("MAIL FROM:<a@example.com>", "250 ")
			c.want("RCPT TO:<b@example.com>", "250 ")
			c.want("DATA", "354 ")
			c.want("Subject: x\r\n\r\nhello\r\n..\r\n.", "250 ")
			c.want("QUIT", "221 ")
			c.wantEOF()
		})
	}
}

func TestIPBlocklisted(t *testing.T) {
	found, ok := Find("ip-blocklisted")
	if !ok {
		t.Fatal("no such case")
	}
	r, err := Start(context.Background(), found)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	c := dial(t, r)
	c.want("", "220 ")
	if ehlo := c.say("EHLO scanner.contoso.com"); !strings.Contains(ehlo, "Hello [203.0.113.25]\n") || strings.Contains(ehlo, "AUTH") {
		t.Errorf("EHLO: %q", ehlo)
	}
	c.want("MAIL FROM:<scanner@contoso.com>", "250 2.1.0 Sender OK")
	c.want("RCPT TO:<office@contoso.com>", "550 5.7.1 Service unavailable, Client host [203.0.113.25] blocked using Spamhaus")
	c.want("QUIT", "221 ")
}
