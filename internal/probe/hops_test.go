package probe

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A fakePath is how far away the far end is, and which hops say nothing.
type fakePath struct {
	far    int           // 0: nobody is there
	after  time.Duration // an answer takes this long for each hop
	silent map[int]bool
	end    evidence.Outcome

	beyond atomic.Int32 // how many were asked that reach the far end
}

func (p *fakePath) ask(ctx context.Context, ttl int) evidence.Hop {
	h := evidence.Hop{TTL: ttl, Port: 25, Outcome: evidence.TimedOut}
	reached := p.far > 0 && ttl >= p.far
	if reached {
		p.beyond.Add(1)
	}
	wait := p.after * time.Duration(ttl)
	if p.silent[ttl] || p.far == 0 && len(p.silent) == 0 {
		wait = time.Hour
	}
	pause(ctx, wait)
	switch {
	case ctx.Err() != nil:
	case reached:
		h.Outcome, h.From = p.end, netip.MustParseAddr("192.0.2.25")
	default:
		h.From = netip.AddrFrom4([4]byte{10, 0, 0, byte(ttl)})
		h.Outcome, h.ICMP = evidence.Unreachable, &evidence.ICMP{From: h.From, Type: 11}
	}
	return h
}

func silentHops(from, to int) map[int]bool {
	m := map[int]bool{}
	for ttl := from; ttl <= to; ttl++ {
		m[ttl] = true
	}
	return m
}

func TestHops(t *testing.T) {
	ms := time.Millisecond
	for _, tt := range []struct {
		name   string
		path   *fakePath
		count  int           // of hops told
		beyond int           // packets that go to the far end, at the most
		within time.Duration // it takes, at the most
	}{
		{"near", &fakePath{far: 3, after: 5 * ms, end: evidence.Connected}, 3, 1, time.Second},
		{"far away", &fakePath{far: 20, after: 10 * ms, end: evidence.Connected}, 20, 3, 3 * time.Second},
		{"refused", &fakePath{far: 4, after: 5 * ms, end: evidence.Refused}, 4, 1, time.Second},
		{"behind silent routers", &fakePath{far: 14, after: 5 * ms, silent: silentHops(5, 13), end: evidence.Connected}, 14, 1, 5 * time.Second},
		{"swallowed on the way", &fakePath{after: 5 * ms, silent: silentHops(4, maxHops)}, 3 + maxSilent, 0, 5 * time.Second},
		{"nobody at all", &fakePath{}, maxMute, 0, 5 * time.Second},
		{"a loop", &fakePath{far: 99, after: 5 * ms}, maxHops, 0, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, told := time.Now(), 0
				hops(t.Context(), tt.path.ask, func(h evidence.Hop, _ time.Duration) {
					if told++; h.TTL != told {
						t.Errorf("hop %d was told in place of %d", h.TTL, told)
					}
				})
				if told != tt.count {
					t.Errorf("%d hops, want %d", told, tt.count)
				}
				if n := int(tt.path.beyond.Load()); n > tt.beyond {
					t.Errorf("%d packets went to the far end, want %d at most", n, tt.beyond)
				}
				if took := time.Since(began); took > tt.within {
					t.Errorf("took %v, want %v at most", took, tt.within)
				}
			})
		})
	}
}

// A traceroute that is cut short tells no silence that it did not wait for.
func TestHopsEndWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		path, told := fakePath{after: time.Millisecond, silent: silentHops(3, maxHops)}, 0
		hops(ctx, path.ask, func(h evidence.Hop, _ time.Duration) {
			if told++; !h.From.IsValid() {
				t.Errorf("hop %d is told as silent after less than %v", h.TTL, hopWait)
			}
		})
		if told != 2 {
			t.Errorf("%d hops, want 2", told)
		}
	})
}
