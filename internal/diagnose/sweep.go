package diagnose

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A sweep is what a series of hellos of our own making was answered with.
type sweep struct {
	taken   []hello // those answered with a ServerHello
	refused []hello // those answered with an alert, or cut
}

// A hello is one hello of a series and its answer.
type hello struct {
	name   string // of the spec
	size   int
	server *tlswire.ServerHello // nil: none came
	ground Ground
}

func (s *scene) sweep(name string) sweep {
	var out sweep
	for _, e := range s.experiments(name) {
		for _, v := range e.views {
			if v.ClientHello < 0 {
				continue
			}
			h := hello{name: v.Trace.Walk.Like, size: v.Trace.Events[v.ClientHello].ClientHello.Size}
			switch {
			case v.ServerHello >= 0:
				h.server = v.Trace.Events[v.ServerHello].ServerHello
				h.ground = Ground{Text: fmt.Sprintf("a ClientHello of %s is taken", h.name), Trace: v.Trace.ID, Event: v.ServerHello}
				out.taken = append(out.taken, h)
			default:
				h.ground = Ground{Text: fmt.Sprintf("a ClientHello of %s is refused", h.name), Trace: v.Trace.ID, Event: v.ClientHello}
				out.refused = append(out.refused, h)
			}
		}
	}
	return out
}

// versions are those that the server was seen to speak in the version sweep, oldest first.
func (s *scene) versions() (spoken []tlswire.Version, because []Ground) {
	for _, want := range tlswire.Versions {
		for _, h := range s.sweep(askVersions).taken {
			if h.server.Version == want && h.name == want.String() {
				spoken = append(spoken, want)
				because = append(because, Ground{Text: "asked for " + want.String() + " alone, the server agrees", Trace: h.ground.Trace, Event: h.ground.Event})
				break
			}
		}
	}
	return spoken, because
}

// sharedVersion reports whether the walk's own hello offered one of these versions; ok is false if it was not seen.
func (s *scene) sharedVersion(spoken []tlswire.Version) (shared, ok bool) {
	if s.main.ClientHello < 0 {
		return false, false
	}
	h := s.main.Trace.Events[s.main.ClientHello].ClientHello
	newest := h.MaxVersion()
	for _, v := range spoken {
		if len(h.SupportedVersions) == 0 && v <= newest {
			return true, true // without the extension, everything up to the newest is offered
		}
		for _, o := range h.Offers() {
			if o == v {
				return true, true
			}
		}
	}
	return false, true
}

func names[T fmt.Stringer](list []T) string {
	var out []string
	for _, v := range list {
		out = append(out, v.String())
	}
	return strings.Join(out, ", ")
}

// A trial is a handshake of an experiment, and whether it went through.
type trial struct {
	ok     bool
	hung   bool // it ended in silence
	ground Ground
}

// trials are the handshakes made under that name.
func (s *scene) trials(name, what string) []trial {
	var out []trial
	for _, e := range s.experiments(name) {
		for _, v := range e.views {
			switch {
			case v.Secured >= 0:
				out = append(out, trial{ok: true, ground: Ground{Text: what + ": the handshake succeeds", Trace: v.Trace.ID, Event: v.Secured}})
			case v.TLSFailed >= 0:
				f := v.Trace.Events[v.TLSFailed].TLSFailed
				out = append(out, trial{hung: f.How == evidence.TLSEnded && f.Outcome == evidence.TimedOut,
					ground: Ground{Text: fmt.Sprintf("%s: the handshake fails (%s)", what, f.How), Trace: v.Trace.ID, Event: v.TLSFailed}})
			}
		}
	}
	return out
}

// every reports whether there are trials and all of them went through (want true), or none of them (want false).
func every(list []trial, want bool) bool {
	for _, t := range list {
		if t.ok != want {
			return false
		}
	}
	return len(list) > 0
}

func trialGrounds(lists ...[]trial) []Ground {
	var out []Ground
	for _, l := range lists {
		for _, t := range l {
			out = append(out, t.ground)
		}
	}
	return out
}

// sizes are the trials that vary the size of segments and of the hello.
type sizes struct {
	small, usual, smallHello []trial
}

func (s *scene) sizes() sizes {
	return sizes{
		small:      s.trials(askClamped, fmt.Sprintf("in segments of at most %d octets", smallSegment)),
		usual:      s.trials(askUnclamped, "in segments of the usual size"),
		smallHello: s.trials(askSmallHello, "with a ClientHello that fits one segment"),
	}
}

// passes reports whether the size is what matters: small goes through every time, usual never.
func (z sizes) hole() bool { return every(z.small, true) && every(z.usual, false) }
