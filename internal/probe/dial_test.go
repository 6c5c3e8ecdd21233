package probe

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// freePort is a loopback port on which nothing listens.
func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestDialRefused(t *testing.T) {
	address := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(freePort(t)))
	conn, d := dialTCP(t.Context(), DialSpec{Address: address})
	if conn != nil || d.Outcome != evidence.Refused || !strings.HasSuffix(d.Errno, "ECONNREFUSED") || d.Offender != nil {
		t.Errorf("%+v", d)
	}
}

func TestDialBinds(t *testing.T) {
	port := listen(t, func(s *server) { s.drain() })
	far := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	for _, tt := range []struct {
		bind, want string
		outcome    evidence.Outcome
	}{
		{"127.0.0.1", "127.0.0.1", evidence.Connected},
		{"::1", "", evidence.NoRoute},
		{"192.0.2.77", "", evidence.NoRoute},
		{"no-such-interface", "", evidence.NoRoute},
	} {
		conn, d := dialTCP(t.Context(), DialSpec{Address: far, Bind: tt.bind})
		if d.Outcome != tt.outcome {
			t.Errorf("bound to %s: %+v, want %s", tt.bind, d, tt.outcome)
		}
		if conn != nil {
			if got := addrPort(conn.LocalAddr()).Addr().String(); got != tt.want {
				t.Errorf("bound to %s: local address %s, want %s", tt.bind, got, tt.want)
			}
			conn.Close()
		}
	}
}

func TestOutcomes(t *testing.T) {
	past, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	for _, tt := range []struct {
		err  error
		want evidence.Outcome
	}{
		{nil, evidence.Connected},
		{net.ErrClosed, evidence.Failed},
		{past.Err(), evidence.TimedOut},
		{&net.DNSError{IsTimeout: true}, evidence.TimedOut},
	} {
		if got, _ := outcomeOf(tt.err); got != tt.want {
			t.Errorf("outcomeOf(%v) = %s, want %s", tt.err, got, tt.want)
		}
	}
}

func TestBlame(t *testing.T) {
	icmp := func(v6 bool, kind, code int) *evidence.ICMP { return &evidence.ICMP{V6: v6, Type: kind, Code: code} }
	for _, tt := range []struct {
		outcome evidence.Outcome
		errno   string
		by      *evidence.ICMP
		want    evidence.Outcome
	}{
		{evidence.Unreachable, "EHOSTUNREACH", icmp(false, 3, 13), evidence.Prohibited},
		{evidence.Unreachable, "EHOSTUNREACH", icmp(false, 3, 1), evidence.Unreachable},
		{evidence.Unreachable, "ENETUNREACH", icmp(false, 3, 0), evidence.Unreachable},
		{evidence.Unreachable, "ENETUNREACH", icmp(false, 3, 9), evidence.Prohibited},
		{evidence.Unreachable, "ENETUNREACH", nil, evidence.NoRoute},
		{evidence.Unreachable, "EHOSTUNREACH", nil, evidence.Unreachable},
		{evidence.Refused, "ECONNREFUSED", icmp(false, 3, 3), evidence.Refused},
		{evidence.Prohibited, "EACCES", icmp(true, 1, 1), evidence.Prohibited},
		{evidence.Unreachable, "EHOSTUNREACH", icmp(false, 11, 0), evidence.Unreachable},
	} {
		if got := blame(tt.outcome, tt.errno, tt.by); got != tt.want {
			t.Errorf("blame(%s, %s, %+v) = %s, want %s", tt.outcome, tt.errno, tt.by, got, tt.want)
		}
	}
}

func TestHelloName(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.5"), netip.MustParseAddr("2001:db8::5")
	for _, tt := range []struct {
		host  string
		local netip.Addr
		want  string
	}{
		{"scan.example.com", v4, "scan.example.com"},
		{"SCAN.Example.com.", v4, "scan.example.com"},
		{"laptop", v4, "[192.0.2.5]"},
		{"laptop.local", v4, "[192.0.2.5]"},
		{"printer.lan", v6, "[IPv6:2001:db8::5]"},
		{"10.0.0.1", v4, "[192.0.2.5]"},
		{"a b.example.com", v4, "[192.0.2.5]"},
		{"", netip.Addr{}, "[127.0.0.1]"},
	} {
		if got := helloName(tt.host, tt.local); got != tt.want {
			t.Errorf("helloName(%q, %v) = %q, want %q", tt.host, tt.local, got, tt.want)
		}
	}
}

// What the system's resolver says is kept apart as far as it can be.
func TestSystemLookup(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want evidence.Lookup
	}{
		{"not found", &net.DNSError{Err: "no such host", IsNotFound: true}, evidence.Lookup{NotFound: true}},
		{"time-out", &net.DNSError{Err: "i/o timeout", IsTimeout: true, IsTemporary: true}, evidence.Lookup{Outcome: evidence.TimedOut}},
		{"server failure", &net.DNSError{Err: "server misbehaving", IsTemporary: true}, evidence.Lookup{Outcome: evidence.Failed}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Prober{Lookup: func(context.Context, string, string) ([]netip.Addr, error) { return nil, tt.err }}
			w := walkOf()
			w.Host = "mx.example.com"
			rec := p.Run(t.Context(), evidence.Target{Walk: w}, nil)
			if len(rec.Traces) != 1 || rec.Traces[0].Role != evidence.RoleLookup || len(rec.Traces[0].Events) != 1 {
				t.Fatalf("traces %+v", rec.Traces)
			}
			l := rec.Traces[0].Events[0].Lookup
			if l.NotFound != tt.want.NotFound || l.Outcome != tt.want.Outcome || l.Text == "" || l.Server != "system" {
				t.Errorf("got %+v, want %+v", l, tt.want)
			}
		})
	}
}

// dnsServer answers on loopback, over UDP and TCP.
func dnsServer(t *testing.T, handler dns.HandlerFunc) string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", pc.LocalAddr().String())
	if err != nil {
		pc.Close()
		t.Skipf("the TCP port beside a free UDP port is taken: %v", err)
	}
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: handler}, {Listener: l, Handler: handler}} {
		started, done := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { defer close(done); s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { s.Shutdown(); <-done })
	}
	return pc.LocalAddr().String()
}

func TestWireLookup(t *testing.T) {
	server := dnsServer(t, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		_, udp := w.RemoteAddr().(*net.UDPAddr)
		name := q.Question[0].Name
		switch {
		case name == "gone.example.com.":
			m.Rcode = dns.RcodeNameError
		case name == "ill.example.com.":
			m.Rcode = dns.RcodeServerFailure
		case name == "long.example.com." && udp:
			m.Truncated = true
		case q.Question[0].Qtype == dns.TypeMX:
			rr, _ := dns.NewRR(name + " 60 IN MX 10 mx.example.com.")
			m.Answer = append(m.Answer, rr)
		case q.Question[0].Qtype == dns.TypeA:
			rr, _ := dns.NewRR(name + " 300 IN A 192.0.2.25")
			m.Answer = append(m.Answer, rr)
		}
		w.WriteMsg(m)
	})
	p := Prober{Dial: func(context.Context, DialSpec) (net.Conn, evidence.Dialed) {
		return nil, evidence.Dialed{Outcome: evidence.Refused}
	}}
	for _, tt := range []struct {
		name  string
		types []string
		want  []evidence.Lookup
	}{
		{"mx.example.com", []string{"A", "MX", "AAAA"}, []evidence.Lookup{
			{Proto: "udp", RCode: "NOERROR", Answers: []evidence.RR{{Name: "mx.example.com", Type: "A", TTL: 300, Data: "192.0.2.25"}}},
			{Proto: "udp", RCode: "NOERROR", Answers: []evidence.RR{{Name: "mx.example.com", Type: "MX", TTL: 60, Data: "10 mx.example.com"}}},
			{Proto: "udp", RCode: "NOERROR"}}},
		{"gone.example.com", []string{"A"}, []evidence.Lookup{{Proto: "udp", RCode: "NXDOMAIN", NotFound: true}}},
		{"ill.example.com", []string{"A"}, []evidence.Lookup{{Proto: "udp", RCode: "SERVFAIL"}}},
		{"long.example.com", []string{"A"}, []evidence.Lookup{{Proto: "udp", RCode: "NOERROR", Truncated: true},
			{Proto: "tcp", RCode: "NOERROR", Answers: []evidence.RR{{Name: "long.example.com", Type: "A", TTL: 300, Data: "192.0.2.25"}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := evidence.Question{Server: server, Name: tt.name, Types: tt.types}
			rec := p.Run(t.Context(), evidence.Target{Walk: walkOf()}, func(*evidence.Record) []evidence.Experiment {
				return []evidence.Experiment{{Name: "ask", Lookup: &q}}
			})
			tr := rec.Trace("e1.1")
			if tr == nil || len(tr.Events) != len(tt.want) {
				t.Fatalf("trace %+v", tr)
			}
			for i, e := range tr.Events {
				g, w := e.Lookup, tt.want[i]
				if g.Proto != w.Proto || g.RCode != w.RCode || g.NotFound != w.NotFound || g.Truncated != w.Truncated ||
					len(g.Answers) != len(w.Answers) || len(w.Answers) > 0 && g.Answers[0] != w.Answers[0] || g.Server != server {
					t.Errorf("event %d: got %+v, want %+v", i, g, w)
				}
			}
		})
	}
	t.Run("for the walk", func(t *testing.T) {
		p := p
		p.Resolvers = []string{server}
		w := walkOf()
		w.Host = "mx.example.com"
		rec := p.Run(t.Context(), evidence.Target{Walk: w}, nil)
		if len(rec.Traces) != 2 || rec.Traces[1].Address.String() != "192.0.2.25:25" {
			t.Errorf("traces %+v", rec.Traces)
		}
	})
}
