package probe

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// mtuServer speaks TLS at port 465 of a server, with a chain that takes more than two segments.
func (n *testNet) mtuServer() {
	cert := newAuthority(n.t).issue(n.t, func(c *x509.Certificate) {
		for i := range 150 {
			c.DNSNames = append(c.DNSNames, fmt.Sprintf("host%d.of.a.large.site.example.com", i))
		}
	})
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	n.serve(serverAddr+":465", func(s *server) {
		if inside := s.upgrade(conf); inside != nil {
			refuse(inside)
		}
	})
}

// mtuWalk is a walk to that server.
func mtuWalk(change func(*evidence.Walk)) evidence.Walk {
	w := evidence.Walk{Host: "mx.example.com", Address: netip.MustParseAddr(serverAddr), Port: 465, TLS: evidence.ImplicitTLS,
		EHLO: "client.example.net", Wait: 3 * time.Second}
	if change != nil {
		change(&w)
	}
	return w
}

// What a hole in the path looks like from inside, for any user: the same handshake hangs in segments of the usual size
// and passes in small ones, and the kernel says in which direction packets are missing.
func TestHandshakeInHole(t *testing.T) {
	small := mtuWalk(func(w *evidence.Walk) { w.MSS = 536 })
	for _, tt := range []struct {
		name string
		hole func(*testNet)
		sign func(*evidence.TCPInfo) bool // of the hung connection
	}{
		{"toward the server", func(n *testNet) { n.hole(1400, true) },
			func(i *evidence.TCPInfo) bool {
				return i.Unacked > 0 && i.Retrans > 0 && i.Backoff > 0 && i.OutOfOrder == 0
			}},
		{"toward the client", func(n *testNet) { n.holeBack(1400) },
			func(i *evidence.TCPInfo) bool { return i.Unacked == 0 && i.OutOfOrder > 0 && i.DataSegsIn > 0 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newTestNet(t)
			n.mtuServer()
			tt.hole(n)
			rec := n.probe(nobody, insideTask{
				Target:      evidence.Target{Walk: mtuWalk(nil)},
				Experiments: []evidence.Experiment{{Name: "small-segments", Walk: &small}},
				MaxTime:     20 * time.Second,
			})
			hung := rec.Trace("t1")
			v := evidence.NewView(hung)
			if v.Secured >= 0 || v.TLSFailed < 0 || hung.Events[v.TLSFailed].TLSFailed.Outcome != evidence.TimedOut {
				t.Fatalf("the handshake did not hang:\n%s", dialogue(*hung))
			}
			info := lastTCPInfo(hung)
			if info == nil || !tt.sign(info) || info.PMTU != 1500 {
				t.Errorf("the kernel says %+v", info)
			}
			passed := rec.Trace(rec.Runs[0].Traces[0])
			if evidence.NewView(passed).Secured < 0 {
				t.Errorf("in small segments:\n%s", dialogue(*passed))
			}
		})
	}
}

// lastTCPInfo is the kernel's last word on a connection before its end.
func lastTCPInfo(t *evidence.Trace) (info *evidence.TCPInfo) {
	for _, e := range t.Events {
		if e.TCP != nil {
			info = e.TCP
		}
	}
	return info
}

// A hello that fits passes the hole, and one that does not stays without an answer.
func TestHelloSizesInHole(t *testing.T) {
	t.Parallel()
	n := newTestNet(t)
	n.mtuServer()
	n.hole(1400, true)
	sizes := []int{600, 1200, 1340, 1360, 2000}
	rec := n.probe(nobody, insideTask{
		Target: evidence.Target{Walk: mtuWalk(func(w *evidence.Walk) { w.Until = "connect" })},
		Experiments: []evidence.Experiment{{Name: "hello-sizes",
			Hello: &evidence.HelloTest{Walk: mtuWalk(func(w *evidence.Walk) { w.Wait = 2 * time.Second }), Sizes: sizes}}},
		MaxTime: 20 * time.Second,
	})
	var answered []int
	for _, id := range rec.Runs[0].Traces {
		tr := rec.Trace(id)
		if v := evidence.NewView(tr); v.ServerHello >= 0 {
			answered = append(answered, tr.Events[v.ClientHello].ClientHello.Size)
		}
	}
	// 1400 less 20 octets of IP, and 32 of TCP with its timestamps, are 1348.
	if want := sizes[:3]; !slices.Equal(answered, want) {
		t.Errorf("answered %v, want %v", answered, want)
	}
}
