package diagnose

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// An answer is what one resolver said about the host's addresses.
type answer struct {
	server   string
	public   bool // a control, which no site's filter reaches
	found    []netip.Addr
	notFound bool
	failed   bool // no answer, SERVFAIL, REFUSED
	ground   Ground
}

// answers are those of the experiments, and of the run's own look-ups.
func (s *scene) answers() []answer {
	var out []answer
	add := func(l *evidence.Lookup, trace string, i int) {
		if !addressQuestion(l) || !sameHost(l.Name, s.walk.Host) {
			return
		}
		k := slices.IndexFunc(out, func(a answer) bool { return a.server == l.Server })
		if k < 0 {
			out = append(out, answer{server: l.Server, public: slices.Contains(provider.ControlResolvers, l.Server), notFound: true, failed: true,
				ground: Ground{Text: lookupOutcome(l), Trace: trace, Event: i}})
			k = len(out) - 1
		}
		a := &out[k]
		if addrs := l.Addresses(); len(addrs) > 0 {
			a.found = append(a.found, addrs...)
			a.ground = Ground{Text: fmt.Sprintf("%s says %s", serverName(l.Server), addrs[0]), Trace: trace, Event: i}
		}
		isAnswer := len(l.Addresses()) > 0 || l.RCode == "NOERROR" || l.RCode == "NXDOMAIN" || l.NotFound
		a.failed = a.failed && !isAnswer
		a.notFound = a.notFound && isAnswer && len(l.Addresses()) == 0
	}
	for _, l := range s.lookups {
		add(l.what, l.trace.ID, l.index)
	}
	return out
}

func serverName(server string) string {
	if server == "system" {
		return "this machine's resolver"
	}
	return "the resolver " + server
}

// verdictOn groups the answers of the site's resolvers and of the controls.
func split(all []answer) (own, control []answer) {
	for _, a := range all {
		if a.public {
			control = append(control, a)
		} else {
			own = append(own, a)
		}
	}
	return own, control
}

// all reports whether the list is not empty and f holds for each of it.
func all(list []answer, f func(answer) bool) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(a answer) bool { return !f(a) })
}

func isNotFound(a answer) bool { return a.notFound && len(a.found) == 0 }
func isFailed(a answer) bool   { return a.failed && len(a.found) == 0 }
func isFound(a answer) bool    { return len(a.found) > 0 }

// grounds are those of the answers for which f holds.
func grounds(list []answer, f func(answer) bool) []Ground {
	var out []Ground
	for _, a := range list {
		if f(a) {
			out = append(out, a.ground)
		}
	}
	return out
}
