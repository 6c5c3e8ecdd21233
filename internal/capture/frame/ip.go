package frame

import "encoding/binary"

// mapped puts an IPv4 address where IPv6 has it.
func mapped(b []byte) (ip [16]byte) {
	ip[10], ip[11] = 0xff, 0xff
	copy(ip[12:], b[:4])
	return ip
}

// ipv4 reads an IPv4 packet (RFC 791).
func (d *Decoder) ipv4(at int64, b []byte, p *Packet) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	head := int(b[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 { // large send offload: the card would have filled it in
		total = len(b)
	}
	if head < 20 || total < head || len(b) < head {
		return
	}
	p.Src.IP, p.Dst.IP, p.TTL, p.Size = mapped(b[12:]), mapped(b[16:]), b[8], total
	proto, rest := b[9], b[head:min(total, len(b))]
	wire := total - head
	if flags := binary.BigEndian.Uint16(b[6:]); flags&0x3fff != 0 {
		rest = d.fragments.add(at, fragment{
			key:  fragmentKey{p.Src.IP, p.Dst.IP, uint32(binary.BigEndian.Uint16(b[4:])), proto},
			from: int(flags&0x1fff) * 8, last: flags&0x2000 == 0, data: rest, cut: len(rest) < wire,
		})
		wire = len(rest)
	}
	d.inside(at, proto, rest, wire, p)
}

// ipv6 reads an IPv6 packet with its extension headers (RFC 8200).
func (d *Decoder) ipv6(at int64, b []byte, p *Packet) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	wire := int(binary.BigEndian.Uint16(b[4:]))
	if wire == 0 { // a jumbogram, or offload
		wire = len(b) - 40
	}
	copy(p.Src.IP[:], b[8:24])
	copy(p.Dst.IP[:], b[24:40])
	p.TTL, p.Size = b[7], wire+40
	proto, rest := b[6], b[40:min(40+wire, len(b))]
	for range maxExtensions {
		n := 8
		switch proto {
		case 0, 43, 60, 135: // hop-by-hop, routing, destination, mobility
			if len(rest) < 8 {
				return
			}
			n = 8 + int(rest[1])*8
		case 51: // authentication
			if len(rest) < 8 {
				return
			}
			n = 8 + int(rest[1])*4
		case 44:
			if len(rest) < 8 {
				return
			}
			flags := binary.BigEndian.Uint16(rest[2:])
			f := fragment{
				key:  fragmentKey{p.Src.IP, p.Dst.IP, binary.BigEndian.Uint32(rest[4:]), rest[0]},
				from: int(flags &^ 7), last: flags&1 == 0, data: rest[8:], cut: len(rest) < wire,
			}
			proto = rest[0]
			rest = d.fragments.add(at, f)
			wire = len(rest)
			continue
		default:
			d.inside(at, proto, rest, wire, p)
			return
		}
		if n > len(rest) {
			return
		}
		proto, rest, wire = rest[0], rest[n:], wire-n
	}
}

const maxExtensions = 8

// inside reads what an IP packet carries; another IP packet once, for tunnels.
func (d *Decoder) inside(at int64, proto uint8, rest []byte, wire int, p *Packet) {
	switch {
	case len(rest) == 0:
	case proto == protoIPIP && rest[0]>>4 == 4 && !tunnelled(rest):
		d.ipv4(at, rest, p)
	case proto == protoIPv6 && rest[0]>>4 == 6 && len(rest) > 6 && rest[6] != protoIPv6 && rest[6] != protoIPIP:
		d.ipv6(at, rest, p)
	default:
		d.transport(at, proto, rest, wire, p)
	}
}

// tunnelled reports whether an IPv4 packet carries one more IP packet; one tunnel is enough.
func tunnelled(b []byte) bool {
	return len(b) < 20 || b[9] == protoIPIP || b[9] == protoIPv6
}
