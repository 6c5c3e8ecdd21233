//go:build !linux

package probe

import (
	"errors"
	"net"
	"runtime"
	"syscall"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// What the kernel tells about a connection is read on Linux alone so far.

type socketWatch struct{}

func (socketWatch) prepare(_ syscall.RawConn, spec DialSpec, _ string) error {
	if spec.MSS > 0 {
		return errors.New("the segment size can't be set on " + runtime.GOOS)
	}
	return nil
}

func (socketWatch) close()                   {}
func (socketWatch) offender() *evidence.ICMP { return nil }

func connected(net.Conn)                 {}
func segmentSize(net.Conn) int           { return 0 }
func quickAck(net.Conn)                  {}
func tcpInfo(net.Conn) *evidence.TCPInfo { return nil }

const canSetMSS = false
