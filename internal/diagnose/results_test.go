package diagnose

import (
	"net/netip"
	"testing"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func TestPathResult(t *testing.T) {
	router, server := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.25")
	hop := func(ttl int, o evidence.Outcome, from netip.Addr, kind, code int) evidence.Event {
		h := &evidence.Hop{TTL: ttl, Port: 25, Outcome: o, From: from}
		if kind > 0 {
			h.ICMP = &evidence.ICMP{From: from, Type: kind, Code: code}
		}
		return evidence.Event{Hop: h}
	}
	size := func(n int, answered bool, by *evidence.ICMP) evidence.Event {
		return evidence.Event{Size: &evidence.SizeProbe{Bytes: n, Answered: answered, By: by}}
	}
	tooBig := &evidence.ICMP{From: router, Type: 3, Code: 4, MTU: 1400}
	first := hop(1, evidence.Unreachable, router, 11, 0)
	for _, tt := range []struct {
		name   string
		events []evidence.Event
		want   string
	}{
		{"open", []evidence.Event{first, hop(2, evidence.Connected, server, 0, 0)}, "1 198.51.100.1, 2 port 25 answers"},
		{"reset", []evidence.Event{first, hop(2, evidence.Refused, server, 0, 0)}, "1 198.51.100.1, 2 port 25 refused"},
		{"prohibited", []evidence.Event{first, hop(2, evidence.Prohibited, router, 3, 13)}, "1 198.51.100.1, 2 198.51.100.1 (prohibited)"},
		{"silent", []evidence.Event{first, hop(2, evidence.TimedOut, netip.Addr{}, 0, 0)}, "1 198.51.100.1, 2 *"},
		{"a hole", []evidence.Event{size(576, true, nil), size(1500, false, nil), size(576, true, nil), size(1500, false, nil),
			size(1400, true, nil), size(1402, false, nil), size(1400, true, nil), size(1402, false, nil)},
			"packets of 1400 octets are answered, of 1402 they are not"},
		{"too big", []evidence.Event{size(576, true, nil), size(1500, false, tooBig), size(1400, true, nil)},
			"packets of 1400 octets are answered, of 1500 they are not"},
		{"one lost packet is none", []evidence.Event{size(576, false, nil), size(576, true, nil), size(1500, false, nil), size(1500, true, nil)},
			"packets of 1500 octets are answered"},
		{"one silence is not enough", []evidence.Event{size(576, true, nil), size(1500, false, nil)}, "packets of 576 octets are answered"},
		{"nobody answers", []evidence.Event{size(576, false, nil), size(576, false, nil), size(576, false, nil)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := pathResult(&evidence.Trace{Events: tt.events}); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
