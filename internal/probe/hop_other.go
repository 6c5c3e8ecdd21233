//go:build !linux && !windows

package probe

import (
	"context"
	"net"
	"runtime"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

const canTrace = false

const noTrace = "not measured: " + runtime.GOOS + " does not tell a program which router dropped its packet"

// dialHop is never called, because canTrace is false.
func dialHop(ctx context.Context, spec DialSpec) (net.Conn, evidence.Dialed) {
	return dialTCP(ctx, spec)
}
