package probe

import (
	"net"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

const sioTCPInfo = 0xd8000027 // SIO_TCP_INFO, since Windows 10 version 1703

// tcpInfo is what the system says of the connection, or nil.
func tcpInfo(conn net.Conn) (info *evidence.TCPInfo) {
	control(conn, func(fd int) {
		var version, n uint32
		var b [tcpInfoV0Size]byte
		err := windows.WSAIoctl(windows.Handle(fd), sioTCPInfo, (*byte)(unsafe.Pointer(&version)), uint32(unsafe.Sizeof(version)),
			&b[0], uint32(len(b)), &n, nil, 0)
		if err == nil {
			info = parseTCPInfoV0(b[:min(int(n), len(b))])
		}
	})
	return info
}
