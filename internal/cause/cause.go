// Package cause holds what the program can name: the steps of an SMTP conversation in the order of the
// decision tree, the causes that are met at each, what people are told about each cause, and the tree itself.
//
// It knows nothing of evidence or of how a cause is told apart: that is package diagnose.
package cause

import (
	"fmt"
	"slices"
)

// A Step is one step of the decision tree. The zero value is no step.
type Step string

// The steps, in tree order. Auth stands between steps 5 and 6 and has no number of its own.
const (
	Connect       Step = "connect"
	Banner        Step = "banner"
	EHLO          Step = "ehlo"
	StartTLSOffer Step = "starttls-offer"
	StartTLS      Step = "starttls"
	Auth          Step = "auth"
	Mail          Step = "mail"
	Rcpt          Step = "rcpt"
	Data          Step = "data"
	None          Step = "none" // of a verdict: no step failed
)

// Steps are the nine steps that a conversation can fail at, in tree order.
var Steps = []Step{Connect, Banner, EHLO, StartTLSOffer, StartTLS, Auth, Mail, Rcpt, Data}

// Index is the place of s in Steps, or -1 for None and unknown steps.
func (s Step) Index() int { return slices.Index(Steps, s) }

// Before reports whether s comes before t in the tree. None comes after every step.
func (s Step) Before(t Step) bool {
	i, j := s.Index(), t.Index()
	if i < 0 {
		return false
	}
	return j < 0 || i < j
}

// An ID names a cause: lower case with hyphens, stable across versions.
type ID string

// A Cause is one entry of the catalogue.
type Cause struct {
	ID      ID
	Step    Step   // where it is usually met; a verdict names the step where it was met
	Doc     bool   // whether the decision tree's own document lists it
	Meaning string // one line
}

// All lists every cause in tree order. The slice is the caller's.
func All() []Cause { return slices.Clone(catalogue) }

// Find looks a cause up by its id.
func Find(id ID) (Cause, bool) {
	i := slices.IndexFunc(catalogue, func(c Cause) bool { return c.ID == id })
	if i < 0 {
		return Cause{}, false
	}
	return catalogue[i], true
}

// UnmarshalText accepts only ids of the catalogue, so that a record or a case cannot name a cause that does not exist.
func (id *ID) UnmarshalText(b []byte) error {
	if _, ok := Find(ID(b)); !ok {
		return fmt.Errorf("no cause named %q", b)
	}
	*id = ID(b)
	return nil
}
