package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/miekg/dns"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

const maxTrail = 64 // lines of an evaluation that are kept

// spf evaluates the SPF record of a sender's domain (RFC 7208), with look-ups of our own so that each is recorded.
func (r *run) spf(ctx context.Context, g *group, t evidence.SPFTest) (notPossible string) {
	j := g.trace(evidence.Trace{})
	result := evidence.SPFResult{Address: t.Address, Domain: t.Sender[strings.LastIndexByte(t.Sender, '@')+1:]}
	trace := func(format string, args ...any) {
		if len(result.Trail) < maxTrail {
			result.Trail = append(result.Trail, fmt.Sprintf(format, args...))
		}
	}
	began := j.now()
	outcome, err := spf.CheckHostWithSender(net.IP(t.Address.AsSlice()), t.HELO, t.Sender,
		spf.WithContext(ctx), spf.WithResolver(spfResolver{r, j}), spf.WithTraceFunc(trace))
	result.Result = string(outcome)
	if err != nil {
		result.Why = err.Error()
	}
	j.add(evidence.Event{Took: j.now() - began, SPF: &result})
	return ""
}

// An spfResolver looks up for an evaluation of SPF, through the run's resolvers.
type spfResolver struct {
	run *run
	j   *journal
}

// look returns the data of the records of one type.
func (s spfResolver) look(ctx context.Context, name, kind string) ([]string, error) {
	all := s.run.inquire(ctx, s.j, name, kind)
	l := all[len(all)-1]
	var data []string
	for _, rr := range l.Answers {
		if rr.Type == kind {
			data = append(data, rr.Data)
		}
	}
	switch {
	case len(data) > 0:
		return data, nil
	case l.NotFound || l.RCode == "NOERROR" || l.RCode == "NXDOMAIN":
		return nil, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	}
	why := strings.TrimSpace(l.RCode + " " + l.Text)
	return nil, &net.DNSError{Err: why, Name: name, IsTemporary: true, IsTimeout: l.Outcome == evidence.TimedOut}
}

func (s spfResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return s.look(ctx, name, "TXT")
}

func (s spfResolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	data, err := s.look(ctx, name, "MX")
	var hosts []*net.MX
	for _, d := range data {
		preference, host, _ := strings.Cut(d, " ")
		n, convErr := strconv.ParseUint(preference, 10, 16)
		if convErr != nil {
			return nil, convErr
		}
		hosts = append(hosts, &net.MX{Host: host, Pref: uint16(n)})
	}
	return hosts, err
}

func (s spfResolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	var found []net.IPAddr
	var failed error
	for _, kind := range []string{"A", "AAAA"} {
		data, err := s.look(ctx, host, kind)
		if d, ok := errors.AsType[*net.DNSError](err); ok && !d.IsNotFound {
			failed = err
		}
		for _, d := range data {
			found = append(found, net.IPAddr{IP: net.ParseIP(d)})
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case failed != nil:
		return nil, failed
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (s spfResolver) LookupAddr(ctx context.Context, address string) ([]string, error) {
	name, err := dns.ReverseAddr(address)
	if err != nil {
		return nil, err
	}
	return s.look(ctx, name, "PTR")
}
