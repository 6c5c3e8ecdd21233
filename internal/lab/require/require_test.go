package require

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// ended records how a test would have ended.
type ended struct {
	testing.TB
	how, why string
}

func (e *ended) Helper() {}
func (e *ended) Skipf(format string, args ...any) {
	e.how, e.why = "skipped", fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (e *ended) Fatalf(format string, args ...any) {
	e.how, e.why = "failed", fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// run calls f as the testing package would, in a goroutine that Skipf and Fatalf end.
func run(t *testing.T, f func(testing.TB)) *ended {
	e := &ended{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(e)
	}()
	<-done
	return e
}

func TestProgram(t *testing.T) {
	const absent = "smtptriage-no-such-program"
	for _, test := range []struct {
		name, everything, program, how string
	}{
		{"absent program skips", "", absent, "skipped"},
		{"absent program fails when everything is required", "1", absent, "failed"},
		{"program that is there", "1", "go", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(Everything, test.everything)
			var path string
			got := run(t, func(tb testing.TB) { path = Program(tb, test.program) })
			if got.how != test.how {
				t.Fatalf("test ended %q (%s), want %q", got.how, got.why, test.how)
			}
			if test.how == "" && path == "" {
				t.Fatal("no path for a program that is there")
			}
			if test.how != "" && !strings.Contains(got.why, test.program) {
				t.Errorf("reason %q does not name the program", got.why)
			}
		})
	}
}
