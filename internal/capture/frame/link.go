package frame

import "encoding/binary"

// EtherTypes.
const (
	etherIPv4   = 0x0800
	etherVLAN   = 0x8100
	etherIPv6   = 0x86dd
	etherPPPoE  = 0x8864
	etherQinQ   = 0x88a8
	etherQinQ91 = 0x9100
)

// A reader of one link layer returns the EtherType of what it carries, and that.
type linkReader func(b []byte) (proto uint16, rest []byte, ok bool)

// links are the link types that are read, by their LINKTYPE number, and those DLT numbers that some systems write
// instead.
var links = map[uint16]linkReader{
	0: null, 108: null, // BSD loopback
	1:  ethernet,
	9:  ppp,
	50: hdlc,
	12: raw, 14: raw, 101: raw, 228: raw, 229: raw,
	105: wifi,
	113: cooked,
	276: cooked2,
	127: radiotap,
	192: ppi,
	119: prism,
	163: prism, // AVS has its length at the same place
}

// Known reports whether frames of a link type can be read.
func Known(link uint16) bool { return links[link] != nil }

// network finds the network layer of a frame.
func network(link uint16, b []byte) (proto uint16, rest []byte, ok bool) {
	if link == 1 {
		return ethernet(b)
	}
	if read := links[link]; read != nil {
		return read(b)
	}
	return 0, nil, false
}

func ethernet(b []byte) (uint16, []byte, bool) {
	if len(b) < 14 {
		return 0, nil, false
	}
	return tagged(binary.BigEndian.Uint16(b[12:]), b[14:])
}

// tagged goes past VLAN tags, as many as there are, and PPPoE.
func tagged(proto uint16, b []byte) (uint16, []byte, bool) {
	for proto == etherVLAN || proto == etherQinQ || proto == etherQinQ91 {
		if len(b) < 4 {
			return 0, nil, false
		}
		proto, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if proto == etherMPLS {
		return mpls(b)
	}
	if proto == etherPPPoE && len(b) > 6 {
		return ppp(b[6:])
	}
	if proto < 0x600 && len(b) >= 8 { // a length: LLC follows
		return snap(b)
	}
	return proto, b, true
}

// snap reads LLC and SNAP (RFC 1042).
func snap(b []byte) (uint16, []byte, bool) {
	if len(b) < 8 || b[0] != 0xaa || b[1] != 0xaa {
		return 0, nil, false
	}
	return tagged(binary.BigEndian.Uint16(b[6:]), b[8:])
}

// raw is an IP packet without anything before it.
func raw(b []byte) (uint16, []byte, bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	switch b[0] >> 4 {
	case 4:
		return etherIPv4, b, true
	case 6:
		return etherIPv6, b, true
	}
	return 0, nil, false
}

// null has four octets of address family, in the order of the machine that captured. The numbers of IPv6 differ by
// system, so the packet itself is asked.
func null(b []byte) (uint16, []byte, bool) {
	if len(b) < 5 {
		return 0, nil, false
	}
	return raw(b[4:])
}

// cooked is LINKTYPE_LINUX_SLL, of captures on "any".
func cooked(b []byte) (uint16, []byte, bool) {
	if len(b) < 16 {
		return 0, nil, false
	}
	return tagged(binary.BigEndian.Uint16(b[14:]), b[16:])
}

func cooked2(b []byte) (uint16, []byte, bool) {
	if len(b) < 20 {
		return 0, nil, false
	}
	return tagged(binary.BigEndian.Uint16(b), b[20:])
}

// ppp reads the protocol field (RFC 1661), one octet or two, with or without HDLC's address and control before it.
func ppp(b []byte) (uint16, []byte, bool) {
	if len(b) > 2 && b[0] == 0xff && b[1] == 0x03 {
		b = b[2:]
	}
	switch {
	case len(b) > 2 && b[0] == 0 && (b[1] == 0x21 || b[1] == 0x57):
		return raw(b[2:])
	case len(b) > 1 && (b[0] == 0x21 || b[0] == 0x57):
		return raw(b[1:])
	}
	return 0, nil, false
}

func hdlc(b []byte) (uint16, []byte, bool) {
	if len(b) > 4 && (b[0] == 0x0f || b[0] == 0x8f) { // Cisco HDLC
		return tagged(binary.BigEndian.Uint16(b[2:]), b[4:])
	}
	return ppp(b)
}

// Bits of the frame control field of IEEE 802.11.
const (
	wifiTypeMask  = 0x0c
	wifiData      = 0x08
	wifiNoData    = 0x40 // a "null" data frame
	wifiQoS       = 0x80
	wifiToAP      = 0x01
	wifiFromAP    = 0x02
	wifiMoreFrags = 0x04
	wifiProtected = 0x40
	wifiOrder     = 0x80
)

// wifi reads a data frame in clear. What is encrypted, or split in fragments, is not ours to put together; nor are
// frames that hold several (A-MSDU).
func wifi(b []byte) (uint16, []byte, bool) {
	if len(b) < 24 || b[0]&3 != 0 || b[0]&wifiTypeMask != wifiData || b[0]&wifiNoData != 0 {
		return 0, nil, false
	}
	flags := b[1]
	if flags&(wifiProtected|wifiMoreFrags) != 0 || binary.LittleEndian.Uint16(b[22:])&0xf != 0 {
		return 0, nil, false
	}
	n := 24
	if flags&(wifiToAP|wifiFromAP) == wifiToAP|wifiFromAP {
		n += 6
	}
	if b[0]&wifiQoS != 0 {
		if n+2 > len(b) || b[n]&0x80 != 0 {
			return 0, nil, false
		}
		if n += 2; flags&wifiOrder != 0 {
			n += 4
		}
	}
	if n > len(b) {
		return 0, nil, false
	}
	return snap(b[n:])
}

// radiotap has its length at octet 2, and may say that padding stands behind the 802.11 header.
func radiotap(b []byte) (uint16, []byte, bool) {
	if len(b) < 8 {
		return 0, nil, false
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n < 8 || n > len(b) {
		return 0, nil, false
	}
	padded := radiotapPadded(b[:n])
	b = b[n:]
	if padded && len(b) > 26 && b[0]&wifiQoS != 0 && b[0]&wifiTypeMask == wifiData {
		b = append(append([]byte(nil), b[:26]...), b[min(28, len(b)):]...)
	}
	return wifi(b)
}

// radiotapPadded reads the flags field, if the first word of "present" bits says that it is there (bit 1). The TSFT
// field (bit 0) stands before it. Padding is flag 0x20.
func radiotapPadded(h []byte) bool {
	present := binary.LittleEndian.Uint32(h[4:])
	if present&2 == 0 {
		return false
	}
	at := 8
	for word := present; word&(1<<31) != 0 && at+4 <= len(h); at += 4 { // further words of bits
		word = binary.LittleEndian.Uint32(h[at:])
	}
	if present&1 != 0 {
		at = (at+7)&^7 + 8
	}
	return at < len(h) && h[at]&0x20 != 0
}

// ppi carries another link type behind a header of its own.
func ppi(b []byte) (uint16, []byte, bool) {
	if len(b) < 8 {
		return 0, nil, false
	}
	n, link := int(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint32(b[4:])
	if n < 8 || n > len(b) {
		return 0, nil, false
	}
	switch link {
	case 1:
		return ethernet(b[n:])
	case 105:
		return wifi(b[n:])
	}
	return 0, nil, false
}

// prism and AVS headers have their length at octet 4, in either order.
func prism(b []byte) (uint16, []byte, bool) {
	if len(b) < 8 {
		return 0, nil, false
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n > 1024 {
		n = binary.LittleEndian.Uint32(b[4:])
	}
	if n < 8 || n > 1024 || int(n) > len(b) {
		return 0, nil, false
	}
	return wifi(b[n:])
}
