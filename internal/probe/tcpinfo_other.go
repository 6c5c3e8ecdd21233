//go:build !linux && !darwin && !windows

package probe

import (
	"net"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func tcpInfo(net.Conn) *evidence.TCPInfo { return nil }
