package probe

import (
	"context"
	"net/netip"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// Real refusals of a real kernel, in a network namespace of this thread's own: nothing leaves it, and it is gone with
// the thread.
func TestDialBlocked(t *testing.T) {
	require.LinuxRoot(t)
	ip, nft := require.Program(t, "ip"), require.Program(t, "nft")
	runtime.LockOSThread() // and never unlocked: the thread ends with this test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		require.Missing(t, "no network namespace to be had: %v", err)
	}
	for _, command := range [][]string{
		{ip, "link", "set", "lo", "up"},
		{ip, "addr", "add", "192.0.2.1/32", "dev", "lo"},
		{ip, "addr", "add", "2001:db8::1/128", "dev", "lo", "nodad"},
		{ip, "route", "add", "unreachable", "198.51.100.1"},
		{ip, "route", "add", "prohibit", "198.51.100.2"},
		{ip, "route", "add", "blackhole", "198.51.100.3"},
		{nft, `add table inet f; add chain inet f c { type filter hook output priority 0; };
			add rule inet f c tcp dport 25 reject with icmpx admin-prohibited;
			add rule inet f c tcp dport 26 reject with icmpx port-unreachable;
			add rule inet f c tcp dport 27 drop;
			add rule inet f c tcp dport 28 reject with tcp reset`},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
	}
	prohibited4 := &evidence.ICMP{From: netip.MustParseAddr("192.0.2.1"), Type: 3, Code: 13}
	prohibited6 := &evidence.ICMP{From: netip.MustParseAddr("2001:db8::1"), V6: true, Type: 1, Code: 1}
	for _, tt := range []struct {
		to      string
		want    evidence.Outcome
		errno   string
		by      *evidence.ICMP
		patient bool
	}{
		{"192.0.2.1:25", evidence.Prohibited, "EHOSTUNREACH", prohibited4, false},
		{"[2001:db8::1]:25", evidence.Prohibited, "EACCES", prohibited6, false},
		{"192.0.2.1:26", evidence.Refused, "ECONNREFUSED", &evidence.ICMP{From: prohibited4.From, Type: 3, Code: 3}, false},
		{"192.0.2.1:27", evidence.TimedOut, "", nil, true},
		{"192.0.2.1:28", evidence.Refused, "ECONNREFUSED", nil, false},
		{"192.0.2.1:29", evidence.Refused, "ECONNREFUSED", nil, false},
		{"198.51.100.1:25", evidence.Unreachable, "EHOSTUNREACH", nil, false},
		{"198.51.100.2:25", evidence.Prohibited, "EACCES", nil, false},
		{"198.51.100.3:25", evidence.NoRoute, "EINVAL", nil, false},
		{"203.0.113.1:25", evidence.NoRoute, "ENETUNREACH", nil, false},
		{"[2001:db8:1::1]:25", evidence.NoRoute, "ENETUNREACH", nil, false},
	} {
		limit := 5 * time.Second
		if tt.patient {
			limit = 100 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		conn, d := dialTCP(ctx, DialSpec{Address: netip.MustParseAddrPort(tt.to)})
		cancel()
		if conn != nil || d.Outcome != tt.want || d.Errno != tt.errno {
			t.Errorf("%s: %+v, want %s %s", tt.to, d, tt.want, tt.errno)
		}
		if (d.Offender == nil) != (tt.by == nil) || tt.by != nil && *d.Offender != *tt.by {
			t.Errorf("%s: refused by %+v, want %+v", tt.to, d.Offender, tt.by)
		}
	}
}
