package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// peak is the greatest resident set of a process that has ended. The kernel's figure counts what the process was before
// it became the program: a copy of this one. Where it is not above our own, what was seen meanwhile must do.
func peak(s *os.ProcessState, watched int64) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return watched
	}
	if reported := usage.Maxrss << 10; reported > residentPeak(os.Getpid()) {
		return reported
	}
	return watched
}

// watchPeak looks at the greatest resident set of a process again and again until the function it returns is called,
// which tells the last figure seen.
func watchPeak(pid int) func() int64 {
	const often = time.Millisecond
	stop, seen := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(often)
		defer tick.Stop()
		var last int64
		for {
			last = max(last, residentPeak(pid))
			select {
			case <-tick.C:
			case <-stop:
				seen <- last
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-seen
	}
}

// residentPeak is VmHWM of proc_pid_status(5), or 0.
func residentPeak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(status), "\nVmHWM:")
	if !ok {
		return 0
	}
	line, _, _ := strings.Cut(rest, "\n")
	kilobytes, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}
