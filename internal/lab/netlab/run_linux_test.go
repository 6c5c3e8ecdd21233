package netlab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/realserver"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// slots bounds the labs that stand at once. They mostly wait.
var slots = make(chan struct{}, 8)

// binary is the program under test, built once in a folder that goes when the tests end.
type binary struct {
	once sync.Once
	dir  string
	err  error
}

var program binary

func (b *binary) file() string { return filepath.Join(b.dir, "smtptriage") }

func (b *binary) build() error {
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "smtptriage-netlab-bin-"); b.err != nil {
			return
		}
		if b.err = os.Chmod(b.dir, 0o755); b.err != nil { // it is run as another user too
			return
		}
		cmd := exec.Command("go", "build", "-o", b.file(), "github.com/smtptriage/smtptriage/cmd/smtptriage")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("%s: %w: %s", cmd, err, out)
		}
	})
	return b.err
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Tests in parallel are as many as there are processors, by default; these mostly wait, and have slots of their own.
	if err := flag.Set("test.parallel", strconv.Itoa(cap(slots))); err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(program.dir)
	os.Exit(status)
}

// needProgram builds the program, and ends the test where no lab can be made.
func needProgram(t *testing.T) string {
	t.Helper()
	require.LinuxRoot(t)
	if err := Unavailable(); err != nil {
		require.Missing(t, "%v", err)
	}
	if err := program.build(); err != nil {
		t.Fatal(err)
	}
	return program.file()
}

// needs ends the test where a program that the case runs is missing.
func needs(t *testing.T, c Case) {
	t.Helper()
	for _, p := range c.Needs() {
		require.Program(t, p)
	}
}

// start makes the lab of a case until the test ends, when it is its turn.
func start(t *testing.T, c Case) *Lab {
	t.Helper()
	needs(t, c)
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
	l, err := Starter{RealServer: realserver.LaunchNamed}.Start(context.WithoutCancel(t.Context()), c) // Close comes after the test's context has ended
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, p := range c.Programs {
				t.Logf("%s: %s", p.Args[0], l.Log(p.Args[0]))
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// A report is what these tests read of the JSON that check prints.
type report struct {
	Verdict struct {
		Step       cause.Step     `json:"step"`
		Cause      string         `json:"cause"`
		Confidence lab.Confidence `json:"confidence"`
		Summary    string         `json:"summary"`
		Because    []struct {
			Text string `json:"text"`
		} `json:"because"`
	} `json:"verdict"`
	Causes []struct {
		Step       cause.Step     `json:"step"`
		Cause      string         `json:"cause"`
		Confidence lab.Confidence `json:"confidence"`
	} `json:"causes"`
	Experiments []struct {
		Name   string `json:"name"`
		Result string `json:"result"`
	} `json:"experiments"`
	Paths []struct {
		Via     string `json:"via"`
		Verdict struct {
			Step  cause.Step `json:"step"`
			Cause string     `json:"cause"`
		} `json:"verdict"`
	} `json:"paths"`
	Patterns []struct {
		ID string `json:"id"`
	} `json:"patterns"`
	Recommended string   `json:"recommended_door"`
	Contacted   []string `json:"contacted"`
}

func (r *report) verdict() string { return string(r.Verdict.Step) + " / " + r.Verdict.Cause }

// check runs the program on the device of a lab, as root or as the user given.
func check(t *testing.T, l *Lab, file string, uid int) (report, time.Duration) {
	t.Helper()
	const limit = 90 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	evidence := filepath.Join(l.Dir(), "evidence.json")
	args := append([]string{"check"}, l.Args()...)
	args = append(args, "--format", "json", "--evidence", evidence)
	command, rest := file, args
	if uid != 0 {
		id := fmt.Sprint(uid)
		command, rest = "setpriv", append([]string{"--reuid", id, "--regid", id, "--clear-groups", file}, args...)
	}
	cmd := l.Command(ctx, Device, command, rest...)
	cmd.Env = l.Env()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%s: exit %d: %v\n%s\n%s", cmd, cmd.ProcessState.ExitCode(), err, out.Bytes(), errs.Bytes())
	}
	if keep := os.Getenv("NETLAB_KEEP"); keep != "" {
		for name, data := range map[string][]byte{l.Case.Name + ".json": out.Bytes(), l.Case.Name + ".err": errs.Bytes()} {
			if err := os.WriteFile(filepath.Join(keep, name), data, 0o644); err != nil {
				t.Error(err)
			}
		}
		if b, err := os.ReadFile(evidence); err == nil {
			os.WriteFile(filepath.Join(keep, l.Case.Name+".evidence.json"), b, 0o644)
		}
	}
	return r, took
}

// A row of the table that make test prints.
type row struct {
	name, wanted, named string
	confidence          lab.Confidence
	took                time.Duration
	right               bool
	problem             string
}

// A table collects rows of tests that run side by side.
type table struct {
	mu   sync.Mutex
	rows map[string]row
}

func (tb *table) add(r row) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if tb.rows == nil {
		tb.rows = make(map[string]row)
	}
	tb.rows[r.name] = r
}

// write prints the table in the order of the cases.
func (tb *table) write(t *testing.T, title string, cases []Case) (right, all int) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%-38s %-38s %-38s %-10s %6s\n", "case", "wanted", "named", "confidence", "time")
	for _, c := range cases {
		r, ok := tb.rows[c.Name]
		if !ok {
			continue
		}
		all++
		mark := ""
		if r.right {
			right++
		}
		if r.problem != "" {
			mark = "  <-- " + r.problem
		}
		fmt.Fprintf(&text, "%-38s %-38s %-38s %-10s %5.1fs%s\n", r.name, r.wanted, r.named, r.confidence, r.took.Seconds(), mark)
	}
	fmt.Fprintf(&text, "%d of %d right at first place\n", right, all)
	t.Log("\n" + text.String())
	if dir := os.Getenv("SMTPTRIAGE_SUMMARY"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, title), []byte(text.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
	return right, all
}
