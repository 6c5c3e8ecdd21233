package cli

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
)

// A result is one row of the table that is printed for people.
type result struct {
	name, want, got string
	took            time.Duration
	ok              bool
}

// A table collects results of tests that run side by side.
type table struct {
	mu   sync.Mutex
	rows []result
}

func (tb *table) add(r result) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, r)
}

// print shows the table in the test's log, and leaves it where make test looks.
func (tb *table) print(t *testing.T, name string) {
	slices.SortFunc(tb.rows, func(a, b result) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "case\twanted\tnamed\ttime\t")
	right := 0
	for _, r := range tb.rows {
		verdict := "WRONG"
		if r.ok {
			verdict = "ok"
			right++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.2fs\t%s\n", r.name, r.want, r.got, r.took.Seconds(), verdict)
	}
	w.Flush()
	fmt.Fprintf(&b, "%d of %d right\n", right, len(tb.rows))
	t.Logf("%s\n%s", name, b.String())
	if dir := os.Getenv("SMTPTRIAGE_SUMMARY"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// waiting are cases whose verdict is not right yet: the table shows them as WRONG, and the test does not fail for them.
// Take a case off this list when it is right.
var waiting = []string{}

// sideBySide is how many cases are tried at a time. They wait more than they work.
const sideBySide = 16

// patience is the longest run: cases that end in silence would take all the time there is.
const patience = 45 * time.Second

// TestLabCases runs check against every case of the lab, the way "lab try" does, and compares the verdict.
func TestLabCases(t *testing.T) {
	cases := lab.Cases()
	records := make([]*evidence.Record, len(cases))
	turns := make(chan struct{}, sideBySide)
	var going sync.WaitGroup
	for i, c := range cases {
		going.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var err error
			if records[i], err = tryLabCase(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	going.Wait()
	tb := new(table)
	for i, c := range cases {
		if records[i] != nil {
			t.Run(c.Name, func(t *testing.T) { tb.add(judgeLabCase(t, c, records[i])) })
		}
	}
	tb.print(t, "lab cases")
}

func tryLabCase(ctx context.Context, c lab.Case) (*evidence.Record, error) {
	r, err := lab.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	defer r.Stop()
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	return a.tryCase(ctx, r, &checkOptions{maxTime: patience, output: output{format: "text"}})
}

func judgeLabCase(t *testing.T, c lab.Case, rec *evidence.Record) result {
	d := diagnose.Diagnose(rec)
	got := lab.Verdict{Step: d.Verdict.Step, Cause: d.Verdict.Cause}
	res := result{name: c.Name, want: c.Want.Verdict.String(), got: got.String() + " " + string(d.Verdict.Confidence), took: rec.Took}
	res.ok = c.Want.Accepts(got) && c.Want.AcceptsConfidence(lab.Confidence(d.Verdict.Confidence))
	if got == c.Want.Verdict { // the status wanted goes with it; an answer that is admitted beside it has its own
		res.ok = res.ok && d.ExitStatus() == c.Want.Exit
	}
	if !res.ok && !slices.Contains(waiting, c.Name) {
		t.Errorf("named %s, status %d; wanted %s (%s to %s), status %d\n%s", res.got, d.ExitStatus(), c.Want.Verdict,
			c.Want.AtLeast, c.Want.AtMost, c.Want.Exit, reportOf(t, rec))
	}
	if res.ok && slices.Contains(waiting, c.Name) {
		t.Logf("%s is right now: take it off the list", c.Name)
	}
	checkAgain(t, rec, &d)
	if !c.NeedsRedirect() {
		checkContacted(t, rec)
	}
	return res
}

// checkContacted makes sure that a test stays on this machine.
func checkContacted(t *testing.T, rec *evidence.Record) {
	t.Helper()
	for _, c := range rec.Contacted {
		if a, err := netip.ParseAddrPort(c); err != nil || !a.Addr().IsLoopback() {
			t.Errorf("it contacted %s", c)
		}
	}
}

// checkAgain makes sure that the saved record gives the same diagnosis, and that every ground leads to an event.
func checkAgain(t *testing.T, rec *evidence.Record, d *diagnose.Diagnosis) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "evidence.json")
	saved := reportAs(t, rec, &output{format: "json", evidence: file})
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	back, err := a.readInput(file)
	if err != nil {
		t.Fatal(err)
	}
	if again := reportAs(t, back, &output{format: "json"}); again != saved {
		t.Error("the saved evidence gives another report")
	}
	for format, text := range map[string]string{"text": reportOf(t, rec), "JSON": saved} {
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Errorf("the %s report holds a raw %q", format, []rune(text[i:])[0])
		}
	}
	for _, g := range d.Verdict.Because {
		if tr := rec.Trace(g.Trace); g.Trace != "" && (tr == nil || g.Event < 0 || g.Event >= len(tr.Events)) {
			t.Errorf("the ground %q leads to event %d of trace %q, which is not there", g.Text, g.Event, g.Trace)
		}
	}
	if len(d.Verdict.Because) == 0 {
		t.Error("the verdict has no grounds")
	}
}

func reportAs(t *testing.T, rec *evidence.Record, o *output) string {
	t.Helper()
	var b strings.Builder
	if err := o.open(); err != nil {
		t.Fatal(err)
	}
	a := &app{out: &b, err: io.Discard}
	if err := a.finish(rec, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func reportOf(t *testing.T, rec *evidence.Record) string {
	return reportAs(t, rec, &output{format: "text"})
}

// TestCtrlC: a run that is interrupted ends at once, and still reports what it has seen.
func TestCtrlC(t *testing.T) {
	c, ok := lab.Find("ip-blocklisted")
	if !ok {
		t.Fatal("no such case")
	}
	r, err := lab.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	rec, err := a.tryCase(ctx, r, &checkOptions{output: output{format: "text"}})
	if err != nil {
		t.Fatal(err)
	}
	d := diagnose.Diagnose(rec)
	if rec.Interrupted == "" || d.ExitStatus() != exitCannot {
		t.Errorf("interrupted %q, status %d, want 3", rec.Interrupted, d.ExitStatus())
	}
	if text := reportOf(t, rec); !strings.Contains(text, "the run ended before its work was done") {
		t.Errorf("the report does not say that the run was interrupted:\n%s", text)
	}
}
