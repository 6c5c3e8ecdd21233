package probe

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A socketWatch keeps a second descriptor of a socket that is being connected: net closes its own when that fails, and
// the error queue, which tells who said no, would be gone with it.
type socketWatch struct {
	fd   int
	held bool
	v6   bool
}

// prepare runs before connect.
func (w *socketWatch) prepare(raw syscall.RawConn, spec DialSpec, device string) error {
	var err error
	w.v6 = !spec.Address.Addr().Is4()
	ctl := raw.Control(func(fd uintptr) {
		s := int(fd)
		// Without this an ICMPv6 error comes only with the first retransmission, and nameless.
		setRecvErr(s, w.v6, 1)
		if device != "" {
			_ = unix.SetsockoptString(s, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, device) // the address binds too
		}
		if spec.TTL > 0 {
			err = setTTL(s, w.v6, spec.TTL)
		}
		if spec.MSS > 0 && err == nil {
			err = unix.SetsockoptInt(s, unix.IPPROTO_TCP, unix.TCP_MAXSEG, spec.MSS)
		}
		if dup, dupErr := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); dupErr == nil {
			w.fd, w.held = dup, true
		}
	})
	if err == nil {
		err = ctl
	}
	return err
}

func (w *socketWatch) close() {
	if w.held {
		unix.Close(w.fd)
		w.held = false
	}
}

// offender reads the ICMP error that ended the connect, or nil if it was none.
func (w *socketWatch) offender() *evidence.ICMP {
	if !w.held {
		return nil
	}
	icmp, _ := readErrorQueue(w.fd, make([]byte, 64))
	return icmp
}

// readErrorQueue takes one ICMP error off a socket's error queue, and what it quotes of the packet. It does not wait; nil
// means that there is none.
func readErrorQueue(fd int, quoted []byte) (*evidence.ICMP, int) {
	oob := make([]byte, 512)
	n, oobn, _, _, err := unix.Recvmsg(fd, quoted, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return nil, 0
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, n
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR ||
			m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR {
			if icmp := parseExtendedError(m.Data); icmp != nil {
				return icmp, n
			}
		}
	}
	return nil, n
}

func setTTL(fd int, v6 bool, ttl int) error {
	if v6 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ttl)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, ttl)
}

func setRecvErr(fd int, v6 bool, on int) {
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, on)
	} else {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, on)
	}
}

// connected undoes what was for connecting alone: on an open connection a stray ICMP error must not be fatal (ip(7)).
func connected(conn net.Conn) {
	far := addrPort(conn.RemoteAddr())
	control(conn, func(fd int) { setRecvErr(fd, far.Addr().Is6(), 0) })
}

// segmentSize is the segment size in force, or 0.
func segmentSize(conn net.Conn) (mss int) {
	control(conn, func(fd int) { mss, _ = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG) })
	return mss
}

// quickAck has the next segment acknowledged at once. The kernel forgets it soon, so it is asked before each read. Without
// it a server that waits for the ACK of its TLS session tickets, by Nagle's rule, answers 40 ms late, and looks slow.
func quickAck(conn net.Conn) {
	control(conn, func(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
}

// tcpInfo is what the kernel says of the connection, or nil.
func tcpInfo(conn net.Conn) *evidence.TCPInfo {
	var i *unix.TCPInfo
	control(conn, func(fd int) { i, _ = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO) })
	if i == nil {
		return nil
	}
	return &evidence.TCPInfo{
		RTT: time.Duration(i.Rtt) * time.Microsecond, MinRTT: time.Duration(i.Min_rtt) * time.Microsecond,
		PMTU: int(i.Pmtu), SndMSS: int(i.Snd_mss), RcvMSS: int(i.Rcv_mss),
		Retrans: int(i.Total_retrans), Backoff: int(i.Backoff), Unacked: int(i.Unacked), Lost: int(i.Lost),
		NotSent: int64(i.Notsent_bytes), BytesAcked: int64(i.Bytes_acked), BytesRecv: int64(i.Bytes_received),
		OutOfOrder: int(i.Rcv_ooopack), DataSegsIn: int(i.Data_segs_in),
	}
}

const canSetMSS = true
