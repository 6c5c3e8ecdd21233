package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/measure"
)

// Whatever a server does, a run of the real program ends within its time, takes less memory than this, and has a verdict.
const (
	hostileTime   = 8 * time.Second
	hostileMemory = 64 << 20
	afterTime     = 3 * time.Second // for the report, on a machine that is busy with other tests
)

// hostileRun runs the program and holds it to what must hold whatever the server does. It returns its standard output.
func hostileRun(t *testing.T, limit time.Duration, program string, args ...string) (status int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cost, err := measure.Run(cmd)
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Errorf("%q: %v", args, err)
		return -1, ""
	}
	status = cmd.ProcessState.ExitCode()
	switch {
	case status != 0 && status != 1 && status != exitCannot:
		t.Errorf("%q: exit status %d\n%s", args, status, &stderr)
	case cost.Wall > limit+afterTime:
		t.Errorf("%q: it took %v, want less than %v", args, cost.Wall, limit)
	case cost.Peak > hostileMemory:
		t.Errorf("%q: it took %d octets of memory, want less than %d", args, cost.Peak, hostileMemory)
	}
	for name, text := range map[string]string{"standard output": stdout.String(), "standard error": stderr.String()} {
		if !utf8.ValidString(text) {
			t.Errorf("%q: %s is not UTF-8", args, name)
		}
		if i := strings.IndexFunc(text, rawOnATerminal); i >= 0 {
			t.Errorf("%q: %s holds a raw %q", args, name, text[max(0, i-20):min(len(text), i+20)])
		}
	}
	return status, stdout.String()
}

// rawOnATerminal reports whether a terminal would take a character for a command, or show others in another order.
func rawOnATerminal(r rune) bool {
	return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// wantVerdict reads a JSON report, which must be one document with a verdict.
func wantVerdict(t *testing.T, text string) {
	t.Helper()
	var report struct {
		Verdict struct{ Step, Cause, Summary string } `json:"verdict"`
	}
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&report); err != nil {
		t.Errorf("the report: %v\n%.500s", err, text)
		return
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		t.Error("something comes after the report")
	}
	if report.Verdict.Step == "" || report.Verdict.Cause == "" || report.Verdict.Summary == "" {
		t.Errorf("no verdict: %+v", report.Verdict)
	}
}

// TestHostileServers tries the lab's hostile servers with the real program, experiments and all.
func TestHostileServers(t *testing.T) {
	program := buildProgram(t)
	tried := 0
	for _, c := range lab.Cases() {
		if !strings.HasPrefix(c.Name, "hostile-") {
			continue
		}
		tried++
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r, err := lab.Start(context.WithoutCancel(t.Context()), c)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Stop()
			saved := filepath.Join(t.TempDir(), "evidence.json")
			args := append([]string{"check"}, r.Args()...)
			args = append(args, "--no-controls", "--max-time", hostileTime.String(), "--format", "json", "--evidence", saved)
			_, out := hostileRun(t, hostileTime, program, args...)
			wantVerdict(t, out)
			_, out = hostileRun(t, hostileTime, program, "analyze", saved)
			if len(out) < 100 {
				t.Errorf("the report as text: %q", out)
			}
		})
	}
	if tried < 10 {
		t.Errorf("only %d hostile cases", tried)
	}
}

// TestEndingAnywhere has a server end the conversation after each octet that it would send in clear, and within TLS, where
// most octets of a record look alike to a client that lacks the rest, after every third.
func TestEndingAnywhere(t *testing.T) {
	program := buildProgram(t)
	c, ok := lab.Find("healthy-postfix")
	if !ok {
		t.Fatal("no such case")
	}
	total, inClear := octetsOf(t, c)
	if total < 1000 || inClear < 200 {
		t.Fatalf("the whole conversation is %d octets, %d of them in clear", total, inClear)
	}
	ends := make(chan int64)
	var working sync.WaitGroup
	const workers = 4
	for range workers {
		working.Go(func() {
			for n := range ends {
				// Now and then with experiments, which meet the same end.
				end(t, program, c, n, n < inClear, n%450 == 60)
			}
		})
	}
	for n := range total {
		if n <= inClear+16 || n%3 == 0 {
			ends <- n
		}
	}
	close(ends)
	working.Wait()
}

// end runs the program against a server that ends after n octets.
func end(t *testing.T, program string, c lab.Case, n int64, early, experiments bool) {
	r, err := lab.Start(context.WithoutCancel(t.Context()), c.EndingAfter(n))
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Stop()
	const limit = 10 * time.Second
	args := append([]string{"check"}, r.Args()...)
	args = append(args, "--no-controls", "--max-time", limit.String())
	if !experiments {
		args = append(args, "--no-experiments")
	}
	asJSON := n%2 == 0
	if asJSON {
		args = append(args, "--format", "json")
	}
	status, out := hostileRun(t, limit, program, args...)
	if asJSON {
		wantVerdict(t, out)
	}
	if early && status == 0 {
		t.Errorf("after %d octets all is said to be well\n%s", n, out)
	}
}

// octetsOf is how many octets the server of a healthy case sends, and how many of them before TLS.
func octetsOf(t *testing.T, c lab.Case) (total, inClear int64) {
	t.Helper()
	rec, err := tryLabCase(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	v := evidence.NewView(&rec.Traces[0])
	if v.Ending() == nil || v.Secured < 0 {
		t.Fatalf("not a whole conversation: %+v", v.Ending())
	}
	for _, e := range v.Trace.Events[:v.Secured] {
		if e.Reply != nil {
			inClear += e.Reply.Bytes
		}
	}
	return v.Ending().GotN, inClear
}
