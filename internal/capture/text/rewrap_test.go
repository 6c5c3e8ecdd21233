package text_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// wrap breaks lines at blanks, so that none is longer than the width if it has one.
func wrap(s string, width int) string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		line := ""
		for _, word := range strings.Fields(l) {
			switch {
			case line == "":
				line = word
			case len(line)+1+len(word) > width:
				out, line = append(out, line), word
			default:
				line += " " + word
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// TestWrapped wraps texts of one line as mail programs do: they say the same then.
func TestWrapped(t *testing.T) {
	for _, width := range []int{72, 76, 80} {
		n, same := 0, 0
		for _, c := range readLabelled(t, filepath.Join("testdata", "own.jsonl")) {
			wrapped := wrap(c.Text, width)
			if strings.Contains(c.Text, "\n") || wrapped == c.Text {
				continue
			}
			_, whole := judge(t, c.Text)
			_, d := judge(t, wrapped)
			if n++; d.Verdict.Cause == whole.Verdict.Cause && d.Verdict.Step == whole.Verdict.Step {
				same++
				continue
			}
			t.Logf("width %d, %s: %s/%s, whole %s/%s", width, c.ID, d.Verdict.Step, d.Verdict.Cause, whole.Verdict.Step, whole.Verdict.Cause)
		}
		if n < 100 || same*100 < n*97 {
			t.Errorf("width %d: %d of %d wrapped texts are judged as before", width, same, n)
		}
	}
}
