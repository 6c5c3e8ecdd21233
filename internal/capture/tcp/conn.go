package tcp

import "github.com/smtptriage/smtptriage/internal/capture/frame"

// segment takes one packet of the connection.
func (c *Conn) segment(way Way, at int64, p *frame.Packet) {
	h, back, t := &c.Half[way], &c.Half[way.Other()], &p.TCP
	c.Last = at
	if t.Flags&frame.RST != 0 {
		c.reset(way, at, p)
		return
	}
	h.Packets++
	h.SentAt = at
	h.sawTTL(p.TTL)
	h.Largest = max(h.Largest, p.Size)
	if t.Flags&frame.SYN != 0 {
		c.syn(way, at, t)
	}
	h.window(t, at)
	if t.Flags&frame.ACK != 0 {
		back.acknowledge(t.Ack, at)
		c.missed(way.Other(), at, false)
	}
	c.missed(way, at, false)
	seq := t.Seq
	if t.Flags&frame.SYN != 0 {
		seq++
	}
	if t.Length > 0 {
		c.payload(way, at, seq, p)
	}
	if t.Flags&frame.FIN != 0 && h.FIN == 0 {
		h.FIN, h.finSeq, h.finAck = at, seq+uint32(t.Length), t.Ack
	}
}

// syn takes the first segment of a side.
func (c *Conn) syn(way Way, at int64, t *frame.TCP) {
	h := &c.Half[way]
	if h.SYNs++; h.SYNs == 1 {
		h.ISN, h.MSS = t.Seq, int(t.MSS)
	}
	if !h.synced {
		h.start(t.Seq + 1)
	}
	if way == ToClient && c.Opened == 0 {
		c.Opened = at
	}
}

func (h *Half) start(seq uint32) { h.next, h.started, h.synced = seq, seq, true }

// reset takes a segment with RST.
func (c *Conn) reset(way Way, at int64, p *frame.Packet) {
	h := &c.Half[way]
	c.Resets++
	if c.Reset != nil {
		return
	}
	r := &Reset{At: at, From: way, TTL: p.TTL, Usual: h.nearestTTL(p.TTL), ToSYN: way == ToClient && !c.Established()}
	if back := &c.Half[way.Other()]; back.SentAt != 0 {
		r.After = at - back.SentAt
	}
	away := distance(p.TCP.Seq, h.next)
	r.Window = !h.synced || away > -maxJump && away < maxJump
	c.Reset = r
}

// payload takes the octets of a segment.
func (c *Conn) payload(way Way, at int64, seq uint32, p *frame.Packet) {
	h, t := &c.Half[way], &p.TCP
	if !h.synced {
		h.start(seq)
		if back := &c.Half[way.Other()]; !back.synced && t.Flags&frame.ACK != 0 {
			back.start(t.Ack)
		}
	}
	ahead := distance(seq, h.next)
	n := t.Length
	switch {
	case ahead > maxJump || ahead < -maxJump:
		return
	case n == 1 && ahead == -1:
		h.Probes++ // a keep-alive repeats the last octet (RFC 9293, section 3.8.4)
		return
	case ahead+n <= 0:
		h.Resent++
		h.compare(at, seq, t.Payload, p.TTL)
		h.watchAgain(seq, n, p.Size)
		return
	}
	if c.Half[way.Other()].zeroAt != 0 && n == 1 {
		h.Probes++
		return
	}
	if h.FirstAt == 0 {
		h.FirstAt = at
	}
	if ahead < 0 {
		h.Resent++
		h.compare(at, seq, t.Payload, p.TTL)
	}
	h.watch(seq, n, p.Size)
	piece := chunk{seq, at, t.Payload[:min(len(t.Payload), n)], n}
	if ahead > 0 {
		h.Disorder++
		if !h.enqueue(piece) {
			c.missed(way, at, true)
			c.payloadAgain(way, piece)
		}
		return
	}
	c.deliver(way, at, piece)
	c.drain(way, at)
}

// watchAgain counts a segment sent again, if it still waits for its acknowledgement.
func (h *Half) watchAgain(seq uint32, n, size int) {
	if !h.acked || distance(seq+uint32(n), h.ack) > 0 {
		h.watch(seq, n, size)
	}
}

// payloadAgain takes the segment for which room was made.
func (c *Conn) payloadAgain(way Way, piece chunk) {
	h := &c.Half[way]
	if distance(piece.seq, h.next) <= 0 {
		c.deliver(way, piece.at, piece)
		c.drain(way, piece.at)
	} else {
		h.enqueue(piece)
	}
}

// deliver hands on what is new in a segment that begins at, or before, the next octet.
func (c *Conn) deliver(way Way, at int64, piece chunk) {
	h := &c.Half[way]
	skip := -distance(piece.seq, h.next)
	if skip >= piece.n {
		return
	}
	h.next = piece.seq + uint32(piece.n)
	h.Octets += int64(piece.n - skip)
	var fresh []byte
	if skip < len(piece.data) {
		fresh = piece.data[skip:]
	}
	if len(fresh) > 0 {
		h.keepHead(fresh)
		if c.handler != nil {
			c.handler.Data(c, way, at, fresh)
		}
	}
	if cut := piece.n - skip - len(fresh); cut > 0 {
		c.gap(way, at, int64(cut))
	}
}

// keepHead keeps the beginning of a stream, as long as it has no gap.
func (h *Half) keepHead(p []byte) {
	if room := headOctets - len(h.head); room > 0 && h.Missing == 0 && h.Octets-int64(len(p)) == int64(len(h.head)) {
		h.head = append(h.head, p[:min(room, len(p))]...)
	}
}

func (c *Conn) gap(way Way, at, n int64) {
	c.Half[way].Missing += n
	if c.handler != nil {
		c.handler.Gap(c, way, at, n)
	}
}

// drain hands on what waited for the octets that just came.
func (c *Conn) drain(way Way, at int64) {
	h := &c.Half[way]
	for len(h.queue) > 0 && distance(h.queue[0].seq, h.next) <= 0 {
		c.deliver(way, at, h.dequeue())
	}
}

// missed gives up waiting for octets that the receiver has, as its acknowledgement shows, and this capture lacks: once
// they are long overdue, or at once if they must. Octets that nobody acknowledged are waited for to the end, because
// they may still be sent again.
func (c *Conn) missed(way Way, at int64, now bool) {
	h := &c.Half[way]
	for len(h.queue) > 0 {
		first := h.queue[0]
		lacking := distance(first.seq, h.next)
		arrived := h.acked && distance(h.ack, first.seq) >= 0
		if !now && (!arrived || at-first.at < gapPatience) {
			return
		}
		if lacking > 0 {
			h.next = first.seq
			h.Octets += int64(lacking)
			c.gap(way, at, int64(lacking))
		}
		c.drain(way, at)
	}
}

// done ends what is known of the connection.
func (c *Conn) done(why Ending) {
	c.Finished = why
	for _, way := range []Way{ToServer, ToClient} {
		h := &c.Half[way]
		h.conclude(c.Last)
		// What the receiver acknowledged it has; what stands behind a hole that it did not was of no use to it.
		if len(h.queue) > 0 && h.acked && distance(h.ack, h.queue[0].seq) >= 0 {
			c.missed(way, c.Last, true)
		}
		if h.Waiting = int64(h.queued); h.Waiting > 0 {
			continue
		}
		if n := h.unseen(); n > 0 {
			h.next += uint32(n)
			h.Octets += int64(n)
			c.gap(way, c.Last, int64(n))
		}
	}
	if c.handler != nil {
		c.handler.Done(c)
	}
}
