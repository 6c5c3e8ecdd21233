package frame

import "encoding/binary"

// read takes an ICMP error and the TCP packet that it quotes; what is no error, or quotes something else, is not read.
func (m *ICMP) read(b []byte, v6 bool) bool {
	if len(b) < 8 {
		return false
	}
	*m = ICMP{V6: v6, Type: b[0], Code: b[1]}
	switch {
	case v6 && m.Type == 2: // packet too big (RFC 4443, section 3.2)
		m.MTU = int(binary.BigEndian.Uint32(b[4:]) & 0xffffff)
	case v6 && m.Type >= 1 && m.Type <= 4:
	case !v6 && m.Type == 3 && m.Code == 4: // fragmentation needed (RFC 1191, section 4)
		m.MTU = int(binary.BigEndian.Uint16(b[6:]))
	case !v6 && (m.Type == 3 || m.Type == 11 || m.Type == 12):
	default:
		return false
	}
	return m.quoted(b[8:])
}

// quoted reads the packet that caused the error: its IP header and at least eight octets more.
func (m *ICMP) quoted(b []byte) bool {
	if len(b) < 28 {
		return false
	}
	var tcp []byte
	switch b[0] >> 4 {
	case 4:
		head := int(b[0]&0xf) * 4
		if head < 20 || b[9] != protoTCP || len(b) < head+8 {
			return false
		}
		m.Src.IP, m.Dst.IP = mapped(b[12:]), mapped(b[16:])
		tcp = b[head:]
	case 6:
		if len(b) < 48 || b[6] != protoTCP {
			return false
		}
		copy(m.Src.IP[:], b[8:24])
		copy(m.Dst.IP[:], b[24:40])
		tcp = b[40:]
	default:
		return false
	}
	m.Src.Port, m.Dst.Port = binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint16(tcp[2:])
	m.Seq = binary.BigEndian.Uint32(tcp[4:])
	return true
}
