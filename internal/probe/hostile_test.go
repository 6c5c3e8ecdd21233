package probe

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// flood writes the same octets until the client hangs up.
func flood(s *server, p []byte) {
	for {
		if _, err := s.Write(p); err != nil {
			return
		}
	}
}

// Whatever a server sends, the run ends in time and its record stays small.
func TestHostileServers(t *testing.T) {
	noise := make([]byte, 64<<10)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	for _, tt := range []struct {
		name  string
		serve func(*server)
		why   string // of the end
	}{
		{"an endless line", func(s *server) { io.WriteString(s, "220 "); flood(s, bytes.Repeat([]byte("a"), 64<<10)) }, "limit"},
		{"an endless reply", func(s *server) { flood(s, bytes.Repeat([]byte("220-and on\r\n"), 5000)) }, "limit"},
		{"an endless reply of empty lines", func(s *server) { io.WriteString(s, "220-\r\n"); flood(s, bytes.Repeat([]byte("\r\n"), 30000)) }, "limit"},
		{"garbage", func(s *server) { flood(s, noise) }, "limit"},
		{"NULs", func(s *server) { flood(s, make([]byte, 64<<10)) }, "limit"},
		{"a million greetings", func(s *server) { go s.drain(); flood(s, bytes.Repeat([]byte("220 hi\r\n"), 8000)) }, "done"},
		{"escape sequences", func(s *server) { s.say("\x1b[2J\x1b]0;owned\a"); s.drain() }, "garbage"},
		{"HTTP", func(s *server) { s.say("HTTP/1.1 400 Bad Request", "Server: x", ""); s.drain() }, "garbage"},
		{"every EHLO keyword there is", func(s *server) {
			s.say("220 mx")
			s.hear("EHLO")
			for i := range 9000 {
				fmt.Fprintf(s, "250-X%d %s\r\n", i, strings.Repeat("y", 50))
			}
			s.say("250 STARTTLS")
			s.drain()
		}, "budget"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var rec *evidence.Record
			synctest.Test(t, func(t *testing.T) {
				p := Prober{Dial: dialTo(t, tt.serve)}
				rec = p.Run(t.Context(), evidence.Target{Walk: walkOf()}, nil)
				time.Sleep(time.Minute)
			})
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
				t.Errorf("the record takes %d octets", grown)
			}
			if rec.Took > DefaultMaxTime {
				t.Errorf("the run took %v", rec.Took)
			}
			tr := rec.Traces[0]
			v := evidence.NewView(&tr)
			if end := v.Ending(); end == nil || end.Why != tt.why {
				t.Errorf("it ended %+v, want why %q\n%.2000s", end, tt.why, dialogue(tr))
			}
			var b bytes.Buffer
			if err := evidence.Write(&b, rec); err != nil {
				t.Fatal(err)
			}
			if _, err := evidence.Read(&b); err != nil {
				t.Errorf("the record can't be read back: %v", err)
			}
		})
	}
}

// A server may close after any octet of what it says: the record says how far it came, and the run ends.
func TestClosingAtEveryOctet(t *testing.T) {
	const greeting, hello = "220 mx.example.net\r\n", "250-mx.example.net\r\n250 SIZE 1000\r\n"
	for n := range len(greeting + hello) {
		tr := runWalk(t, walkOf(), func(s *server) {
			io.WriteString(s, greeting[:min(n, len(greeting))])
			if n >= len(greeting) {
				s.hear("EHLO")
				io.WriteString(s, hello[:n-len(greeting)])
			}
		})
		want := "greeting"
		if n >= len(greeting) {
			want = "EHLO"
		}
		v := evidence.NewView(&tr)
		if end := v.Ending(); end == nil || end.Outcome != evidence.Closed || end.Waiting != want || end.GotN != int64(n) {
			t.Errorf("after %d octets it ended %+v, want closed, waiting for %s", n, end, want)
		}
	}
}

// The same inside a handshake: a proxy between the two cuts after each number of octets from the server.
func TestCuttingAHandshake(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, nil)
	for _, n := range []int{0, 1, 4, 5, 6, 50, 90, 120, 300, 400} {
		tr := tlsWalk(t, Prober{Roots: ca.pool}, evidence.Walk{TLS: evidence.ImplicitTLS, Wait: 5 * time.Second}, func(s *server) {
			near, far := net.Pipe()
			defer near.Close()
			near.SetDeadline(time.Now().Add(5 * time.Second))
			go tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12}).Handshake()
			go io.Copy(near, s.Conn)
			io.CopyN(s.Conn, near, int64(n))
		})
		v := evidence.NewView(&tr)
		if v.TLSFailed < 0 || v.Ending() == nil {
			t.Errorf("after %d octets:\n%s", n, dialogue(tr))
			continue
		}
		if f := tr.Events[v.TLSFailed].TLSFailed; f.How != evidence.TLSEnded || f.GotN != int64(n) {
			t.Errorf("after %d octets: %+v, want ended after as many", n, f)
		}
	}
}

// Floods at TLS' places: no octet of it is kept for long.
func TestHostileTLS(t *testing.T) {
	for _, tt := range []struct {
		name string
		head string
	}{
		{"zeros", "\x00"},
		{"a record without end", "\x16\x03\x03\xff\xff"},
		{"warnings for ever", strings.Repeat("\x15\x03\x03\x00\x02\x01\x00", 1000)},
		{"a certificate of megabytes", "\x16\x03\x03\x40\x00\x0b\xff\xff\xff" + strings.Repeat("a", 1<<14-4)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := tlsWalk(t, Prober{}, evidence.Walk{Wait: 3 * time.Second}, offerTLS(func(s *server) {
				go s.drain()
				flood(s, []byte(tt.head))
			}))
			v := evidence.NewView(&tr)
			if v.TLSFailed < 0 || v.Ending() == nil || len(tr.Events) > 100 {
				t.Errorf("%d events\n%.2000s", len(tr.Events), dialogue(tr))
			}
		})
	}
}
