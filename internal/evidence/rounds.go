package evidence

import (
	"fmt"
	"slices"
	"time"
)

// A Round is one run of a check that was made again and again. Its traces and experiments are the next ones, in order, of the
// record that holds it; their ids begin with "r", the round's number and a dot.
type Round struct {
	Started     time.Time     `json:"started"`
	Took        time.Duration `json:"took_ns"`
	Target      Target        `json:"target"` // as this round found it: its doors come from DNS
	Traces      int           `json:"traces"`
	Experiments int           `json:"experiments,omitempty"`
	Interrupted string        `json:"interrupted,omitempty"`
	Contacted   []string      `json:"contacted,omitempty"`
}

// Join makes one record of the rounds of a check. One round alone stays as it is.
func Join(rounds []*Record) *Record {
	if len(rounds) == 1 {
		return rounds[0]
	}
	first := rounds[0]
	out := &Record{Schema: first.Schema, Tool: first.Tool, Source: first.Source, Started: first.Started, Target: first.Target, Host: first.Host}
	for i, r := range rounds {
		prefix := fmt.Sprintf("r%d.", i+1)
		out.Rounds = append(out.Rounds, Round{r.Started, r.Took, r.Target, len(r.Traces), len(r.Runs), r.Interrupted, r.Contacted})
		out.Took = max(out.Took, r.Started.Add(r.Took).Sub(first.Started))
		out.Interrupted = r.Interrupted
		for _, t := range r.Traces {
			t.ID = prefix + t.ID
			out.Traces = append(out.Traces, t)
		}
		for _, run := range r.Runs {
			run.Traces = slices.Clone(run.Traces)
			for k := range run.Traces {
				run.Traces[k] = prefix + run.Traces[k]
			}
			out.Runs = append(out.Runs, run)
		}
		for _, c := range r.Contacted {
			if !slices.Contains(out.Contacted, c) {
				out.Contacted = append(out.Contacted, c)
			}
		}
	}
	return out
}

// Split returns the rounds of a record as records of their own, which keep the ids that they have in it. A record without rounds
// is its own only one.
func (r *Record) Split() []*Record {
	if len(r.Rounds) == 0 {
		return []*Record{r}
	}
	var out []*Record
	traces, runs := r.Traces, r.Runs
	for _, round := range r.Rounds {
		one := &Record{Schema: r.Schema, Tool: r.Tool, Source: r.Source, Started: round.Started, Took: round.Took, Target: round.Target, Host: r.Host,
			Traces: traces[:round.Traces], Runs: runs[:round.Experiments], Interrupted: round.Interrupted, Contacted: round.Contacted}
		traces, runs = traces[round.Traces:], runs[round.Experiments:]
		out = append(out, one)
	}
	return out
}

// checkRounds makes sure that Split can do its work.
func (r *Record) checkRounds() error {
	if len(r.Rounds) == 0 {
		return nil
	}
	traces, runs := 0, 0
	for i, round := range r.Rounds {
		if round.Traces < 0 || round.Experiments < 0 || round.Traces > len(r.Traces) || round.Experiments > len(r.Runs) {
			return fmt.Errorf("round %d: %d traces and %d experiments", i+1, round.Traces, round.Experiments)
		}
		traces, runs = traces+round.Traces, runs+round.Experiments
	}
	if traces != len(r.Traces) || runs != len(r.Runs) {
		return fmt.Errorf("its rounds have %d traces and %d experiments, and it has %d and %d", traces, runs, len(r.Traces), len(r.Runs))
	}
	return nil
}
