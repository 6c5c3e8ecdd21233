package realserver

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// seen is what a hand-made client saw: the first step that failed and why, or cause.None.
type seen struct {
	step    cause.Step
	code    int
	text    string
	err     error         // of TLS
	greeted time.Duration // from the connection to the greeting
}

// A walker talks to a server with a few lines of its own, so that these tests do not agree with mistakes of the
// program's own client.
type walker struct {
	t      *testing.T
	client Client
	conn   net.Conn
	r      *bufio.Reader
	offers []string // EHLO keywords with their parameters
	seen   seen
}

// walk does at s what client says, and returns at the first step that fails.
func walk(t *testing.T, s *Server, client Client) seen {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.Addr, 5*time.Second)
	if err != nil {
		t.Fatalf("dialling %s: %v", s.Addr, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(40 * time.Second)); err != nil {
		t.Fatal(err)
	}
	w := &walker{t: t, client: client, conn: conn, r: bufio.NewReader(conn), seen: seen{step: cause.None}}
	if w.client.EHLO == "" {
		w.client.EHLO = "client.example.com"
	}
	for _, step := range []func(*Server) bool{w.implicit, w.greeting, w.starttls, w.auth, w.envelope, w.message} {
		if !step(s) {
			break
		}
	}
	return w.seen
}

// reply reads one reply of any number of lines.
func (w *walker) reply() (code int, text []string) {
	w.t.Helper()
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			w.t.Fatalf("reading a reply: %v (after %q)", err, text)
		}
		line = strings.TrimRight(line, "\r\n")
		if len(line) < 3 {
			w.t.Fatalf("reply line %q is too short", line)
		}
		if code, err = strconv.Atoi(line[:3]); err != nil {
			w.t.Fatalf("reply line %q has no code", line)
		}
		text = append(text, strings.TrimLeft(line[3:], " -"))
		if len(line) == 3 || line[3] == ' ' {
			return code, text
		}
	}
}

func (w *walker) send(line string) {
	w.t.Helper()
	if _, err := fmt.Fprintf(w.conn, "%s\r\n", line); err != nil {
		w.t.Fatalf("sending %q: %v", line, err)
	}
}

// expect reads a reply, which must have the code, or the walk ends at step.
func (w *walker) expect(step cause.Step, want int) bool {
	w.t.Helper()
	code, text := w.reply()
	if code != want {
		w.fail(step, code, text)
	}
	return code == want
}

func (w *walker) fail(step cause.Step, code int, text []string) {
	w.seen.step, w.seen.code, w.seen.text = step, code, strings.Join(text, "\n")
}

func (w *walker) command(step cause.Step, want int, line string) bool {
	w.t.Helper()
	w.send(line)
	return w.expect(step, want)
}

// offer is the parameters of an EHLO keyword.
func (w *walker) offer(keyword string) (parameters []string, ok bool) {
	for _, o := range w.offers {
		if f := strings.Fields(o); len(f) > 0 && strings.EqualFold(f[0], keyword) {
			return f[1:], true
		}
	}
	return nil, false
}

// ehlo says EHLO; after TLS that belongs to the step starttls.
func (w *walker) ehlo(step cause.Step) bool {
	w.t.Helper()
	w.send("EHLO " + w.client.EHLO)
	code, text := w.reply()
	if code != 250 {
		w.fail(step, code, text)
		return false
	}
	w.offers = text[1:]
	return true
}

func (w *walker) implicit(s *Server) bool { return w.client.TLS != Implicit || w.handshake(s) }

func (w *walker) greeting(*Server) bool {
	began := time.Now()
	ok := w.expect(cause.Banner, 220)
	w.seen.greeted = time.Since(began)
	return ok && w.ehlo(cause.EHLO)
}

func (w *walker) starttls(s *Server) bool {
	if w.client.TLS != STARTTLS {
		return true
	}
	if _, ok := w.offer("STARTTLS"); !ok {
		w.seen.step = cause.StartTLSOffer
		return false
	}
	return w.command(cause.StartTLS, 220, "STARTTLS") && w.handshake(s) && w.ehlo(cause.StartTLS)
}

var tlsVersions = map[string]uint16{"": 0, "1.0": tls.VersionTLS10, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// handshake starts TLS; the certificate must verify as the client would have it.
func (w *walker) handshake(s *Server) bool {
	w.t.Helper()
	roots := x509.NewCertPool()
	if !w.client.DistrustCA {
		ca, err := os.ReadFile(s.CAFile)
		if err != nil || !roots.AppendCertsFromPEM(ca) {
			w.t.Fatalf("reading %s: %v", s.CAFile, err)
		}
	}
	conn := tls.Client(w.conn, &tls.Config{
		ServerName: s.Host, RootCAs: roots,
		MinVersion: tlsVersions[w.client.TLSMin], MaxVersion: tlsVersions[w.client.TLSMax],
	})
	if err := conn.Handshake(); err != nil {
		w.seen.step, w.seen.err = cause.StartTLS, err
		return false
	}
	w.conn, w.r = conn, bufio.NewReader(conn)
	return true
}

func (w *walker) auth(*Server) bool {
	c := w.client
	if c.User == "" {
		return true
	}
	mechanisms, _ := w.offer("AUTH")
	b64 := base64.StdEncoding.EncodeToString
	for _, m := range mechanisms {
		switch m {
		case "PLAIN":
			return w.command(cause.Auth, 235, "AUTH PLAIN "+b64([]byte("\x00"+c.User+"\x00"+c.Password)))
		case "LOGIN":
			return w.command(cause.Auth, 334, "AUTH LOGIN") && w.command(cause.Auth, 334, b64([]byte(c.User))) &&
				w.command(cause.Auth, 235, b64([]byte(c.Password)))
		}
	}
	w.seen.step = cause.Auth
	return false
}

func (w *walker) envelope(*Server) bool {
	c := w.client
	if c.From == "" {
		return false
	}
	mail := "MAIL FROM:<" + c.From + ">"
	if _, ok := w.offer("SIZE"); ok && c.Size > 0 {
		mail += fmt.Sprintf(" SIZE=%d", c.Size)
	}
	return w.command(cause.Mail, 250, mail) && w.command(cause.Rcpt, 250, "RCPT TO:<"+c.To+">")
}

func (w *walker) message(*Server) bool {
	c := w.client
	if !c.Send {
		return false
	}
	if !w.command(cause.Data, 354, "DATA") {
		return false
	}
	w.send("From: <" + c.From + ">\r\nTo: <" + c.To + ">\r\nSubject: test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n" +
		"Message-ID: <test@client.example.com>\r\n")
	for range c.Size / 72 {
		w.send(strings.Repeat("x", 70))
	}
	return w.command(cause.Data, 250, ".")
}
