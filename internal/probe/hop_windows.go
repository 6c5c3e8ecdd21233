package probe

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/windows"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Since Windows 10 version 2004 a connect can be made to fail with the first ICMP error, and the socket asked for it.
const canTrace = true

const noTrace = ""

// dialHop connects with a socket of its own, because package net closes its own before it could be asked.
func dialHop(ctx context.Context, spec DialSpec) (net.Conn, evidence.Dialed) {
	s, err := hopSocket(spec)
	if err != nil {
		out := evidence.Dialed{Text: err.Error()}
		out.Outcome, out.Errno = outcomeOf(err)
		return nil, out
	}
	done := make(chan error, 1)
	go func() { done <- windows.Connect(s, sockaddr(spec.Address)) }()
	select {
	case err = <-done:
	case <-ctx.Done():
		windows.Closesocket(s) // ends the connect
		<-done
		return nil, evidence.Dialed{Outcome: evidence.TimedOut}
	}
	defer windows.Closesocket(s)
	if err == nil {
		return nil, evidence.Dialed{Outcome: evidence.Connected}
	}
	out := evidence.Dialed{Text: err.Error(), Offender: errorInfo(s)}
	out.Outcome, out.Errno = outcomeOf(err)
	out.Outcome = blame(out.Outcome, out.Errno, out.Offender)
	return nil, out
}

// hopSocket makes a socket whose packets live for a few hops.
func hopSocket(spec DialSpec) (windows.Handle, error) {
	family, level, option := windows.AF_INET, windows.IPPROTO_IP, windows.IP_TTL
	if !spec.Address.Addr().Is4() {
		family, level, option = windows.AF_INET6, windows.IPPROTO_IPV6, windows.IPV6_UNICAST_HOPS
	}
	s, err := windows.Socket(family, windows.SOCK_STREAM, windows.IPPROTO_TCP)
	if err != nil {
		return windows.InvalidHandle, err
	}
	err = windows.SetsockoptInt(s, level, option, spec.TTL)
	if err == nil {
		err = windows.SetsockoptInt(s, windows.IPPROTO_TCP, windows.TCP_FAIL_CONNECT_ON_ICMP_ERROR, 1)
	}
	if err == nil && spec.Bind != "" {
		err = bindHop(s, spec)
	}
	if err != nil {
		windows.Closesocket(s)
		return windows.InvalidHandle, err
	}
	return s, nil
}

func bindHop(s windows.Handle, spec DialSpec) error {
	local, _, err := bindTo(spec.Bind, spec.Address.Addr())
	if err != nil {
		return err
	}
	return windows.Bind(s, sockaddr(addrPort(local)))
}

// errorInfo asks a socket whose connect failed for the ICMP error behind it.
func errorInfo(s windows.Handle) *evidence.ICMP {
	var b [errorInfoSize]byte
	n := int32(len(b))
	if windows.Getsockopt(s, windows.IPPROTO_TCP, windows.TCP_ICMP_ERROR_INFO, &b[0], &n) != nil {
		return nil
	}
	return parseErrorInfo(b[:min(max(int(n), 0), len(b))])
}

func sockaddr(a netip.AddrPort) windows.Sockaddr {
	if a.Addr().Is4() {
		return &windows.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &windows.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zoneID(a.Addr().Zone())}
}

// zoneID is the index of the interface that a zone names.
func zoneID(zone string) uint32 {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n)
	}
	if dev, err := net.InterfaceByName(zone); err == nil {
		return uint32(dev.Index)
	}
	return 0
}
