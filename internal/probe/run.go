package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A run is the state of one Prober.Run: its traces, its experiments, and what it may still open.
type run struct {
	p       *Prober
	target  evidence.Target
	started time.Time
	scrub   *evidence.Scrubber
	wake    chan struct{} // something happened that a planner may want to hear of
	observe sync.Mutex
	blocked chan struct{} // closed when a connection does not come about
	block   func()        // closes it

	mu        sync.Mutex
	host      *evidence.Host // nil: not known yet
	groups    []*group       // asked, controls, experiments: in the order they were asked for
	contacted []string
	opened    int // connections, in all
	servers   map[string]chan struct{}
	resolved  map[string]*resolution
}

// A group is one door or experiment and its traces. Numbering traces by group keeps their names the same from run to
// run, though groups go on side by side.
type group struct {
	run    *run
	name   string // prefix of trace ids
	role   evidence.Role
	traces []*journal
	result *evidence.Run // of an experiment
	over   bool
}

func newRun(p *Prober, target evidence.Target) *run {
	blocked := make(chan struct{})
	return &run{
		p: p, target: target, started: time.Now(),
		blocked: blocked, block: sync.OnceFunc(func() { close(blocked) }),
		scrub:    new(evidence.Scrubber),
		wake:     make(chan struct{}, 1),
		servers:  map[string]chan struct{}{},
		resolved: map[string]*resolution{},
	}
}

// group adds a group. Experiments bring their Run.
func (r *run) group(name string, role evidence.Role, result *evidence.Run) *group {
	g := &group{run: r, name: name, role: role, result: result}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.groups = append(r.groups, g)
	return g
}

// trace starts a trace in the group. An empty role means the group's own.
func (g *group) trace(t evidence.Trace) *journal {
	r := g.run
	r.mu.Lock()
	defer r.mu.Unlock()
	t.ID = fmt.Sprintf("%s%d", g.name, len(g.traces)+1)
	if t.Role == "" {
		t.Role = g.role
	}
	t.Start, t.Sees = time.Now(), evidence.SeesAll
	j := &journal{rec: evidence.NewRecorder(t, r.scrub), start: t.Start, observe: r.observer()}
	g.traces = append(g.traces, j)
	return j
}

// finish marks the group as done, so that planners see it.
func (g *group) finish() {
	g.run.mu.Lock()
	g.over = true
	g.run.mu.Unlock()
}

func (r *run) observer() func(evidence.Trace, evidence.Event) {
	if r.p.Observe == nil {
		return nil
	}
	return func(t evidence.Trace, e evidence.Event) {
		r.observe.Lock()
		defer r.observe.Unlock()
		r.p.Observe(t, e)
	}
}

// poke has the planner asked soon.
func (r *run) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// contact notes a host:port that something was sent to.
func (r *run) contact(hostport string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.contacted, hostport) {
		r.contacted = append(r.contacted, hostport)
	}
}

// snapshot is what was seen so far. Experiments that still go on are left out: half of a result misleads. The walks are
// in it, so that a long silence can be judged while it lasts.
func (r *run) snapshot() *evidence.Record { return r.collect(false) }

// record is all that was seen.
func (r *run) record(ctx context.Context) *evidence.Record {
	rec := r.collect(true)
	switch why(ctx) {
	case "budget":
		rec.Interrupted = fmt.Sprintf("the time of the run, %v, was over", rec.Took.Round(time.Second))
	case "interrupt":
		rec.Interrupted = evidence.ByUser
	}
	return rec
}

func (r *run) collect(all bool) *evidence.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := &evidence.Record{
		Schema: evidence.Schema, Tool: r.p.Tool, Source: evidence.FromCheck,
		Started: r.started, Took: time.Since(r.started), Target: r.target, Host: r.host,
		Contacted: slices.Clone(r.contacted),
	}
	for _, g := range r.groups {
		if !all && !g.over && g.result != nil {
			continue
		}
		for _, j := range g.traces {
			rec.Traces = append(rec.Traces, j.rec.Snapshot())
		}
		if g.result != nil {
			rec.Runs = append(rec.Runs, *g.result)
		}
	}
	return rec
}

// errLimit says which limit of the run is reached.
type errLimit string

func (e errLimit) Error() string { return string(e) }

// open waits for its turn to connect to a server, and takes one of the run's connections. The caller calls release when
// the connection is closed.
func (r *run) open(ctx context.Context, server string) (release func(), err error) {
	r.mu.Lock()
	turns := r.servers[server]
	if turns == nil {
		turns = make(chan struct{}, MaxPerServer)
		r.servers[server] = turns
	}
	r.mu.Unlock()
	select {
	case turns <- struct{}{}:
	case <-ctx.Done():
		return nil, errLimit("no time was left for it")
	}
	release = func() { <-turns }
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened >= MaxConnections {
		release()
		return nil, errLimit(fmt.Sprintf("the run has opened its %d connections", MaxConnections))
	}
	r.opened++
	return release, nil
}
