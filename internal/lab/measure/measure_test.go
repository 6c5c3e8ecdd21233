package measure

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

const workEnv = "SMTPTRIAGE_TEST_WORK"

// work takes time and the processor when this test binary runs as a program of its own.
func work() {
	var p [1 << 16]byte
	for began := time.Now(); time.Since(began) < 100*time.Millisecond; {
		slices.Reverse(p[:])
	}
}

func TestRun(t *testing.T) {
	if os.Getenv(workEnv) != "" {
		work()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRun$")
	cmd.Env = append(os.Environ(), workEnv+"=1")
	c, err := Run(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if c.Wall < 100*time.Millisecond || c.CPU < 10*time.Millisecond {
		t.Errorf("it took %v, %v of the processor; want 100 ms or more, 10 ms or more", c.Wall, c.CPU)
	}
}

func TestRunOfNothing(t *testing.T) {
	if _, err := Run(exec.Command("/nonexistent/program")); err == nil {
		t.Error("no error for a program that is not there")
	}
}
