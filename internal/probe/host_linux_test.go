package probe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// What a real machine says of itself, to root and to everybody else.
func TestHostFactsOfAMachine(t *testing.T) {
	t.Parallel()
	n := newTestNet(t)
	n.filter("dev", "output", "tcp dport 25 drop")
	n.sysctl("dev", "net.ipv4.tcp_mtu_probing=1")
	task := insideTask{Target: evidence.Target{Walk: evidence.Walk{Host: serverAddr, Port: 25, TLS: evidence.NoTLS, Wait: time.Second}}, MaxTime: 10 * time.Second}
	for _, uid := range []uint32{root, nobody} {
		h := n.probe(uid, task).Host
		if h == nil {
			t.Fatalf("user %d: no facts", uid)
		}
		if d := cmp.Diff([]string{"10.1.0.1", "2001:db8:1::1"}, h.Gateways); d != "" || h.RoutesRead != "yes" {
			t.Errorf("user %d: gateways, read %q (-want +got)\n%s", uid, h.RoutesRead, d)
		}
		i := slices.IndexFunc(h.Interfaces, func(i evidence.Interface) bool { return i.Name == "eth0" })
		if i < 0 || h.Interfaces[i].MTU != 1500 || !h.Interfaces[i].Up || !slices.Contains(h.Interfaces[i].Addresses, "10.1.0.2/24") {
			t.Errorf("user %d: interfaces %+v", uid, h.Interfaces)
		}
		if !slices.Contains(h.Settings, "net.ipv4.tcp_mtu_probing=1") {
			t.Errorf("user %d: settings %q", uid, h.Settings)
		}
		rules, read := []string{"nft inet f output: tcp dport 25 drop"}, "yes"
		if uid == nobody {
			rules, read = nil, "not read: nft: "
		}
		if d := cmp.Diff(rules, h.Firewall); d != "" || !strings.HasPrefix(h.FirewallRead, read) || strings.Contains(h.FirewallRead, "\n") {
			t.Errorf("user %d: firewall, read %q (-want +got)\n%s", uid, h.FirewallRead, d)
		}
	}
}

// Nobody asks for the rules of a firewall that is in nobody's way.
func TestFirewallOfAMachineLeftAlone(t *testing.T) {
	t.Parallel()
	n := newTestNet(t)
	n.filter("dev", "output", "tcp dport 25 drop")
	n.serve(serverAddr+":2525", refuse)
	task := insideTask{Target: evidence.Target{Walk: evidence.Walk{Host: serverAddr, Port: 2525, TLS: evidence.NoTLS}}, MaxTime: 10 * time.Second}
	if h := n.probe(root, task).Host; h == nil || len(h.Firewall) > 0 || !strings.HasPrefix(h.FirewallRead, "not read: ") {
		t.Errorf("%+v, want facts without the firewall", h)
	}
}
