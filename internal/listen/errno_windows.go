package listen

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isReset reports whether the far end cut the connection. The plain number is what an overlapped call ends with.
func isReset(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAECONNABORTED) || errors.Is(err, windows.ERROR_NETNAME_DELETED)
}

func isRefused(err error) bool {
	return errors.Is(err, windows.WSAECONNREFUSED) || errors.Is(err, windows.ERROR_CONNECTION_REFUSED)
}
