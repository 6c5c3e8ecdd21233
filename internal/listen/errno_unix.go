//go:build unix

package listen

import (
	"errors"
	"syscall"
)

// isReset reports whether the far end cut the connection: with RST, or by being gone when we wrote.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
