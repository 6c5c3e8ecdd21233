package probe

import (
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// tcpInfo is what the kernel says of the connection, or nil. What is in its send buffer was not acknowledged, sent or not.
func tcpInfo(conn net.Conn) *evidence.TCPInfo {
	var i *unix.TCPConnectionInfo
	control(conn, func(fd int) { i, _ = unix.GetsockoptTCPConnectionInfo(fd, unix.IPPROTO_TCP, unix.TCP_CONNECTION_INFO) })
	if i == nil {
		return nil
	}
	return &evidence.TCPInfo{
		RTT:        time.Duration(i.Srtt) * time.Millisecond,
		SndMSS:     int(i.Maxseg),
		Retrans:    int(min(i.Txretransmitpackets, 1<<30)),
		Unacked:    segments(uint64(i.Snd_sbbytes), uint64(i.Maxseg)),
		BytesRecv:  int64(i.Rxbytes),
		OutOfOrder: segments(i.Rxoutoforderbytes, uint64(i.Maxseg)),
	}
}
