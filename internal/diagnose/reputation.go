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

// The names of the experiments about who the server takes us for.
const (
	askReverse  = "reverse-dns"           // the PTR record of the public address
	askForward  = "reverse-dns-forward"   // and whether its name leads back
	askListTest = "blocklist-test-points" // whether blocklists answer here at all
	askLists    = "blocklists"            // what they say of the address
	askSPF      = "spf"                   // whether the sender's domain allows the address
	askIdentity = "sender-domain"         // what else DNS says of the sender's domain, and of the door
)

// judgedByAddress are the causes that the address's reputation or the sender's identity can be behind.
var judgedByAddress = map[cause.ID]bool{
	cause.IPBlocklisted: true, cause.ReverseDNSMissing: true, cause.PolicyEnforced: true, cause.ServerRefusesService: true, cause.ContentFiltered: true,
	cause.SenderDomainNotAccepted: true, cause.ConnectorMisconfigured: true, cause.ConnectorRestriction: true, cause.DirectSendRejected: true,
	cause.Greylisted: true, cause.Throttled: true, cause.Undetermined: true,
}

// askReputation asks DNS about the public address and the sender's domain, if a server refused for what may be a reason of that
// kind. Blocklists are asked through the run's own resolvers, never through public ones, which they do not answer.
func (s *scene) askReputation(step cause.Step, found []Finding) []evidence.Experiment {
	if s.rec.Target.NoControls || !s.refusedAt(step) || !slices.ContainsFunc(found, func(f Finding) bool { return judgedByAddress[f.Cause] }) {
		return nil
	}
	var out []evidence.Experiment
	if a := s.publicAddress(); a.IsValid() && !privateAddress(a) {
		out = append(out, s.askAddress(a)...)
		if strings.Contains(s.walk.From, "@") {
			out = append(out, evidence.Experiment{Name: askSPF, Because: "whether the sender's domain allows the public address to send for it",
				Tells: []cause.ID{cause.PolicyEnforced}, SPF: &evidence.SPFTest{Address: a, Sender: s.walk.From}})
		}
	}
	if strings.Contains(s.walk.From, "@") {
		out = append(out, s.askSenderDomain(domainOf(s.walk.From)))
	}
	return out
}

// refusedAt reports whether the step failed by the server's own word.
func (s *scene) refusedAt(step cause.Step) bool {
	if !slices.Contains([]cause.Step{cause.Banner, cause.Mail, cause.Rcpt, cause.Data}, step) || s.main == nil {
		return false
	}
	return len(refusals(s.main)) > 0
}

// publicAddress is where the server sees this client: as it says in its reply to EHLO, or in the refusal itself.
func (s *scene) publicAddress() netip.Addr {
	if s.main == nil {
		return netip.Addr{}
	}
	if a := s.main.ClientAddress(); a.IsValid() {
		return a
	}
	for _, r := range refusals(s.main) {
		for _, field := range strings.FieldsFunc(r.Text, func(c rune) bool { return strings.ContainsRune("[]()<>,; ", c) }) {
			if a, err := netip.ParseAddr(field); err == nil && a.Zone() == "" && !privateAddress(a) {
				return a.Unmap()
			}
		}
	}
	return netip.Addr{}
}

func (s *scene) askAddress(a netip.Addr) []evidence.Experiment {
	out := []evidence.Experiment{{Name: askReverse, Because: "whether the public address has a name", Tells: []cause.ID{cause.ReverseDNSMissing},
		Lookups: []evidence.Question{{Name: provider.ReverseName(a), Types: []string{"PTR"}}}}}
	var forward, points, lists []evidence.Question
	for _, name := range s.namesOf(a) {
		forward = append(forward, evidence.Question{Name: name, Types: []string{addressKind(a)}})
	}
	if len(forward) > 0 {
		out = append(out, evidence.Experiment{Name: askForward, Because: "whether that name leads back to the address", Tells: []cause.ID{cause.ReverseDNSMissing}, Lookups: forward})
	}
	for _, b := range provider.Blocklists(a) {
		points = append(points, evidence.Question{Name: b.TestPoint(a), Types: []string{"A"}})
		if _, why := s.testPoint(b, a); why == "" {
			lists = append(lists, evidence.Question{Name: b.Query(a), Types: []string{"A"}})
		}
	}
	out = append(out, evidence.Experiment{Name: askListTest, Because: "whether blocklists answer to this resolver at all", Tells: []cause.ID{cause.IPBlocklisted}, Lookups: points})
	if len(lists) > 0 && len(s.experiments(askListTest)) > 0 {
		out = append(out, evidence.Experiment{Name: askLists, Because: "whether they list the public address", Tells: []cause.ID{cause.IPBlocklisted}, Lookups: lists})
	}
	return out
}

func addressKind(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "A"
	}
	return "AAAA"
}

// askSenderDomain looks at what else DNS says of the sender's domain and of the door: DMARC, the DKIM keys that Microsoft 365 uses,
// signs that it is a domain of a tenant, MTA-STS (RFC 8461), and the door's DANE record (RFC 7672).
func (s *scene) askSenderDomain(domain string) evidence.Experiment {
	q := []evidence.Question{
		{Name: domain, Types: []string{"MX"}},
		{Name: "_dmarc." + domain, Types: []string{"TXT"}},
		{Name: "selector1._domainkey." + domain, Types: []string{"CNAME"}},
		{Name: "selector2._domainkey." + domain, Types: []string{"CNAME"}},
		{Name: "autodiscover." + domain, Types: []string{"CNAME"}},
		{Name: "enterpriseregistration." + domain, Types: []string{"CNAME"}},
		{Name: "_mta-sts." + domain, Types: []string{"TXT"}},
	}
	if _, err := netip.ParseAddr(s.walk.Host); err != nil {
		q = append(q, evidence.Question{Name: fmt.Sprintf("_%d._tcp.%s", s.walk.Port, s.walk.Host), Types: []string{"TLSA"}})
	}
	return evidence.Experiment{Name: askIdentity, Because: "who the sender's domain is by DNS", Tells: []cause.ID{cause.SenderDomainNotAccepted, cause.PolicyEnforced}, Lookups: q}
}

// lookedUp finds the look-up of a name and type that experiments of that name made; nil if there is none.
func (s *scene) lookedUp(experiment, name, kind string) (l fact[*evidence.Lookup], ok bool) {
	for _, e := range s.experiments(experiment) {
		for _, v := range e.views {
			for i := range v.Trace.Events {
				if q := v.Trace.Events[i].Lookup; q != nil && q.Type == kind && sameHost(q.Name, name) {
					l, ok = fact[*evidence.Lookup]{q, v.Trace, i}, true
				}
			}
		}
	}
	return l, ok
}

// namesOf are the names that PTR records give the address, a few at the most.
func (s *scene) namesOf(a netip.Addr) []string {
	l, ok := s.lookedUp(askReverse, provider.ReverseName(a), "PTR")
	if !ok {
		return nil
	}
	const most = 3
	var names []string
	for _, rr := range l.what.Answers {
		if rr.Type == "PTR" && len(names) < most {
			names = append(names, rr.Data)
		}
	}
	return names
}

// testPoint tells whether a blocklist could not be asked, and why; "" if it answers as it should, or was not tried yet.
func (s *scene) testPoint(b provider.Blocklist, a netip.Addr) (l fact[*evidence.Lookup], why string) {
	l, ok := s.lookedUp(askListTest, b.TestPoint(a), "A")
	if !ok {
		return l, ""
	}
	for _, answer := range l.what.Addresses() {
		if _, listed := b.Read(answer); listed {
			return l, ""
		}
		why, _ = provider.BlocklistError(answer)
	}
	switch {
	case why != "":
	case answered(*l.what):
		why = "its test point, which is always listed, is not found through this resolver"
	default:
		why = lookupOutcome(l.what)
	}
	return l, why
}
