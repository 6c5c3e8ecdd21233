package probe

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// look makes one path test from the device and returns its trace.
func (n *testNet) look(uid uint32, kind, address string, port int) (*evidence.Run, *evidence.Trace) {
	n.t.Helper()
	a := netip.MustParseAddr(address)
	rec := n.probe(uid, insideTask{
		Target:      evidence.Target{Walk: evidence.Walk{Host: address, Port: 443, Wait: 2 * time.Second, TLS: evidence.NoTLS}},
		Experiments: []evidence.Experiment{{Name: "path", Path: &evidence.PathTest{Kind: kind, Address: a, Port: port}}},
		MaxTime:     30 * time.Second,
	})
	if len(rec.Runs) != 1 {
		n.t.Fatalf("%d experiments were made", len(rec.Runs))
	}
	run := &rec.Runs[0]
	if len(run.Traces) == 0 {
		return run, &evidence.Trace{}
	}
	return run, rec.Trace(run.Traces[0])
}

// hopsOf writes a traceroute as text.
func hopsOf(t *evidence.Trace) string {
	var out []string
	for _, e := range t.Events {
		h := e.Hop
		switch {
		case h == nil:
			continue
		case expired(h.ICMP):
			out = append(out, fmt.Sprintf("%d %s", h.TTL, h.From))
		case h.Outcome == evidence.TimedOut:
			out = append(out, fmt.Sprintf("%d *", h.TTL))
		case h.ICMP != nil:
			out = append(out, fmt.Sprintf("%d %s by %s (%d/%d)", h.TTL, h.Outcome, h.From, h.ICMP.Type, h.ICMP.Code))
		default:
			out = append(out, fmt.Sprintf("%d %s %s", h.TTL, h.Outcome, h.From))
		}
	}
	return strings.Join(out, ", ")
}

// silence is a run of hops without an answer, in the text of hopsOf.
func silence(from, count int) string {
	var b strings.Builder
	for ttl := from; ttl < from+count; ttl++ {
		fmt.Fprintf(&b, ", %d *", ttl)
	}
	return b.String()
}

// loop is two routers that send the packets to each other, from a hop on.
func loop(from int, one, other string) string {
	var hops []string
	for ttl := from; ttl <= maxHops; ttl++ {
		hops = append(hops, fmt.Sprintf("%d %s", ttl, one))
		one, other = other, one
	}
	return strings.Join(hops, ", ")
}

func TestTraceroute(t *testing.T) {
	for _, tt := range []struct {
		name   string
		set    func(*testNet)
		server string
		root   bool // as root too
		want   string
	}{
		{"open", func(*testNet) {}, serverAddr, true, "1 10.1.0.1, 2 198.51.100.1, 3 connected 203.0.113.25"},
		{"open, IPv6", func(*testNet) {}, serverAddr6, false, "1 2001:db8:1::1, 2 2001:db8:2::1, 3 connected 2001:db8:25::25"},
		{"dropped by the gateway", func(n *testNet) { n.filter("gw", "forward", "tcp dport 25 drop") }, serverAddr, false,
			"1 10.1.0.1" + silence(2, maxSilent)},
		{"dropped by the ISP", func(n *testNet) { n.filter("isp", "forward", "tcp dport 25 drop") }, serverAddr, false,
			"1 10.1.0.1, 2 198.51.100.1" + silence(3, maxSilent)},
		{"dropped by the host itself", func(n *testNet) { n.filter("dev", "output", "tcp dport 25 drop") }, serverAddr, false,
			silence(1, maxMute)[2:]},
		{"reset by the gateway", func(n *testNet) { n.filter("gw", "forward", "tcp dport 25 reject with tcp reset") }, serverAddr, false,
			"1 10.1.0.1, 2 refused 203.0.113.25"},
		{"prohibited by the ISP", func(n *testNet) { n.filter("isp", "forward", "tcp dport 25 reject with icmpx admin-prohibited") }, serverAddr, false,
			"1 10.1.0.1, 2 198.51.100.1, 3 prohibited by 198.51.100.1 (3/13)"},
		{"prohibited by the ISP, IPv6", func(n *testNet) { n.filter("isp", "forward", "tcp dport 25 reject with icmpx admin-prohibited") }, serverAddr6, false,
			"1 2001:db8:1::1, 2 2001:db8:2::1, 3 prohibited by 2001:db8:2::1 (1/1)"},
		{"redirected by the gateway", func(n *testNet) {
			n.nft("gw", "add table ip mb; add chain ip mb p { type nat hook prerouting priority dstnat; }; add rule ip mb p tcp dport 25 redirect to :2525")
		}, serverAddr, false, "1 refused 203.0.113.25"}, // nobody listens there, so the gateway itself answers in the server's name
		{"a routing loop", func(n *testNet) {
			n.run("ip", "-n", n.prefix+"isp", "route", "replace", serverAddr6+"/128", "via", "2001:db8:2::2")
		}, serverAddr6, false, "1 2001:db8:1::1, " + loop(2, "2001:db8:2::1", "2001:db8:2::2")},
		{"a closed port", func(n *testNet) { n.filter("net", "input", "tcp dport 25 reject with tcp reset") }, serverAddr, false,
			"1 10.1.0.1, 2 198.51.100.1, 3 refused 203.0.113.25"},
	} {
		for _, uid := range []uint32{nobody, root} {
			if uid == root && !tt.root {
				continue
			}
			t.Run(fmt.Sprintf("%s, as user %d", tt.name, uid), func(t *testing.T) {
				t.Parallel()
				n := newTestNet(t)
				n.serve(serverAddr+":25", refuse)
				n.serve("["+serverAddr6+"]:25", refuse)
				tt.set(n)
				run, trace := n.look(uid, "tcp-traceroute", tt.server, 25)
				if run.NotPossible != "" {
					t.Fatalf("not possible: %s", run.NotPossible)
				}
				if got := hopsOf(trace); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
				if run.Took > 7*time.Second {
					t.Errorf("took %v", run.Took)
				}
			})
		}
	}
}

// sizesOf is the largest size that was answered, the least that never was, and who named an MTU.
func sizesOf(t *evidence.Trace) string {
	passed, lost, named := 0, 0, ""
	for _, e := range t.Events {
		if e.Size != nil && e.Size.Answered {
			passed = max(passed, e.Size.Bytes)
		}
	}
	for _, e := range t.Events {
		switch p := e.Size; {
		case p == nil || p.Bytes <= passed:
		case tooBig(p.By):
			named = fmt.Sprintf(" %s named %d", p.By.From, p.By.MTU)
		case lost == 0 || p.Bytes < lost:
			lost = p.Bytes
		}
	}
	return fmt.Sprintf("%d passed, %d lost%s", passed, lost, named)
}

func TestPacketSizes(t *testing.T) {
	ping := func(n *testNet) { n.sysctl("dev", "net.ipv4.ping_group_range=0 2147483647") }
	for _, tt := range []struct {
		name, kind, address string
		set                 func(*testNet)
		root                bool // as root too
		want                string
	}{
		{"a clear path", udpMTU, serverAddr, func(*testNet) {}, false, "1500 passed, 0 lost"},
		{"a clear path, IPv6", udpMTU, serverAddr6, func(*testNet) {}, false, "1500 passed, 0 lost"},
		{"a small MTU that is told", udpMTU, serverAddr, func(n *testNet) { n.hole(1410, false) }, false, "1410 passed, 0 lost 198.51.100.1 named 1410"},
		{"a hole", udpMTU, serverAddr, func(n *testNet) { n.hole(1400, true) }, true, "1400 passed, 1402 lost"},
		{"nobody answers", udpMTU, serverAddr, func(n *testNet) { n.filter("net", "output", "icmp type destination-unreachable drop") },
			false, "0 passed, 576 lost"},
		{"refused on the way", udpMTU, serverAddr, func(n *testNet) { n.filter("gw", "forward", "meta l4proto udp reject with icmpx admin-prohibited") },
			false, "0 passed, 576 lost"},
		{"ping, a clear path", pingMTU, serverAddr, ping, false, "1500 passed, 0 lost"},
		{"ping, IPv6", pingMTU, serverAddr6, ping, false, "1500 passed, 0 lost"},
		{"ping, a hole", pingMTU, serverAddr, func(n *testNet) { ping(n); n.hole(1372, true) }, false, "1372 passed, 1376 lost"},
	} {
		for _, uid := range []uint32{nobody, root} {
			if uid == root && !tt.root {
				continue
			}
			t.Run(fmt.Sprintf("%s, as user %d", tt.name, uid), func(t *testing.T) {
				t.Parallel()
				n := newTestNet(t)
				n.sysctl("net", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
				tt.set(n)
				run, trace := n.look(uid, tt.kind, tt.address, 0)
				if run.NotPossible != "" {
					t.Fatalf("not possible: %s", run.NotPossible)
				}
				if got := sizesOf(trace); got != tt.want {
					t.Errorf("got  %s\nwant %s\n%s", got, tt.want, probesOf(trace))
				}
			})
		}
	}
}

// probesOf lists every packet, for when a test fails.
func probesOf(t *evidence.Trace) string {
	var b strings.Builder
	for _, e := range t.Events {
		switch {
		case e.Size != nil:
			fmt.Fprintf(&b, "%d answered %v by %+v %q after %v\n", e.Size.Bytes, e.Size.Answered, e.Size.By, e.Size.Text, e.Took)
		case e.Note != nil:
			fmt.Fprintln(&b, e.Note.Text)
		}
	}
	return b.String()
}

// Where ping sockets are not for everybody, that is what is said.
func TestPingNotAllowed(t *testing.T) {
	t.Parallel()
	n := newTestNet(t)
	run, _ := n.look(nobody, pingMTU, serverAddr, 0)
	if want := "not measured: this user may not ping (net.ipv4.ping_group_range)"; run.NotPossible != want {
		t.Errorf("got %q, want %q", run.NotPossible, want)
	}
}

// Every host that packets went to is in the record.
func TestPathContacts(t *testing.T) {
	t.Parallel()
	n := newTestNet(t)
	rec := n.probe(0, insideTask{
		Target: evidence.Target{Walk: evidence.Walk{Host: serverAddr, Port: 443, Wait: time.Second, TLS: evidence.NoTLS}},
		Experiments: []evidence.Experiment{
			{Name: "traceroute", Path: &evidence.PathTest{Kind: tcpTraceroute, Address: netip.MustParseAddr(serverAddr), Port: 25}},
			{Name: "path-mtu", Path: &evidence.PathTest{Kind: udpMTU, Address: netip.MustParseAddr(serverAddr)}},
		},
		MaxTime: 30 * time.Second,
	})
	want := map[string]bool{serverAddr + ":443": true, serverAddr + ":25": true, serverAddr + ":33434": true}
	got := map[string]bool{}
	for _, c := range rec.Contacted {
		got[c] = true
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
