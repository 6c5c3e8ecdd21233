package probe

import (
	"crypto/tls"
	"net/netip"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

func TestEveryHelloHasBytes(t *testing.T) {
	for _, name := range HelloSpecs() {
		s, ok := helloSpec(name, "mx.example.com")
		if !ok || s.Name != name {
			t.Errorf("%q: found %v, named %q", name, ok, s.Name)
		}
		if b, err := s.Bytes(); err != nil || len(b) < 30 {
			t.Errorf("%q: %d octets, %v", name, len(b), err)
		}
	}
}

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
