package netlab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const answerTTL = 300 // seconds

// A resolver answers DNS queries from a zone, truthfully or not.
type resolver struct {
	records map[string][]dns.RR // by lower-case name with the final dot
	spoiled map[string]spoiling // answers of another kind, by name; "*" for every name
}

// A spoiling is what a resolver says in place of what the zone holds.
type spoiling struct {
	kind  string
	delay time.Duration
}

// spoilings are the kinds of answers that are no records.
//
//	NXDOMAIN SERVFAIL REFUSED   that RCODE
//	NODATA                      NOERROR, and no records
//	SILENCE                     none
//	TRUNCATED                   over UDP an empty answer with TC set, the truth over TCP
//	SLOW DURATION               the truth, late
var spoilings = []string{"NXDOMAIN", "SERVFAIL", "REFUSED", "NODATA", "SILENCE", "TRUNCATED", "SLOW"}

var rcodes = map[string]int{"NXDOMAIN": dns.RcodeNameError, "SERVFAIL": dns.RcodeServerFailure, "REFUSED": dns.RcodeRefused}

// newResolver makes a resolver of a zone's lines "NAME KIND DATA", with those answers of a case in their place that are
// for it. A name that the case speaks of has nothing else.
func newResolver(zone []string, site bool, answers []string) (*resolver, error) {
	r := &resolver{make(map[string][]dns.RR), make(map[string]spoiling)}
	for _, line := range zone {
		if err := r.add(line); err != nil {
			return nil, err
		}
	}
	replaced := make(map[string]bool)
	for _, line := range answers {
		where, rest, _ := strings.Cut(line, " ")
		switch where {
		case "site", "all":
		default:
			return nil, fmt.Errorf("answer %q: want site or all first", line)
		}
		if where == "site" && !site {
			continue
		}
		name, what, _ := strings.Cut(rest, " ")
		name = strings.ToLower(dns.Fqdn(name))
		keeps := strings.HasPrefix(what, "SLOW") || what == "TRUNCATED"
		if !replaced[name] && !keeps {
			delete(r.records, name)
			replaced[name] = true
		}
		if err := r.add(rest); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *resolver) add(line string) error {
	f := strings.SplitN(line, " ", 3)
	if len(f) < 2 {
		return fmt.Errorf("answer %q: want NAME KIND [DATA]", line)
	}
	name := strings.ToLower(dns.Fqdn(f[0]))
	if f[0] == "*" {
		name = "*"
	}
	if slices.Contains(spoilings, f[1]) {
		s := spoiling{kind: f[1]}
		if f[1] == "SLOW" {
			d, err := time.ParseDuration(f[len(f)-1])
			if err != nil {
				return fmt.Errorf("answer %q: %w", line, err)
			}
			s.delay = d
		}
		r.spoiled[name] = s
		return nil
	}
	if len(f) < 3 {
		return fmt.Errorf("answer %q: no data", line)
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", name, answerTTL, f[1], f[2]))
	if err != nil {
		return fmt.Errorf("answer %q: %w", line, err)
	}
	r.records[name] = append(r.records[name], rr)
	return nil
}

// answer is the answer to a query, and how long to wait before it is sent; nil means none is given.
func (r *resolver) answer(query *dns.Msg, overTCP bool) (*dns.Msg, time.Duration) {
	if len(query.Question) != 1 {
		return nil, 0
	}
	q := query.Question[0]
	name := strings.ToLower(q.Name)
	m := new(dns.Msg).SetReply(query)
	m.RecursionAvailable = true
	s, ok := r.spoiled[name]
	if !ok {
		s = r.spoiled["*"]
	}
	switch s.kind {
	case "NODATA":
		return m, 0
	case "SILENCE":
		return nil, 0
	case "TRUNCATED":
		if m.Truncated = !overTCP; m.Truncated {
			return m, 0
		}
	case "NXDOMAIN", "SERVFAIL", "REFUSED":
		m.Rcode = rcodes[s.kind]
		return m, 0
	}
	r.fill(m, name, q.Qtype)
	return m, s.delay
}

// fill adds the records asked for, through at most a few aliases.
func (r *resolver) fill(m *dns.Msg, name string, kind uint16) {
	const maxAliases = 8
	for range maxAliases {
		records, ok := r.records[name]
		if !ok && len(m.Answer) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		next := ""
		for _, rr := range records {
			alias, isAlias := rr.(*dns.CNAME)
			if rr.Header().Rrtype == kind || isAlias {
				m.Answer = append(m.Answer, rr)
			}
			if isAlias && kind != dns.TypeCNAME {
				next = strings.ToLower(alias.Target)
			}
		}
		if next == "" {
			return
		}
		name = next
	}
}
