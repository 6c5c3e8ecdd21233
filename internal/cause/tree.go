package cause

import (
	"slices"
	"strconv"
)

// A Node is one step of the decision tree: what is tried, what should come back, and what to think and do if it does not.
type Node struct {
	Step         Step
	Number       int      // 1 to 8; 0 for Auth, which stands between 5 and 6
	Title        string   // a few words
	Tests        []string // what is done, in order
	Expected     []string // what a healthy server answers
	Also         []ID     // causes that belong to another step and are often met here too
	ToldApart    []string // which observation speaks for which cause
	CommonErrors []string // replies that are met often at this step
	Actions      []string // what a person can do, the likeliest help first
	Notes        []string // what else to know; may be empty
}

// Label is how the step is counted: "Step 3", and "Between 5 and 6" for Auth.
func (n Node) Label() string {
	if n.Number == 0 {
		return "Between 5 and 6"
	}
	return "Step " + strconv.Itoa(n.Number)
}

// Causes are the catalogue's causes of the step, in tree order.
func (n Node) Causes() []Cause { return causesOf(n.Step) }

// Nodes lists the nine steps of the tree in the order they are walked. The slice is the caller's.
func Nodes() []Node { return slices.Concat(pathNodes, mailNodes) }

// NodeOf finds the node of a step. None has no node.
func NodeOf(s Step) (Node, bool) {
	i := s.Index()
	switch {
	case i < 0:
		return Node{}, false
	case i < len(pathNodes):
		return pathNodes[i], true
	}
	return mailNodes[i-len(pathNodes)], true
}

// Outcomes are the verdicts of a walk in which no step failed.
func Outcomes() []Cause { return causesOf(None) }

func causesOf(s Step) []Cause {
	return slices.DeleteFunc(All(), func(c Cause) bool { return c.Step != s })
}
