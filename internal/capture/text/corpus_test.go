package text_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/text"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A labelled is a text and what a careful reader concludes from it.
type labelled struct {
	ID     string   `json:"id"`
	Kind   string   `json:"kind"`
	Text   string   `json:"text"`
	Step   string   `json:"step"`
	Steps  []string `json:"also_steps"`
	Cause  string   `json:"cause"`
	Causes []string `json:"also_acceptable"`
	Client string   `json:"client"`
	Source string   `json:"source"`
	Note   string   `json:"note"`
}

func readLabelled(t testing.TB, name string) []labelled {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []labelled
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if strings.TrimSpace(sc.Text()) == "" {
			continue
		}
		var l labelled
		if err := json.Unmarshal(sc.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v: %s", name, err, sc.Text())
		}
		out = append(out, l)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func judge(t *testing.T, s string) (*evidence.Record, diagnose.Diagnosis) {
	t.Helper()
	rec, err := text.Read(strings.NewReader(s), text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return rec, diagnose.Diagnose(rec)
}

// score runs labelled texts, lists the misses, and holds the figures against the least that is accepted, in per cent.
func score(t *testing.T, cases []labelled, leastCause, leastStep float64) {
	t.Helper()
	best, right, steps, honest := 0, 0, 0, 0
	for _, c := range cases {
		_, d := judge(t, c.Text)
		v := d.Verdict
		got, step := string(v.Cause), string(v.Step)
		okCause := got == c.Cause || slices.Contains(c.Causes, got)
		okStep := step == c.Step || slices.Contains(c.Steps, step)
		if got == c.Cause {
			best++
		}
		if okCause {
			right++
		} else if got == "undetermined" {
			honest++
		}
		if okStep {
			steps++
		}
		if !okCause || !okStep {
			t.Logf("miss %-45s got %s/%s (%s), want %s/%s also %v %v", c.ID, step, got, v.Confidence, c.Step, c.Cause, c.Steps, c.Causes)
		}
		if !okCause && v.Confidence == diagnose.Proven {
			t.Errorf("%s: %s is called proven, and it is %s", c.ID, got, c.Cause)
		}
	}
	n := float64(len(cases))
	pc := func(k int) float64 { return 100 * float64(k) / n }
	t.Logf("%d texts: cause right %.1f %% (best label %.1f %%), step right %.1f %%; wrong %d, honestly undetermined %d",
		len(cases), pc(right), pc(best), pc(steps), len(cases)-right-honest, honest)
	if pc(right) < leastCause || pc(steps) < leastStep {
		t.Errorf("cause right %.1f %%, want %.0f; step right %.1f %%, want %.0f", pc(right), leastCause, pc(steps), leastStep)
	}
}

// TestCorpus runs the labelled texts of others, where they stand beside the project.
// TestLabelled runs the texts that stand beside this test. What is missed is listed.
func TestLabelled(t *testing.T) {
	for _, tt := range []struct {
		file                  string
		leastCause, leastStep float64
	}{
		{"own.jsonl", 97, 97},
		{"licensed.jsonl", 95, 95},
	} {
		t.Run(tt.file, func(t *testing.T) {
			score(t, readLabelled(t, filepath.Join("testdata", tt.file)), tt.leastCause, tt.leastStep)
		})
	}
}

func TestCorpus(t *testing.T) {
	name := os.Getenv("SMTPTRIAGE_CORPUS")
	if name == "" {
		name = filepath.Join("..", "..", "..", "..", "shared", "corpus", "cases.jsonl")
	}
	if _, err := os.Stat(name); err != nil {
		t.Skipf("the corpus of others is not here: %v", err)
	}
	score(t, readLabelled(t, name), 90, 95)
}
