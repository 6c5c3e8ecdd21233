package probe

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// control runs f with the descriptor of a TCP connection, and reports whether it is one.
func control(conn net.Conn, f func(fd int)) bool {
	t, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := t.SyscallConn()
	return err == nil && raw.Control(func(fd uintptr) { f(int(fd)) }) == nil
}

// tcpInfoV0Size is the size of Windows' TCP_INFO_v0 (mstcpip.h), its fields aligned as in C.
const tcpInfoV0Size = 88

// parseTCPInfoV0 reads a TCP_INFO_v0, which counts octets where evidence counts segments. It returns nil for less than
// one. What it calls reordered is left out, for nothing says which direction that is of.
func parseTCPInfoV0(b []byte) *evidence.TCPInfo {
	if len(b) < tcpInfoV0Size {
		return nil
	}
	word := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(b[at:])) }
	mss := word(4)
	return &evidence.TCPInfo{
		RTT:       time.Duration(word(20)) * time.Microsecond,
		MinRTT:    time.Duration(word(24)) * time.Microsecond,
		SndMSS:    int(mss),
		Unacked:   segments(word(28), mss),
		BytesRecv: int64(binary.LittleEndian.Uint64(b[56:])),
		Retrans:   segments(word(68), mss),
	}
}

// segments is how many segments octets take, at least.
func segments(octets, mss uint64) int {
	if mss == 0 {
		return int(min(octets, 1)) // at least one, if any
	}
	return int(min((octets+mss-1)/mss, 1<<30))
}
