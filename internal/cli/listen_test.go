package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/devices"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A safeBuffer is written by the program while the test reads it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var listeningOn = regexp.MustCompile(`port (\d+) `)

// startListen runs the command until the test's own context ends or it has served its one conversation.
func startListen(t *testing.T, args ...string) (addr string, out, errOut *safeBuffer, status chan int) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	out, errOut, status = new(safeBuffer), new(safeBuffer), make(chan int, 1)
	go func() {
		status <- Main(ctx, append([]string{"listen", "--port", "0", "--bind", "127.0.0.1", "--once"}, args...), strings.NewReader(""), out, errOut)
	}()
	for range 500 {
		if m := listeningOn.FindStringSubmatch(errOut.String()); m != nil {
			return "127.0.0.1:" + m[1], out, errOut, status
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("it does not listen: %s", errOut)
	return
}

// talk lets a device of the lab talk to addr.
func talk(t *testing.T, name, addr string) {
	t.Helper()
	for _, d := range devices.All() {
		if d.Name != name {
			continue
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Play(t.Context(), conn, x509.NewCertPool()); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no device %s", name)
}

// The passwords of a device must stand nowhere: not in what is shown, reported or saved, in no form; with the server's own
// answers and with those of a real one behind it.
func TestListenKeepsNoSecret(t *testing.T) {
	c, ok := lab.Find("healthy-m365-submission")
	if !ok {
		t.Fatal("no such case")
	}
	r, err := lab.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	for name, args := range map[string][]string{
		"standing in": {"--accept"},
		"passing on":  {"--forward", r.Addr()},
		"rejecting":   {"--reject", "auth-bad-password"},
	} {
		for _, device := range []string{"good-starttls", "stubborn-password", "auth-before-tls"} {
			t.Run(name+", "+device, func(t *testing.T) {
				saved := filepath.Join(t.TempDir(), "evidence.json")
				addr, out, errOut, status := startListen(t, append(args, "--evidence", saved)...)
				talk(t, device, addr)
				<-status
				file, err := os.ReadFile(saved)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(file, []byte("AUTH")) || !strings.Contains(out.String(), "AUTH") || !strings.Contains(errOut.String(), "AUTH") {
					t.Errorf("the sign-in is not shown at all\n%s\n%s", errOut, out)
				}
				for _, secret := range []string{"lab-password", base64.StdEncoding.EncodeToString([]byte("lab-password")), "AHNjYW5uZXJA"} {
					for where, text := range map[string]string{"standard output": out.String(), "standard error": errOut.String(), "the evidence": string(file)} {
						if strings.Contains(text, secret) {
							t.Errorf("%s holds %q", where, secret)
						}
					}
				}
			})
		}
	}
}

func TestListenReports(t *testing.T) {
	addr, out, _, status := startListen(t, "--format", "json")
	talk(t, "helo-only", addr)
	if got := <-status; got != 1 {
		t.Errorf("status %d, want 1", got)
	}
	var doc struct {
		Schema  string
		Verdict struct{ Step, Cause string }
	}
	if err := json.Unmarshal([]byte(out.String()), &doc); err != nil || doc.Verdict.Step != "ehlo" || doc.Verdict.Cause != "helo-only-client" {
		t.Errorf("%v: %+v", err, doc)
	}
}

// Whoever waits for a device learns that it was turned away, once.
func TestListenTellsOfTheTurnedAway(t *testing.T) {
	addr, _, errOut, status := startListen(t, "--per-address", "1")
	first, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(first).ReadString('\n'); err != nil { // the place is taken
		t.Fatal(err)
	}
	for range 2 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.ReadAll(conn)
		conn.Close()
	}
	fmt.Fprint(first, "EHLO scanner.example.com\r\nQUIT\r\n")
	io.ReadAll(first)
	first.Close()
	<-status
	if n := strings.Count(errOut.String(), "127.0.0.1 was turned away"); n != 1 {
		t.Errorf("it says so %d times, want once\n%s", n, errOut)
	}
}

// A test whether the port is open is no conversation, and one in which the server is the one who left is.
func TestKnocked(t *testing.T) {
	left := func(by evidence.Side, why string) evidence.Event {
		return evidence.Event{Ended: &evidence.Ended{Outcome: evidence.Closed, By: by, Waiting: why}}
	}
	greeting := evidence.Event{Reply: &evidence.Reply{Reply: smtp.Reply{Code: 220, Text: []string{"x"}, Complete: true}, To: -1}}
	ended := evidence.Event{At: time.Minute, Ended: &evidence.Ended{Outcome: evidence.Aborted, By: evidence.Server, Why: "interrupt"}}
	late := left(evidence.Client, "command")
	late.At = 10 * time.Second
	for _, tt := range []struct {
		name   string
		events []evidence.Event
		want   bool
	}{
		{"opens and leaves", []evidence.Event{greeting, left(evidence.Client, "command")}, true},
		{"stays and says nothing", []evidence.Event{greeting, late}, false},
		{"is silent until the run ends", []evidence.Event{greeting, ended}, true},
		{"is sent away", []evidence.Event{left(evidence.Server, "greeting")}, false},
		{"says something", []evidence.Event{greeting, {Sent: &evidence.Sent{Verb: "QUIT", Line: "QUIT"}}}, false},
	} {
		spoke := evidence.Trace{ID: "t1", Role: evidence.RoleObserved, Events: []evidence.Event{{Sent: &evidence.Sent{Verb: "EHLO", Line: "EHLO x"}}}}
		rec := &evidence.Record{Source: evidence.FromListen, Traces: []evidence.Trace{spoke, {ID: "t2", Role: evidence.RoleObserved, Sees: evidence.SeesAll, Events: tt.events}}}
		if got := knocked(rec) != ""; got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// With --passthrough hellos are seen, and what is inside TLS is not.
func TestListenPassesTLSThrough(t *testing.T) {
	c, _ := lab.Find("healthy-m365-submission")
	r, err := lab.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	saved := filepath.Join(t.TempDir(), "evidence.json")
	addr, out, errOut, status := startListen(t, "--forward", r.Addr(), "--passthrough", "--evidence", saved)
	talk(t, "good-starttls", addr)
	<-status
	if said := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(said, "TLS came up, and was passed through untouched") {
		t.Errorf("it says %s", out)
	}
	f, err := os.Open(saved)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rec, err := evidence.Read(f)
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Traces) != 2 {
		t.Fatalf("%d traces, want those of both sides", len(rec.Traces))
	}
	v := evidence.NewView(&rec.Traces[0])
	if v.ClientHello < 0 || v.ServerHello < 0 || v.Secured >= 0 || v.TLSFailed >= 0 || len(v.Mails)+len(v.Auths)+len(v.TLSHellos) > 0 {
		t.Errorf("it saw %+v\n%s", v, errOut)
	}
}

func TestListenCA(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	der := filepath.Join(t.TempDir(), "ca.cer")
	var out, errOut bytes.Buffer
	if s := Main(t.Context(), []string{"listen", "ca"}, strings.NewReader(""), &out, &errOut); s != 0 {
		t.Fatalf("status %d: %s", s, &errOut)
	}
	if s := Main(t.Context(), []string{"listen", "ca", "--der", der}, strings.NewReader(""), &errOut, &errOut); s != 0 {
		t.Fatalf("status %d: %s", s, &errOut)
	}
	block, _ := pem.Decode(out.Bytes())
	raw, err := os.ReadFile(der)
	if err != nil || block == nil || !bytes.Equal(block.Bytes, raw) {
		t.Fatalf("PEM and DER differ: %v", err)
	}
	if c, err := x509.ParseCertificate(raw); err != nil || !c.IsCA {
		t.Errorf("%v, %v", c, err)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for _, tt := range []struct{ args, want string }{
		{"--port 70000", "use numbers from 1 to 65535"},
		{"--port 2525,2525", "names 2525 twice"},
		{"--as sendmail", "use microsoft365 or generic"},
		{"--certificate bad", "use good, self-signed, expired or wrong-name"},
		{"--reject no-such-case", "no case named"},
		{"--reject dns-servfail", "before a server is reached"},
		{"--forward mail.example.com", "write HOST:PORT"},
		{"--forward a@example.com:25", "--forward"},
		{"--forward mail.example.com:25 --reject helo-only", "exclude each other"},
		{"--accept --reject helo-only", "--accept"},
		{"--passthrough", "needs --forward"},
		{"--keep /no/such/folder", "no such folder"},
		{"--bind example.com", "write an IP address"},
		{"--format html", "use text or json"},
		{"--per-address 0", "use 1 or more"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, errOut bytes.Buffer
			if s := Main(t.Context(), append([]string{"listen"}, strings.Fields(tt.args)...), strings.NewReader(""), &out, &errOut); s != exitUsage {
				t.Errorf("status %d, want %d", s, exitUsage)
			}
			if !strings.Contains(errOut.String(), tt.want) || strings.Count(errOut.String(), "\n") != 1 || out.Len() > 0 {
				t.Errorf("said %q, want one line with %q", errOut.String(), tt.want)
			}
		})
	}
}

func TestPortError(t *testing.T) {
	for _, tt := range []struct {
		port int
		err  error
		want []string
	}{
		{25, syscall.EACCES, []string{"setcap", "--port 2525", "redirect to :2025", "--port 2025/relay"}},
		{465, syscall.EACCES, []string{"redirect to :2465", "--port 2465/tls"}},
		{587, syscall.EADDRINUSE, []string{"taken by another program"}},
		{2525, syscall.EACCES, []string{"opening port 2525"}},
	} {
		got := portError(tt.port, fmt.Errorf("listen: %w", tt.err)).Error()
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("port %d: %q lacks %q", tt.port, got, want)
			}
		}
	}
}

// TestListenKeepsNoSecretOutOfOrder: devices say their password where nobody asked for it, too.
func TestListenKeepsNoSecretOutOfOrder(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	user, password := b64(markedUser), b64(markedPassword)
	plain, bearer := b64("\x00"+markedUser+"\x00"+markedPassword), b64("user="+markedUser+"\x01auth=Bearer "+markedToken+"\x01\x01")
	for name, lines := range map[string][]string{
		"PLAIN":                  {"AUTH PLAIN " + plain},
		"plain in small letters": {"auth plain " + plain},
		"PLAIN, asked":           {"AUTH PLAIN", plain},
		"PLAIN with blanks":      {"AUTH  PLAIN   " + plain},
		"LOGIN":                  {"AUTH LOGIN", user, password},
		"LOGIN, name first":      {"AUTH LOGIN " + user, password},
		"LOGIN, both at once":    {"AUTH LOGIN " + user + " " + password},
		"CRAM-MD5":               {"AUTH CRAM-MD5", b64(markedUser + " " + markedPassword)},
		"XOAUTH2":                {"AUTH XOAUTH2 " + bearer},
		"XOAUTH2, asked":         {"AUTH XOAUTH2", bearer, ""},
		"an unknown mechanism":   {"AUTH NTLM " + plain, password},
		"no mechanism":           {"AUTH " + plain},
		"cancelled, then again":  {"AUTH LOGIN", "*", user, password},
		"in clear":               {"AUTH LOGIN", markedUser, markedPassword},
		"without AUTH":           {user, password},
		"as of POP3":             {"USER " + markedUser, "PASS " + markedPassword},
		"a colon too many":       {"AUTH: PLAIN " + plain},
		"glued":                  {"AUTHPLAIN " + plain},
		"equals":                 {"AUTH=PLAIN " + plain},
		"all at once":            {"AUTH LOGIN\r\n" + user + "\r\n" + password},
		"three tries":            {"AUTH LOGIN", user, password, "AUTH LOGIN", user, password, "AUTH PLAIN " + plain},
	} {
		for _, args := range [][]string{{"--accept"}, {"--reject", "auth-bad-password"}} {
			t.Run(name+strings.Join(args, " "), func(t *testing.T) {
				saved := filepath.Join(t.TempDir(), "evidence.json")
				addr, out, errOut, status := startListen(t, append(slices.Clone(args), "--evidence", saved)...)
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				in := bufio.NewReader(conn)
				for _, line := range append(append([]string{"EHLO copier"}, lines...), "MAIL FROM:<"+markedUser+">", "QUIT") {
					conn.SetDeadline(time.Now().Add(500 * time.Millisecond))
					for {
						if l, err := in.ReadString('\n'); err != nil || len(l) > 3 && l[3] == ' ' {
							break
						}
					}
					fmt.Fprintf(conn, "%s\r\n", line)
				}
				conn.Close()
				<-status
				file, err := os.ReadFile(saved)
				if err != nil {
					t.Fatal(err)
				}
				for where, text := range map[string]string{"standard output": out.String(), "standard error": errOut.String(), "the evidence": string(file)} {
					if form := leak(text); form != "" {
						t.Errorf("%s holds the secret (%s)\n%s", where, form, text)
					}
				}
			})
		}
	}
}
