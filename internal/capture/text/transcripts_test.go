package text_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Transcripts that real programs wrote of conversations with the lab's servers, a file of the archive each. Its name says which
// case of the lab that was, how the program was run, and the verdict: step, cause, confidence.
func TestTranscripts(t *testing.T) {
	archives, err := filepath.Glob("testdata/transcripts/*.txtar")
	if err != nil || len(archives) < 7 {
		t.Fatalf("archives %q: %v", archives, err)
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
				if len(rec.Traces) != 1 {
					t.Errorf("%d conversations, want one", len(rec.Traces))
				}
			})
		}
	}
	if seen < 80 {
		t.Errorf("%d transcripts, want 80 at least", seen)
	}
}
