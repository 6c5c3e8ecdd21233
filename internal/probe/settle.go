package probe

import (
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// How long a walk may be silent when there is nothing left to try. The RFC's waits are minutes: a person who asks what is
// wrong gets the verdict sooner, and --timeout waits longer.
const (
	dialPatience = 10 * time.Second // four SYNs of Linux
	walkPatience = 15 * time.Second // longer than the greeting that common devices still wait for
	lookAgain    = time.Second      // at what is not to be cut short

	// verdictTime is when, from the start of a run, experiments are ended that the planner has no more use for. Until then
	// they may add to what is known, such as the largest packet that passes.
	verdictTime = 18 * time.Second
)

// patienceLeft is how long the walks that still go on may be silent from now on; zero or less ends them.
func (r *run) patienceLeft() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	least := time.Duration(0)
	walking := false
	for _, g := range r.groups {
		if g.over || g.result != nil {
			continue
		}
		walking = true
		if len(g.traces) == 0 {
			return lookAgain // it is only beginning
		}
		for _, j := range g.traces {
			if j.rec.Snapshot().Role == evidence.RoleLookup && len(g.traces) > 1 {
				continue // what it told is in use
			}
			least = max(least, patienceOf(j.rec.Snapshot(), j.now()))
		}
	}
	if !walking {
		return lookAgain // between two walks
	}
	return least
}

// patienceOf is that of one trace, which is so old.
func patienceOf(t evidence.Trace, age time.Duration) time.Duration {
	if t.Walk.Wait > 0 {
		return lookAgain // the user says how long
	}
	patience, last := dialPatience, time.Duration(0)
	if t.Role == evidence.RoleLookup {
		patience = walkPatience // resolvers give up by themselves, after 10 s and more
	}
	for _, e := range t.Events {
		last = e.At
		switch {
		case e.Ended != nil, e.Dialed != nil && e.Dialed.Outcome != evidence.Connected:
			return 0 // over
		case e.Dialed != nil:
			patience = walkPatience
		case e.Sent != nil && (e.Sent.Verb == "AUTH" || e.Sent.Verb == "MAIL"):
			return lookAgain // what takes long here is work: a front end asks others, or a message is on its way
		}
	}
	return patience - (age - last)
}
