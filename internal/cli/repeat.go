package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/report"
)

// The bounds of a repeated check. They keep it polite to the server, and its evidence small enough to be read again.
const (
	maxRuns  = 500
	minPause = time.Second // from the end of a run to the start of the next
	maxEvery = 24 * time.Hour
)

// A repetition is how a check is made again and again.
type repetition struct {
	times int           // 0: until Ctrl-C
	every time.Duration // from start to start; 0: as soon as politeness allows
}

func (r *repetition) addFlags(f *pflag.FlagSet) {
	f.IntVar(&r.times, "repeat", 0, fmt.Sprintf("check `N` times, up to %d, taking the addresses in turn: tells a steady fault from one that comes and goes", maxRuns))
	f.DurationVar(&r.every, "every", 0, fmt.Sprintf("begin a run this often, such as 1m, at least %v after the one before has ended; without --repeat until Ctrl-C, or %d runs",
		minPause, maxRuns))
}

// asked reports whether the check is to be repeated at all. Once is not again.
func (r repetition) asked() bool { return r.times > 1 || r.times == 0 && r.every > 0 }

func (o *checkOptions) checkRepeat() error {
	r := o.repeat
	switch {
	case o.wrote("repeat") && (r.times < 1 || r.times > maxRuns):
		return fmt.Errorf("--repeat %d: use a number from 1 to %d", r.times, maxRuns)
	case o.wrote("every") && (r.every < minPause || r.every > maxEvery):
		return fmt.Errorf("--every %v: use a time from %v to %v", r.every, minPause, maxEvery)
	case r.times == 1 && r.every > 0:
		return errors.New("--repeat 1 and --every contradict each other: leave one out")
	case o.send && r.times == 0 && r.every > 0:
		return errors.New("--send with --every would send messages until Ctrl-C: say how many with --repeat")
	}
	return nil
}

// repeat makes the check again and again, and returns the record of all runs. It ends when ctx does, when the runs are done, or when
// going on could do harm.
func (a *app) repeat(ctx context.Context, j *job, r repetition) *evidence.Record {
	limit := r.times
	if limit == 0 {
		limit = maxRuns
	}
	watch := io.Discard
	if j.verbose || terminal(a.err) != nil {
		watch = a.err
	}
	var rounds []*evidence.Record
	for n := 1; n <= limit; n++ {
		began := time.Now()
		j.prober.Turn = n
		rec := a.run(ctx, j)
		rounds = append(rounds, rec)
		d := diagnose.Diagnose(rec)
		fmt.Fprint(watch, report.RunLine(n, &diagnose.JudgedRound{Record: rec, Diagnosis: d}))
		if n < limit && d.Verdict.Step == cause.Auth && d.ExitStatus() == 1 {
			// More of the same locks accounts, and hides the true cause behind the lock.
			fmt.Fprintf(a.err, "smtptriage: stopped after run %d: a sign-in that is refused is not repeated, as that can lock the account\n", n)
			break
		}
		if n == limit || !pause(ctx, max(minPause, r.every-time.Since(began))) {
			break
		}
	}
	return evidence.Join(rounds)
}

// pause waits, and reports whether it came to the end of it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// finishSeries is finish for a check that was repeated.
func (a *app) finishSeries(rec *evidence.Record, o *output) error {
	if o.redact {
		hidden, err := report.Redact(rec)
		if err != nil {
			return cannotRun{err}
		}
		rec = hidden
	}
	s := diagnose.DiagnoseSeries(rec)
	a.status = s.ExitStatus()
	o.series, o.whole = &s, rec
	shown, d := s.Shown()
	return o.write(a.out, shown, &d)
}
