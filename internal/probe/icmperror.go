package probe

import (
	"encoding/binary"
	"net/netip"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// What follows reads bytes that kernels hand out. It is the same on every system, so that it can be tested on each.

// Linux's struct sock_extended_err, and what it says of its origin (linux/errqueue.h).
const (
	extendedErrorSize = 16
	originICMP        = 2
	originICMP6       = 3
	linuxInet         = 2
	linuxInet6        = 10
	linuxEMSGSIZE     = 90
)

// parseExtendedError reads a struct sock_extended_err and the address of the offender after it (ip(7), ipv6(7)). It
// returns nil if that is no ICMP error.
func parseExtendedError(b []byte) *evidence.ICMP {
	if len(b) < extendedErrorSize+8 {
		return nil
	}
	origin := b[4]
	if origin != originICMP && origin != originICMP6 {
		return nil
	}
	e := &evidence.ICMP{V6: origin == originICMP6, Type: int(b[5]), Code: int(b[6])}
	if binary.NativeEndian.Uint32(b) == linuxEMSGSIZE {
		e.MTU = int(binary.NativeEndian.Uint32(b[8:]))
	}
	offender := b[extendedErrorSize:]
	switch family := binary.NativeEndian.Uint16(offender); {
	case family == linuxInet:
		e.From, _ = netip.AddrFromSlice(offender[4:8])
	case family == linuxInet6 && len(offender) >= 24:
		e.From, _ = netip.AddrFromSlice(offender[8:24])
		e.From = e.From.Unmap()
	}
	return e
}

// Windows' ICMP_ERROR_INFO (ws2ipdef.h): a SOCKADDR_INET of 28 octets, the protocol, type and code.
const (
	errorInfoSize  = 36
	errorInfoUsed  = 34 // without the padding at its end
	windowsInet    = 2
	windowsInet6   = 23
	protocolICMP   = 1
	protocolICMPV6 = 58
)

// parseErrorInfo reads an ICMP_ERROR_INFO, or returns nil if that names no ICMP error.
func parseErrorInfo(b []byte) *evidence.ICMP {
	if len(b) < errorInfoUsed {
		return nil
	}
	protocol := binary.LittleEndian.Uint32(b[28:])
	if protocol != protocolICMP && protocol != protocolICMPV6 {
		return nil
	}
	e := &evidence.ICMP{V6: protocol == protocolICMPV6, Type: int(b[32]), Code: int(b[33])}
	switch binary.LittleEndian.Uint16(b) {
	case windowsInet:
		e.From, _ = netip.AddrFromSlice(b[4:8])
	case windowsInet6:
		e.From, _ = netip.AddrFromSlice(b[8:24])
		e.From = e.From.Unmap()
	}
	return e
}

// tooBig reports whether an ICMP error says that a packet does not fit: fragmentation needed (RFC 792), packet too big
// (RFC 4443, section 3.2).
func tooBig(i *evidence.ICMP) bool {
	return i != nil && (!i.V6 && i.Type == 3 && i.Code == 4 || i.V6 && i.Type == 2)
}

// noPort reports whether it says that nothing listens: the packet has arrived.
func noPort(i *evidence.ICMP) bool {
	return i != nil && (!i.V6 && i.Type == 3 && i.Code == 3 || i.V6 && i.Type == 1 && i.Code == 4)
}

// expired reports whether it says that the packet's hops were used up: a router on the way (RFC 792; RFC 4443,
// section 3.3).
func expired(i *evidence.ICMP) bool {
	return i != nil && (!i.V6 && i.Type == 11 || i.V6 && i.Type == 3)
}
