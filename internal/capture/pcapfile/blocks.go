package pcapfile

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// blocks reads the pcapng format: sections of blocks, each with its length at both ends.
type blocks struct {
	r          *Reader
	order      byteOrder
	interfaces []iface
}

// An iface is what an Interface Description Block says.
type iface struct {
	link    Link
	snap    uint32
	units   uint64 // of its clock, in a second
	seconds int64  // added to each time
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Block types, as in section 4 of the draft.
const (
	blockInterface  = 1
	blockPacketOld  = 2
	blockSimple     = 3
	blockNames      = 4
	blockStatistics = 5
	blockPacket     = 6
	blockSecrets    = 10
	blockSection    = 0x0a0d0d0a
)

const (
	optionEnd        = 0
	optionResolution = 9  // if_tsresol
	optionOffset     = 14 // if_tsoffset
	tlsKeyLog        = 0x544c534b
	byteOrderMagic   = 0x1a2b3c4d
)

const maxInterfaces = 4096

// maxLarge bounds what is stepped over unseen, and largeKinds are the blocks that can be larger than maxBlock: names,
// secrets, journal entries and custom blocks.
const maxLarge = 64 << 20

var largeKinds = []uint32{blockNames, 9, blockSecrets, 0xbad, 0x40000bad}

func newBlocks(r *Reader) format { return &blocks{r: r, order: binary.LittleEndian} }

func (p *blocks) next(f *Frame) error {
	h, err := p.r.peek(12)
	if len(h) < 12 {
		return p.r.cutShort(h, err)
	}
	kind, size, order := p.header(h)
	if size < 12 || size%4 != 0 || kind == blockSection && size < 28 {
		return p.r.broken("a block of type %#x has the length %d", kind, size)
	}
	if size > maxBlock {
		return p.large(kind, size)
	}
	b, err := p.r.peek(int(size))
	if len(b) < int(size) {
		return p.r.pastEnd(err)
	}
	if got := order.Uint32(b[size-4:]); got != size {
		return p.r.broken("a block of type %#x is %d octets long by its begin and %d by its end", kind, size, got)
	}
	p.r.take(int(size))
	p.order = order
	return p.block(kind, b[8:size-4], f)
}

// header reads the type and the length of a block. A section header has its own order of octets.
func (p *blocks) header(h []byte) (kind, size uint32, order byteOrder) {
	order = p.order
	if kind = order.Uint32(h); kind == blockSection {
		switch uint32(byteOrderMagic) {
		case binary.LittleEndian.Uint32(h[8:]):
			order = binary.LittleEndian
		case binary.BigEndian.Uint32(h[8:]):
			order = binary.BigEndian
		default:
			return kind, 0, order
		}
	}
	return kind, order.Uint32(h[4:]), order
}

// large steps over a block that is larger than anything we use, of a kind that may be.
func (p *blocks) large(kind, size uint32) error {
	if !slices.Contains(largeKinds, kind) || size > maxLarge {
		return p.r.broken("a block of type %#x has the length %d", kind, size)
	}
	n, err := p.r.in.Discard(int(size))
	if n < int(size) {
		p.r.note(Damage{p.r.offset, int64(n), "the file ends in the middle of a block"})
	}
	p.r.offset += int64(n)
	if err != nil {
		return p.r.cutShort(nil, err)
	}
	return errSkip
}

func (p *blocks) block(kind uint32, body []byte, f *Frame) error {
	switch kind {
	case blockSection:
		p.interfaces = nil
	case blockInterface:
		if len(body) >= 8 && len(p.interfaces) < maxInterfaces {
			p.interfaces = append(p.interfaces, p.describe(body))
		}
	case blockPacket:
		return p.packet(body, f)
	case blockPacketOld:
		if len(body) >= 20 { // interface and drop count have 16 bits each
			wide := append(p.order.AppendUint32(nil, uint32(p.order.Uint16(body))), body[4:]...)
			return p.packet(wide, f)
		}
	case blockSimple:
		return p.simple(body, f)
	case blockSecrets:
		p.secrets(body)
	}
	return errSkip
}

// describe reads an Interface Description Block (section 4.2).
func (p *blocks) describe(body []byte) iface {
	i := iface{link: Link(p.order.Uint16(body)), snap: p.order.Uint32(body[4:]), units: 1e6}
	for opt := body[8:]; len(opt) >= 4; {
		code, n := p.order.Uint16(opt), int(p.order.Uint16(opt[2:]))
		if code == optionEnd || 4+n > len(opt) {
			break
		}
		switch v := opt[4 : 4+n]; {
		case code == optionResolution && n == 1:
			i.units = unitsOf(v[0])
		case code == optionOffset && n == 8:
			i.seconds = int64(p.order.Uint64(v))
		}
		opt = opt[min(4+(n+3)&^3, len(opt)):]
	}
	return i
}

// unitsOf reads if_tsresol: a negative power of ten, or of two if the top bit is set. What no clock has counts as
// microseconds.
func unitsOf(v byte) uint64 {
	if v&0x80 != 0 {
		if v &= 0x7f; v < 63 {
			return 1 << v
		}
		return 1e6
	}
	units := uint64(1)
	for ; v > 0 && v < 19; v-- {
		units *= 10
	}
	return units
}

// time makes nanoseconds of a count of units, without overflowing in between.
func (i iface) time(t uint64) int64 {
	sec, rest := t/i.units, t%i.units
	hi, lo := bits.Mul64(rest, 1e9)
	ns, _ := bits.Div64(hi, lo, i.units)
	if s := int64(sec) + i.seconds; s >= 0 && s < math.MaxInt64/1_000_000_000 {
		return s*1e9 + int64(ns)
	}
	return 0
}

// packet reads an Enhanced Packet Block (section 4.3).
func (p *blocks) packet(body []byte, f *Frame) error {
	if len(body) < 20 {
		return errSkip
	}
	id, n := p.order.Uint32(body), p.order.Uint32(body[12:])
	if n > maxFrame || int(n) > len(body)-20 || id >= uint32(len(p.interfaces)) {
		p.r.note(Damage{f.Offset, int64(len(body)) + 12, "a packet block names what is not there"})
		return errSkip
	}
	i := p.interfaces[id]
	f.At = i.time(uint64(p.order.Uint32(body[4:]))<<32 | uint64(p.order.Uint32(body[8:])))
	f.Link, f.Data = i.link, body[20:20+n]
	f.Wire = int(max(n, min(p.order.Uint32(body[16:]), 16*maxFrame)))
	return nil
}

// simple reads a Simple Packet Block (section 4.4), which has no time.
func (p *blocks) simple(body []byte, f *Frame) error {
	if len(body) < 4 || len(p.interfaces) == 0 {
		return errSkip
	}
	i, wire, data := p.interfaces[0], p.order.Uint32(body), body[4:]
	if uint64(wire) < uint64(len(data)) {
		data = data[:wire]
	}
	if i.snap > 0 && uint64(i.snap) < uint64(len(data)) {
		data = data[:i.snap]
	}
	f.Link, f.Data, f.Wire = i.link, data, int(max(uint32(len(data)), min(wire, 16*maxFrame)))
	return nil
}

// secrets reads a Decryption Secrets Block (section 4.7).
func (p *blocks) secrets(body []byte) {
	if len(body) < 8 || p.r.keyLog == nil || p.order.Uint32(body) != tlsKeyLog {
		return
	}
	if n := p.order.Uint32(body[4:]); uint64(n) <= uint64(len(body)-8) {
		p.r.keyLog(body[8 : 8+n])
	}
}

// resync wants a block of a kind that captures have, with the same length at both ends.
func (p *blocks) resync(b []byte, _ bool) bool {
	if len(b) < 12 {
		return false
	}
	kind, size, order := p.header(b)
	switch kind {
	case blockSection, blockInterface, blockPacket, blockPacketOld, blockSimple, blockNames, blockStatistics, blockSecrets:
	default:
		return false
	}
	return size >= 12 && size%4 == 0 && size <= maxBlock && int(size) <= len(b) && order.Uint32(b[size-4:]) == size
}
