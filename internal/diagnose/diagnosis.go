// Package diagnose judges a record: which step failed first, what the cause is, how sure that is and why, and which
// experiments would make it surer. It does no I/O and reads no clock: the same record gives the same diagnosis.
package diagnose

import (
	"net/netip"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// Confidence says how firmly the evidence supports a cause.
type Confidence string

const (
	Possible Confidence = "possible" // it fits, and others do too
	Likely   Confidence = "likely"   // the evidence fits it clearly better than any other
	Proven   Confidence = "proven"   // an experiment, or the far end's own words, leaves one cause standing
)

// rank orders confidences; 0 is none.
func (c Confidence) rank() int {
	switch c {
	case Proven:
		return 3
	case Likely:
		return 2
	case Possible:
		return 1
	}
	return 0
}

// A Ground is one reason for a finding, and the event it rests on.
type Ground struct {
	Text  string `json:"text"`
	Trace string `json:"trace,omitempty"` // ID of the trace; "" for a fact about the run itself
	Event int    `json:"event"`           // index in the trace; -1 with no trace
}

// A Finding is a cause that the evidence supports.
type Finding struct {
	Step       cause.Step `json:"step"` // where it was met
	Cause      cause.ID   `json:"cause"`
	Confidence Confidence `json:"confidence"`
	Summary    string     `json:"summary"` // one sentence
	Because    []Ground   `json:"because"`
	Actions    []string   `json:"actions"` // what to do, the most likely to help first
	Links      []string   `json:"links,omitempty"`
}

// A Status is what became of a step.
type Status string

const (
	Pass       Status = "pass"
	Warn       Status = "warn" // it works, in a way that a common device would stumble over
	Fail       Status = "fail"
	NotReached Status = "not-reached" // a step before it failed
	Skipped    Status = "skipped"     // it was not asked for, or does not apply
	NotSeen    Status = "not-seen"    // the observer could not tell
)

// A StepResult is one step of a path.
type StepResult struct {
	Number int           `json:"number,omitempty"` // 1 to 8; 0 for auth
	Step   cause.Step    `json:"step"`
	Status Status        `json:"status"`
	Detail string        `json:"detail"` // what was seen, for a person
	At     time.Duration `json:"-"`      // since the trace's start, when the step was complete
	Took   time.Duration `json:"-"`
	Trace  string        `json:"-"` // where it was seen; "" if nowhere
	Event  int           `json:"-"`
}

// A Path is one door, and how far a conversation with it came.
type Path struct {
	Role     evidence.Role
	Via      evidence.Via
	Host     string
	Port     int
	Address  netip.AddrPort // the one that was walked; zero if none could be
	Steps    []StepResult   // all nine, in tree order
	Verdict  Finding
	Findings []Finding // ranked, the verdict first
	Traces   []string
	Provider string
}

// A PatternMatch is a cross-path pattern that the paths show.
type PatternMatch struct {
	ID      cause.PatternID `json:"id"`
	Title   string          `json:"title"`
	Meaning string          `json:"meaning"`
	Because []Ground        `json:"because"`
}

// A Code is a reply code that refused something, for the artefacts.
type Code struct {
	Step  cause.Step  `json:"step"`
	Reply *smtp.Reply `json:"-"`
	Text  string      `json:"text"` // code, enhanced status and words
	Trace string      `json:"trace"`
	Event int         `json:"event"`
}

// A Diagnosis is the judgement on a record.
type Diagnosis struct {
	Provider   string
	Verdict    Finding   // of the path asked about
	Findings   []Finding // ranked, the verdict first
	Paths      []Path    // the path asked about first
	Patterns   []PatternMatch
	Guidance   []string
	CannotKnow []string
	Results    []string   // one sentence for each of the record's runs: what it showed
	PublicIP   netip.Addr // as a server saw us; zero if none said
	Codes      []Code
	PathMTU    *PathMTU // nil: not measured

	Recommended provider.DoorKind // the door that this site should use, as far as was measured; "": nothing can be said
}

// PathMTU is the largest IP packet that was seen to pass each way. 0: not measured.
type PathMTU struct {
	ToServer   int    `json:"to_server,omitempty"`
	FromServer int    `json:"from_server,omitempty"`
	Interface  int    `json:"interface,omitempty"`
	Method     string `json:"method,omitempty"`
}

// ExitStatus is the status of the contract: 0 every step asked for passed, 1 a step failed and a cause is named,
// 3 undetermined.
func (d *Diagnosis) ExitStatus() int {
	switch d.Verdict.Cause {
	case cause.Accepted, cause.AcceptedNotProven:
		return 0
	case cause.Undetermined:
		return 3
	}
	return 1
}
