package probe

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// How a traceroute goes about it.
const (
	maxHops   = 30
	hopWait   = 1500 * time.Millisecond // the system repeats its SYN after 1 s, in case one or its answer was lost
	hopPace   = 100 * time.Millisecond  // between two; with it few packets go further than the far end
	hopsAtOne = 8                       // that are waited for at a time
	maxSilent = 10                      // in a row, after one has answered; providers hide their own routers
	maxMute   = 15                      // if none has answered at all
)

// traceroute opens connections whose packets live for 1, 2, 3 ... hops, and records who answers. What connects is closed
// at once; that far end counts as one connection of the run.
func (r *run) traceroute(ctx context.Context, g *group, address netip.AddrPort) string {
	if !canTrace && r.p.Dial == nil {
		return noTrace
	}
	release, err := r.open(ctx, address.String())
	if err != nil {
		return err.Error()
	}
	defer release()
	dial := r.p.Dial
	if dial == nil {
		dial = dialHop
	}
	r.contact(address.String())
	j := g.pathTrace(address)
	hops(ctx, func(ctx context.Context, ttl int) evidence.Hop {
		conn, d := dial(ctx, DialSpec{Address: address, Bind: r.p.Bind, TTL: ttl})
		if conn != nil {
			conn.Close()
		}
		return hopOf(address, ttl, d)
	}, func(h evidence.Hop, took time.Duration) {
		j.add(evidence.Event{Took: took, Hop: &h})
	})
	return ""
}

// hopOf says what the outcome of a dial with a limited TTL means for the hop. A router that answers "time exceeded" is
// Unreachable with that ICMP error. A connection, or an RST, comes with the address that was dialled, whoever sent it.
func hopOf(address netip.AddrPort, ttl int, d evidence.Dialed) evidence.Hop {
	h := evidence.Hop{TTL: ttl, Port: int(address.Port()), Outcome: d.Outcome, ICMP: d.Offender}
	switch {
	case d.Offender != nil:
		h.From = d.Offender.From
	case d.Outcome == evidence.Connected, d.Outcome == evidence.Refused:
		h.From = address.Addr()
	}
	return h
}

// A hopAnswer is one hop and how long it took.
type hopAnswer struct {
	evidence.Hop
	took time.Duration
}

// hops asks hop after hop, several at a time, and tells them in order. It ends with the hop that ends the path, after
// enough silence, or with ctx; a hop that ctx cut short is not told.
func hops(ctx context.Context, ask func(context.Context, int) evidence.Hop, tell func(evidence.Hop, time.Duration)) {
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	defer asking.Wait()
	defer cancel()
	var answers [maxHops + 1]chan hopAnswer
	for ttl := range answers {
		answers[ttl] = make(chan hopAnswer, 1)
	}
	var last atomic.Int32 // the nearest hop that ends the path; no hop behind it is asked
	last.Store(maxHops)
	asking.Go(func() {
		turns := make(chan struct{}, hopsAtOne)
		for ttl := 1; ttl <= int(last.Load()) && take(ctx, turns); ttl++ {
			asking.Go(func() {
				defer func() { <-turns }()
				if h, ok := askHop(ctx, ask, ttl); ok {
					if ends(h.Hop) {
						lower(&last, int32(ttl))
					}
					answers[ttl] <- h
				}
			})
			pause(ctx, hopPace)
		}
	})
	silent, limit := 0, maxMute
	for ttl := 1; ttl <= int(last.Load()) && silent < limit; ttl++ {
		select {
		case h := <-answers[ttl]:
			tell(h.Hop, h.took)
			if ends(h.Hop) {
				return
			}
			if silent++; h.From.IsValid() {
				silent, limit = 0, maxSilent
			}
		case <-ctx.Done():
			return
		}
	}
}

// askHop asks one, and reports false if the answer means nothing because ctx ended first.
func askHop(ctx context.Context, ask func(context.Context, int) evidence.Hop, ttl int) (hopAnswer, bool) {
	limited, cancel := context.WithTimeout(ctx, hopWait)
	defer cancel()
	began := time.Now()
	h := ask(limited, ttl)
	return hopAnswer{h, time.Since(began)}, h.Outcome != evidence.TimedOut || ctx.Err() == nil
}

// ends reports whether nothing lies behind a hop, as far as this port is concerned.
func ends(h evidence.Hop) bool {
	return h.Outcome != evidence.TimedOut && !expired(h.ICMP)
}

// lower sets v to n if that is less.
func lower(v *atomic.Int32, n int32) {
	for old := v.Load(); n < old; old = v.Load() {
		if v.CompareAndSwap(old, n) {
			return
		}
	}
}

func take(ctx context.Context, turns chan struct{}) bool {
	select {
	case turns <- struct{}{}:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
