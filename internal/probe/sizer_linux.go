package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A sizer sends packets that must not be fragmented, whatever path MTU this host believes in (IP_PMTUDISC_PROBE), and
// looks for what comes back: the far end's "port unreachable", or its echo, or a router's "too big".
type sizer struct {
	file   *os.File
	raw    syscall.RawConn
	remote netip.Addr
	ping   bool
	serial uint32
}

// newSizer opens the socket. A ping socket is for users in the range of net.ipv4.ping_group_range alone (icmp(7)).
func newSizer(address netip.AddrPort, ping bool, bind string) (*sizer, error) {
	v6 := !address.Addr().Is4()
	family, protocol := unix.AF_INET, unix.IPPROTO_UDP
	if v6 {
		family = unix.AF_INET6
	}
	if ping {
		protocol = map[bool]int{false: unix.IPPROTO_ICMP, true: unix.IPPROTO_ICMPV6}[v6]
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if ping && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM)) {
		return nil, errors.New("not measured: this user may not ping (net.ipv4.ping_group_range)")
	}
	if err != nil {
		return nil, fmt.Errorf("not measured: %w", err)
	}
	if err := prepareSizer(fd, v6, address, bind); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("not measured: %w", err)
	}
	s := &sizer{file: os.NewFile(uintptr(fd), "sizes"), remote: address.Addr(), ping: ping}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		return nil, fmt.Errorf("not measured: %w", err)
	}
	return s, nil
}

func prepareSizer(fd int, v6 bool, address netip.AddrPort, bind string) error {
	level, option, value := unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE
	if v6 {
		level, option, value = unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_PROBE
	}
	if err := unix.SetsockoptInt(fd, level, option, value); err != nil {
		return err
	}
	setRecvErr(fd, v6, 1)
	if bind != "" {
		local, device, err := bindTo(bind, address.Addr())
		if err != nil {
			return err
		}
		if device != "" {
			_ = unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, device) // the address binds too
		}
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(addrPort(local).Addr(), 0))); err != nil {
			return err
		}
	}
	return unix.Connect(fd, sockaddr(address))
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		if dev, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(dev.Index)
		}
	}
	return sa
}

func (s *sizer) close() { s.file.Close() }

// local is the address that the packets come from.
func (s *sizer) local() (a netip.Addr) {
	s.raw.Control(func(fd uintptr) {
		switch sa, _ := unix.Getsockname(int(fd)); sa := sa.(type) {
		case *unix.SockaddrInet4:
			a = netip.AddrFrom4(sa.Addr)
		case *unix.SockaddrInet6:
			a = netip.AddrFrom16(sa.Addr)
		}
	})
	return a
}

// ask sends one packet of a size, IP header included, and waits for what comes back.
func (s *sizer) ask(ctx context.Context, size int, wait time.Duration) evidence.SizeProbe {
	p := evidence.SizeProbe{Bytes: size}
	s.serial++
	packet, err := s.packet(size)
	if err != nil {
		p.Text = err.Error()
		return p
	}
	s.file.SetDeadline(time.Now().Add(wait))
	stop := context.AfterFunc(ctx, func() { s.file.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	switch err = s.send(packet); {
	case err == nil:
		s.await(&p)
	case errors.Is(err, unix.EMSGSIZE):
		p.Text = "larger than this host's own link takes"
	case !errors.Is(err, os.ErrDeadlineExceeded):
		p.Text = err.Error()
	}
	return p
}

// send sends a packet. An error that an earlier packet met may come back in place of it, so it tries twice.
func (s *sizer) send(packet []byte) (err error) {
	for range 2 {
		s.drain()
		if _, err = s.file.Write(packet); err == nil {
			return nil
		}
	}
	return err
}

// await waits for the answer to the newest packet. Late answers to earlier ones are passed over, as far as they say what
// they answer.
func (s *sizer) await(p *evidence.SizeProbe) {
	done := false
	look := func(fd uintptr) bool {
		for !done {
			icmp, ours, any := s.takeError(int(fd))
			switch {
			case !any:
				if !s.ping || !s.takeEcho(int(fd), &done) {
					return done
				}
				p.Answered = p.Answered || done
			case !ours || icmp == nil:
			case noPort(icmp) && icmp.From == s.remote.WithZone(""):
				p.Answered, done = true, true
			default:
				p.By, done = icmp, true
			}
		}
		return true
	}
	if s.raw.Read(look) != nil && !done {
		s.raw.Control(func(fd uintptr) { look(fd) }) // the last look, after the deadline
	}
}

// takeError takes one error off the queue, and says whether it is about the newest packet, and whether there was one.
func (s *sizer) takeError(fd int) (icmp *evidence.ICMP, ours, any bool) {
	quoted := make([]byte, 64)
	icmp, n := readErrorQueue(fd, quoted)
	if icmp == nil && n == 0 {
		return nil, false, false
	}
	at := 0
	if s.ping {
		at = echoHeader
	}
	// A router may quote no more than the first eight octets of what it dropped (RFC 792).
	ours = n < at+serialSize || binary.BigEndian.Uint32(quoted[at:]) == s.serial
	return icmp, ours, true
}

// takeEcho takes one echo reply, and reports whether there was anything. done is set if it answers the newest packet.
func (s *sizer) takeEcho(fd int, done *bool) bool {
	b := make([]byte, 64)
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	if err != nil {
		return false
	}
	reply := byte(ipv4.ICMPTypeEchoReply)
	if s.remote.Is6() {
		reply = byte(ipv6.ICMPTypeEchoReply)
	}
	if n >= echoHeader+serialSize && b[0] == reply && binary.BigEndian.Uint32(b[echoHeader:]) == s.serial {
		*done = true
	}
	return true
}

// drain throws away what is left of earlier packets.
func (s *sizer) drain() {
	s.raw.Control(func(fd uintptr) {
		for range 100 {
			_, _, any := s.takeError(int(fd))
			var done bool
			if !any && !(s.ping && s.takeEcho(int(fd), &done)) {
				return
			}
		}
	})
}

// Octets of headers, and of the number that says which packet it is.
const (
	ipv4Header = 20
	ipv6Header = 40
	udpHeader  = 8
	echoHeader = 8
	serialSize = 4
)

// packet is what to hand to the socket for an IP packet of a size.
func (s *sizer) packet(size int) ([]byte, error) {
	header := ipv4Header
	if s.remote.Is6() {
		header = ipv6Header
	}
	if size < header+udpHeader+serialSize {
		return nil, fmt.Errorf("a packet of %d octets is too small", size)
	}
	body := make([]byte, size-header-udpHeader)
	binary.BigEndian.PutUint32(body, s.serial)
	if !s.ping {
		return body, nil
	}
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{Seq: int(s.serial & 0xffff), Data: body}}
	if s.remote.Is6() {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil) // the kernel fills in the identifier and the checksum
}
