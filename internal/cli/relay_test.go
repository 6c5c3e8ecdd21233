package cli

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/listen"
	"github.com/smtptriage/smtptriage/internal/probe"
)

// notRelayed are cases whose fault does not pass a relay that ends TLS on both sides, or lies in what the client meant to do and
// the wire does not show; each with the reason.
var notRelayed = map[string]string{
	"auth-not-offered":    "that there are credentials is known to the client alone",
	"auth-not-offered-mx": "that there are credentials is known to the client alone",
	"auth-mechanism-ntlm": "which mechanisms the client has is known to it alone",
}

// TestRelayEqualsDirect walks to every case of the lab twice, directly and through listen --forward, and compares what is said of
// the server. Nothing is tried beside the walk: a relay tries nothing.
func TestRelayEqualsDirect(t *testing.T) {
	authority, err := listen.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	tb := new(table)
	turns := make(chan struct{}, sideBySide)
	var going sync.WaitGroup
	for _, c := range lab.Cases() {
		if c.Want.Verdict.Step == cause.Connect {
			continue // no conversation
		}
		going.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			began := time.Now()
			straight := walkCase(t, c, nil, direct)
			relayed := walkCase(t, c, authority, relaying)
			if straight == nil || relayed == nil {
				return
			}
			want, got := diagnose.Diagnose(straight), diagnose.Diagnose(relayed)
			res := result{name: c.Name, want: string(want.Verdict.Step) + " " + string(want.Verdict.Cause), got: string(got.Verdict.Step) + " " + string(got.Verdict.Cause),
				took: time.Since(began)}
			res.ok = res.want == res.got
			if why := notRelayed[c.Name]; !res.ok && why == "" {
				t.Errorf("%s: relayed it is %s, directly %s\n%s\n%s", c.Name, res.got, res.want, reportOf(t, relayed), reportOf(t, straight))
			} else if why != "" {
				res.name += " (" + why + ")"
				res.ok = true
			}
			tb.add(res)
		})
	}
	going.Wait()
	tb.print(t, "relayed cases")
}

// TestRejectTellsTheFault walks through listen --reject to every case whose fault is in the server's replies, and looks whether the
// record has the case's verdict. Other faults are the client's to find: what a server sees of an expired certificate is whether
// the client minds.
func TestRejectTellsTheFault(t *testing.T) {
	// Made beforehand, as the command does it: clients lose patience while a busy machine makes keys.
	authority, err := listen.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	var going sync.WaitGroup
	turns := make(chan struct{}, sideBySide)
	tb := new(table)
	for _, c := range lab.Cases() {
		if c.Want.Verdict.Step.Before(cause.Auth) && c.Name != "client-certificate-missing" || c.Want.Verdict.Step == cause.None || notRelayed[c.Name] != "" {
			continue
		}
		if c.Name == "data-stalls" {
			continue // it takes its client's data so slowly that it sees him leave a minute later
		}
		going.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			began := time.Now()
			rec := walkCase(t, c, authority, rejecting)
			if rec == nil {
				return
			}
			d := diagnose.Diagnose(rec)
			got := lab.Verdict{Step: d.Verdict.Step, Cause: d.Verdict.Cause}
			res := result{name: c.Name, want: c.Want.Verdict.String(), got: got.String(), took: time.Since(began), ok: c.Want.Accepts(got)}
			if !res.ok {
				t.Errorf("%s: seen from the server it is %s, want %s\n%s", c.Name, res.got, res.want, reportOf(t, rec))
			}
			tb.add(res)
		})
	}
	going.Wait()
	if len(tb.rows) < 40 {
		t.Errorf("%d cases, want 40 and more", len(tb.rows))
	}
	tb.print(t, "rejecting cases")
}

// A manner is how a walk reaches a case.
type manner int

const (
	direct manner = iota
	relaying
	rejecting
)

// walkCase walks to a case, through a server of listen with that authority unless directly, and returns the record: check's own, or the relay's.
func walkCase(t *testing.T, c lab.Case, authority *listen.Authority, how manner) *evidence.Record {
	r, err := lab.Start(t.Context(), c)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer r.Stop()
	o, target, err := caseOptions(r.Args())
	if err != nil {
		t.Error(err)
		return nil
	}
	o.noExperiments, o.timeout, o.maxTime = true, 4*time.Second, 25*time.Second
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
	j, err := a.prepare(o, target)
	if err != nil {
		t.Error(err)
		return nil
	}
	j.plan = nil
	if c.NeedsRedirect() {
		redirect(&j.prober, r)
	}
	if how == direct {
		return a.run(t.Context(), j)
	}
	srv := &listen.Server{Authority: authority, Answer: r.Server.ServeConn}
	if how == relaying {
		srv.Answer, srv.Forward = nil, forwardTo(t, j, r)
		j.prober.Roots = x509.NewCertPool()
		j.prober.Roots.AddCert(authority.Certificate())
	}
	return walkThrough(t, a, j, srv)
}

// forwardTo leads to a running case, and trusts its authority.
func forwardTo(t *testing.T, j *job, r *lab.Running) *listen.Forward {
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(r.CAFile); err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Errorf("reading the authority of %s: %v", r.Case.Name, err)
	}
	return &listen.Forward{Host: j.target.Walk.Host, Port: j.target.Walk.Port, Roots: roots,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) { return r.Dial(ctx, network, "") }}
}

// walkThrough makes the walk of a job to a server of listen, and returns what that recorded.
func walkThrough(t *testing.T, a *app, j *job, srv *listen.Server) *evidence.Record {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return nil
	}
	w := j.target.Walk
	records := make(chan *evidence.Record, 64)
	srv.Done = func(rec *evidence.Record) { records <- rec }
	served := make(chan error, 1)
	go func() {
		served <- srv.Serve(ctx, ln, listen.Port{Number: w.Port, Implicit: w.TLS == evidence.ImplicitTLS})
	}()
	j.prober.Lookup = func(context.Context, string, string) ([]netip.Addr, error) { return []netip.Addr{redirected}, nil }
	j.prober.Resolvers = nil
	j.prober.Dial = func(ctx context.Context, _ probe.DialSpec) (net.Conn, evidence.Dialed) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", ln.Addr().String())
		if err != nil {
			return nil, evidence.Dialed{Outcome: evidence.Refused, Text: err.Error()}
		}
		return conn, evidence.Dialed{Outcome: evidence.Connected}
	}
	a.run(t.Context(), j)
	var last *evidence.Record
	for wait := time.After(5 * time.Second); last == nil; {
		select {
		case last = <-records:
		case <-wait:
			t.Errorf("%s: there is no record of it", j.target.Input)
			return nil
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	return last
}
