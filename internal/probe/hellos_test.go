package probe

import (
	"crypto/tls"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// Hellos of our own against crypto/tls: which versions it takes, and how it says no.
func TestHellos(t *testing.T) {
	cert := newAuthority(t).issue(t, nil)
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	port := listen(t, offerTLS(func(s *server) {
		s.SetDeadline(time.Now().Add(2 * time.Second))
		s.upgrade(conf)
	}))
	test := &evidence.HelloTest{
		Walk:  evidence.Walk{Host: "mx.example.com", Address: netip.MustParseAddr("127.0.0.1"), Port: port, EHLO: "client.example.net"},
		Specs: []string{"TLS 1.3", "TLS 1.2", "TLS 1.0", "modern"},
		Sizes: []int{600, 2000},
	}
	p := Prober{}
	closed := evidence.Walk{Host: "127.0.0.1", Port: freePort(t)}
	rec := p.Run(t.Context(), evidence.Target{Walk: closed}, func(*evidence.Record) []evidence.Experiment {
		return []evidence.Experiment{{Name: "hellos", Hello: test}}
	})
	if len(rec.Runs) != 1 || rec.Runs[0].NotPossible != "" || len(rec.Runs[0].Traces) != 6 {
		t.Fatalf("runs %+v", rec.Runs)
	}
	for i, want := range []tlswire.Version{tlswire.TLS13, tlswire.TLS12, 0, tlswire.TLS13, tlswire.TLS13, tlswire.TLS13} {
		tr := rec.Trace(rec.Runs[0].Traces[i])
		v := evidence.NewView(tr)
		if name := append(slices.Clone(test.Specs), "modern-small", "modern-small")[i]; tr.Walk.Like != name {
			t.Errorf("hello %d is named %q, want %q", i, tr.Walk.Like, name)
		}
		if want == 0 {
			if v.ServerHello >= 0 || v.Alert < 0 || v.TLSFailed < 0 || tr.Events[v.TLSFailed].TLSFailed.How != evidence.TLSAlerted {
				t.Errorf("hello %d:\n%s", i, dialogue(*tr))
			}
			continue
		}
		if v.ServerHello < 0 || tr.Events[v.ServerHello].ServerHello.Version != want || v.TLSFailed >= 0 {
			t.Errorf("hello %d, want %v:\n%s", i, want, dialogue(*tr))
		}
		if (v.Chain >= 0) != (want == tlswire.TLS12) {
			t.Errorf("hello %d: certificates at %d", i, v.Chain)
		}
		if n := tr.Events[v.ClientHello].ClientHello.Size; i >= 4 && n != test.Sizes[i-4] {
			t.Errorf("hello %d has %d octets, want %d", i, n, test.Sizes[i-4])
		}
	}
}

// A size below the hello's own is left out, and the others are tried.
func TestWriteHellos(t *testing.T) {
	got, problem := writeHellos(evidence.HelloTest{Sizes: []int{50, 1000}}, "mx.example.com")
	if problem != "" || len(got) != 1 || len(got[0].octets) != 1000 {
		t.Errorf("%d hellos, %q", len(got), problem)
	}
	if got, problem := writeHellos(evidence.HelloTest{Sizes: []int{50}}, "mx.example.com"); problem == "" {
		t.Errorf("%d hellos of 50 octets", len(got))
	}
}

// Hellos that nobody answers are not waited for one after the other: three at a time.
func TestHellosTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Prober{Dial: dialTo(t, func(s *server) { s.drain() })}
		w := walkOf()
		w.TLS = evidence.ImplicitTLS
		began := time.Now()
		r := newRun(&p, evidence.Target{Walk: w})
		g := r.group("e1.", evidence.RoleExperiment, new(evidence.Run))
		if problem := r.hellos(t.Context(), g, evidence.HelloTest{Walk: w, Specs: tlswire.SpecNames()[:7]}); problem != "" {
			t.Error(problem)
		}
		if took := time.Since(began); took != 3*answerWait {
			t.Errorf("seven hellos took %v, want %v", took, 3*answerWait)
		}
		dialled := map[time.Duration]int{} // every connection lasts as long as its wait, so those of one moment are side by side
		for i, j := range g.traces {
			for _, e := range j.rec.Snapshot().Events {
				if e.Dialed != nil {
					dialled[j.start.Add(e.At).Sub(began)]++
				}
			}
			if got := j.rec.Snapshot().Walk.Like; got != tlswire.SpecNames()[i] {
				t.Errorf("trace %s is of %q, want %q", j.id(), got, tlswire.SpecNames()[i])
			}
		}
		if want := map[time.Duration]int{0: MaxPerServer, answerWait: MaxPerServer, 2 * answerWait: 1}; !maps.Equal(dialled, want) {
			t.Errorf("connections by their time: %v, want %v", dialled, want)
		}
	})
}
