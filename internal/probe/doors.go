package probe

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A DoorPlanner chooses the doors of a domain, judging by the look-ups made so far. While it asks for look-ups it is asked again
// with their answers. The questions name no server: the run's own resolvers are asked.
type DoorPlanner func(evidence.Target, []evidence.Lookup) (evidence.Target, []evidence.Question)

const maxDoorRounds = 8 // a planner that never has enough is stopped

// findDoors has the planner choose what to walk, and records the look-ups for it in a trace of their own.
func (r *run) findDoors(ctx context.Context) {
	if r.p.Doors == nil {
		return
	}
	target, questions := r.p.Doors(r.target, nil)
	if len(questions) > 0 {
		g := r.group("d", evidence.RoleLookup, nil)
		defer g.finish()
		j := g.trace(evidence.Trace{})
		var seen []evidence.Lookup
		for round := 0; len(questions) > 0 && round < maxDoorRounds && ctx.Err() == nil; round++ {
			for _, q := range questions {
				for _, t := range q.Types {
					seen = append(seen, r.inquire(ctx, j, q.Name, t)...)
				}
			}
			target, questions = r.p.Doors(r.target, seen)
		}
	}
	r.mu.Lock()
	r.target = target
	r.mu.Unlock()
}

// FindDoors chooses the doors of a target as Run does, and records nothing: for who must know them before the run.
func (p *Prober) FindDoors(ctx context.Context, t evidence.Target) evidence.Target {
	quiet := *p
	quiet.Observe = nil
	r := newRun(&quiet, t)
	r.findDoors(ctx)
	return r.target
}

// inquire asks the run's resolvers in turn until one says what there is, and returns all look-ups. Without resolvers of the user
// it asks as programs on this machine do.
func (r *run) inquire(ctx context.Context, j *journal, name, kind string) []evidence.Lookup {
	if len(r.p.Resolvers) == 0 {
		return []evidence.Lookup{r.systemRecords(ctx, j, name, kind)}
	}
	var all []evidence.Lookup
	for _, server := range r.p.Resolvers {
		l := r.exchange(ctx, j, server, name, dns.StringToType[kind], false)
		all = append(all, l)
		if l.RCode == "NOERROR" || l.RCode == "NXDOMAIN" {
			break
		}
	}
	return all
}

// systemRecords asks the system's resolver for records of one type and records what it says. It knows fewer types than the wire
// does, and merges NXDOMAIN with no data.
func (r *run) systemRecords(ctx context.Context, j *journal, name, kind string) evidence.Lookup {
	ctx, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	defer time.AfterFunc(SilenceToReport, r.poke).Stop()
	began := time.Now()
	data, err := r.systemData(ctx, name, kind)
	l := evidence.Lookup{Server: systemResolver, Name: name, Type: kind, Waited: time.Since(began)}
	for _, d := range data[:min(len(data), maxAnswers)] {
		l.Answers = append(l.Answers, evidence.RR{Name: name, Type: kind, Data: d})
	}
	if err != nil {
		lookupFailed(&l, err)
	}
	j.add(evidence.Event{Took: l.Waited, Lookup: &l})
	return l
}

// systemData is the data of the records, in the form that recordData has it.
func (r *run) systemData(ctx context.Context, name, kind string) (data []string, err error) {
	resolver := r.systemResolver()
	switch kind {
	case "A", "AAAA":
		lookup := r.p.Lookup
		if lookup == nil {
			lookup = r.systemLookup
		}
		addrs, err := lookup(ctx, map[string]string{"A": "ip4", "AAAA": "ip6"}[kind], name)
		for _, a := range addrs {
			data = append(data, a.Unmap().String())
		}
		return data, err
	case "MX":
		all, err := resolver.LookupMX(ctx, dns.Fqdn(name))
		for _, mx := range all {
			data = append(data, strconv.Itoa(int(mx.Pref))+" "+strings.TrimSuffix(mx.Host, "."))
		}
		return data, err
	case "TXT":
		return resolver.LookupTXT(ctx, dns.Fqdn(name))
	case "PTR":
		names, err := resolver.LookupAddr(ctx, addressOfReverse(name))
		for _, n := range names {
			data = append(data, strings.TrimSuffix(n, "."))
		}
		return data, err
	case "CNAME":
		target, err := resolver.LookupCNAME(ctx, dns.Fqdn(name))
		if target = strings.TrimSuffix(target, "."); target != "" && !strings.EqualFold(target, name) {
			data = []string{target}
		}
		return data, err
	}
	return nil, &net.DNSError{Err: "the system's resolver has no way to ask for " + kind + " records", Name: name}
}
