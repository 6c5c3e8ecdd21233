// Package measure runs a program and says what it cost: time, processor and memory. Tests that promise a bound and
// benchmarks that compare programs both use it.
package measure

import (
	"os/exec"
	"time"
)

// A Cost is what one run of a program took.
type Cost struct {
	Wall time.Duration
	CPU  time.Duration // user and system time, of the program and of children it has waited for
	Peak int64         // octets of memory that were resident at the most; 0 where it can't be told
}

// Run starts cmd and waits for it. The error is that of cmd.Run; the cost of a program that failed is told too.
func Run(cmd *exec.Cmd) (Cost, error) {
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return Cost{}, err
	}
	watch := watchPeak(cmd.Process.Pid)
	err := cmd.Wait()
	c := Cost{Wall: time.Since(began)}
	watched := watch()
	if s := cmd.ProcessState; s != nil {
		c.CPU = s.UserTime() + s.SystemTime()
		c.Peak = peak(s, watched)
	}
	return c, err
}
