package listen

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Conversations of one address are one story: devices try again, in another way. These bound what is remembered of it.
const (
	maxTold      = 8    // earlier conversations of an address
	maxAddresses = 1024 // that are remembered
	storyEnds    = 15 * time.Minute
)

// A history remembers the latest conversations of each address.
type history struct {
	mu    sync.Mutex
	ids   int
	told  map[netip.Addr]*story
	order []netip.Addr // the one heard of last is last
}

type story struct {
	traces []evidence.Trace
	memory *secretMemory
}

func newHistory() *history { return &history{told: map[netip.Addr]*story{}} }

func (h *history) nextID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprintf("t%d", h.ids)
}

// memory is what secrets of the address are compared with.
func (h *history) memory(a netip.Addr) *secretMemory {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of(a).memory
}

func (h *history) of(a netip.Addr) *story {
	if i := slices.Index(h.order, a); i >= 0 {
		h.order = slices.Delete(h.order, i, i+1)
	}
	h.order = append(h.order, a)
	if h.told[a] == nil {
		h.told[a] = &story{memory: newSecretMemory()}
	}
	if len(h.order) > maxAddresses {
		delete(h.told, h.order[0])
		h.order = h.order[1:]
	}
	return h.told[a]
}

// add takes a conversation that is over, and returns it after the earlier ones of its address.
func (h *history) add(a netip.Addr, t evidence.Trace) []evidence.Trace {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.of(a)
	s.traces = slices.DeleteFunc(s.traces, func(old evidence.Trace) bool { return t.Start.Sub(old.Start) > storyEnds })
	all := append(slices.Clone(s.traces), t)
	s.traces = append(s.traces, t)
	if over := len(s.traces) - maxTold; over > 0 {
		s.traces = slices.Delete(s.traces, 0, over)
	}
	return all
}

// forget ends the story of an address: what comes next is another device.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told, h.order = map[netip.Addr]*story{}, nil
}
