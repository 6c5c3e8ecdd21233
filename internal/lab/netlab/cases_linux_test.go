package netlab

import (
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

const (
	caseLimit   = 20 * time.Second
	silentLimit = 15 * time.Second // for a silent drop
	nobody      = 65534
)

// knownMisses are cases whose verdict is not the wanted one, each with the reason.
var knownMisses = map[string]string{}

func TestCases(t *testing.T) {
	runCases(t, "netlab: the network's faults, and what check calls them", Cases(), 0)
}

// TestAsNobody runs one case of each cause, and every healthy one, as a user without any right.
func TestAsNobody(t *testing.T) {
	require.Program(t, "setpriv")
	var cases []Case
	have := make(map[string]bool)
	for _, c := range Cases() {
		if cause := string(c.Want.Cause); (!have[cause] || c.Healthy()) && !c.Slow {
			have[cause] = true
			cases = append(cases, c)
		}
	}
	runCases(t, "netlab: the same as a user without rights", cases, nobody)
}

// runCases runs check in the lab of every case, and holds its verdicts against the wanted ones.
func runCases(t *testing.T, title string, cases []Case, uid int) {
	t.Helper()
	file := needProgram(t)
	var tb table
	t.Run("cases", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				l := start(t, c)
				r, took := check(t, l, file, uid)
				judged := judge(c, r, took)
				tb.add(judged)
				for _, b := range r.Verdict.Because {
					t.Log(b.Text)
				}
				if judged.problem != "" && knownMisses[c.Name] == "" {
					t.Logf("%s: %s: wanted %s, got %s (%s) after %v: %s", c.Name, judged.problem, judged.wanted, judged.named, judged.confidence, took, r.Verdict.Summary)
				}
			})
		}
	})
	right, all := tb.write(t, title, cases)
	if right*100 < all*95 {
		t.Errorf("%d of %d right at first place, want 95%%", right, all)
	}
	for _, r := range tb.rows {
		if r.problem != "" && knownMisses[r.name] == "" {
			t.Errorf("%s: %s: wanted %s, named %s (%s)", r.name, r.problem, r.wanted, r.named, r.confidence)
		}
	}
}

// judge holds a report against what the case wants.
func judge(c Case, r report, took time.Duration) row {
	out := row{name: c.Name, wanted: c.Want.Verdict.String(), named: r.verdict(), confidence: r.Verdict.Confidence, took: took}
	var v lab.Verdict
	v.Step = r.Verdict.Step
	if err := v.Cause.UnmarshalText([]byte(r.Verdict.Cause)); err != nil {
		out.problem = err.Error()
		return out
	}
	out.right = c.Want.Accepts(v)
	limit := caseLimit
	if c.SilentDrop {
		limit = silentLimit
	}
	switch {
	case !out.right && c.Healthy():
		out.problem = "a healthy network is blamed"
	case !out.right && r.Verdict.Confidence == lab.Proven:
		out.problem = "a wrong cause is called proven"
	case !out.right:
		out.problem = "wrong"
	case r.Verdict.Confidence != "" && !c.Want.AcceptsConfidence(r.Verdict.Confidence):
		out.problem = "the right cause, called " + string(r.Verdict.Confidence)
	case !c.Slow && took > limit:
		out.problem = "late"
	}
	return out
}
