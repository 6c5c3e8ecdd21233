package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// buildProgram builds the program as it is released: without the race detector, whose memory and time are not its own.
func buildProgram(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "smtptriage.exe") // the suffix does no harm where it means nothing
	cmd := exec.Command("go", "build", "-o", file, "github.com/smtptriage/smtptriage/cmd/smtptriage")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return file
}
