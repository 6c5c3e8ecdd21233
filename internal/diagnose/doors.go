package diagnose

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// Doors turns a domain into the doors to walk through. It asks for look-ups until it knows them, and then for none. The target's
// Domain is the name in question, and its Walk what the flags say. A Walk without a Host is about a domain for certain, as with an
// address; with one, the name is a domain only if it has MX records, and is walked to as a host otherwise.
//
// A target without a Domain is returned as it is.
func Doors(t evidence.Target, seen []evidence.Lookup) (evidence.Target, []evidence.Question) {
	if t.Domain == "" {
		return t, nil
	}
	mx, asked := findLookup(seen, t.Domain, "MX")
	if !asked {
		return t, []evidence.Question{{Name: t.Domain, Types: []string{"MX"}}}
	}
	d := provider.MailDomain{Name: t.Domain}
	d.MX, d.NullMX = mxHosts(mx)
	if t.Walk.Host != "" && len(d.MX) == 0 && !d.NullMX {
		return asHost(t), nil
	}
	if d.NullMX || len(d.MX) == 0 && !answered(mx) {
		t.Walk.Host = "" // nowhere to go
		return t, nil
	}
	for _, c := range guesses(t, d) {
		l, asked := findLookup(seen, c.Host, "A")
		if !asked {
			return t, []evidence.Question{{Name: c.Host, Types: []string{"A"}}}
		}
		if len(l.Addresses()) > 0 {
			d.Confirmed = append(d.Confirmed, c)
		}
	}
	return choose(t, provider.DoorsFor(d)), nil
}

// findLookup is the last look-up of a name and type, which is the one that answered if any did.
func findLookup(seen []evidence.Lookup, name, kind string) (found evidence.Lookup, asked bool) {
	for _, l := range seen {
		if l.Type == kind && sameHost(l.Name, name) {
			found, asked = l, true
		}
	}
	return found, asked
}

// answered reports whether a resolver said what there is, be it nothing.
func answered(l evidence.Lookup) bool {
	return len(l.Answers) > 0 || l.NotFound || l.RCode == "NOERROR" || l.RCode == "NXDOMAIN"
}

// mxHosts are the hosts of MX records, the preferred ones first, those of one preference by name. A lone record without a host is
// the null MX (RFC 7505, section 3).
func mxHosts(l evidence.Lookup) (hosts []string, null bool) {
	type record struct {
		preference int
		host       string
	}
	var all []record
	for _, rr := range l.Answers {
		if rr.Type != "MX" {
			continue
		}
		preference, host, _ := strings.Cut(rr.Data, " ")
		n, _ := strconv.Atoi(preference)
		all = append(all, record{n, provider.Canonical(host)})
	}
	if len(all) == 1 && all[0].host == "" {
		return nil, true
	}
	slices.SortFunc(all, func(a, b record) int { return cmp.Or(a.preference-b.preference, strings.Compare(a.host, b.host)) })
	for _, r := range all {
		if r.host != "" && !slices.Contains(hosts, r.host) {
			hosts = append(hosts, r.host)
		}
	}
	return hosts, false
}

// guesses are the hosts that the domain's tenant may have at Microsoft 365, where its MX does not tell: it points to a filtering
// service, or the user asks for a tenant's door by name or brings a mailbox.
func guesses(t evidence.Target, d provider.MailDomain) []provider.Candidate {
	if len(d.MX) == 0 {
		return nil
	}
	if _, _, known := provider.Classify(d.MX[0]); known {
		return nil
	}
	_, filtered := provider.FilterOf(d.MX[0])
	byName := t.Walk.Via == evidence.ViaDirectSend || t.Walk.Via == evidence.ViaRelay || t.Walk.Via == evidence.ViaSubmission
	if !filtered && !byName && t.Walk.Auth == nil {
		return nil
	}
	return provider.MXCandidates(t.Domain)
}

// asHost takes the name for that of a host after all.
func asHost(t evidence.Target) evidence.Target {
	t.Domain = ""
	if t.Walk.Via == evidence.ViaAuto || t.Walk.Via == "" {
		t.Walk.Via = evidence.ViaHost
	}
	if t.Walk.Port == 0 {
		t.Walk.Port = portFor(t.Walk.Via == evidence.ViaSubmission, t.Walk.TLS)
	}
	t.Walk.TLS = modeFor(t.Walk.TLS, t.Walk.Port)
	return t
}

func portFor(submission bool, mode evidence.TLSMode) int {
	switch {
	case mode == evidence.ImplicitTLS:
		return 465
	case submission:
		return 587
	}
	return 25
}

func modeFor(mode evidence.TLSMode, port int) evidence.TLSMode {
	switch {
	case mode != "":
		return mode
	case port == 465:
		return evidence.ImplicitTLS
	}
	return evidence.StartTLS
}

// choose makes the walk asked about and the walks beside it. By itself it asks about submission if there are credentials, and else
// about the domain's MX.
func choose(t evidence.Target, doors []provider.Entrance) evidence.Target {
	kinds := map[evidence.Via]provider.DoorKind{evidence.ViaSubmission: provider.Submission, evidence.ViaRelay: provider.Relay}
	kind, byName := kinds[t.Walk.Via], t.Walk.Via == evidence.ViaDirectSend || t.Walk.Via == evidence.ViaRelay
	switch {
	case kind == "" && t.Walk.Auth != nil && !byName:
		kind = provider.Submission
	case kind == "":
		kind = provider.DirectSend
	}
	asked := provider.PickDoor(doors, kind, byName)
	if asked < 0 {
		t.Walk.Host = ""
		return t
	}
	t.Doors = nil
	template := t.Walk
	t.Walk = askedWalk(template, doors[asked])
	if t.NoControls {
		return t
	}
	for i, e := range doors {
		if i != asked && !(e.Guess && e.Host == doors[asked].Host) {
			t.Doors = append(t.Doors, besideWalk(t.Domain, template, e))
		}
	}
	return t
}

// askedWalk is the walk that the flags describe, through a door.
func askedWalk(w evidence.Walk, e provider.Entrance) evidence.Walk {
	w.Host = e.Host
	switch {
	case w.Port != 0:
	case w.TLS == evidence.ImplicitTLS && e.Kind == provider.Submission:
		w.Port = 465
	default:
		w.Port = e.Port
	}
	w.TLS = modeFor(w.TLS, w.Port)
	w.Guess = guessOf(e)
	if w.Via != evidence.ViaRelay {
		w.Via = evidence.Via(e.Kind)
	}
	return w
}

func guessOf(e provider.Entrance) string {
	if e.Guess {
		return e.Why
	}
	return ""
}

// besideWalk is the walk through another door, to compare. It never signs in and never sends a message: the submission door is
// walked up to AUTH, an MX up to recipients of the domain itself.
func besideWalk(domain string, w evidence.Walk, e provider.Entrance) evidence.Walk {
	w.Host, w.Port, w.Via, w.Guess = e.Host, e.Port, evidence.Via(e.Kind), guessOf(e)
	w.Auth, w.Send, w.Size, w.Declare = nil, false, 0, 0
	if w.TLS == evidence.ImplicitTLS {
		w.TLS = ""
	}
	w.TLS = modeFor(w.TLS, w.Port)
	if e.Kind == provider.Submission {
		w.From, w.To, w.Until = "", nil, cause.Auth
		return w
	}
	w.To = slices.DeleteFunc(slices.Clone(w.To), func(to string) bool { return !sameHost(domainOf(to), domain) })
	return w
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// nowhere judges a domain that gave no door to walk through: it takes no mail, or its MX could not be looked up.
func (s *scene) nowhere() (l fact[*evidence.Lookup], ok bool) {
	if s.rec.Target.Domain == "" || s.walk.Host != "" {
		return l, false
	}
	for i := range s.rec.Traces {
		t := &s.rec.Traces[i]
		for j := range t.Events {
			if q := t.Events[j].Lookup; q != nil && q.Type == "MX" && sameHost(q.Name, s.rec.Target.Domain) {
				l, ok = fact[*evidence.Lookup]{q, t, j}, true
			}
		}
	}
	return l, ok
}

func (s *scene) nowhereDetail(l *evidence.Lookup) string {
	if _, null := mxHosts(*l); null {
		return s.rec.Target.Domain + " has a null MX: no host takes its mail"
	}
	return "no mail host of " + s.rec.Target.Domain + " is known: " + lookupOutcome(l)
}

// nullMX: the domain says that it takes no mail (RFC 7505).
func nullMX(s *scene) support {
	l, ok := s.nowhere()
	if !ok {
		return support{}
	}
	if _, null := mxHosts(*l.what); !null {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{l.ground("its MX record is the null MX, which has no host")},
		summary: s.rec.Target.Domain + " publishes that it takes no mail (a null MX, RFC 7505): there is no server to send to."}
}

// mxUnanswered: the resolvers did not say where the domain's mail goes.
func mxUnanswered(s *scene) support {
	l, ok := s.nowhere()
	if !ok || answered(*l.what) {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{l.ground("the MX of %s could not be looked up: %s", s.rec.Target.Domain, lookupOutcome(l.what))},
		summary: "The resolver does not say where the mail of " + s.rec.Target.Domain + " goes."}
}
