package probe

import (
	"net/netip"
	"testing"
)

func TestAddressesInTurn(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	answers := [][]netip.Addr{{b, c, a}, {c, a, b}, {a, b, c}, {b, a, c}} // a resolver that rotates them itself
	for i, want := range []netip.Addr{a, b, c, a} {
		if got := inTurn(answers[i], i+1); got[0] != want || len(got) != 3 {
			t.Errorf("turn %d begins with %v, want %v", i+1, got, want)
		}
	}
	if got := inTurn(answers[0], 0); got[0] != b {
		t.Errorf("a single run begins with %v, want the resolver's first", got[0])
	}
	if got := inTurn(nil, 3); len(got) != 0 {
		t.Errorf("no addresses: %v", got)
	}
}
