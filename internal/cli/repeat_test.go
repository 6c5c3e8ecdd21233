package cli

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// fickle serves on loopback: connections that turnedAway says so of are refused with the greeting, by their number from 1.
func fickle(t *testing.T, turnedAway func(n int64) bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var count atomic.Int64
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			greeting := "220 mail.example.com ESMTP"
			if turnedAway(count.Add(1)) {
				greeting = "554 mail.example.com no service"
			}
			go func() {
				defer conn.Close()
				fmt.Fprintf(conn, "%s\r\n", greeting)
				buf := make([]byte, 512)
				for {
					n, err := conn.Read(buf)
					if err != nil || strings.HasPrefix(string(buf[:n]), "QUIT") {
						return
					}
					fmt.Fprint(conn, "250 mail.example.com\r\n")
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestRepeatTellsWhatComesAndGoes(t *testing.T) {
	target := fickle(t, func(n int64) bool { return n%2 == 0 })
	saved := filepath.Join(t.TempDir(), "runs.json")
	var out, errOut strings.Builder
	status := Main(t.Context(), []string{"check", "--no-controls", "--no-experiments", "--tls", "none", "--repeat", "3", "--evidence", saved, target},
		strings.NewReader(""), &out, &errOut)
	if status != 1 || !strings.HasPrefix(strings.Join(strings.Fields(out.String()), " "), "It comes and goes: 1 of 3 runs failed (33 %); banner / server-refuses-service once. ") {
		t.Errorf("status %d\n%s%s", status, out.String(), errOut.String())
	}
	// The saved runs are judged the same.
	var again strings.Builder
	if status := Main(t.Context(), []string{"analyze", saved}, strings.NewReader(""), &again, &errOut); status != 1 || again.String() != out.String() {
		t.Errorf("the saved runs: status %d\n%s", status, again.String())
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
	if len(rec.Rounds) != 3 {
		t.Errorf("%d rounds are saved, want 3", len(rec.Rounds))
	}
	for i := 1; i < len(rec.Rounds); i++ {
		before := rec.Rounds[i-1]
		if rest := rec.Rounds[i].Started.Sub(before.Started.Add(before.Took)); rest < minPause {
			t.Errorf("run %d begins %v after the one before, want at least %v", i+1, rest, minPause)
		}
	}
}

// Ctrl-C ends it, and what was seen is reported.
func TestRepeatEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	target := fickle(t, func(n int64) bool {
		if n == 2 {
			time.AfterFunc(200*time.Millisecond, cancel) // between the second run and the third
		}
		return true
	})
	var out, errOut strings.Builder
	began := time.Now()
	status := Main(ctx, []string{"check", "--no-controls", "--no-experiments", "--every", "1s", target}, strings.NewReader(""), &out, &errOut)
	if status != 1 || !strings.HasPrefix(out.String(), "Steady: all 2 runs failed") {
		t.Errorf("status %d after %v\n%s%s", status, time.Since(began), out.String(), errOut.String())
	}
}
