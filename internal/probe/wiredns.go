package probe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

const (
	dnsWait    = 4 * time.Second // for one answer
	dnsBuffer  = 1232            // EDNS buffer: what passes any path unfragmented (DNS flag day 2020)
	maxAnswers = 64              // records of one answer that are kept
)

// ask sends the questions of an experiment, each in the same trace.
func (r *run) ask(ctx context.Context, g *group, q evidence.Question) (notPossible string) {
	return r.askIn(ctx, g.trace(evidence.Trace{}), q)
}

// askAll sends several questions, one after the other, and records the answers in one trace.
func (r *run) askAll(ctx context.Context, g *group, questions []evidence.Question) (notPossible string) {
	j := g.trace(evidence.Trace{})
	for _, q := range questions {
		if ctx.Err() != nil {
			return "no time was left for all of it"
		}
		if problem := r.askIn(ctx, j, q); problem != "" {
			j.note(q.Name + ": " + problem)
		}
	}
	return ""
}

func (r *run) askIn(ctx context.Context, j *journal, q evidence.Question) (notPossible string) {
	if q.Server == "" {
		for _, t := range q.Types {
			r.inquire(ctx, j, q.Name, t)
		}
		return ""
	}
	if q.Server == systemResolver {
		return r.askSystem(ctx, j, q)
	}
	for _, t := range q.Types {
		kind, ok := dns.StringToType[strings.ToUpper(t)]
		if !ok {
			j.note("no such type of DNS record: " + t)
			continue
		}
		r.exchange(ctx, j, q.Server, q.Name, kind, q.TCP)
	}
	return ""
}

// askSystem asks as programs on this machine do.
func (r *run) askSystem(ctx context.Context, j *journal, q evidence.Question) string {
	for _, t := range q.Types {
		if !slices.Contains([]string{"A", "AAAA", "MX", "TXT", "PTR", "CNAME"}, t) {
			return "the system's resolver has no way to ask for " + t + " records"
		}
		r.systemRecords(ctx, j, q.Name, t)
	}
	return ""
}

// addressOfReverse is the address that a name below in-addr.arpa or ip6.arpa stands for (RFC 1035, section 3.5; RFC 3596,
// section 2.5), "" if it stands for none.
func addressOfReverse(name string) string {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	labels := strings.Split(name, ".")
	slices.Reverse(labels)
	switch {
	case len(labels) == 6 && strings.HasSuffix(name, ".in-addr.arpa"):
		return strings.Join(labels[2:], ".")
	case len(labels) == 34 && strings.HasSuffix(name, ".ip6.arpa"):
		var b strings.Builder
		for i, digit := range labels[2:] {
			if i > 0 && i%4 == 0 {
				b.WriteByte(':')
			}
			b.WriteString(digit)
		}
		return b.String()
	}
	return ""
}

// resolveWith asks the resolvers of the user in turn, until one answers with NOERROR or NXDOMAIN.
func (r *run) resolveWith(ctx context.Context, j *journal, w evidence.Walk) []netip.Addr {
	kinds := map[int][]uint16{0: {dns.TypeAAAA, dns.TypeA}, 4: {dns.TypeA}, 6: {dns.TypeAAAA}}[w.Family]
	for _, server := range r.p.Resolvers {
		var addrs []netip.Addr
		answered := false
		for _, kind := range kinds {
			l := r.exchange(ctx, j, server, w.Host, kind, false)
			answered = answered || l.RCode == "NOERROR" || l.RCode == "NXDOMAIN"
			addrs = append(addrs, l.Addresses()...)
		}
		if answered {
			return addrs
		}
	}
	return nil
}

// exchange sends one question, over TCP if the answer over UDP was cut off, and records what came back.
func (r *run) exchange(ctx context.Context, j *journal, server, name string, kind uint16, tcp bool) evidence.Lookup {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.Trim(server, "[]"), "53")
	}
	r.contact(server)
	defer time.AfterFunc(SilenceToReport, r.poke).Stop()
	l := r.oneExchange(ctx, j, server, name, kind, tcp)
	if l.Truncated && !tcp {
		l = r.oneExchange(ctx, j, server, name, kind, true)
	}
	return l
}

func (r *run) oneExchange(ctx context.Context, j *journal, server, name string, kind uint16, tcp bool) evidence.Lookup {
	l := evidence.Lookup{Server: server, Proto: "udp", Name: name, Type: dns.TypeToString[kind]}
	if tcp {
		l.Proto = "tcp"
	}
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	m.SetEdns0(dnsBuffer, false)
	c := dns.Client{Net: l.Proto, Timeout: dnsWait, UDPSize: dnsBuffer}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, dnsWait)
	defer cancel()
	answer, _, err := c.ExchangeContext(ctx, m, server)
	l.Waited = time.Since(began)
	switch {
	case err != nil:
		l.Text = err.Error()
		l.Outcome, _ = outcomeOf(err)
	default:
		l.RCode = dns.RcodeToString[answer.Rcode]
		if l.RCode == "" {
			l.RCode = "RCODE" + strconv.Itoa(answer.Rcode)
		}
		l.NotFound = answer.Rcode == dns.RcodeNameError
		l.Truncated, l.AD = answer.Truncated, answer.AuthenticatedData
		l.Answers = records(answer.Answer)
	}
	j.add(evidence.Event{Took: l.Waited, Lookup: &l})
	return l
}

func records(rrs []dns.RR) []evidence.RR {
	var out []evidence.RR
	for _, rr := range rrs[:min(len(rrs), maxAnswers)] {
		h := rr.Header()
		name := strings.TrimSuffix(h.Name, ".")
		out = append(out, evidence.RR{Name: name, Type: dns.TypeToString[h.Rrtype], TTL: h.Ttl, Data: recordData(rr)})
	}
	return out
}

func recordData(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.String()
	case *dns.AAAA:
		return rr.AAAA.String()
	case *dns.CNAME:
		return strings.TrimSuffix(rr.Target, ".")
	case *dns.PTR:
		return strings.TrimSuffix(rr.Ptr, ".")
	case *dns.NS:
		return strings.TrimSuffix(rr.Ns, ".")
	case *dns.MX:
		return strconv.Itoa(int(rr.Preference)) + " " + strings.TrimSuffix(rr.Mx, ".")
	case *dns.TXT:
		return strings.Join(rr.Txt, "")
	}
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}
