package netlab

import (
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/require"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// contactCases are cases whose experiments go furthest.
var contactCases = []string{
	"healthy-mx", "gateway-drops-25-to-mx", "internet-down", "dns-site-servfail", "held-by-transparent-proxy", "gateway-strips-starttls-of-submission",
	"inspected-by-sslsplit-untrusted", "mtu-hole-up",
}

// TestOnlyNamedHostsAreContacted captures what leaves the device, and looks for a packet to anybody who is not the
// target, a door of its provider, a resolver or a control that package provider names.
func TestOnlyNamedHostsAreContacted(t *testing.T) {
	file := needProgram(t)
	tcpdump := require.Program(t, "tcpdump")
	for _, name := range contactCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, ok := Find(name)
			if !ok {
				t.Fatalf("no case %s", name)
			}
			l := start(t, c)
			packets := l.capture(t, tcpdump)
			check(t, l, file, 0)
			seen := packets()
			if len(seen) == 0 {
				t.Fatal("no packet was captured")
			}
			allowed := mayContact(t, c)
			for _, to := range seen {
				if !slices.Contains(allowed, to) {
					t.Errorf("a packet to %v, who is not named", to)
				}
			}
		})
	}
}

// capture starts a capture of what leaves the device, and returns a function that ends it and tells who it went to.
func (l *Lab) capture(t *testing.T, tcpdump string) func() []netip.AddrPort {
	t.Helper()
	file := l.path("capture.pcap")
	cmd := l.Command(t.Context(), Device, tcpdump, "-i", "eth0", "-Q", "out", "--immediate-mode", "-U", "-w", file, "-Z", "root", "tcp or udp")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	const patience = 5 * time.Second
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 { // its header: the capture is on
			break
		}
		if time.Since(began) > patience {
			t.Fatal("tcpdump does not begin")
		}
	}
	return func() []netip.AddrPort {
		time.Sleep(200 * time.Millisecond) // what is under way
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		out, err := exec.Command(tcpdump, "-nn", "-r", file).Output()
		if err != nil {
			t.Fatalf("reading the capture: %v", err)
		}
		return destinations(string(out))
	}
}

var destination = regexp.MustCompile(`(?m) > ([0-9a-f.:]+)\.(\d+): `)

func destinations(text string) []netip.AddrPort {
	var all []netip.AddrPort
	for _, m := range destination.FindAllStringSubmatch(text, -1) {
		addr, err := netip.ParseAddr(m[1])
		port, err2 := strconv.ParseUint(m[2], 10, 16)
		if err != nil || err2 != nil {
			continue
		}
		if to := netip.AddrPortFrom(addr, uint16(port)); !slices.Contains(all, to) {
			all = append(all, to)
		}
	}
	return all
}

// mayContact is whom a check of the case may send packets to.
func mayContact(t *testing.T, c Case) []netip.AddrPort {
	t.Helper()
	var allowed []netip.AddrPort
	add := func(name string, ports ...int) {
		h, ok := findHost(name)
		if !ok {
			return // a door that the lab does not have
		}
		for _, a := range h.addrs {
			for _, p := range ports {
				allowed = append(allowed, netip.AddrPortFrom(netip.MustParseAddr(a), uint16(p)))
			}
		}
	}
	target, _, _ := strings.Cut(c.Target, ":")
	const sizeProbes = 33434 // UDP to a port where nobody listens: the answer tells which sizes pass
	add(target, sizeProbes)
	smtp := []int{25, 465, 587}
	add(target, append(smtp, 443)...)
	if p, _, ok := provider.Classify(target); ok {
		for _, d := range p.Doors {
			add(d.Host, append(smtp, 443)...)
		}
	}
	for _, port := range smtp {
		for _, control := range provider.Controls(port, "") {
			add(control.Host, control.Port)
		}
	}
	for _, r := range provider.ControlResolvers {
		at := netip.MustParseAddrPort(r)
		allowed = append(allowed, at, netip.AddrPortFrom(at.Addr(), 443))
	}
	return append(allowed, netip.MustParseAddrPort(siteResolver+":53"))
}
