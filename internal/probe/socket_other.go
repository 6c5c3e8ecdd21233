//go:build !linux

package probe

import (
	"errors"
	"net"
	"runtime"
	"syscall"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Only Linux has its error queue, and sets the segment size before a connection stands.

type socketWatch struct{}

func (socketWatch) prepare(_ syscall.RawConn, spec DialSpec, _ string) error {
	if spec.MSS > 0 {
		return errors.New("the segment size can't be set on " + runtime.GOOS)
	}
	return nil
}

func (socketWatch) close()                   {}
func (socketWatch) offender() *evidence.ICMP { return nil }

func connected(net.Conn)       {}
func segmentSize(net.Conn) int { return 0 }
func quickAck(net.Conn)        {}

const canSetMSS = false
