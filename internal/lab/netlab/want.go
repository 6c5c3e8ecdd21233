package netlab

import (
	"maps"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/lab"
)

// named wants a cause at a step, at least likely.
func named(step cause.Step, id cause.ID, or ...lab.Verdict) lab.Want {
	return lab.Want{Verdict: lab.Verdict{Step: step, Cause: id}, Or: or, AtLeast: lab.Likely, AtMost: lab.Proven, Exit: 1}
}

// unsure wants a cause that this place can't prove: possible or likely, never proven.
func unsure(step cause.Step, id cause.ID, or ...lab.Verdict) lab.Want {
	w := named(step, id, or...)
	w.AtLeast, w.AtMost = lab.Possible, lab.Likely
	return w
}

// healthy wants no cause at all.
func healthy(id cause.ID) lab.Want {
	return lab.Want{Verdict: lab.Verdict{Step: cause.None, Cause: id}, AtLeast: lab.Possible, AtMost: lab.Proven}
}

func also(step cause.Step, id cause.ID) lab.Verdict { return lab.Verdict{Step: step, Cause: id} }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// words splits a line of arguments at blanks.
func words(line string) []string { return strings.Fields(line) }
