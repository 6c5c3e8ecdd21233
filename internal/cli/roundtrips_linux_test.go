package cli

import (
	"context"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/measure"
	"github.com/smtptriage/smtptriage/internal/lab/netlab"
	"github.com/smtptriage/smtptriage/internal/lab/realserver"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// A whole conversation costs the round trips that the protocol asks for, and no more: connection, greeting, EHLO,
// STARTTLS, TLS 1.3, EHLO, then MAIL with RCPT and QUIT in one, or each by itself where the server takes no PIPELINING.
// It is counted on a path with real latency, where what the kernels do to each other's timing shows too.
func TestRoundTrips(t *testing.T) {
	require.LinuxRoot(t)
	require.Program(t, "tcpdump")
	program := buildProgram(t)
	for _, tt := range []struct {
		server string
		want   int
	}{
		{"postfix-healthy", 7},
		{"postfix-no-pipelining", 9},
	} {
		t.Run(tt.server, func(t *testing.T) {
			const oneWay = 30 * time.Millisecond
			l, err := netlab.Starter{RealServer: realserver.LaunchNamed}.Start(context.WithoutCancel(t.Context()), netlab.Case{
				Name: tt.server, RealServer: tt.server, Delay: oneWay, Target: "mail.example.com:25",
				Flags: []string{"--from", "scanner@example.com", "--to", "office@example.com", "--no-controls"},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			capture, err := measure.StartCapture(l.Command(t.Context(), netlab.Device, "tcpdump", measure.CaptureArgs("eth0", "tcp port 25")...))
			if err != nil {
				t.Fatal(err)
			}
			cmd := l.Command(t.Context(), netlab.Device, program, append([]string{"check"}, l.Args()...)...)
			cmd.Env = l.Env()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			packets, err := capture.Stop()
			if err != nil {
				t.Fatal(err)
			}
			got := measure.Conversations(packets, 25, 2*oneWay)
			if len(got) != 1 {
				t.Fatalf("%d connections, want 1: %+v", len(got), got)
			}
			if got[0].RoundTrips != tt.want {
				t.Errorf("%d round trips, want %d: %v", got[0].RoundTrips, tt.want, got[0].Waits)
			}
			// Kernels delay an acknowledgement by 40 ms or more, unless they are asked not to. Postfix then takes as long to
			// answer the EHLO after TLS, because of the session ticket before it.
			if got[0].AckDelay > 20*time.Millisecond {
				t.Errorf("octets of the server went without an acknowledgement for %v", got[0].AckDelay)
			}
		})
	}
}
