package text_test

import (
	"encoding/json"
	"html"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// eachLine puts something before every line.
func eachLine(before string) func(string) string {
	return func(s string) string { return before + strings.ReplaceAll(s, "\n", "\n"+before) }
}

// TestPacked reads the labelled texts as they come when people and programs have handled them. Nothing of that may change
// the verdict of more than a few.
func TestPacked(t *testing.T) {
	cases := append(readLabelled(t, filepath.Join("testdata", "own.jsonl")), readLabelled(t, filepath.Join("testdata", "licensed.jsonl"))...)
	for _, tt := range []struct {
		name  string
		pack  func(string) string
		least float64 // per cent that keep a right cause and step
	}{
		{"words around", func(s string) string {
			return "Hello,\n\nsince yesterday our copier on the second floor can't scan any more. We see this:\n\n" + s + "\n\nIt worked for 3 years. Any idea?\nThanks"
		}, 95},
		{"CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") + "\r\n" }, 97},
		{"quoted mail", eachLine("> "), 96},
		{"indented", eachLine("    "), 96},
		{"container log", eachLine("mail-1  | "), 96},
		{"log with level", eachLine("2026-11-20T09:00:00.123Z INFO "), 95},
		{"code fence", func(s string) string { return "```\n" + s + "\n```" }, 97},
		{"JSON", func(s string) string {
			b, _ := json.Marshal(map[string]any{"level": "error", "msg": s, "time": 1700000000})
			return string(b)
		}, 95},
		{"HTML", func(s string) string {
			return "<html><body><div>\n<p>" + strings.ReplaceAll(html.EscapeString(s), "\n", "<br>\n") + "</p></div></body></html>"
		}, 90},
	} {
		t.Run(tt.name, func(t *testing.T) {
			right := 0
			for _, c := range cases {
				_, d := judge(t, tt.pack(c.Text))
				cause, step := string(d.Verdict.Cause), string(d.Verdict.Step)
				if (cause == c.Cause || slices.Contains(c.Causes, cause)) && (step == c.Step || slices.Contains(c.Steps, step)) {
					right++
				} else {
					t.Logf("%-45s got %s/%s, want %s/%s", c.ID, step, cause, c.Step, c.Cause)
				}
			}
			got := 100 * float64(right) / float64(len(cases))
			t.Logf("%.1f %% of %d", got, len(cases))
			if got < tt.least {
				t.Errorf("%.1f %% keep their verdict, want %.0f", got, tt.least)
			}
		})
	}
}
