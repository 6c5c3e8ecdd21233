package diagnose

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// A standing is what one blocklist says of the public address.
type standing struct {
	list     provider.Blocklist
	listings []provider.Listing
	unknown  string // why it could not be asked
	ground   Ground
}

// standings are those of all blocklists that were asked, or could not be.
func (s *scene) standings(a netip.Addr) []standing {
	var out []standing
	for _, b := range provider.Blocklists(a) {
		if point, why := s.testPoint(b, a); why != "" {
			out = append(out, standing{list: b, unknown: why, ground: point.ground("%s could not be asked: %s", b.Zone, why)})
			continue
		}
		l, ok := s.lookedUp(askLists, b.Query(a), "A")
		if !ok {
			continue
		}
		out = append(out, standingOf(b, a, l))
	}
	return out
}

func standingOf(b provider.Blocklist, a netip.Addr, l fact[*evidence.Lookup]) standing {
	st := standing{list: b}
	var means []string
	for _, answer := range l.what.Addresses() {
		if listing, ok := b.Read(answer); ok {
			st.listings = append(st.listings, listing)
			means = append(means, fmt.Sprintf("%s: %s, %s", listing.Answer, listing.Name, listing.Means))
		} else {
			st.unknown, _ = provider.BlocklistError(answer)
		}
	}
	switch {
	case len(st.listings) > 0:
		st.unknown = ""
		st.ground = l.ground("%s lists %s (%s)", b.Zone, a, strings.Join(means, "; "))
	case st.unknown == "" && !answered(*l.what):
		st.unknown = lookupOutcome(l.what)
	}
	switch {
	case st.unknown != "":
		st.ground = l.ground("%s could not be asked: %s", b.Zone, st.unknown)
	case len(st.listings) == 0:
		st.ground = l.ground("%s does not list %s", b.Zone, a)
	}
	return st
}

// withReputation weighs findings about a refusal against what DNS says of the public address and the sender's domain, and adds
// those that DNS alone suggests.
func (s *scene) withReputation(step cause.Step, found []Finding) []Finding {
	a := s.publicAddress()
	if !s.refusedAt(step) {
		return found
	}
	for i := range found {
		if aboutDomain(found[i].Cause) && s.profile.Name == "microsoft365" {
			found[i].Because = slices.Clone(found[i].Because)
			weighAccepted(s, &found[i])
		}
	}
	if !a.IsValid() {
		return found
	}
	for _, weigh := range []struct {
		cause cause.ID
		judge func(*scene, netip.Addr, *Finding)
	}{
		{cause.IPBlocklisted, weighBlocklists},
		{cause.ReverseDNSMissing, weighReverse},
		{cause.PolicyEnforced, weighSPF},
	} {
		i := slices.IndexFunc(found, func(f Finding) bool { return f.Cause == weigh.cause })
		if i < 0 {
			suspected := Finding{}
			if weigh.judge(s, a, &suspected); suspected.Confidence != "" && doubtful(found) {
				found = append(found, finding(step, weigh.cause, Possible, "", suspected.Because...))
			}
			continue
		}
		found[i].Because, found[i].Actions = slices.Clone(found[i].Because), slices.Clone(found[i].Actions)
		weigh.judge(s, a, &found[i])
	}
	return found
}

// doubtful reports whether the server's words leave room for what DNS suggests.
func doubtful(found []Finding) bool {
	return !slices.ContainsFunc(found, func(f Finding) bool { return f.Confidence.rank() > Possible.rank() && f.Cause != cause.Undetermined })
}

// agree makes a finding as firm as it gets: two witnesses that know nothing of each other say the same. One that no words speak for
// stays a possibility.
func (f *Finding) agree(g Ground) {
	f.Because = append(f.Because, g)
	if f.Cause == "" {
		f.Confidence = Possible
		return
	}
	f.Confidence = Proven
}

// doubt takes a finding down to what is left of it.
func (f *Finding) doubt(most Confidence, g Ground) {
	if f.Cause == "" {
		return
	}
	f.Because = append(f.Because, g)
	if f.Confidence.rank() > most.rank() {
		f.Confidence = most
	}
}

// weighBlocklists compares the lists that the server's words name with what they say themselves; if it names none, with any.
func weighBlocklists(s *scene, a netip.Addr, f *Finding) {
	named := s.namedLists()
	var clean, unknown []Ground
	listed := false
	for _, st := range s.standings(a) {
		switch {
		case len(named) > 0 && !slices.Contains(named, st.list.Zone):
			if len(st.listings) > 0 && f.Cause != "" {
				f.Because = append(f.Because, st.ground)
			}
		case len(st.listings) > 0:
			listed = true
			f.agree(st.ground)
			for _, l := range st.listings {
				f.Actions = merge([]string{l.Name + ": " + l.Advice}, f.Actions)
			}
			f.Actions = f.Actions[:min(len(f.Actions), maxActions)]
			f.Links = merge(f.Links, []string{st.list.Remove})
		case st.unknown != "":
			unknown = append(unknown, st.ground)
		default:
			clean = append(clean, st.ground)
		}
	}
	switch {
	case listed || f.Cause == "":
	case len(named) > 0 && len(clean) > 0:
		for _, g := range clean {
			g.Text += " now: it was taken off since, or the server goes by older data"
			f.doubt(Likely, g)
		}
	case len(named) > 0:
		f.Because = append(f.Because, unknown...)
	default:
		f.Because = append(f.Because, clean...) // the server goes by a list of its own: public ones cannot contradict it
	}
}

// namedLists are the zones of the blocklists that the server's refusals name.
func (s *scene) namedLists() []string {
	var out []string
	for _, r := range refusals(s.main) {
		for _, b := range provider.Blocklists(netip.AddrFrom4([4]byte{})) {
			if b.NamedIn(r.Text) {
				out = append(out, b.Zone)
			}
		}
	}
	return out
}

// weighReverse looks at the PTR record, and whether its name leads back (forward-confirmed reverse DNS).
func weighReverse(s *scene, a netip.Addr, f *Finding) {
	l, ok := s.lookedUp(askReverse, provider.ReverseName(a), "PTR")
	if !ok || !answered(*l.what) {
		return
	}
	names := s.namesOf(a)
	if len(names) == 0 {
		f.agree(l.ground("%s has no PTR record", a))
		return
	}
	tried := false
	for _, name := range names {
		forward, ok := s.lookedUp(askForward, name, addressKind(a))
		if !ok || !answered(*forward.what) {
			continue
		}
		tried = true
		if slices.Contains(forward.what.Addresses(), a) {
			f.doubt(Possible, forward.ground("%s has the name %s, which leads back to it: reverse DNS is in order now", a, name))
			return
		}
	}
	if tried {
		f.agree(l.ground("%s has the name %s, which does not lead back to it", a, strings.Join(names, ", ")))
	}
}

// spfResult is what the evaluation of the sender's SPF record came to.
func (s *scene) spfResult(a netip.Addr) (r fact[*evidence.SPFResult], ok bool) {
	for _, e := range s.experiments(askSPF) {
		for _, v := range e.views {
			for i := range v.Trace.Events {
				if q := v.Trace.Events[i].SPF; q != nil && q.Address == a {
					r, ok = fact[*evidence.SPFResult]{q, v.Trace, i}, true
				}
			}
		}
	}
	return r, ok
}

// weighSPF compares a refusal by policy with the sender's own SPF record. Where the words are not about SPF, it only adds to them.
func weighSPF(s *scene, a netip.Addr, f *Finding) {
	r, ok := s.spfResult(a)
	if !ok {
		return
	}
	about := slices.ContainsFunc(refusals(s.main), func(c Code) bool {
		text := strings.ToLower(c.Text)
		return strings.Contains(text, "spf") || strings.Contains(text, "sender policy") || strings.Contains(text, "dmarc") || strings.Contains(text, "5.7.23")
	})
	switch r.what.Result {
	case "fail", "softfail":
		g := r.ground("the SPF record of %s does not allow %s (%s)", r.what.Domain, a, r.what.Result)
		if about || f.Cause == "" {
			f.agree(g)
		} else {
			f.Because = append(f.Because, g)
		}
	case "pass":
		if about {
			f.doubt(Likely, r.ground("the SPF record of %s allows %s now", r.what.Domain, a))
		}
	case "permerror", "none":
		if about && f.Cause != "" {
			f.Because = append(f.Because, r.ground("the SPF record of %s gives %s for %s: %s", r.what.Domain, r.what.Result, a, r.what.Why))
		}
	}
}
