package tcp

import (
	"bytes"

	"github.com/smtptriage/smtptriage/internal/capture/frame"
)

// Bounds of one direction.
const (
	maxWaiting  = 256 << 10 // octets that wait for a gap before them
	maxInFlight = 128       // segments not yet acknowledged that are watched
	maxJump     = 16 << 20  // a sequence number further away than this is not of this connection
	headOctets  = 512       // of the stream, kept to tell a segment sent again from one that was changed
	gapPatience = 500e6     // nanoseconds: how long after its acknowledgement a segment may still turn up in the capture
)

// A Half is what one side sends.
type Half struct {
	ISN      uint32 // its initial sequence number, if SYNs > 0
	SYNs     int    // segments with SYN
	Packets  int
	Octets   int64   // of the stream, handed on or missing
	Missing  int64   // of these, not seen
	MSS      int     // announced
	TTL      uint8   // of its first packet
	TTLs     []uint8 // of all its packets, each value once, the first eight
	FIN      int64   // when its FIN was seen; 0: not
	FirstAt  int64   // when its first octet was sent; 0: none
	SentAt   int64   // when its newest packet was sent
	AckedAt  int64   // when the newest of its octets, before its FIN, was acknowledged
	Resent   int     // segments with octets that were sent before
	Disorder int     // segments that came before an earlier one
	Zero     int     // times that it announced a window of zero
	ZeroFor  int64   // nanoseconds that its window was zero
	Probes   int     // keep-alives and window probes

	Largest      int   // IP size of the largest packet that was seen
	LargestAcked int   // IP size of the largest segment that was acknowledged
	Stuck        int   // IP size of the largest segment that was sent again and never acknowledged
	StuckTimes   int   // how often that one was sent
	Waiting      int64 // octets at the end that came, and cannot be read because octets before them are missing
	Changed      *Changed

	next    uint32 // sequence number of the next octet to hand on
	synced  bool
	ack     uint32 // by the other side
	acked   bool
	finSeq  uint32
	finAck  uint32  // what the FIN acknowledges
	queue   []chunk // in order of sequence numbers
	queued  int
	flight  []sent
	head    []byte
	zeroAt  int64
	started uint32 // sequence number of the first octet
}

// Changed is a segment that was seen twice, with different octets.
type Changed struct {
	At     int64
	Offset int64 // in the stream, of the first octet that differs
	First  []byte
	Second []byte
	TTLs   [2]uint8
}

type chunk struct {
	seq  uint32
	at   int64
	data []byte
	n    int // on the wire: more than len(data) if the capture cut it
}

// sent is a segment that waits for its acknowledgement.
type sent struct {
	seq   uint32
	n     int
	size  int
	times int
}

func (h *Half) drop() {
	h.queue, h.flight, h.head, h.queued = nil, nil, nil, 0
}

// distance is how far sequence number a is ahead of b.
func distance(a, b uint32) int { return int(int32(a - b)) }

// sawTTL keeps the different values that a side's packets come with.
func (h *Half) sawTTL(ttl uint8) {
	if h.TTL == 0 {
		h.TTL = ttl
	}
	if len(h.TTLs) < 8 && bytes.IndexByte(h.TTLs, ttl) < 0 {
		h.TTLs = append(h.TTLs, ttl)
	}
}

// nearestTTL is that of the side's own packets which comes nearest to a given one; 0: there were none. Where a proxy answered
// the SYN and the server the rest, there are two of them.
func (h *Half) nearestTTL(ttl uint8) uint8 {
	var best uint8
	for _, own := range h.TTLs {
		if best == 0 || away(own, ttl) < away(best, ttl) {
			best = own
		}
	}
	return best
}

func away(a, b uint8) uint8 { return max(a, b) - min(a, b) }

// window follows the announced windows: zero means that the program behind this side does not read.
func (h *Half) window(t *frame.TCP, at int64) {
	if t.Flags&(frame.RST|frame.SYN) != 0 || t.Flags&frame.ACK == 0 {
		return
	}
	switch {
	case t.Window == 0 && h.zeroAt == 0:
		h.Zero++
		h.zeroAt = at
	case t.Window != 0 && h.zeroAt != 0:
		h.ZeroFor += at - h.zeroAt
		h.zeroAt = 0
	}
}

// watch notes a segment that was sent, and whether it was sent before.
func (h *Half) watch(seq uint32, n, size int) {
	for i := range h.flight {
		f := &h.flight[i]
		if distance(seq, f.seq) >= 0 && distance(seq+uint32(n), f.seq+uint32(f.n)) <= 0 {
			f.times++
			return
		}
	}
	if len(h.flight) == maxInFlight {
		h.flight = append(h.flight[:0], h.flight[1:]...)
	}
	h.flight = append(h.flight, sent{seq, n, size, 1})
}

// acknowledge takes an acknowledgement that the other side sent.
func (h *Half) acknowledge(ack uint32, at int64) {
	if h.acked && distance(ack, h.ack) <= 0 {
		return
	}
	if h.acked && distance(ack, h.ack) > maxJump {
		return
	}
	h.ack, h.acked = ack, true
	if h.FIN == 0 {
		h.AckedAt = at
	}
	n := 0
	for _, f := range h.flight {
		if distance(ack, f.seq+uint32(f.n)) >= 0 {
			h.LargestAcked = max(h.LargestAcked, f.size)
			continue
		}
		h.flight[n] = f
		n++
	}
	h.flight = h.flight[:n]
}

// conclude works out what is left at the end.
func (h *Half) conclude(at int64) {
	for _, f := range h.flight {
		if f.times > 1 && f.size > h.Stuck {
			h.Stuck, h.StuckTimes = f.size, f.times
		}
	}
	if h.zeroAt != 0 {
		h.ZeroFor += at - h.zeroAt
	}
}

// unseen is how many octets at the end the other side acknowledged and the capture lacks. One more may be a FIN.
func (h *Half) unseen() int {
	if !h.synced || !h.acked {
		return 0
	}
	n := distance(h.ack, h.next)
	if h.FIN != 0 {
		n = min(n, distance(h.finSeq, h.next))
	}
	if n <= 1 || n > maxJump {
		return 0
	}
	return n
}

// compare looks whether octets that were seen before are still the same.
func (h *Half) compare(at int64, seq uint32, p []byte, ttl uint8) {
	from := distance(seq, h.started)
	if h.Changed != nil || from < 0 || from >= len(h.head) {
		return
	}
	old := h.head[from:]
	for i := range min(len(old), len(p)) {
		if old[i] != p[i] {
			h.Changed = &Changed{At: at, Offset: int64(from + i), First: excerpt(old[i:]), Second: excerpt(p[i:]), TTLs: [2]uint8{h.TTL, ttl}}
			return
		}
	}
}

func excerpt(p []byte) []byte { return bytes.Clone(p[:min(len(p), 80)]) }

// enqueue keeps a segment that came before an earlier one. Where segments overlap, deliver trims them.
func (h *Half) enqueue(c chunk) bool {
	if h.queued+len(c.data) > maxWaiting {
		return false
	}
	i := len(h.queue)
	for i > 0 && distance(h.queue[i-1].seq, c.seq) > 0 {
		i--
	}
	if i > 0 && h.queue[i-1].seq == c.seq && h.queue[i-1].n >= c.n {
		return true
	}
	c.data = bytes.Clone(c.data)
	h.queued += len(c.data)
	h.queue = append(h.queue, chunk{})
	copy(h.queue[i+1:], h.queue[i:])
	h.queue[i] = c
	return true
}

func (h *Half) dequeue() chunk {
	c := h.queue[0]
	h.queued -= len(c.data)
	h.queue = h.queue[1:]
	if len(h.queue) == 0 {
		h.queue = nil
	}
	return c
}
