package diagnose

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A scene is what the rules look at: one path, its conversation, and all that experiments added about it.
type scene struct {
	rec     *evidence.Record
	walk    evidence.Walk
	role    evidence.Role
	views   []*evidence.View // the connections of this path, in the order they were tried
	main    *evidence.View   // the one whose conversation went furthest; nil if there was none
	lookups []fact[*evidence.Lookup]
	profile *provider.Profile
	door    provider.Door
	known   bool // the host is one that a profile knows
}

// A fact is an event of one kind and where it stands.
type fact[T any] struct {
	what  T
	trace *evidence.Trace
	index int
}

func (f fact[T]) ground(format string, args ...any) Ground {
	return Ground{Text: fmt.Sprintf(format, args...), Trace: f.trace.ID, Event: f.index}
}

// scenes finds the paths of a record: the door asked about, the controls beside it, and each conversation of others.
func scenes(rec *evidence.Record) []*scene {
	var out []*scene
	find := func(t *evidence.Trace) *scene {
		switch {
		case t.Role == evidence.RoleObserved && rec.Source == evidence.FromListen && t.Sees.ServerSide:
			// The tries of one device are one path.
			for _, s := range out {
				if s.role == t.Role && s.views[0].Trace.Address.Addr() == t.Address.Addr() {
					s.walk = t.Walk
					return s
				}
			}
		case t.Role != evidence.RoleObserved:
			for _, s := range out {
				if s.role == t.Role && s.walk.Host == t.Walk.Host && s.walk.Port == t.Walk.Port && s.walk.Via == t.Walk.Via {
					return s
				}
			}
		}
		s := &scene{rec: rec, walk: t.Walk, role: t.Role}
		out = append(out, s)
		return s
	}
	for i := range rec.Traces {
		t := &rec.Traces[i]
		if t.Role == evidence.RoleAsked || t.Role == evidence.RoleControl || t.Role == evidence.RoleObserved {
			s := find(t)
			s.views = append(s.views, evidence.NewView(t))
		}
	}
	out = withoutConversation(rec, out)
	for _, s := range out {
		s.complete()
	}
	slices.SortStableFunc(out, func(a, b *scene) int { return rolePlace(a.role) - rolePlace(b.role) })
	return out
}

// withoutConversation adds the doors that no connection was even tried to, because their names gave no address.
func withoutConversation(rec *evidence.Record, out []*scene) []*scene {
	if rec.Source != evidence.FromCheck {
		return out
	}
	have := func(role evidence.Role, w evidence.Walk) bool {
		return slices.ContainsFunc(out, func(s *scene) bool {
			return s.role == role && s.walk.Host == w.Host && s.walk.Port == w.Port
		})
	}
	if w := rec.Target.Walk; !have(evidence.RoleAsked, w) {
		out = append([]*scene{{rec: rec, walk: w, role: evidence.RoleAsked}}, out...)
	}
	for _, w := range rec.Target.Doors {
		if !have(evidence.RoleControl, w) {
			out = append(out, &scene{rec: rec, walk: w, role: evidence.RoleControl})
		}
	}
	return out
}

func rolePlace(r evidence.Role) int {
	switch r {
	case evidence.RoleAsked:
		return 0
	case evidence.RoleControl:
		return 2
	}
	return 1
}

// complete works out what the rules need besides the bare traces.
func (s *scene) complete() {
	for i := range s.rec.Traces {
		t := &s.rec.Traces[i]
		for j := range t.Events {
			if l := t.Events[j].Lookup; l != nil && sameHost(l.Name, s.walk.Host) && l.Type != "MX" {
				s.lookups = append(s.lookups, fact[*evidence.Lookup]{l, t, j})
			}
		}
	}
	for _, v := range s.views {
		if s.main == nil || depth(v) > depth(s.main) {
			s.main = v
		}
	}
	if s.aboutClient() {
		s.main = newest(s.views)
		s.walk = s.main.Trace.Walk
	}
	var greeting smtp.Reply
	if s.main != nil {
		if r := s.main.ReplyAt(s.main.Greeting); r != nil {
			greeting = r.Reply
		}
	}
	s.profile = provider.For(s.walk.Host, greeting)
	if p, d, ok := provider.Classify(s.walk.Host); ok {
		s.profile, s.door, s.known = p, d, true
	}
}

func sameHost(a, b string) bool { return b != "" && provider.Canonical(a) == provider.Canonical(b) }

// depth says how far a conversation came, so that the furthest of several can be picked.
func depth(v *evidence.View) int {
	d := 0
	for i, reached := range []bool{
		v.Connected(), v.Greeting >= 0 || len(v.Bytes) > 0, len(v.Hellos) > 0, v.StartTLS.Sent >= 0 || v.ClientHello >= 0, v.Secured >= 0,
		len(v.TLSHellos) > 0, len(v.Auths) > 0, len(v.Mails) > 0, len(v.Rcpts) > 0, v.Data.Sent >= 0, v.Message.Sent >= 0,
	} {
		if reached {
			d = i + 1
		}
	}
	return d
}

// sees is what the observer of the main conversation could have seen; nothing without one.
func (s *scene) sees() evidence.Sees {
	if s.main == nil {
		return evidence.Sees{}
	}
	return s.main.Trace.Sees
}

// ground cites an event of the main conversation.
func (s *scene) ground(index int, format string, args ...any) Ground {
	return Ground{Text: fmt.Sprintf(format, args...), Trace: s.main.Trace.ID, Event: index}
}

// reply returns the reply to an exchange of the main conversation, or nil.
func (s *scene) reply(x evidence.Exchange) *evidence.Reply {
	if s.main == nil {
		return nil
	}
	return s.main.ReplyAt(x.Reply)
}

// brokeIn reports whether the main conversation broke off while one of these was waited for.
func (s *scene) brokeIn(waits ...string) bool {
	return s.main != nil && s.main.Waiting() != "" && slices.Contains(waits, s.main.Waiting())
}

// dials are the attempts to connect on this path.
func (s *scene) dials() []fact[*evidence.Dialed] {
	var out []fact[*evidence.Dialed]
	for _, v := range s.views {
		for i := range v.Trace.Events {
			if d := v.Trace.Events[i].Dialed; d != nil {
				out = append(out, fact[*evidence.Dialed]{d, v.Trace, i})
			}
		}
	}
	return out
}

// experiments returns the runs of that name, with their traces, that concern this path's host.
func (s *scene) experiments(name string) []experiment {
	var out []experiment
	for i := range s.rec.Runs {
		run := &s.rec.Runs[i]
		if run.Name != name {
			continue
		}
		e := experiment{run: run}
		for _, id := range run.Traces {
			if t := s.rec.Trace(id); t != nil {
				e.views = append(e.views, evidence.NewView(t))
			}
		}
		out = append(out, e)
	}
	return out
}

// An experiment is a run and what it saw.
type experiment struct {
	run   *evidence.Run
	views []*evidence.View
}

// implicit reports whether the conversation speaks TLS from the first byte.
func (s *scene) implicit() bool {
	if s.walk.TLS == evidence.ImplicitTLS {
		return true
	}
	v := s.main
	return v != nil && v.Greeting < 0 && v.StartTLS.Sent < 0 && len(v.Hellos) == 0 && (v.ClientHello >= 0 || v.Secured >= 0) ||
		v != nil && v.Secured >= 0 && v.Greeting > v.Secured && v.StartTLS.Sent < 0
}

// asClient reports whether we held the conversation, as the client: then what was not seen was not there. A relay of ours does so
// for its own client.
func (s *scene) asClient() bool {
	return s.rec.Source == evidence.FromCheck || s.rec.Source == evidence.FromListen && s.role == evidence.RoleAsked
}

// privateAddress reports whether an address can't be a public server's.
func privateAddress(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() ||
		netip.MustParsePrefix("100.64.0.0/10").Contains(a)
}

// article is what people are told about a cause; finding fills in a finding from it.
func finding(step cause.Step, id cause.ID, c Confidence, summary string, because ...Ground) Finding {
	a := cause.Read(id)
	if summary == "" {
		if entry, ok := cause.Find(id); ok {
			summary = entry.Meaning
		}
	}
	return Finding{Step: step, Cause: id, Confidence: c, Summary: summary, Because: because, Actions: a.Actions, Links: a.Links}
}
