package lab

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustParse(t *testing.T, script string) Case {
	t.Helper()
	c, err := ParseCase("x.txtar", []byte(head+script))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestManyConnections(t *testing.T) {
	r, err := Start(context.Background(), mustParse(t, "personality plain\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			conn, err := net.Dial("tcp", r.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(clientWait))
			cl := &client{t, conn, bufio.NewReader(conn), r.Server.CA()}
			if err := converse(cl); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// converse is a short conversation that may run outside the test's own goroutine.
func converse(c *client) error {
	for _, step := range []struct{ say, want string }{{"", "220 "}, {"NOOP", "250 "}, {"STARTTLS", "220 "}} {
		if step.say != "" {
			io.WriteString(c.conn, step.say+"\r\n")
		}
		if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, step.want) {
			return errors.Join(err, errors.New("after "+step.say+": "+line))
		}
	}
	return c.handshake(nil)
}

func TestStopEndsEveryConversation(t *testing.T) {
	scripts := []string{
		"personality plain\n",
		"personality plain\non CONNECT silence\n",
		"personality plain\non CONNECT delay 50m\n",
		"personality plain\non CONNECT repeat endless \"x\"\n",
		"personality plain\nimplicit-tls\n",
		"personality plain\nafter-sent 0 silence\n",
	}
	for _, script := range scripts {
		r, err := Start(context.Background(), mustParse(t, script))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // lets the conversation begin
		done := make(chan struct{})
		go func() { r.Stop(); close(done) }()
		select {
		case <-done:
		case <-time.After(clientWait):
			t.Fatalf("%q: Stop does not return", script)
		}
		conn.Close()
		if _, err := os.Stat(r.Dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", r.Dir, err)
		}
	}
}

// TestGreetingDelayedTakesItsTime lives in a bubble, where 12 seconds pass at once.
func TestGreetingDelayedTakesItsTime(t *testing.T) {
	c, ok := Find("greeting-delayed")
	if !ok {
		t.Fatal("no such case")
	}
	synctest.Test(t, func(t *testing.T) {
		srv, err := NewServer(c)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		go srv.ServeConn(ctx, theirs)
		start := time.Now()
		line, err := bufio.NewReader(ours).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "220 ") || time.Since(start) != 12*time.Second {
			t.Errorf("got %q, %v after %v; want a greeting after 12s", line, err, time.Since(start))
		}
		cancel()
		synctest.Wait()
	})
}

func TestServeConnEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, err := NewServer(mustParse(t, "personality plain\non CONNECT silence\n"))
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() { srv.ServeConn(t.Context(), theirs); close(done) }()
		synctest.Wait()
		ours.Close()
		<-done

		start := time.Now()
		_, theirs = net.Pipe() // a client that never leaves
		srv.ServeConn(t.Context(), theirs)
		if took := time.Since(start); took != maxLife {
			t.Errorf("a silent connection lived %v, want %v", took, maxLife)
		}
	})
}

func TestSignIn(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	script := "personality m365-submission\nauth PLAIN LOGIN XOAUTH2\naccount scanner@contoso.com \"right one\"\n"
	tests := []struct {
		name  string
		lines []string
		want  string
	}{
		{"LOGIN", []string{"AUTH LOGIN", b64("scanner@contoso.com"), b64("right one")}, "235 "},
		{"LOGIN with the name at once", []string{"AUTH LOGIN " + b64("scanner@contoso.com"), b64("right one")}, "235 "},
		{"PLAIN", []string{"AUTH PLAIN " + b64("\x00scanner@contoso.com\x00right one")}, "235 "},
		{"PLAIN, asked for", []string{"AUTH plain", b64("\x00scanner@contoso.com\x00right one")}, "235 "},
		{"XOAUTH2", []string{"AUTH XOAUTH2 " + b64("user=scanner@contoso.com\x01auth=Bearer right one\x01\x01")}, "235 "},
		{"wrong password", []string{"AUTH LOGIN", b64("scanner@contoso.com"), b64("wrong")}, "535 5.7.3 "},
		{"no base64", []string{"AUTH PLAIN ***"}, "501 "},
		{"unknown mechanism", []string{"AUTH CRAM-MD5"}, "504 5.7.4 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := upgrade(t, script, nil)
			if err != nil {
				t.Fatal(err)
			}
			c.want("EHLO a", "250")
			for _, line := range tt.lines[:len(tt.lines)-1] {
				c.want(line, "334 ")
			}
			c.want(tt.lines[len(tt.lines)-1], tt.want)
			mail := "530 5.7.57 "
			if tt.want == "235 " {
				mail = "250 "
			}
			c.want("MAIL FROM:<scanner@contoso.com>", mail)
		})
	}
	t.Run("before TLS", func(t *testing.T) {
		c := serve(t, script)
		c.want("", "220 ")
		c.want("EHLO a", "250")
		c.want("AUTH LOGIN", "503 ")
	})
	t.Run("scripted", func(t *testing.T) {
		c, err := upgrade(t, script+"on CREDENTIALS reply 535 5.7.139 not today\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		c.want("EHLO a", "250")
		c.want("AUTH PLAIN "+b64("\x00scanner@contoso.com\x00right one"), "535 5.7.139 not today")
		c.want("MAIL FROM:<scanner@contoso.com>", "530 ")
	})
}

func TestArgs(t *testing.T) {
	c, ok := Find("auth-bad-password")
	if !ok {
		t.Fatal("no such case")
	}
	r, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	args := r.Args()
	password := filepath.Join(r.Dir, "password")
	if args[0] != r.Addr() || !slices.Contains(args, r.CAFile) || !slices.Contains(args, password) {
		t.Errorf("got %q", args)
	}
	if data, err := os.ReadFile(password); err != nil || string(data) != "a-wrong-password\n" {
		t.Errorf("password file: %q, %v", data, err)
	}
	if data, err := os.ReadFile(r.CAFile); err != nil || string(data) != string(r.Server.CA()) {
		t.Errorf("CA file: %q, %v", data, err)
	}
}

func TestTargetWithPort(t *testing.T) {
	c, ok := Find("dns-wrong-answer")
	if !ok {
		t.Fatal("no such case")
	}
	r, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	if want := "smtp.office365.com:" + strconv.Itoa(r.Port); r.Target() != want || c.NeedsRedirect() {
		t.Errorf("target %q, redirect %v; want %q without", r.Target(), c.NeedsRedirect(), want)
	}
}

func TestResolver(t *testing.T) {
	records, err := parseDNS(source{file: "x", text: `a.example A 192.0.2.1
a.example A 192.0.2.2
a.example AAAA 2001:db8::1
a.example MX mx.a.example
gone.example NXDOMAIN
broken.example SERVFAIL
closed.example REFUSED
silent.example SILENCE
`})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	addr, err := serveDNS(ctx, &wg, records)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		kind    dnsmessage.Type
		code    dnsmessage.RCode
		answers int
	}{
		{"a.example.", dnsmessage.TypeA, dnsmessage.RCodeSuccess, 2},
		{"A.Example.", dnsmessage.TypeAAAA, dnsmessage.RCodeSuccess, 1},
		{"a.example.", dnsmessage.TypeMX, dnsmessage.RCodeSuccess, 1},
		{"a.example.", dnsmessage.TypeTXT, dnsmessage.RCodeSuccess, 0},
		{"gone.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, 0},
		{"unheard.example.", dnsmessage.TypeA, dnsmessage.RCodeNameError, 0},
		{"broken.example.", dnsmessage.TypeA, dnsmessage.RCodeServerFailure, 0},
		{"closed.example.", dnsmessage.TypeA, dnsmessage.RCodeRefused, 0},
	}
	for _, tt := range tests {
		m, err := askDNS(addr, tt.name, tt.kind, clientWait)
		if err != nil {
			t.Errorf("%s %v: %v", tt.name, tt.kind, err)
			continue
		}
		if m.RCode != tt.code || len(m.Answers) != tt.answers {
			t.Errorf("%s %v: got %v and %d answers, want %v and %d", tt.name, tt.kind, m.RCode, len(m.Answers), tt.code, tt.answers)
		}
	}
	if m, err := askDNS(addr, "silent.example.", dnsmessage.TypeA, 100*time.Millisecond); err == nil {
		t.Errorf("silent.example: got %v", m)
	}
}

func askDNS(addr, name string, kind dnsmessage.Type, wait time.Duration) (m dnsmessage.Message, err error) {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return m, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(wait))
	query := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}},
	}
	packed, err := query.Pack()
	if err != nil {
		return m, err
	}
	if _, err := conn.Write(packed); err != nil {
		return m, err
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		return m, err
	}
	return m, m.Unpack(buf[:n])
}

// TestEveryCaseServes sends each case's server the commands of a whole conversation and reads what it gets. It must not
// hang the server's Stop, whatever the client does.
func TestEveryCaseServes(t *testing.T) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			srv, err := NewServer(c)
			if err != nil {
				t.Fatal(err)
			}
			srv.TimeScale = 0.001
			r, err := srv.Start(context.Background(), c, "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer r.Stop()
			conn, err := net.Dial("tcp", r.Addr())
			if c.Script.closed || c.Script.noAnswer {
				if err == nil {
					conn.Close()
					t.Error("the port is open")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(300 * time.Millisecond))
			io.WriteString(conn, "EHLO a\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n.\r\nQUIT\r\n")
			got, err := io.ReadAll(io.LimitReader(conn, 1<<20))
			if c.Healthy() && !c.Script.Implicit() && (err != nil || !strings.Contains(string(got), "\n221 ")) {
				t.Errorf("a healthy server said %q, %v", got, err)
			}
		})
	}
}
