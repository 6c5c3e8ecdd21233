package probe

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func TestSegmentSizeIsClamped(t *testing.T) {
	port := listen(t, func(s *server) { s.drain() })
	far := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	free, plain := dialTCP(t.Context(), DialSpec{Address: far})
	if free == nil {
		t.Fatalf("%+v", plain)
	}
	free.Close()
	conn, d := dialTCP(t.Context(), DialSpec{Address: far, MSS: 536})
	if conn == nil {
		t.Fatalf("%+v", d)
	}
	defer conn.Close()
	if d.MSS == 0 || d.MSS > 536 || plain.MSS <= 536 {
		t.Errorf("the segment size is %d, and %d unclamped", d.MSS, plain.MSS)
	}
	if info := tcpInfo(conn); info == nil || info.SndMSS == 0 || info.SndMSS > 536 {
		t.Errorf("TCP_INFO %+v", info)
	}
}

// The kernel's own layout, as it was read in a namespace with a router that rejects.
func TestExtendedError(t *testing.T) {
	message := func(errno syscall.Errno, origin, kind, code byte, info uint32, family uint16, addr string) []byte {
		b := make([]byte, 16, 44)
		binary.NativeEndian.PutUint32(b, uint32(errno))
		b[4], b[5], b[6] = origin, kind, code
		binary.NativeEndian.PutUint32(b[8:], info)
		b = binary.NativeEndian.AppendUint16(b, family)
		b = append(b, 0, 0) // port
		ip := netip.MustParseAddr(addr)
		if ip.Is6() {
			b = append(b, 0, 0, 0, 0) // flow
		}
		b = append(b, ip.AsSlice()...)
		return append(b, make([]byte, 8)...)
	}
	for _, tt := range []struct {
		name string
		in   []byte
		want *evidence.ICMP
	}{
		{"prohibited", message(unix.EHOSTUNREACH, unix.SO_EE_ORIGIN_ICMP, 3, 13, 0, unix.AF_INET, "192.0.2.1"),
			&evidence.ICMP{From: netip.MustParseAddr("192.0.2.1"), Type: 3, Code: 13}},
		{"too big", message(unix.EMSGSIZE, unix.SO_EE_ORIGIN_ICMP, 3, 4, 1400, unix.AF_INET, "192.0.2.1"),
			&evidence.ICMP{From: netip.MustParseAddr("192.0.2.1"), Type: 3, Code: 4, MTU: 1400}},
		{"IPv6", message(unix.EACCES, unix.SO_EE_ORIGIN_ICMP6, 1, 1, 0, unix.AF_INET6, "2001:db8::1"),
			&evidence.ICMP{From: netip.MustParseAddr("2001:db8::1"), V6: true, Type: 1, Code: 1}},
		{"of this host", message(unix.EMSGSIZE, unix.SO_EE_ORIGIN_LOCAL, 0, 0, 1500, unix.AF_INET, "192.0.2.1"), nil},
		{"cut short", []byte{1, 2, 3}, nil},
	} {
		if d := cmp.Diff(tt.want, parseExtendedError(tt.in), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, d)
		}
	}
}
