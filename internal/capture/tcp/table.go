package tcp

import "github.com/smtptriage/smtptriage/internal/capture/frame"

// Times, in nanoseconds of the capture's own clock.
const (
	idleWanted   = 20 * 60e9 // RFC 5321, section 4.5.3.2 has waits of ten minutes
	idleUnwanted = 2 * 60e9
	linger       = 2e9 // after the end, for what still comes
)

// Bounds of all connections that are followed at a time. Those that were used longest ago go first.
const (
	maxConns = 1 << 15
	maxCost  = 80 << 20 // octets that they hold, and wait for
	connCost = 8 << 10  // of which one connection has about so many, whatever came
)

// sweepEvery is how many packets pass between two looks for connections that are over.
const sweepEvery = 1024

// A Table follows all connections of a capture. Its fields are to be set before its first packet.
type Table struct {
	// Open is asked about each new connection: who wants to hear of it; nil: nobody.
	Open func(*Conn) Handler

	conns   map[key]*Conn
	oldest  *Conn // of the list in order of use
	newest  *Conn
	now     int64
	packets int
	cost    int
	ending  []*Conn // closed or reset, lingering
}

// A key names a connection whichever way a packet goes.
type key struct{ a, b frame.Endpoint }

func keyOf(p, q frame.Endpoint) key {
	if less(q, p) {
		p, q = q, p
	}
	return key{p, q}
}

func less(p, q frame.Endpoint) bool {
	if p.Port != q.Port {
		return p.Port < q.Port
	}
	return string(p.IP[:]) < string(q.IP[:])
}

// Add takes a packet.
func (t *Table) Add(at int64, p *frame.Packet) {
	t.now = max(t.now, at)
	if t.packets++; t.packets%sweepEvery == 0 {
		t.sweep()
	}
	switch p.Kind {
	case frame.Segment:
		t.segment(at, p)
	case frame.Error:
		t.failure(at, p)
	}
}

func (t *Table) segment(at int64, p *frame.Packet) {
	k := keyOf(p.Src, p.Dst)
	c := t.conns[k]
	if c != nil && t.reused(c, p) {
		t.remove(k, c, Replaced)
		c = nil
	}
	if c == nil {
		if c = t.open(k, at, p); c == nil {
			return
		}
	}
	t.use(c)
	if c.ignored {
		c.Last = at
		return
	}
	over := c.over()
	c.segment(c.wayOf(p), at, p)
	if !over && c.over() {
		t.ending = append(t.ending, c)
	}
	t.charge(c)
}

// charge counts what a connection holds now, and ends others if that is too much.
func (t *Table) charge(c *Conn) {
	cost := 0
	if !c.ignored {
		cost = connCost + c.handler.Held() + c.Half[0].queued + c.Half[1].queued
	}
	t.cost += cost - c.cost
	c.cost = cost
	for old := t.oldest; t.cost > maxCost && old != c; old = t.oldest {
		// It stays known, or its next packet would begin another.
		if t.use(old); !old.ignored {
			t.cost -= old.cost
			old.cost = 0
			old.done(Evicted)
			old.Ignore()
		}
	}
}

// wayOf tells the direction of a packet of the connection.
func (c *Conn) wayOf(p *frame.Packet) Way {
	if p.Src == c.Client {
		return ToServer
	}
	return ToClient
}

// reused reports whether a SYN begins a new connection between the same ports.
func (t *Table) reused(c *Conn, p *frame.Packet) bool {
	if p.TCP.Flags&(frame.SYN|frame.ACK|frame.RST) != frame.SYN {
		return false
	}
	h := &c.Half[c.wayOf(p)]
	if c.ignored {
		return true
	}
	return h.SYNs > 0 && h.ISN != p.TCP.Seq || h.SYNs == 0 && c.over() || c.Reset != nil
}

// open begins to follow a connection. One that is met in its middle has as its client the side with the higher port.
func (t *Table) open(k key, at int64, p *frame.Packet) *Conn {
	if t.conns == nil {
		t.conns = map[key]*Conn{}
	}
	c := &Conn{Client: p.Src, Server: p.Dst, Start: at, Last: at}
	switch p.TCP.Flags & (frame.SYN | frame.ACK) {
	case frame.SYN:
	case frame.SYN | frame.ACK:
		c.Client, c.Server = p.Dst, p.Src
	default:
		if p.TCP.Flags&frame.RST != 0 || p.TCP.Length == 0 {
			return nil // the last of something that we know nothing of
		}
		c.Guessed = true
		if p.Src.Port < p.Dst.Port {
			c.Client, c.Server = p.Dst, p.Src
		}
	}
	if len(t.conns) >= maxConns {
		t.remove(keyOf(t.oldest.Client, t.oldest.Server), t.oldest, Evicted)
	}
	if c.handler = t.Open(c); c.handler == nil {
		c.Ignore()
	}
	t.conns[k] = c
	return c
}

// failure gives an ICMP error to the connection whose segment it quotes.
func (t *Table) failure(at int64, p *frame.Packet) {
	m := &p.ICMP
	c := t.conns[keyOf(m.Src, m.Dst)]
	if c == nil || c.ignored || len(c.Errors) == maxErrors {
		return
	}
	way := ToClient
	if m.Src == c.Client {
		way = ToServer
	}
	c.Errors = append(c.Errors, Error{at, p.Src, way, *m})
	c.Last = at
}

// over reports whether the connection is closed for good.
func (c *Conn) over() bool {
	return c.Reset != nil || c.Half[0].closed() && c.Half[1].closed()
}

func (h *Half) closed() bool {
	return h.FIN != 0 && h.acked && distance(h.ack, h.finSeq) > 0
}

// use moves a connection to the end of the list.
func (t *Table) use(c *Conn) {
	if t.newest == c {
		return
	}
	t.unlink(c)
	c.prev = t.newest
	if t.newest != nil {
		t.newest.next = c
	}
	t.newest = c
	if t.oldest == nil {
		t.oldest = c
	}
}

func (t *Table) unlink(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else if t.oldest == c {
		t.oldest = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else if t.newest == c {
		t.newest = c.prev
	}
	c.prev, c.next = nil, nil
}

// sweep ends the connections that are over, and those of which nothing was seen for long.
func (t *Table) sweep() {
	n := 0
	for _, c := range t.ending {
		if t.now-c.Last > linger {
			t.remove(keyOf(c.Client, c.Server), c, Over)
		} else {
			t.ending[n] = c
			n++
		}
	}
	clear(t.ending[n:])
	t.ending = t.ending[:n]
	for c := t.oldest; c != nil && t.now-c.Last > idleUnwanted; {
		after := c.next
		if c.ignored || t.now-c.Last > idleWanted {
			t.remove(keyOf(c.Client, c.Server), c, Idle)
		}
		c = after
	}
}

func (t *Table) remove(k key, c *Conn, why Ending) {
	if t.conns[k] != c {
		return // it went before, for another reason
	}
	if c.over() && why != Over {
		why = Over
	}
	delete(t.conns, k)
	t.unlink(c)
	t.cost -= c.cost
	c.done(why)
}

// Close ends all connections that are still followed, because the capture ends.
func (t *Table) Close() {
	for t.oldest != nil {
		c := t.oldest
		t.remove(keyOf(c.Client, c.Server), c, CaptureEnd)
	}
	t.ending = nil
}
