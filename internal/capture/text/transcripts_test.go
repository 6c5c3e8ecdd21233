package text_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Transcripts that real programs wrote of conversations with the lab's servers, a file of the archive each. Its name says which
// case of the lab that was, how the program was run, and the verdict: step, cause, confidence.
func TestTranscripts(t *testing.T) { archived(t, "transcripts", 80) }

// Logs and transcripts in the shapes of programs that the lab has not. Their names say how many conversations there are.
func TestLogs(t *testing.T) { archived(t, "logs", 40) }

// archived judges the texts of the archives in a folder of testdata, of which there are some at least.
func archived(t *testing.T, folder string, least int) {
	t.Helper()
	archives, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			what, want, ok := strings.Cut(f.Name, ": ")
			if !ok {
				t.Errorf("%s: %q names no verdict", name, f.Name)
			}
			seen++
			t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar")+"/"+what, func(t *testing.T) {
				rec, d := judge(t, string(f.Data))
				if got := strings.Join([]string{string(d.Verdict.Step), string(d.Verdict.Cause), string(d.Verdict.Confidence)}, " "); got != want {
					t.Errorf("got %s, want %s: %s\n%s", got, want, d.Verdict.Summary, strings.Join(facts(rec), "\n"))
				}
				conversations := 1
				if _, n, ok := strings.Cut(what, ", "); ok {
					fmt.Sscan(n, &conversations)
				}
				if len(rec.Traces) != conversations {
					t.Errorf("%d conversations, want %d", len(rec.Traces), conversations)
				}
			})
		}
	}
	if seen < least {
		t.Errorf("%d texts, want %d at least", seen, least)
	}
}
