package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func TestFacts(t *testing.T) {
	h := Facts(t.Context())
	if !strings.HasPrefix(h.OS, runtime.GOOS) {
		t.Errorf("OS = %q", h.OS)
	}
	if !slices.ContainsFunc(h.Interfaces, loopback) {
		t.Errorf("no interface has a loopback address: %+v", h.Interfaces)
	}
	if runtime.GOOS == "linux" && h.RoutesRead != yes {
		t.Errorf("RoutesRead = %q", h.RoutesRead)
	}
	if h.FirewallRead == "" {
		t.Error("FirewallRead does not say why no rules were read")
	}
	if _, read := Firewall(t.Context()); read == "" {
		t.Error("Firewall does not say whether it could read the rules")
	}
}

// A machine that answers slowly is not waited for.
func TestAskGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ask(ctx, "sleep", "60"); err == nil {
		t.Error("ask returned no error though its time was over")
	}
	if _, err := ask(t.Context(), "no-such-program-here"); err == nil || !strings.Contains(err.Error(), "no-such-program-here") {
		t.Errorf("err = %v, want one that names the program", err)
	}
}

func TestCappedBuffer(t *testing.T) {
	var b cappedBuffer
	if _, err := b.Write(make([]byte, maxOutput)); err != nil {
		t.Errorf("the first %d octets: %v", maxOutput, err)
	}
	if _, err := b.Write([]byte{0}); !errors.Is(err, errTooLong) || !b.over {
		t.Errorf("one octet more: %v", err)
	}
}

func TestProxies(t *testing.T) {
	got := proxies([]string{"https_proxy=http://user:s3cret@192.0.2.1:3128", "HTTP_PROXY=", "PATH=/bin", "ALL_PROXY=socks5://192.0.2.2"})
	if d := cmp.Diff([]string{"ALL_PROXY", "https_proxy"}, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestResolvConf(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"in order", "# made by hand\nsearch example.com\nnameserver 192.0.2.2\nnameserver 2001:db8::53\noptions edns0\n",
			[]string{"192.0.2.2:53", "[2001:db8::53]:53"}},
		{"link-local", "nameserver fe80::1%eth0\n", []string{"[fe80::1%eth0]:53"}},
		{"no more than three", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
			[]string{"192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53"}},
		{"none means this machine", "search example.com\n", []string{"127.0.0.1:53"}},
		{"what is no address is passed over", "nameserver ns.example.com\nnameserver\n nameserver 192.0.2.9 # the router\n",
			[]string{"192.0.2.9:53"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parseResolvConf([]byte(tt.text))); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

const scutilOutput = `DNS configuration

resolver #1
  search domain[0] : example.net
  nameserver[0] : 192.0.2.1
  nameserver[1] : fe80::1%en0
  if_index : 6 (en0)
  flags    : Request A records, Request AAAA records
  reach    : 0x00020002 (Reachable,Directly Reachable Address)

resolver #2
  domain   : local
  options  : mdns
  timeout  : 5
  order    : 300000

resolver #3
  domain   : corp.example.com
  nameserver[0] : 198.51.100.53

resolver #4
  nameserver[0] : 127.0.0.1
  port     : 5353

DNS configuration (for scoped queries)

resolver #1
  nameserver[0] : 203.0.113.1
  if_index : 6 (en0)
  flags    : Scoped, Request A records
`

func TestScutil(t *testing.T) {
	want := []string{"192.0.2.1:53", "[fe80::1%en0]:53", "127.0.0.1:5353"}
	if d := cmp.Diff(want, parseScutil([]byte(scutilOutput))); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// The gateway is 192.0.0.1 as a machine with little-endian numbers prints it.
const procRoute = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010000C0	0003	0	0	0	00000000	0	0	0
eth0	000000C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
ppp0	00000000	00000000	0001	0	0	50	00000000	0	0	0
*	00000000	00000000	0200	0	0	60	00000000	0	0	0
wg0	00000000	00000000	0001	0	0	0	00000080	0	0	0
short	00000000
`

const procRoute6 = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003     eth1
`

func TestProcRoutes(t *testing.T) {
	gateway := "192.0.0.1"
	if bigEndian() {
		gateway = "1.0.0.192"
	}
	if d := cmp.Diff([]string{gateway, "dev ppp0"}, parseProcRoute([]byte(procRoute))); d != "" {
		t.Errorf("IPv4 (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"fe80::1%eth0", "2001:db8::1"}, parseProcRoute6([]byte(procRoute6))); d != "" {
		t.Errorf("IPv6 (-want +got)\n%s", d)
	}
}

func TestBounded(t *testing.T) {
	var rules []string
	for i := range maxRules + 5 {
		rules = append(rules, fmt.Sprint(i, strings.Repeat("é", maxRule)))
	}
	got := bounded(rules)
	if len(got) != maxRules+1 || got[maxRules] != "and 5 more" {
		t.Errorf("%d rules, the last %q", len(got), got[len(got)-1])
	}
	if len(got[0]) > maxRule+4 {
		t.Errorf("a rule of %d octets", len(got[0]))
	}
}

func bigEndian() bool { return binary.NativeEndian.Uint16([]byte{0, 1}) == 1 }

func loopback(i evidence.Interface) bool {
	return slices.ContainsFunc(i.Addresses, func(a string) bool {
		p, err := netip.ParsePrefix(a)
		return err == nil && p.Addr().IsLoopback()
	})
}
