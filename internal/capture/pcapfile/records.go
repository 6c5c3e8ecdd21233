package pcapfile

import "encoding/binary"

// records reads the pcap format: a file header, then records of one link type.
type records struct {
	r     *Reader
	order binary.ByteOrder
	unit  int64 // nanoseconds of one unit of the second time field
	head  int   // octets of a record header: 16, or 24 in the format of Kuznetsov's patch
	link  Link
	begun bool
	last  uint32 // seconds of the newest record
}

const fileHeader = 24

// A record's time may go back a little, or forward a lot; beyond this it is no header, when looking for one.
const farOff = 7 * 24 * 3600

func newRecords(r *Reader) format { return &records{r: r, head: 16} }

// begin reads the file header.
func (p *records) begin() error {
	b, err := p.r.peek(fileHeader)
	if len(b) < fileHeader {
		return p.r.cutShort(b, err)
	}
	p.order = binary.LittleEndian
	if b[0] == 0xa1 {
		p.order = binary.BigEndian
	}
	p.unit = 1000
	switch p.order.Uint32(b) {
	case 0xa1b23c4d:
		p.unit = 1
	case 0xa1b2cd34:
		p.head = 24
	}
	p.link = Link(p.order.Uint32(b[20:]) & 0xffff) // the upper half may tell about frame check sequences
	p.begun = true
	_, err = p.r.take(fileHeader)
	return err
}

func (p *records) next(f *Frame) error {
	if !p.begun {
		if err := p.begin(); err != nil {
			return err
		}
		f.Offset = p.r.offset
	}
	h, err := p.r.peek(p.head)
	if len(h) < p.head {
		return p.r.cutShort(h, err)
	}
	sec, sub, n, wire := p.fields(h)
	if !p.plausible(sub, n, wire) {
		return p.r.broken("a record header makes no sense (length %d of %d)", n, wire)
	}
	size := p.head + int(n)
	b, err := p.r.peek(size + p.head)
	if len(b) < size {
		return p.r.pastEnd(err)
	}
	if behind := b[size:]; len(behind) == p.head && !p.seemsHeader(behind) {
		size = p.shorter(b, size)
	}
	p.r.take(size)
	p.last = sec
	f.At, f.Link, f.Data, f.Wire = int64(sec)*1e9+int64(sub)*p.unit, p.link, b[p.head:size], max(size-p.head, int(wire))
	return nil
}

// shorter looks for the next record inside one that does not end where a record begins: its length is damaged, and those
// behind it would be lost. It returns the size that the record has at most.
func (p *records) shorter(b []byte, size int) int {
	for i := p.head + 1; i < size; i++ {
		if p.resync(b[i:], false) {
			p.r.note(Damage{p.r.offset, 0, "the length of a record makes no sense"})
			return i
		}
	}
	return size
}

func (p *records) seemsHeader(b []byte) bool {
	_, sub, n, wire := p.fields(b)
	return p.plausible(sub, n, wire)
}

func (p *records) fields(h []byte) (sec, sub, n, wire uint32) {
	return p.order.Uint32(h), p.order.Uint32(h[4:]), p.order.Uint32(h[8:]), p.order.Uint32(h[12:])
}

func (p *records) plausible(sub, n, wire uint32) bool {
	return n <= maxFrame && wire <= 16*maxFrame && int64(sub)*p.unit < 2e9
}

// resync wants a header that continues what was read before, and another one, or the end of the file, behind its record.
func (p *records) resync(b []byte, whole bool) bool {
	if !p.begun || !p.continues(b) {
		return false
	}
	end := p.head + int(p.order.Uint32(b[8:]))
	if end+p.head > len(b) {
		return whole && end <= len(b)
	}
	return p.continues(b[end:])
}

func (p *records) continues(b []byte) bool {
	if len(b) < p.head {
		return false
	}
	sec, sub, n, wire := p.fields(b)
	away := int64(sec) - int64(p.last)
	return p.plausible(sub, n, wire) && n > 0 && n <= wire && int64(sub)*p.unit < 1e9 &&
		(p.last == 0 || away > -farOff && away < farOff)
}
