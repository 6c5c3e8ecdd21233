package realserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/require"
)

var healthy = []string{"postfix-healthy", "exim-healthy", "opensmtpd-healthy"}

// processesOf lists the processes whose command line, working directory or log is in dir.
func processesOf(t *testing.T, dir string) (found []string) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes {
		cmdline, _ := os.ReadFile(p + "/cmdline") // errors: it has ended since
		cwd, _ := os.Readlink(p + "/cwd")
		output, _ := os.Readlink(p + "/fd/1")
		if bytes.Contains(cmdline, []byte(dir)) || strings.HasPrefix(cwd, dir) || strings.HasPrefix(output, dir) {
			found = append(found, p+" "+string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// eventually polls until ok, for some seconds.
func eventually(ok func() bool) bool {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

func TestStopEndsEveryProcess(t *testing.T) {
	for _, name := range healthy {
		t.Run(name, func(t *testing.T) {
			c, _ := Find(name)
			s := Start(t, c)
			if len(processesOf(t, s.dir)) == 0 {
				t.Fatal("found no process of a running server")
			}
			s.Stop()
			s.Stop()
			if left := processesOf(t, s.dir); !eventually(func() bool { left = processesOf(t, s.dir); return len(left) == 0 }) {
				t.Errorf("still there: %q", left)
			}
			if listening, err := isListening(s.Host, s.Port); err != nil || listening {
				t.Errorf("listening = %v, %v, want false", listening, err)
			}
		})
	}
}

// abandonEnv holds what TestAbandoned, run as a program of its own, starts and leaves running.
const abandonEnv = "SMTPTRIAGE_TEST_ABANDON"

// TestAbandoned checks that servers go with a test program that ends without stopping them, as one that timed out does.
func TestAbandoned(t *testing.T) {
	if name, dir, ok := strings.Cut(os.Getenv(abandonEnv), " "); ok {
		c, _ := Find(name)
		s, err := Launch(t.Context(), dir, c)
		if missing := (*MissingError)(nil); errors.As(err, &missing) {
			require.Missing(t, "%v", missing)
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("listening on %s\n", s.Addr)
		io.Copy(io.Discard, os.Stdin) // until the test has seen it
		os.Exit(0)
	}
	for _, name := range healthy {
		t.Run(name, func(t *testing.T) {
			c, _ := Find(name)
			Start(t, c).Stop() // ends the test where it cannot run
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^TestAbandoned$")
			cmd.Env = append(os.Environ(), abandonEnv+"="+name+" "+dir)
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
				t.Fatal(err)
			}
			var stdout bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stdout
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running := eventually(func() bool { return len(processesOf(t, dir)) > 1 })
			stdin.Close()
			if err := cmd.Wait(); err != nil || !running {
				t.Fatalf("the program that starts a server: %v, server seen: %v\n%s", err, running, stdout.Bytes())
			}
			if left := processesOf(t, dir); !eventually(func() bool { left = processesOf(t, dir); return len(left) == 0 }) {
				t.Errorf("still there: %q", left)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
	}
	c, _ := Find("exim-healthy")
	_, err := Launch(t.Context(), t.TempDir(), c)
	if missing := (*MissingError)(nil); !errors.As(err, &missing) {
		t.Errorf("Launch = %v, want a MissingError", err)
	}
}
