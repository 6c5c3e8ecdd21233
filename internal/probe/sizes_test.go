package probe

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A fakeLink is a path with a largest size, and a far end that answers as many packets as it has to spare.
type fakeLink struct {
	mtu    int
	told   bool // a router says so
	mute   bool
	refuse bool
	link   int     // what the own device takes; 0: anything
	loss   float64 // part of the packets that vanish
	burst  int     // answers before the limit; 0: no limit
	rtt    time.Duration

	spare float64
	last  time.Time
}

func (l *fakeLink) ask(ctx context.Context, size int, wait time.Duration) evidence.SizeProbe {
	p := evidence.SizeProbe{Bytes: size}
	router := netip.MustParseAddr("198.51.100.1")
	switch {
	case l.link > 0 && size > l.link:
		p.Text = "larger than this host's own link takes"
		return p
	case l.refuse:
		p.By = &evidence.ICMP{From: router, Type: 3, Code: 13}
	case size > l.mtu && l.told:
		p.By = &evidence.ICMP{From: router, Type: 3, Code: 4, MTU: l.mtu}
	case size <= l.mtu && !l.mute && rand.Float64() >= l.loss && l.allow():
		p.Answered = true
	}
	if p.Answered || p.By != nil {
		wait = l.rtt
	}
	pause(ctx, wait)
	return p
}

// allow is the bucket of Linux's icmp_ratelimit: some at once, then one a second.
func (l *fakeLink) allow() bool {
	if l.burst == 0 {
		return true
	}
	if l.last.IsZero() {
		l.spare = float64(l.burst)
	} else {
		l.spare = min(float64(l.burst), l.spare+time.Since(l.last).Seconds())
	}
	l.last = time.Now()
	if l.spare < 1 {
		return false
	}
	l.spare--
	return true
}

func TestSizeSearch(t *testing.T) {
	ms := time.Millisecond
	for _, tt := range []struct {
		name      string
		link      fakeLink
		low, high int
		passed    int  // the largest that must be found
		exact     bool // and the least that does not pass is no further than exactness
		problem   string
		within    time.Duration
	}{
		{"clear", fakeLink{mtu: 1500, rtt: 20 * ms}, 576, 1500, 1500, false, "", time.Second},
		{"PPPoE, told", fakeLink{mtu: 1492, told: true, rtt: 20 * ms}, 576, 1500, 1492, false, "", time.Second},
		{"a hole at a common size", fakeLink{mtu: 1400, rtt: 20 * ms}, 576, 1500, 1400, true, "", 5 * time.Second},
		{"a hole at an odd size", fakeLink{mtu: 1391, rtt: 150 * ms}, 576, 1500, 1391, true, "", sizesTime},
		{"a hole below all that is common", fakeLink{mtu: 700, rtt: 20 * ms}, 576, 1500, 700, true, "", 8 * time.Second},
		{"a lying router", fakeLink{mtu: 1400, told: true, rtt: 20 * ms}, 1400, 1500, 1400, false, "", time.Second},
		{"jumbo frames", fakeLink{mtu: 1500, rtt: 20 * ms}, 576, 9000, 1500, true, "", 10 * time.Second},
		{"the device takes less than it says", fakeLink{mtu: 1500, link: 1460, rtt: 20 * ms}, 576, 1500, 1460, false, "", 5 * time.Second},
		{"nobody answers", fakeLink{mtu: 1500, mute: true}, 576, 1500, 0, false, "", 4 * time.Second},
		{"refused on the way", fakeLink{mtu: 1500, refuse: true}, 576, 1500, 0, false, "", time.Second},
		{"a far end that answers once a second", fakeLink{mtu: 1400, burst: 6, rtt: 20 * ms}, 576, 1500, 1400, false, "", sizesTime},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), sizesTime)
				defer cancel()
				began := time.Now()
				lost := 0
				s := sizeSearch{ask: tt.link.ask, tell: func(p evidence.SizeProbe, _ time.Duration) {
					if !p.Answered && p.By == nil && p.Text == "" && (lost == 0 || p.Bytes < lost) {
						lost = p.Bytes
					}
				}}
				problem := s.run(ctx, tt.low, tt.high)
				if problem != tt.problem && !(tt.link.burst > 0 && strings.HasPrefix(problem, "the time was over")) {
					t.Errorf("problem %q, want %q", problem, tt.problem)
				}
				if d := tt.passed - s.good; d < 0 || d >= exactness {
					t.Errorf("the largest that passes is %d, want %d", s.good, tt.passed)
				}
				if tt.exact && lost-s.good > exactness {
					t.Errorf("the least that does not is %d, and %d passes", lost, s.good)
				}
				if took := time.Since(began); took > tt.within {
					t.Errorf("took %v, want %v at most", took, tt.within)
				}
			})
		})
	}
}

// With a tenth of all packets lost, no size that passes may be called lost: silence counts only twice, and between
// answers.
func TestSizeSearchWithLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wrong := 0
		for range 200 {
			link := fakeLink{mtu: 1500, loss: 0.1, rtt: 20 * time.Millisecond}
			s := sizeSearch{ask: link.ask, tell: func(evidence.SizeProbe, time.Duration) {}}
			if s.run(t.Context(), 576, 1500); s.good != 1500 {
				wrong++
			}
		}
		if wrong > 10 { // 0.1 squared is 1 in 100
			t.Errorf("%d of 200 clear paths seem to have a hole", wrong)
		}
	})
}
