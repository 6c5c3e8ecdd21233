package provider

import (
	"net/netip"
	"strings"
	"testing"
)

func TestBlocklistNames(t *testing.T) {
	v4, v6 := netip.MustParseAddr("203.0.113.25"), netip.MustParseAddr("2001:db8::1")
	zen := Blocklists(v4)[0]
	for got, want := range map[string]string{
		zen.Query(v4):     "25.113.0.203.zen.spamhaus.org",
		zen.TestPoint(v4): "2.0.0.127.zen.spamhaus.org",
		zen.Query(v6):     "1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.zen.spamhaus.org",
		zen.TestPoint(v6): "2.0.0.0.0.0.f.7.f.f.f.f." + strings.Repeat("0.", 20) + "zen.spamhaus.org",
		ReverseName(v4):   "25.113.0.203.in-addr.arpa",
		ReverseName(v6):   "1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa",
		ReverseName(netip.MustParseAddr("::ffff:203.0.113.25")): "25.113.0.203.in-addr.arpa",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if n := len(Blocklists(v6)); n != 1 {
		t.Errorf("%d lists for IPv6, want Spamhaus alone", n)
	}
}

func TestBlocklistRead(t *testing.T) {
	zen := blocklists[0]
	for _, tt := range []struct {
		answer, name string // "": no listing
	}{
		{"127.0.0.2", "SBL"}, {"127.0.0.3", "CSS"}, {"127.0.0.4", "XBL"}, {"127.0.0.9", "DROP"}, {"127.0.0.10", "PBL"}, {"127.0.0.11", "PBL"},
		{"127.0.0.77", "Spamhaus"},
		{"127.255.255.252", ""}, {"127.255.255.254", ""}, {"127.255.255.255", ""}, {"127.255.255.1", ""}, {"127.0.1.255", ""},
		{"192.0.2.80", ""}, // a resolver that answers every name
	} {
		a := netip.MustParseAddr(tt.answer)
		l, ok := zen.Read(a)
		why, isError := BlocklistError(a)
		if l.Name != tt.name || ok != (tt.name != "") || isError == ok || isError != (why != "") {
			t.Errorf("%s: got %+v, %v, error %q", tt.answer, l, ok, why)
		}
	}
	for _, b := range blocklists {
		if b.Remove == "" || b.Source.Where == "" || len(b.Listings) == 0 || len(b.Words) == 0 {
			t.Errorf("%s: incomplete", b.Zone)
		}
	}
}
