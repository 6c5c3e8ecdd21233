package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/report"
)

// A watcher shows on standard error how a run goes: each event with -v, else a tree that grows, if that is a terminal.
type watcher interface {
	observe(evidence.Trace, evidence.Event)
	end()
}

func (a *app) watcher(j *job) watcher {
	f := terminal(a.err)
	switch {
	case j.verbose:
		return eventLines{a.err}
	case f == nil:
		return silent{}
	}
	o := layout(a.err)
	if !takesEscapes(f) || os.Getenv("TERM") == "dumb" {
		return silent{}
	}
	return &liveTree{w: a.err, layout: o, rec: evidence.Record{Source: evidence.FromCheck, Target: j.target}, now: time.Now}
}

// silent shows nothing.
type silent struct{}

func (silent) observe(evidence.Trace, evidence.Event) {}
func (silent) end()                                   {}

// eventLines prints every event as it happens, as the transcript has it.
type eventLines struct{ w io.Writer }

func (l eventLines) observe(t evidence.Trace, e evidence.Event) {
	fmt.Fprint(l.w, report.EventLines(t, e))
}
func (eventLines) end() {}

// redrawAfter is how long a drawing of the live tree stands at least: eyes are no faster.
const redrawAfter = 80 * time.Millisecond

// A liveTree draws the tree of the walk while it goes, over its own last drawing, and takes it away in the end: the report
// has it too.
type liveTree struct {
	w      io.Writer
	layout report.Options
	now    func() time.Time

	mu    sync.Mutex
	rec   evidence.Record
	drawn time.Time
	lines int // of the last drawing
}

func (l *liveTree) observe(t evidence.Trace, e evidence.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.Role != evidence.RoleAsked {
		return
	}
	l.add(t, e)
	if now := l.now(); now.Sub(l.drawn) >= redrawAfter {
		l.draw()
		l.drawn = now
	}
}

// add keeps the event in the tree's own record.
func (l *liveTree) add(t evidence.Trace, e evidence.Event) {
	if seen := l.rec.Trace(t.ID); seen != nil {
		seen.Address, seen.Local = t.Address, t.Local
		seen.Events = append(seen.Events, e)
		return
	}
	t.Events = []evidence.Event{e}
	l.rec.Traces = append(l.rec.Traces, t)
}

func (l *liveTree) draw() {
	d := diagnose.Diagnose(&l.rec)
	tree := report.Progress(&d, l.layout)
	l.erase()
	fmt.Fprint(l.w, tree)
	l.lines = strings.Count(tree, "\n")
}

// erase takes the last drawing away: up to its first line, then clear to the end of the screen (ECMA-48, CUU and ED).
func (l *liveTree) erase() {
	if l.lines > 0 {
		fmt.Fprintf(l.w, "\x1b[%dA\r\x1b[J", l.lines)
		l.lines = 0
	}
}

func (l *liveTree) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
}
