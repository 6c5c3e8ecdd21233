package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func mainOutput(t *testing.T, args ...string) string {
	t.Helper()
	var out, errOut bytes.Buffer
	if status := Main(t.Context(), args, strings.NewReader(""), &out, &errOut); status != 0 {
		t.Fatalf("%q: status %d: %s", args, status, &errOut)
	}
	return out.String()
}

// TestCompletionScripts has each shell that is there read its script.
func TestCompletionScripts(t *testing.T) {
	for _, tt := range []struct {
		shell, holds string
		check        []string // the command that reads a script without running it
	}{
		{"bash", "__start_smtptriage", []string{"bash", "-n"}},
		{"zsh", "#compdef smtptriage", []string{"zsh", "-n"}},
		{"fish", "complete -c smtptriage", []string{"fish", "--no-execute"}},
		{"powershell", "Register-ArgumentCompleter -CommandName 'smtptriage'", nil},
	} {
		t.Run(tt.shell, func(t *testing.T) {
			script := mainOutput(t, "completion", tt.shell)
			if !strings.Contains(script, tt.holds) {
				t.Errorf("the script has no %q", tt.holds)
			}
			if tt.check == nil {
				return
			}
			if _, err := exec.LookPath(tt.check[0]); err != nil {
				return // only the words were looked at
			}
			file := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(tt.check[0], append(tt.check[1:], file)...).CombinedOutput(); err != nil {
				t.Errorf("%s does not take it: %v\n%s", tt.shell, err, out)
			}
		})
	}
}

// TestCompletions asks as the scripts do.
func TestCompletions(t *testing.T) {
	for _, tt := range []struct {
		words []string
		want  string
	}{
		{[]string{"che"}, "check"},
		{[]string{"lab", "try", "ip-bl"}, "ip-blocklisted"},
		{[]string{"check", "--format", ""}, "json"},
		{[]string{"check", "--ca"}, "--ca-file"},
	} {
		out := mainOutput(t, append([]string{"__complete"}, tt.words...)...)
		if !strings.HasPrefix(out, tt.want) && !strings.Contains(out, "\n"+tt.want) {
			t.Errorf("%q: no %q in\n%s", tt.words, tt.want, out)
		}
	}
}
