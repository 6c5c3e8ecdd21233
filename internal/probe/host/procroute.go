package host

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
)

// Flags of a route in the kernel's tables (linux/route.h).
const (
	routeUp      = 0x1
	routeGateway = 0x2
	routeReject  = 0x200
)

// parseProcRoute lists the default gateways of /proc/net/route. A default route without a gateway, as of a
// point-to-point link, is listed by its device.
func parseProcRoute(text []byte) []string {
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // Iface Destination Gateway Flags RefCnt Use Metric Mask ...
		if len(f) < 8 {
			continue
		}
		destination, err1 := strconv.ParseUint(f[1], 16, 32)
		gateway, err2 := strconv.ParseUint(f[2], 16, 32)
		flags, err3 := strconv.ParseUint(f[3], 16, 32)
		mask, err4 := strconv.ParseUint(f[7], 16, 32)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil || destination != 0 || mask != 0 {
			continue
		}
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], uint32(gateway)) // a be32 printed as a number of this machine
		out = addGateway(out, netip.AddrFrom4(b), f[0], uint32(flags))
	}
	return out
}

// parseProcRoute6 is parseProcRoute for /proc/net/ipv6_route.
func parseProcRoute6(text []byte) []string {
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // destination length source length next-hop metric refcount use flags device
		if len(f) < 10 || strings.Trim(f[0], "0") != "" || f[1] != "00" {
			continue
		}
		hop, err1 := hex.DecodeString(f[4])
		flags, err2 := strconv.ParseUint(f[8], 16, 32)
		gateway, ok := netip.AddrFromSlice(hop)
		if err1 != nil || err2 != nil || !ok || f[9] == "lo" {
			continue
		}
		out = addGateway(out, gateway, f[9], uint32(flags))
	}
	return out
}

func addGateway(out []string, gateway netip.Addr, device string, flags uint32) []string {
	switch {
	case flags&routeUp == 0 || flags&routeReject != 0:
		return out
	case flags&routeGateway == 0:
		return append(out, "dev "+device)
	case gateway.IsLinkLocalUnicast() && gateway.Is6():
		gateway = gateway.WithZone(device)
	}
	return append(out, gateway.String())
}
