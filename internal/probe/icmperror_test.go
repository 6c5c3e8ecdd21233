package probe

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// extendedError builds what Linux puts on an error queue.
func extendedError(errno uint32, origin, kind, code byte, info uint32, offender ...byte) []byte {
	b := make([]byte, extendedErrorSize)
	binary.NativeEndian.PutUint32(b, errno)
	b[4], b[5], b[6] = origin, kind, code
	binary.NativeEndian.PutUint32(b[8:], info)
	return append(b, offender...)
}

func inetOffender(family uint16, addr netip.Addr) []byte {
	b := make([]byte, 28)
	binary.NativeEndian.PutUint16(b, family)
	if addr.Is4() {
		copy(b[4:], addr.AsSlice())
		return b[:16]
	}
	copy(b[8:], addr.AsSlice())
	return b
}

var (
	router4 = netip.MustParseAddr("198.51.100.1")
	router6 = netip.MustParseAddr("2001:db8::1")
)

func TestExtendedErrorOnAnySystem(t *testing.T) {
	for _, tt := range []struct {
		name string
		b    []byte
		want *evidence.ICMP
	}{
		{"time exceeded", extendedError(113, 2, 11, 0, 0, inetOffender(2, router4)...), &evidence.ICMP{From: router4, Type: 11}},
		{"too big", extendedError(90, 2, 3, 4, 1400, inetOffender(2, router4)...), &evidence.ICMP{From: router4, Type: 3, Code: 4, MTU: 1400}},
		{"IPv6 too big", extendedError(90, 3, 2, 0, 1280, inetOffender(10, router6)...), &evidence.ICMP{From: router6, V6: true, Type: 2, MTU: 1280}},
		{"info is no MTU otherwise", extendedError(111, 2, 3, 3, 7, inetOffender(2, router4)...), &evidence.ICMP{From: router4, Type: 3, Code: 3}},
		{"an error of this host", extendedError(90, 1, 0, 0, 1500, inetOffender(0, router4)...), nil},
		{"no offender", extendedError(113, 2, 11, 0, 0), nil},
		{"a short IPv6 offender", extendedError(113, 3, 3, 0, 0, inetOffender(10, router6)[:12]...), &evidence.ICMP{V6: true, Type: 3}},
		{"nothing", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parseExtendedError(tt.b), cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestErrorInfo(t *testing.T) {
	info := func(protocol uint32, kind, code byte, family uint16, addr netip.Addr) []byte {
		b := make([]byte, errorInfoSize)
		binary.LittleEndian.PutUint16(b, family)
		at := 4
		if addr.Is6() {
			at = 8
		}
		copy(b[at:], addr.AsSlice())
		binary.LittleEndian.PutUint32(b[28:], protocol)
		b[32], b[33] = kind, code
		return b
	}
	for _, tt := range []struct {
		name string
		b    []byte
		want *evidence.ICMP
	}{
		{"time exceeded", info(1, 11, 0, 2, router4), &evidence.ICMP{From: router4, Type: 11}},
		{"IPv6", info(58, 1, 1, 23, router6), &evidence.ICMP{From: router6, V6: true, Type: 1, Code: 1}},
		{"without padding", info(1, 3, 13, 2, router4)[:errorInfoUsed], &evidence.ICMP{From: router4, Type: 3, Code: 13}},
		{"no error", make([]byte, errorInfoSize), nil},
		{"cut", info(1, 11, 0, 2, router4)[:30], nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parseErrorInfo(tt.b), cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func FuzzICMPErrors(f *testing.F) {
	f.Add(extendedError(90, 3, 2, 0, 1280, inetOffender(10, router6)...))
	f.Add(extendedError(113, 2, 11, 0, 0, inetOffender(2, router4)...))
	f.Add(make([]byte, errorInfoSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, e := range []*evidence.ICMP{parseExtendedError(b), parseErrorInfo(b)} {
			if e != nil && (e.Type > 255 || e.Code > 255 || e.From.Is4In6()) {
				t.Errorf("%+v", e)
			}
		}
	})
}
