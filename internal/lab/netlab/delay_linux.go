package netlab

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// delayWire joins two namespaces by a TUN device in each, and carries packets between them with a delay: kernels without
// netem have no other way. The order of packets is kept.
func (l *Lab) delayWire(a namespace, devA string, b namespace, devB string, delay time.Duration) error {
	tunA, err := openTUN(a, devA)
	if err != nil {
		return err
	}
	tunB, err := openTUN(b, devB)
	if err != nil {
		tunA.Close()
		return err
	}
	l.ended = append(l.ended, func() { tunA.Close(); tunB.Close() })
	l.wg.Go(func() { carry(tunB, tunA, delay) })
	l.wg.Go(func() { carry(tunA, tunB, delay) })
	return nil
}

func openTUN(ns namespace, dev string) (tun *os.File, err error) {
	err = ns.do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("/dev/net/tun: %w", err)
		}
		req, err := unix.NewIfreq(dev)
		if err != nil {
			unix.Close(fd)
			return err
		}
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, req); err != nil {
			unix.Close(fd)
			return fmt.Errorf("making %s: %w", dev, err)
		}
		tun = os.NewFile(uintptr(fd), dev) // non-blocking, so reads of it end when it is closed
		return nil
	})
	return tun, err
}

// carry moves packets until either device is closed.
func carry(to, from *os.File, delay time.Duration) {
	type packet struct {
		due  time.Time
		data []byte
	}
	const underway = 4096 // packets; further ones are lost, as in a full queue
	queue := make(chan packet, underway)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for p := range queue {
			time.Sleep(time.Until(p.due))
			to.Write(p.data) // a packet that is refused (the link is down) is a lost packet
		}
	}()
	buf := make([]byte, 65536)
	for {
		n, err := from.Read(buf)
		if err != nil {
			break
		}
		select {
		case queue <- packet{time.Now().Add(delay), append([]byte(nil), buf[:n]...)}:
		default:
		}
	}
	close(queue)
	<-done
}
