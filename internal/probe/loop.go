package probe

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/probe/host"
)

// loop walks the doors and makes experiments until there is nothing more to do, or ctx ends.
func (r *run) loop(ctx context.Context, plan Planner) {
	walks := make(chan struct{})
	walkCtx, settle := context.WithCancelCause(ctx)
	defer settle(nil)
	go func() {
		defer close(walks)
		r.doors(walkCtx)
	}()
	quiet := time.NewTimer(walkPatience)
	defer quiet.Stop()
	experimentCtx, enough := context.WithCancelCause(ctx)
	defer enough(nil)
	l := &lab{run: r, turns: make(chan struct{}, MaxExperiments), made: map[string]bool{}}
	defer l.going.Wait()
	for walking := true; ; {
		select {
		case <-walks:
			walking, walks = false, nil
		case <-r.wake:
		case <-quiet.C:
		case <-ctx.Done():
			if walking {
				<-walks
			}
			return
		}
		// Looked at before the planner is asked: what ends after that may be news to it.
		idle := l.idle()
		wanted, started := l.consult(experimentCtx, plan)
		switch {
		case idle && started == 0 && !walking:
			return
		case idle && started == 0 && plan != nil:
			if left := r.patienceLeft(); left > 0 {
				quiet.Reset(left)
			} else {
				settle(errSettled)
			}
		case wanted == 0 && !idle: // nothing that still goes on would change the verdict
			if left := verdictTime - time.Since(r.started); left > 0 {
				quiet.Reset(left)
			} else {
				enough(errSettled)
			}
		}
	}
}

// doors walks the door asked about, and the controls beside it, while the facts of this machine are read.
func (r *run) doors(ctx context.Context) {
	var going, walking sync.WaitGroup
	walked := make(chan struct{})
	defer going.Wait()
	defer func() {
		walking.Wait()
		close(walked)
	}()
	walk := func(g *group, w evidence.Walk) {
		walking.Go(func() {
			defer r.poke()
			defer g.finish()
			r.walk(ctx, g, w)
		})
	}
	if r.target.Walk.TLS != evidence.NoTLS && r.p.Roots == nil {
		// Reading the system's roots takes longer than a handshake; they are kept once read. An error shows later.
		going.Go(func() { _, _ = x509.SystemCertPool() })
	}
	going.Go(func() { r.readHost(ctx, walked) })
	if r.target.Walk.Host == "" {
		return // a domain without a mail host
	}
	walk(r.group("t", evidence.RoleAsked, nil), r.target.Walk)
	for i, w := range r.target.Doors {
		walk(r.group(fmt.Sprintf("c%d.", i+1), evidence.RoleControl, nil), w)
	}
}

// readHost reads the facts of this machine. Its firewall is asked only if a connection does not come about, before all
// doors are walked.
func (r *run) readHost(ctx context.Context, walked <-chan struct{}) {
	facts := r.p.facts(ctx)
	r.know(facts)
	if facts == nil || r.p.Host != nil {
		return
	}
	select {
	case <-r.blocked:
	case <-walked:
	}
	select {
	case <-r.blocked:
		all := *facts // planners may be reading the other
		all.Firewall, all.FirewallRead = host.Firewall(ctx)
		r.know(&all)
	default:
	}
}

func (r *run) know(facts *evidence.Host) {
	r.mu.Lock()
	r.host = facts
	r.mu.Unlock()
	r.poke()
}

// A lab makes experiments: each once, a few at a time.
type lab struct {
	run   *run
	turns chan struct{}
	made  map[string]bool // by content
	going sync.WaitGroup

	mu    sync.Mutex
	count int // going on, or waiting for their turn
}

func (l *lab) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count == 0
}

func (l *lab) add(n int) {
	l.mu.Lock()
	l.count += n
	l.mu.Unlock()
}

// consult asks the planner, and starts what is new. It returns how much the planner wanted, and how much of that was new.
func (l *lab) consult(ctx context.Context, plan Planner) (wanted, started int) {
	if plan == nil {
		return 0, 0
	}
	all := plan(l.run.snapshot())
	for _, e := range all {
		if l.start(ctx, e) {
			started++
		}
	}
	return len(all), started
}

// start makes an experiment in its own time, unless it was made before. It is known by what it does, not by its name
// or grounds.
func (l *lab) start(ctx context.Context, e evidence.Experiment) bool {
	key := contentKey(e)
	if l.made[key] {
		return false
	}
	l.made[key] = true
	result := &evidence.Run{Experiment: e}
	g := l.run.group(fmt.Sprintf("e%d.", len(l.made)), evidence.RoleExperiment, result)
	l.add(1)
	l.going.Go(func() {
		l.make(ctx, g, result)
		l.add(-1)
		l.run.poke()
	})
	return true
}

func (l *lab) make(ctx context.Context, g *group, result *evidence.Run) {
	notPossible, began := waitFirst(ctx, result.After), time.Now()
	if notPossible == "" {
		notPossible = "no time was left for it"
		select {
		case l.turns <- struct{}{}:
			if began = time.Now(); ctx.Err() == nil {
				notPossible = l.run.experiment(ctx, g, result.Experiment)
			}
			<-l.turns
		case <-ctx.Done():
		}
	}
	if why(ctx) == "settled" && len(g.traces) == 0 {
		notPossible = "the verdict was clear without it"
	}
	r := l.run
	r.mu.Lock()
	defer r.mu.Unlock()
	result.At, result.Took = began.Sub(r.started), time.Since(began)
	result.NotPossible = notPossible
	for _, j := range g.traces {
		result.Traces = append(result.Traces, j.id())
	}
	g.over = true
}

// waitFirst waits as long as a server asked for, if the run has so much time. It returns why it could not, or "".
func waitFirst(ctx context.Context, wait time.Duration) (notPossible string) {
	if wait <= 0 {
		return ""
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
		return fmt.Sprintf("the wait that the server asks for, %v, is longer than what is left of the run; --max-time gives more", wait)
	}
	select {
	case <-time.After(wait):
		return ""
	case <-ctx.Done():
		return "no time was left for it"
	}
}

// contentKey is what an experiment does, as text: two that do the same have the same.
func contentKey(e evidence.Experiment) string {
	e.Name, e.Because, e.Tells, e.Slow = "", "", nil, false
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Sprintf("%+v", e) // no type in it fails to marshal; if one ever does, nothing is lost
	}
	return string(b)
}

// experiment makes one. It returns why that was not possible, or "".
func (r *run) experiment(ctx context.Context, g *group, e evidence.Experiment) string {
	switch {
	case e.Walk != nil:
		return r.walk(ctx, g, *e.Walk)
	case e.Lookup != nil:
		return r.ask(ctx, g, *e.Lookup)
	case len(e.Lookups) > 0:
		return r.askAll(ctx, g, e.Lookups)
	case e.SPF != nil:
		return r.spf(ctx, g, *e.SPF)
	case e.Hello != nil:
		return r.hellos(ctx, g, *e.Hello)
	case e.Path != nil:
		return r.path(ctx, g, *e.Path)
	}
	return "this version cannot do it"
}
