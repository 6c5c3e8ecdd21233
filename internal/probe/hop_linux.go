package probe

import (
	"context"
	"net"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// On Linux the error queue of an ordinary socket names the router at which its SYN ran out of hops, and any user may
// read it.
const canTrace = true

const noTrace = ""

func dialHop(ctx context.Context, spec DialSpec) (net.Conn, evidence.Dialed) {
	return dialTCP(ctx, spec)
}
