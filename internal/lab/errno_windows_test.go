package lab

import "golang.org/x/sys/windows"

// syscall.ECONNREFUSED and its kin never match on Windows.
const (
	errRefused = windows.WSAECONNREFUSED
	errReset   = windows.WSAECONNRESET
)
