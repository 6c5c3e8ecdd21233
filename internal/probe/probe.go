// Package probe is the client: it holds the conversation that a user asks about, and makes the experiments that
// diagnose asks for. All it sees goes into an evidence.Record; what it means is for others to say.
//
// Trouble on the wire is evidence, never a Go error. Nothing is sent that the Walk does not ask for.
//
// It follows RFC 5321 (SMTP), 3207 (STARTTLS), 8314 (implicit TLS), 4954 (AUTH), 2920 (PIPELINING), 1870 (SIZE) and
// 6531 (SMTPUTF8).
package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/probe/host"
)

// Limits of one run, so that it stays polite and small whatever it meets.
const (
	DefaultMaxTime  = 90 * time.Second // of the whole run
	MaxExperiments  = 8                // at a time
	MaxPerServer    = 3                // connections at a time to one host and port
	MaxConnections  = 40               // in one run
	SilenceToReport = 3 * time.Second  // after which a planner is asked, though the wait goes on
)

// A Planner says which experiments would tell more, judging by what was seen so far. The probe asks it again and again
// until it wants nothing new; an experiment asked for twice is made once.
type Planner func(*evidence.Record) []evidence.Experiment

// A Prober holds conversations and makes experiments. The zero value is ready to use.
type Prober struct {
	Tool      evidence.Tool
	Secret    func() string  // password or token for Walk.Auth; never recorded. nil: none
	Roots     *x509.CertPool // trusted beside the system's; nil: none
	RootsName string         // what reports call Roots; "": ca-file
	MaxTime   time.Duration  // for the whole run; 0: DefaultMaxTime
	Bind      string         // local address, or interface, to connect from; "": the system's choice
	Resolvers []string       // host:port of resolvers to ask in place of the system's; none: the system's
	Hostname  string         // of this machine, for EHLO; "": ask the system
	Turn      int            // of a repeated run, from 1: each turn walks to the next of a name's addresses; 0: in the resolver's order

	// Doors chooses the walks of a target that names a domain. nil: the target is walked as it stands.
	Doors DoorPlanner
	// Lookup resolves names as programs on this machine do. nil: net.Resolver.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
	// Dial opens a connection, and says how that went; the connection is nil if it failed. nil: the real one.
	Dial func(ctx context.Context, spec DialSpec) (net.Conn, evidence.Dialed)
	// Host reads what this machine says of its own network. nil: host.Facts and host.Firewall, or nothing where Dial is replaced, because
	// then it is not this machine that connects.
	Host func(context.Context) *evidence.Host
	// Observe gets each event as it happens, one at a time; the trace comes without its events. nil: nobody.
	Observe func(evidence.Trace, evidence.Event)
}

// Causes of contexts that end early.
var (
	errBudget  = errors.New("the time of the run is over")
	errSettled = errors.New("every experiment is made, and the walk is still silent")
)

// Run walks the target's door, and its other doors beside it, makes the experiments that plan asks for, and returns
// what was seen. It returns when all is done, when MaxTime is over, or as soon as ctx ends. A nil plan asks for nothing.
func (p *Prober) Run(ctx context.Context, target evidence.Target, plan Planner) *evidence.Record {
	limit := p.MaxTime
	if limit <= 0 {
		limit = DefaultMaxTime
	}
	r := newRun(p, target)
	ctx, cancel := context.WithDeadlineCause(ctx, r.started.Add(limit), errBudget)
	defer cancel()
	r.findDoors(ctx)
	r.loop(ctx, plan)
	return r.record(ctx)
}

// why names the reason that a context ended for: "budget", "settled", "interrupt", or "" if it has not.
func why(ctx context.Context) string {
	switch {
	case ctx.Err() == nil:
		return ""
	case errors.Is(context.Cause(ctx), errBudget):
		return "budget"
	case errors.Is(context.Cause(ctx), errSettled):
		return "settled"
	}
	return "interrupt"
}

// facts reads what this machine says of its own network, all but its firewall, or returns nil.
func (p *Prober) facts(ctx context.Context) *evidence.Host {
	switch {
	case p.Host != nil:
		return p.Host(ctx)
	case p.Dial != nil:
		return nil
	}
	return host.Facts(ctx)
}

// hostname is the name of this machine, as far as the system knows it.
func (p *Prober) hostname() string {
	if p.Hostname != "" {
		return p.Hostname
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}
