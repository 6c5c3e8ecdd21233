// Package craft writes captures of TCP connections that never took place, for tests and benchmarks: each packet as the
// test wants it, at the time the test wants it.
package craft

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

// A Writer writes a pcap file of raw IP packets, or of Ethernet frames.
type Writer struct {
	w    io.Writer
	Now  time.Time     // of the next packet
	Step time.Duration // that passes with each packet
	Wrap func(ip []byte) []byte
	err  error
	buf  []byte
}

// Link types.
const (
	Ethernet = 1
	Raw      = 101
)

// NewWriter begins a file.
func NewWriter(w io.Writer, link uint32) *Writer {
	h := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	h = append(h, 2, 0, 4, 0)
	h = append(h, make([]byte, 8)...)
	h = binary.LittleEndian.AppendUint32(h, 262144)
	h = binary.LittleEndian.AppendUint32(h, link)
	cw := &Writer{w: w, Now: time.Unix(1_700_000_000, 0), Step: time.Millisecond}
	if link == Ethernet {
		cw.Wrap = InEthernet
	}
	_, cw.err = w.Write(h)
	return cw
}

// InEthernet puts an IP packet into an Ethernet frame.
func InEthernet(ip []byte) []byte {
	frame := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0}
	if ip[0]>>4 == 6 {
		frame[12], frame[13] = 0x86, 0xdd
	}
	return append(frame, ip...)
}

// Err is the first error of writing.
func (w *Writer) Err() error { return w.err }

// Packet writes one IP packet.
func (w *Writer) Packet(ip []byte) {
	if w.Wrap != nil {
		ip = w.Wrap(ip)
	}
	b := binary.LittleEndian.AppendUint32(w.buf[:0], uint32(w.Now.Unix()))
	b = binary.LittleEndian.AppendUint32(b, uint32(w.Now.Nanosecond()/1000))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ip)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ip)))
	w.buf = append(b, ip...)
	if _, err := w.w.Write(w.buf); w.err == nil {
		w.err = err
	}
	w.Now = w.Now.Add(w.Step)
}

// Flags of a segment.
const (
	FIN = 1
	SYN = 2
	RST = 4
	PSH = 8
	ACK = 16
)

// A Segment is a TCP segment and what of IP matters.
type Segment struct {
	From, To netip.AddrPort
	TTL      uint8 // 0: 64
	Seq, Ack uint32
	Flags    uint8
	Window   uint16 // 0 with Closed false: 64240
	Closed   bool   // the window is zero
	MSS      uint16 // 0: no option
	Data     []byte
}

// IP makes the packet.
func (s Segment) IP() []byte { return Packet(s.From.Addr(), s.To.Addr(), s.TTL, 6, s.tcp()) }

func (s Segment) tcp() []byte {
	b := binary.BigEndian.AppendUint16(nil, s.From.Port())
	b = binary.BigEndian.AppendUint16(b, s.To.Port())
	b = binary.BigEndian.AppendUint32(b, s.Seq)
	b = binary.BigEndian.AppendUint32(b, s.Ack)
	head := byte(5)
	if s.MSS != 0 {
		head = 6
	}
	window := s.Window
	if window == 0 && !s.Closed {
		window = 64240
	}
	b = append(b, head<<4, s.Flags)
	b = binary.BigEndian.AppendUint16(b, window)
	b = append(b, 0, 0, 0, 0)
	if s.MSS != 0 {
		b = binary.BigEndian.AppendUint16(append(b, 2, 4), s.MSS)
	}
	return append(b, s.Data...)
}

// Packet makes an IP packet of either version.
func Packet(from, to netip.Addr, ttl, proto uint8, payload []byte) []byte {
	if ttl == 0 {
		ttl = 64
	}
	var b []byte
	if from.Is4() {
		b = append(b, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(20+len(payload)))
		b = append(b, 0, 0, 0x40, 0, ttl, proto, 0, 0)
		var sum uint32
		src, dst := from.As4(), to.As4()
		b = append(append(b, src[:]...), dst[:]...)
		for i := 0; i < 20; i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		sum = sum>>16 + sum&0xffff
		binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16))
	} else {
		b = append(b, 0x60, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
		src, dst := from.As16(), to.As16()
		b = append(append(append(b, proto, ttl), src[:]...), dst[:]...)
	}
	return append(b, payload...)
}

// ICMP makes an ICMPv4 error of a router about a packet, which is quoted with its first 28 octets.
func ICMP(router, to netip.Addr, kind, code uint8, mtu uint16, about []byte) []byte {
	b := []byte{kind, code, 0, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, mtu)
	return Packet(router, to, 0, 1, append(b, about[:28]...))
}
