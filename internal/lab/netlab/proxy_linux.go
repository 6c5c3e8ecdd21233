package netlab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

// startProxies starts the transparent proxies of the case.
func (l *Lab) startProxies() error {
	for _, p := range l.Case.Proxies {
		m, ok := meddlers[p.Does]
		if !ok {
			return fmt.Errorf("no proxy that %q", p.Does)
		}
		err := l.serve(p.At, "0.0.0.0:"+strconv.Itoa(p.Port), func(ctx context.Context, conn net.Conn) {
			target, err := originalTarget(conn)
			if err != nil {
				return
			}
			far, err := l.ns(p.At).dial(ctx, target.String())
			if err != nil {
				return
			}
			defer far.Close()
			stop := context.AfterFunc(ctx, func() { far.Close() })
			defer stop()
			m.relay(conn, far)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// originalTarget is where a redirected connection was going.
func originalTarget(conn net.Conn) (target netip.AddrPort, err error) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return target, fmt.Errorf("%T is no TCP connection", conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return target, err
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		const originalDst = 80 // SO_ORIGINAL_DST: a sockaddr_in, which IPv6Mreq is large enough to hold
		addr, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, originalDst)
		if err != nil {
			inner = err
			return
		}
		b := addr.Multiaddr
		target = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3]))
	})
	if err == nil {
		err = inner
	}
	return target, err
}
