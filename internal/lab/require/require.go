// Package require decides what becomes of a test on a machine that lacks what the test needs: it is skipped with the
// reason, or fails where everything must be there, as in CI.
package require

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// Everything is the environment variable under which what is missing fails the test instead of skipping it.
const Everything = "SMTPTRIAGE_REQUIRE"

// Missing ends the test because of what is said to be missing: skipped, or failed when Everything is set.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(Everything) != "" {
		t.Fatalf(format+" ("+Everything+" is set, so this is not skipped)", args...)
	}
	t.Skipf(format, args...)
}

// LinuxRoot ends the test unless it runs as root on Linux.
func LinuxRoot(t testing.TB) {
	t.Helper()
	if runtime.GOOS != "linux" {
		Missing(t, "needs Linux, this is %s", runtime.GOOS)
	}
	if os.Geteuid() != 0 {
		Missing(t, "needs root, this is user %d", os.Geteuid())
	}
}

// Program finds a program in PATH or in the folders of system programs, and ends the test when it is not there.
func Program(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	Missing(t, "needs the program %s: see make setup", name)
	return ""
}
