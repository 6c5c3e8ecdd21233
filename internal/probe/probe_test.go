package probe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is the far end of one connection of a test.
type server struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func (s *server) say(lines ...string) {
	io.WriteString(s, strings.Join(lines, "\r\n")+"\r\n") // the client may be gone: that is the case of some tests
}

// hear reads a line and fails the test if it does not begin so.
func (s *server) hear(prefix string) string {
	line, err := s.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, prefix) {
		s.t.Errorf("the client said %q (%v), want %q", line, err, prefix)
	}
	return strings.TrimRight(line, "\r\n")
}

// drain reads until the client hangs up.
func (s *server) drain() { io.Copy(io.Discard, s.r) }

// dialTo makes a Dial that connects every dial to serve by a pipe.
func dialTo(t *testing.T, serve func(*server)) func(context.Context, DialSpec) (net.Conn, evidence.Dialed) {
	return func(context.Context, DialSpec) (net.Conn, evidence.Dialed) {
		client, far := net.Pipe()
		go func() {
			defer far.Close()
			serve(&server{Conn: far, t: t, r: bufio.NewReader(far)})
		}()
		return client, evidence.Dialed{Outcome: evidence.Connected}
	}
}

// walkOf is the walk of most tests: plain text, to a literal address.
func walkOf() evidence.Walk {
	return evidence.Walk{Host: "192.0.2.25", Port: 25, TLS: evidence.NoTLS, EHLO: "client.example.net",
		From: "a@example.com", To: []string{"b@example.net"}}
}

// runWalk walks against serve in a bubble, where time costs nothing, and returns the trace.
func runWalk(t *testing.T, w evidence.Walk, serve func(*server)) (tr evidence.Trace) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := Prober{Dial: dialTo(t, serve), Secret: func() string { return "s3cret!pass" }}
		rec := p.Run(t.Context(), evidence.Target{Walk: w}, nil)
		if len(rec.Traces) != 1 {
			t.Fatalf("%d traces, want 1", len(rec.Traces))
		}
		tr = rec.Traces[0]
		time.Sleep(time.Minute) // servers that sleep find out that nobody listens
	})
	return tr
}

// dialogue is a trace as text: one line an event, times left out.
func dialogue(tr evidence.Trace) string {
	var b strings.Builder
	for _, e := range tr.Events {
		switch {
		case e.Dialed != nil:
			fmt.Fprintf(&b, "dialed %s\n", e.Dialed.Outcome)
		case e.Sent != nil:
			fmt.Fprintf(&b, "> %s\n", e.Sent.Line)
		case e.Reply != nil && e.Reply.Unasked:
			fmt.Fprintf(&b, "unasked < %s\n", e.Reply)
		case e.Reply != nil:
			complete := ""
			if !e.Reply.Complete {
				complete = " ..."
			}
			fmt.Fprintf(&b, "%d < %s%s\n", e.Reply.To, e.Reply.Reply.String(), complete)
		case e.Bytes != nil:
			fmt.Fprintf(&b, "bytes %d %q\n", e.Bytes.Count, e.Bytes.Looks)
		case e.Secured != nil:
			fmt.Fprintf(&b, "secured %s\n", e.Secured.Version)
		case e.TLSFailed != nil:
			fmt.Fprintf(&b, "tls failed: %s %s\n", e.TLSFailed.How, e.TLSFailed.Outcome)
		case e.Alert != nil:
			fmt.Fprintf(&b, "alert %s %s\n", e.Alert.From, e.Alert.Description)
		case e.Ended != nil:
			fmt.Fprintf(&b, "ended %s", e.Ended.Outcome)
			for _, s := range []string{e.Ended.Waiting, e.Ended.Why} {
				if s != "" {
					fmt.Fprintf(&b, " %s", s)
				}
			}
			if e.Ended.Waiting != "" {
				fmt.Fprintf(&b, " %v", e.Ended.Waited)
			}
			b.WriteByte('\n')
		case e.Note != nil:
			fmt.Fprintf(&b, "note %s\n", e.Note.Text)
		}
	}
	return b.String()
}

func checkDialogue(t *testing.T, tr evidence.Trace, want string) {
	t.Helper()
	if got := dialogue(tr); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

func TestWalkInClear(t *testing.T) {
	tr := runWalk(t, walkOf(), func(s *server) {
		s.say("220 mx.example.net ESMTP")
		s.hear("EHLO client.example.net")
		s.say("250-mx.example.net", "250 SIZE 1000")
		s.hear("MAIL FROM:<a@example.com>")
		s.say("250 2.1.0 Ok")
		s.hear("RCPT TO:<b@example.net>")
		s.say("550 5.1.1 no such user")
		s.hear("QUIT")
		s.say("221 bye")
		s.drain()
	})
	checkDialogue(t, tr, `
dialed connected
-1 < 220 mx.example.net ESMTP
> EHLO client.example.net
2 < 250 mx.example.net SIZE 1000
> MAIL FROM:<a@example.com>
4 < 250 2.1.0 Ok
> RCPT TO:<b@example.net>
6 < 550 5.1.1 no such user
> QUIT
8 < 221 bye
ended aborted done
`)
}

// One write for MAIL, RCPT and QUIT, and each reply goes to its command.
func TestWalkPipelines(t *testing.T) {
	w := walkOf()
	w.To = append(w.To, "c@example.net")
	tr := runWalk(t, w, func(s *server) {
		s.say("220 mx")
		s.hear("EHLO")
		s.say("250-mx", "250 PIPELINING")
		all := make([]byte, 4096)
		n, _ := s.Read(all)
		want := "MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nRCPT TO:<c@example.net>\r\nQUIT\r\n"
		if string(all[:n]) != want {
			t.Errorf("one write was %q, want %q", all[:n], want)
		}
		s.say("250 sender", "450 4.7.1 greylisted", "250 c", "221 bye")
	})
	checkDialogue(t, tr, `
dialed connected
-1 < 220 mx
> EHLO client.example.net
2 < 250 mx PIPELINING
> MAIL FROM:<a@example.com>
> RCPT TO:<b@example.net>
> RCPT TO:<c@example.net>
> QUIT
4 < 250 sender
5 < 450 4.7.1 greylisted
6 < 250 c
7 < 221 bye
ended aborted done
`)
}

func TestWaits(t *testing.T) {
	silent := func(s *server) { s.drain() }
	for _, tt := range []struct {
		name  string
		wait  time.Duration
		serve func(*server)
		want  string
	}{
		{"silence takes the run's time", 0, silent, "\ndialed connected\nended timeout greeting budget 1m30s\n"},
		{"a wait of its own", 10 * time.Second, silent, "\ndialed connected\nended timeout greeting 10s\n"},
		{"a late greeting is waited for", 0, func(s *server) {
			time.Sleep(70 * time.Second)
			s.say("421 too late")
			s.drain()
		}, "\ndialed connected\n-1 < 421 too late\n> QUIT\nended timeout QUIT 2s\n"},
		{"closed at once", 0, func(*server) {}, "\ndialed connected\nended closed greeting 0s\n"},
		{"closed in mid-line", 0, func(s *server) { io.WriteString(s, "220 mx.exam") },
			"\ndialed connected\n-1 < 220 mx.exam ...\nended closed greeting 0s\n"},
		{"closed in mid-reply", 0, func(s *server) { s.say("220-one") }, "\ndialed connected\n-1 < 220 one ...\nended closed greeting 0s\n"},
		{"one octet a second", 10500 * time.Millisecond, func(s *server) {
			for {
				if _, err := s.Write([]byte("2")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, "\ndialed connected\nbytes 11 \"other\"\nended timeout greeting 10.5s\n"},
		{"no patience for QUIT", 30 * time.Second, func(s *server) { s.say("554 no"); s.drain() },
			"\ndialed connected\n-1 < 554 no\n> QUIT\nended timeout QUIT 2s\n"},
		{"silence after EHLO", 5 * time.Second, func(s *server) {
			s.say("220 mx")
			s.drain()
		}, "\ndialed connected\n-1 < 220 mx\n> EHLO client.example.net\nended timeout EHLO 5s\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := walkOf()
			w.Wait = tt.wait
			checkDialogue(t, runWalk(t, w, tt.serve), tt.want)
		})
	}
}

// Ctrl-C ends the run at once, and what was seen stays.
func TestInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := Prober{Dial: dialTo(t, func(s *server) { s.say("220 mx"); s.drain() })}
		time.AfterFunc(20*time.Second, cancel)
		began := time.Now()
		rec := p.Run(ctx, evidence.Target{Walk: walkOf()}, nil)
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("the run ended after %v, want 20s", took)
		}
		if rec.Interrupted != "interrupted" {
			t.Errorf("Interrupted = %q", rec.Interrupted)
		}
		checkDialogue(t, rec.Traces[0], `
dialed connected
-1 < 220 mx
> EHLO client.example.net
ended aborted EHLO interrupt 20s
`)
	})
}

// Each address is dialled and recorded by itself; the first in order that connects is walked, a dead one does not hold
// the walk up, and it is given its time to be called dead.
func TestAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addrs := []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}
		pipe := dialTo(t, func(s *server) { s.say("554 no"); s.hear("QUIT"); s.drain() })
		p := Prober{
			Lookup: func(_ context.Context, network, host string) ([]netip.Addr, error) {
				if network != "ip" || host != "mx.example.com" {
					t.Errorf("Lookup(%q, %q)", network, host)
				}
				return addrs, nil
			},
			Dial: func(ctx context.Context, s DialSpec) (net.Conn, evidence.Dialed) {
				switch s.Address.Addr() {
				case addrs[0]:
					<-ctx.Done()
					return nil, evidence.Dialed{Outcome: evidence.TimedOut}
				case addrs[1]:
					return nil, evidence.Dialed{Outcome: evidence.Refused}
				}
				return pipe(ctx, s)
			},
		}
		w := walkOf()
		w.Host = "mx.example.com"
		rec := p.Run(t.Context(), evidence.Target{Walk: w}, nil)
		var got []string
		for _, tr := range rec.Traces {
			last := tr.Events[len(tr.Events)-1]
			got = append(got, fmt.Sprintf("%s %s %s %v", tr.ID, tr.Role, tr.Address, last.At))
		}
		want := []string{"t1 lookup invalid AddrPort 0s", "t2 asked [2001:db8::1]:25 6s", "t3 asked 192.0.2.1:25 0s",
			"t4 asked 192.0.2.2:25 2.25s"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if d := rec.Traces[1].Events[0].Dialed; d.Outcome != evidence.TimedOut || d.Waited != 6*time.Second {
			t.Errorf("the dead address: %+v", d)
		}
	})
}
