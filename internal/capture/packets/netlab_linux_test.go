package packets_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/netlab"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// netlabCases are walked live in the netlab while tcpdump runs on the device. What the capture shows must lead to a verdict
// that the case accepts, or to a weaker one: a capture makes no experiments, and sees one conversation.
var netlabCases = strings.Fields(`
	gateway-drops-25 gateway-resets-25 gateway-rejects-25 isp-drops-25 isp-rejects-25 server-port-closed mx-on-587 routing-loop
	held-by-transparent-proxy closed-by-middlebox reset-by-middlebox firewall-masks-banner captive-portal ssh-on-the-port greeting-refuses port-465-in-plain-text
	ehlo-refused-by-proxy ehlo-cut-by-proxy ehlo-reset-by-payload ehlo-dropped-by-payload firewall-masks-starttls gateway-strips-starttls server-without-starttls
	tls-old-server tls-new-server tls-old-client handshake-reset-by-payload handshake-dropped-by-payload large-hello-dropped starttls-refused-by-proxy tls-first-on-587
	mtu-hole-up mtu-hole-down mtu-hole-both healthy healthy-loss healthy-small-mtu`)

func TestNetlabCaptures(t *testing.T) {
	require.LinuxRoot(t)
	if err := netlab.Unavailable(); err != nil {
		require.Missing(t, "%v", err)
	}
	require.Program(t, "tcpdump")
	program := buildProgram(t)
	var mu sync.Mutex
	var table []string
	same := 0
	slots := make(chan struct{}, 8)
	t.Run("cases", func(t *testing.T) {
		for _, name := range netlabCases {
			c, ok := netlab.Find(name)
			if !ok {
				t.Errorf("no netlab case %q", name)
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				for _, p := range c.Needs() {
					require.Program(t, p)
				}
				d := capturedWalk(t, c, program)
				mark, problem := compare(c, d)
				mu.Lock()
				defer mu.Unlock()
				if mark == "same" {
					same++
				}
				table = append(table, fmt.Sprintf("%-30s wanted %-40s got %s / %s (%s): %s", name, c.Want.Verdict, d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence, mark))
				if problem != "" {
					t.Errorf("%s: got %s / %s (%s): %s", problem, d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence, d.Verdict.Summary)
				}
			})
		}
	})
	slices.Sort(table)
	t.Logf("%d of %d captures get the verdict of the live walk\n%s", same, len(table), strings.Join(table, "\n"))
	if len(table) >= 20 && same < 20 {
		t.Errorf("%d captures get the verdict of the live walk, want 20 at least", same)
	}
}

// otherSides are verdicts on a capture that name another effect of the same fault.
var otherSides = map[string]cause.ID{
	"firewall-masks-banner": cause.StartTLSStripped, // the mask over STARTTLS stops the client, that over the greeting does not
}

// compare holds the verdict on a capture against what the case wants of a live walk.
func compare(c netlab.Case, d diagnose.Diagnosis) (mark, problem string) {
	v := d.Verdict
	if accepts(c.Want, v) {
		return "same", ""
	}
	switch {
	case c.Healthy() && v.Step == cause.None:
		return "weaker: what is inside TLS is not seen", ""
	case otherSides[c.Name] == v.Cause:
		return "another effect of the same fault", ""
	case c.Healthy():
		return "wrong", "a healthy network is blamed"
	case v.Confidence == diagnose.Proven:
		return "wrong", "a wrong cause is called proven"
	case slices.ContainsFunc(d.Findings, func(f diagnose.Finding) bool { return accepts(c.Want, f) }) && v.Confidence == diagnose.Possible:
		return "weaker: among others", ""
	case v.Cause == cause.Undetermined:
		return "weaker: undetermined", ""
	}
	return "wrong", "another cause is named"
}

func accepts(w lab.Want, f diagnose.Finding) bool {
	return w.Accepts(lab.Verdict{Step: f.Step, Cause: f.Cause})
}

// buildProgram builds the program once for all cases.
func buildProgram(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "smtptriage")
	cmd := exec.Command("go", "build", "-o", file, "github.com/smtptriage/smtptriage/cmd/smtptriage")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", cmd, err, out)
	}
	return file
}

// capturedWalk walks in the lab of a case, captures it at the device, and judges what the capture shows of it.
func capturedWalk(t *testing.T, c netlab.Case, program string) diagnose.Diagnosis {
	t.Helper()
	l := startLab(t, c)
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	file := filepath.Join(l.Dir(), "device.pcap")
	stop := capture(t, ctx, l, file)
	args := append([]string{"check"}, l.Args()...)
	walk := l.Command(ctx, netlab.Device, program, append(args, "--no-experiments", "--no-controls", "--timeout", "9s")...)
	walk.Env = l.Env()
	var exit *exec.ExitError
	if out, err := walk.CombinedOutput(); err != nil && (!errors.As(err, &exit) || exit.ExitCode() == 2) {
		t.Fatalf("%s: %v: %s", walk, err, out)
	}
	stop()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if keep := os.Getenv("CAPTURES_KEEP"); keep != "" {
		os.WriteFile(filepath.Join(keep, c.Name+".pcap"), b, 0o644)
	}
	all, res := read(t, b, packets.Options{})
	if len(all) == 0 {
		t.Fatalf("no conversation in %d frames", res.Frames)
	}
	walked := slices.MaxFunc(all, func(a, b *packets.Conversation) int { return byWalk(&a.Trace, &b.Trace) })
	t.Log(strings.Join(script(walked.Trace), "\n"))
	return judged(walked.Trace)
}

// byWalk orders conversations by how likely each is the walk: every address of the name is dialled, and the walk is held on one. The
// others the client closes without a word, which on a busy machine may leave as many events as a walk that was cut off at once.
func byWalk(a, b *evidence.Trace) int {
	said := func(t *evidence.Trace) int {
		n := 0
		for _, e := range t.Events {
			if e.Sent != nil || e.ClientHello != nil {
				n++
			}
		}
		return n
	}
	keptOpen := func(t *evidence.Trace) int {
		if e := evidence.NewView(t).Ending(); e != nil && e.By == evidence.Client {
			return 0
		}
		return 1
	}
	return cmp.Or(said(a)-said(b), keptOpen(a)-keptOpen(b), len(a.Events)-len(b.Events))
}

func TestByWalk(t *testing.T) {
	conversation := func(by evidence.Side, events ...evidence.Event) evidence.Trace {
		return evidence.Trace{Events: append(events, evidence.Event{Ended: &evidence.Ended{Outcome: evidence.Closed, By: by}})}
	}
	command := evidence.Event{Sent: &evidence.Sent{Verb: "EHLO", Line: "EHLO a"}}
	note := evidence.Event{Note: &evidence.Note{Text: "x"}}
	walk, given := conversation(evidence.Server), conversation(evidence.Client, note)
	spoke := conversation(evidence.Client, command)
	for _, tt := range []struct {
		name           string
		further, other evidence.Trace
	}{{"cut off, against given up", walk, given}, {"that spoke, against cut off", spoke, walk}} {
		if byWalk(&tt.further, &tt.other) <= 0 || byWalk(&tt.other, &tt.further) >= 0 {
			t.Errorf("%s: not the first", tt.name)
		}
	}
}

// startLab makes the lab of a case. On a busy machine an address may not be there yet when a server wants it.
func startLab(t *testing.T, c netlab.Case) *netlab.Lab {
	t.Helper()
	var l *netlab.Lab
	var err error
	for range 3 {
		if l, err = netlab.Start(context.WithoutCancel(t.Context()), c); err == nil {
			return l
		}
		t.Log(err)
	}
	t.Fatal(err)
	return nil
}

// capture runs tcpdump on the device until stop is called.
func capture(t *testing.T, ctx context.Context, l *netlab.Lab, file string) (stop func()) {
	t.Helper()
	cmd := l.Command(ctx, netlab.Device, "tcpdump", "-i", "any", "-U", "--immediate-mode", "-B", "8192", "-Z", "root", "-w", file)
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var words bytes.Buffer
	for s := bufio.NewScanner(said); s.Scan(); {
		fmt.Fprintln(&words, s.Text())
		if strings.Contains(s.Text(), "listening on") {
			break
		}
	}
	if !strings.Contains(words.String(), "listening on") {
		t.Fatalf("%s: %s", cmd, &words)
	}
	return func() {
		time.Sleep(100 * time.Millisecond) // what has happened is to be handed over
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}
}
