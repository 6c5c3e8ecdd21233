package probe

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// A testNet is four network namespaces in a row: a device, the site's gateway with NAT, a router of the ISP, and the
// Internet with a server. They have no link to anything else.
type testNet struct {
	t      *testing.T
	prefix string
}

// Addresses in a testNet.
const (
	gatewayLAN   = "10.1.0.1"
	ispCustomer  = "198.51.100.1"
	serverAddr   = "203.0.113.25"
	gatewayLAN6  = "2001:db8:1::1"
	ispCustomer6 = "2001:db8:2::1"
	serverAddr6  = "2001:db8:25::25"
)

var testNets atomic.Int32

const testNetLinks = `
dev link add eth0 type veth peer name lan netns gw
gw  link add wan  type veth peer name cust netns isp
isp link add core type veth peer name eth0 netns net
dev addr add 10.1.0.2/24 dev eth0
gw  addr add 10.1.0.1/24 dev lan
gw  addr add 198.51.100.10/24 dev wan
isp addr add 198.51.100.1/24 dev cust
isp addr add 203.0.113.1/24 dev core
net addr add 203.0.113.2/24 dev eth0
net addr add 203.0.113.25/32 dev lo
dev addr add 2001:db8:1::2/64 dev eth0
gw  addr add 2001:db8:1::1/64 dev lan
gw  addr add 2001:db8:2::2/64 dev wan
isp addr add 2001:db8:2::1/64 dev cust
isp addr add 2001:db8:3::1/64 dev core
net addr add 2001:db8:3::2/64 dev eth0
net addr add 2001:db8:25::25/128 dev lo
dev link set eth0 up
gw  link set lan up
gw  link set wan up
isp link set cust up
isp link set core up
net link set eth0 up
dev route add default via 10.1.0.1
gw  route add default via 198.51.100.1
net route add default via 203.0.113.1
isp route add 203.0.113.25/32 via 203.0.113.2
dev route add default via 2001:db8:1::1
gw  route add default via 2001:db8:2::1
net route add default via 2001:db8:3::1
isp route add 2001:db8:25::25/128 via 2001:db8:3::2
isp route add 2001:db8:1::/64 via 2001:db8:2::2`

func newTestNet(t *testing.T) *testNet {
	t.Helper()
	require.LinuxRoot(t)
	for _, p := range []string{"ip", "nft", "sysctl"} {
		require.Program(t, p)
	}
	n := &testNet{t, fmt.Sprintf("probe%d-%d-", os.Getpid(), testNets.Add(1))}
	for _, ns := range []string{"dev", "gw", "isp", "net"} {
		n.run("ip", "netns", "add", n.prefix+ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", n.prefix+ns).Run() })
		n.sysctl(ns, "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
		n.run("ip", "-n", n.prefix+ns, "link", "set", "lo", "up")
	}
	for line := range strings.Lines(strings.TrimSpace(testNetLinks)) {
		f := strings.Fields(line)
		if i := len(f) - 2; f[i] == "netns" {
			f[i+1] = n.prefix + f[i+1]
		}
		n.run("ip", append([]string{"-n", n.prefix + f[0]}, f[1:]...)...)
	}
	for _, ns := range []string{"gw", "isp"} {
		n.sysctl(ns, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
	}
	n.nft("gw", "add table ip nat; add chain ip nat post { type nat hook postrouting priority srcnat; }; add rule ip nat post oifname wan masquerade")
	return n
}

func (n *testNet) run(name string, args ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

func (n *testNet) sysctl(ns string, settings ...string) {
	n.t.Helper()
	n.run("ip", append([]string{"netns", "exec", n.prefix + ns, "sysctl", "-qw"}, settings...)...)
}

func (n *testNet) nft(ns, rules string) {
	n.t.Helper()
	n.run("ip", "netns", "exec", n.prefix+ns, "nft", rules)
}

// filter adds a rule to a chain of its own at a hook: forward, output or prerouting.
func (n *testNet) filter(ns, hook, rule string) {
	n.t.Helper()
	n.nft(ns, fmt.Sprintf("add table inet f; add chain inet f %s { type filter hook %[1]s priority 0; }; add rule inet f %[1]s %s", hook, rule))
}

// hole makes a router's route to the server smaller than its links, and its "too big" unheard.
func (n *testNet) hole(mtu int, silent bool) { n.holeTo(mtu, silent, serverAddr+"/32", "203.0.113.2") }

// holeBack is the same on the way from the server to the site.
func (n *testNet) holeBack(mtu int) { n.holeTo(mtu, true, "198.51.100.10/32", "198.51.100.10") }

func (n *testNet) holeTo(mtu int, silent bool, to, via string) {
	n.t.Helper()
	n.run("ip", "-n", n.prefix+"isp", "route", "replace", to, "via", via, "mtu", "lock", fmt.Sprint(mtu))
	if silent {
		n.filter("isp", "output", "icmp type destination-unreachable drop")
	}
}

// within runs f in a namespace, on a thread that ends with it.
func (n *testNet) within(ns string, f func() error) {
	n.t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread must not be used for anything else
		fd, err := os.Open("/run/netns/" + n.prefix + ns)
		if err == nil {
			defer fd.Close()
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		n.t.Fatalf("in %s: %v", ns, err)
	}
}

// serve runs a server on an address of the Internet.
func (n *testNet) serve(address string, serve func(*server)) {
	n.t.Helper()
	n.within("net", func() error {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		if err != nil {
			return err
		}
		var going sync.WaitGroup
		n.t.Cleanup(func() { l.Close(); going.Wait() })
		going.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				going.Go(func() {
					defer c.Close()
					defer context.AfterFunc(n.t.Context(), func() { c.Close() })()
					serve(&server{Conn: c, t: n.t, r: bufio.NewReader(c)})
				})
			}
		})
		return nil
	})
}

// refuse is a server that greets with a refusal.
func refuse(s *server) {
	s.say("554 mx.example.net takes nothing")
	s.drain()
}

// insideTask is what the test binary does when it is started in a namespace.
type insideTask struct {
	Target      evidence.Target
	Experiments []evidence.Experiment
	MaxTime     time.Duration
}

const insideVariable = "SMTPTRIAGE_TEST_INSIDE"

// probe runs the prober in the device's namespace as a user, in a process of its own: a goroutine can't stay in a
// namespace, because the prober starts others.
func (n *testNet) probe(uid uint32, task insideTask) *evidence.Record {
	n.t.Helper()
	b, err := json.Marshal(task)
	if err != nil {
		n.t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		n.t.Fatal(err)
	}
	defer r.Close()
	var log strings.Builder
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestInside$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), insideVariable+"="+string(b))
	cmd.Dir, cmd.ExtraFiles, cmd.Stdout, cmd.Stderr = "/", []*os.File{w}, &log, &log
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}
	n.within("dev", cmd.Start)
	w.Close()
	rec, err := evidence.Read(r)
	if werr := cmd.Wait(); err != nil || werr != nil {
		n.t.Fatalf("the probe inside: %v, %v\n%s", err, werr, log.String())
	}
	return rec
}

// TestInside is the other process of (*testNet).probe, and no test.
func TestInside(t *testing.T) {
	text := os.Getenv(insideVariable)
	if text == "" {
		t.Skip("this is run by other tests, in a network namespace")
	}
	var task insideTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	p := Prober{MaxTime: task.MaxTime}
	rec := p.Run(t.Context(), task.Target, func(*evidence.Record) []evidence.Experiment { return task.Experiments })
	if err := evidence.Write(os.NewFile(3, "record"), rec); err != nil {
		t.Fatal(err)
	}
}

// Users that experiments are made as.
const (
	root   = 0
	nobody = 65534
)
