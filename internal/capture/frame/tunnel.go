package frame

import "encoding/binary"

// Switches and clouds that copy traffic to where it is captured send it in tunnels: GRE with ERSPAN, and VXLAN.

const (
	protoGRE      = 47
	vxlanPort     = 4789
	etherBridged  = 0x6558 // Ethernet in GRE
	etherERSPAN   = 0x88be // of type I or II
	etherERSPAN3  = 0x22eb
	etherMPLS     = 0x8847
	mplsLastLabel = 0x0100 // the bottom of the stack, in the second half of a label's entry
)

// within reads what a tunnel carries; one tunnel is enough.
func (d *Decoder) within(at int64, proto uint16, b []byte, p *Packet) {
	if d.deep {
		return
	}
	d.deep = true
	defer func() { d.deep = false }()
	if proto == etherBridged {
		var ok bool
		if proto, b, ok = ethernet(b); !ok {
			return
		}
	}
	switch proto {
	case etherIPv4:
		d.ipv4(at, b, p)
	case etherIPv6:
		d.ipv6(at, b, p)
	}
}

// gre reads Generic Routing Encapsulation (RFC 2784 and 2890) and ERSPAN in it (draft-foschiano-erspan).
func (d *Decoder) gre(at int64, b []byte, p *Packet) {
	if len(b) < 4 || b[1]&7 != 0 {
		return
	}
	n := 4
	for _, flag := range []byte{0x80, 0x20, 0x10} { // checksum, key, sequence number
		if b[0]&flag != 0 {
			n += 4
		}
	}
	proto := binary.BigEndian.Uint16(b[2:])
	switch {
	case proto == etherERSPAN3:
		n, proto = n+12, etherBridged
		if len(b) >= n && b[n-1]&1 != 0 { // a platform's own header
			n += 8
		}
	case proto == etherERSPAN && b[0]&0x10 != 0:
		n, proto = n+8, etherBridged
	case proto == etherERSPAN:
		proto = etherBridged
	}
	if n <= len(b) {
		d.within(at, proto, b[n:], p)
	}
}

// vxlan reads what a UDP datagram to its port carries (RFC 7348).
func (d *Decoder) vxlan(at int64, b []byte, p *Packet) {
	if len(b) > 8 && b[0]&0x08 != 0 {
		d.within(at, etherBridged, b[8:], p)
	}
}

// mpls goes past the labels (RFC 3032). What they stand before, only its first octet tells: IP, here.
func mpls(b []byte) (uint16, []byte, bool) {
	for len(b) >= 4 {
		last := binary.BigEndian.Uint16(b[2:])&mplsLastLabel != 0
		if b = b[4:]; last {
			return raw(b)
		}
	}
	return 0, nil, false
}
