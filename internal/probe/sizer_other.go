//go:build !linux

package probe

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A sizer sends packets of chosen sizes, on Linux alone so far.
type sizer struct{}

func newSizer(netip.AddrPort, bool, string) (sizer, error) {
	return sizer{}, errors.New("not measured: packets of chosen sizes are not sent on " + runtime.GOOS)
}

func (sizer) close()            {}
func (sizer) local() netip.Addr { return netip.Addr{} }

func (sizer) ask(_ context.Context, size int, _ time.Duration) evidence.SizeProbe {
	return evidence.SizeProbe{Bytes: size}
}
