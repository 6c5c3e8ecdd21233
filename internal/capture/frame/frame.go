// Package frame takes captured frames apart as far as TCP connections need it: link layers, IPv4 and IPv6, fragments,
// TCP segments, ICMP errors and answers of DNS. It does not follow connections.
//
// It allocates nothing for a frame. Checksums are not verified: a capture at the sender shows frames before the network
// card filled them in.
package frame

import (
	"encoding/binary"
	"net/netip"
)

// An Endpoint is an address and a port. IPv4 addresses are mapped into IPv6. It can be a map's key, and a fast one.
type Endpoint struct {
	IP   [16]byte
	Port uint16
}

// AddrPort is the endpoint as the rest of the program has it.
func (e Endpoint) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(e.IP).Unmap(), e.Port)
}

// A Packet is one IP packet that matters. Exactly one of TCP, ICMP and DNS says which kind it is.
type Packet struct {
	Src, Dst Endpoint
	TTL      uint8 // or hop limit
	Size     int   // octets of the IP packet, as its header says
	Kind     Kind
	TCP      TCP
	ICMP     ICMP
	DNS      []byte // of UDP port 53
}

// A Kind is what a packet holds.
type Kind uint8

// The kinds of packets.
const (
	Nothing Kind = iota // for us
	Segment
	Error // ICMP about another packet
	Answer
)

// Flags of a TCP header (RFC 9293, section 3.1).
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
)

// TCP is a segment.
type TCP struct {
	Seq, Ack uint32
	Flags    uint8
	Window   uint16
	MSS      uint16 // of a SYN; 0: none
	Scale    int8   // of a SYN; -1: none
	Payload  []byte // what the capture holds of it
	Length   int    // octets it had on the wire
}

// ICMP is an error message and the packet that it quotes.
type ICMP struct {
	V6         bool
	Type, Code uint8
	MTU        int
	Src, Dst   Endpoint // of the packet that is quoted: TCP
	Seq        uint32   // of its segment
}

// A Decoder takes frames apart. It keeps the fragments of unfinished packets, within bounds. The zero value is ready.
type Decoder struct {
	fragments fragments
	deep      bool // inside a tunnel
}

// Decode reads one frame. It reports false if there is nothing in it for us; p is then not to be used.
func (d *Decoder) Decode(link uint16, at int64, data []byte, p *Packet) bool {
	proto, rest, ok := network(link, data)
	if !ok {
		return false
	}
	p.Kind = Nothing
	switch proto {
	case etherIPv4:
		d.ipv4(at, rest, p)
	case etherIPv6:
		d.ipv6(at, rest, p)
	}
	return p.Kind != Nothing
}

const (
	protoICMP   = 1
	protoIPIP   = 4
	protoTCP    = 6
	protoUDP    = 17
	protoIPv6   = 41
	protoICMPv6 = 58
)

// transport reads what an IP packet carries. wire is its length as the IP header has it.
func (d *Decoder) transport(at int64, proto uint8, b []byte, wire int, p *Packet) {
	switch proto {
	case protoGRE:
		d.gre(at, b, p)
	case protoTCP:
		if p.TCP.read(b, wire, p) {
			p.Kind = Segment
		}
	case protoICMP, protoICMPv6:
		if p.ICMP.read(b, proto == protoICMPv6) {
			p.Kind = Error
		}
	case protoUDP:
		switch {
		case len(b) <= 8:
		case binary.BigEndian.Uint16(b) == 53:
			p.Src.Port, p.Dst.Port = 53, binary.BigEndian.Uint16(b[2:])
			p.DNS, p.Kind = b[8:], Answer
		case binary.BigEndian.Uint16(b[2:]) == vxlanPort:
			d.vxlan(at, b[8:], p)
		}
	}
}

// read takes a TCP header apart.
func (t *TCP) read(b []byte, wire int, p *Packet) bool {
	if len(b) < 20 {
		return false
	}
	head := int(b[12]>>4) * 4
	if head < 20 {
		return false
	}
	p.Src.Port, p.Dst.Port = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	t.Seq, t.Ack = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	t.Flags, t.Window = b[13], binary.BigEndian.Uint16(b[14:])
	t.MSS, t.Scale = 0, -1
	t.Length = max(wire-head, 0)
	t.Payload = nil
	if head < len(b) {
		t.Payload = b[head:]
	}
	if t.Flags&SYN != 0 {
		t.options(b[20:min(head, len(b))])
	}
	return true
}

// options reads those of a SYN that say how large segments and windows are (RFC 9293, section 3.2, and RFC 7323).
func (t *TCP) options(o []byte) {
	for len(o) > 1 {
		kind, n := o[0], int(o[1])
		switch {
		case kind == 0:
			return
		case kind == 1:
			o = o[1:]
			continue
		case n < 2 || n > len(o):
			return
		case kind == 2 && n == 4:
			t.MSS = binary.BigEndian.Uint16(o[2:])
		case kind == 3 && n == 3:
			t.Scale = int8(min(o[2], 14))
		}
		o = o[n:]
	}
}
