package frame

// Bounds of what unfinished packets may take.
const (
	maxDatagrams = 64
	maxParts     = 64
	maxDatagram  = 64 << 10
	fragmentWait = 30e9 // nanoseconds; RFC 791 says 15 s, RFC 8200 60 s
)

type fragmentKey struct {
	src, dst [16]byte
	id       uint32
	proto    uint8
}

// A fragment is one part of a packet.
type fragment struct {
	key  fragmentKey
	from int
	last bool
	data []byte
	cut  bool // the capture does not hold all of it
}

// A datagram is a packet in the making.
type datagram struct {
	begun int64
	parts []part
	held  int // octets in parts; overlapping ones count twice
	total int // its length; 0: not known yet
}

type part struct {
	from int
	data []byte
}

type fragments struct {
	open map[fragmentKey]*datagram
}

// add takes a fragment and returns the whole packet once it is there, or nil.
func (f *fragments) add(at int64, n fragment) []byte {
	if n.cut || n.from+len(n.data) > maxDatagram {
		return nil
	}
	if f.open == nil {
		f.open = map[fragmentKey]*datagram{}
	}
	d := f.open[n.key]
	if d == nil || at-d.begun > fragmentWait {
		if len(f.open) >= maxDatagrams {
			f.dropOldest()
		}
		d = &datagram{begun: at}
		f.open[n.key] = d
	}
	if d.held += len(n.data); len(d.parts) == maxParts || d.held > 2*maxDatagram {
		delete(f.open, n.key)
		return nil
	}
	d.parts = append(d.parts, part{n.from, append([]byte(nil), n.data...)})
	if n.last {
		d.total = n.from + len(n.data)
	}
	whole := d.whole()
	if whole != nil {
		delete(f.open, n.key)
	}
	return whole
}

func (f *fragments) dropOldest() {
	var oldest fragmentKey
	first := true
	for k, d := range f.open {
		if first || d.begun < f.open[oldest].begun {
			oldest, first = k, false
		}
	}
	delete(f.open, oldest)
}

// whole puts the parts together, if they cover everything. Where parts overlap, the first one seen counts.
func (d *datagram) whole() []byte {
	if d.total == 0 {
		return nil
	}
	out, have := make([]byte, d.total), make([]bool, d.total)
	missing := d.total
	for _, p := range d.parts {
		for i, c := range p.data {
			if at := p.from + i; at < d.total && !have[at] {
				out[at], have[at] = c, true
				missing--
			}
		}
	}
	if missing > 0 {
		return nil
	}
	return out
}
