//go:build unix

package probe

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// errnoRows are the error numbers of connect, read and write that mean something here.
var errnoRows = map[syscall.Errno]errnoRow{
	unix.ECONNREFUSED:  {"ECONNREFUSED", evidence.Refused},
	unix.ECONNRESET:    {"ECONNRESET", evidence.Reset},
	unix.EPIPE:         {"EPIPE", evidence.Reset}, // written after the far end's RST
	unix.ECONNABORTED:  {"ECONNABORTED", evidence.Reset},
	unix.ETIMEDOUT:     {"ETIMEDOUT", evidence.TimedOut},
	unix.EHOSTUNREACH:  {"EHOSTUNREACH", evidence.Unreachable},
	unix.ENETUNREACH:   {"ENETUNREACH", evidence.Unreachable}, // without an ICMP error behind it: no route, see blame
	unix.EHOSTDOWN:     {"EHOSTDOWN", evidence.Unreachable},
	unix.ENETDOWN:      {"ENETDOWN", evidence.NoRoute},
	unix.EACCES:        {"EACCES", evidence.Prohibited}, // a "prohibit" route, or ICMPv6 administratively prohibited
	unix.EPERM:         {"EPERM", evidence.Prohibited},  // a local firewall
	unix.EINVAL:        {"EINVAL", evidence.NoRoute},    // a "blackhole" route of this host
	unix.EADDRNOTAVAIL: {"EADDRNOTAVAIL", evidence.NoRoute},
	unix.EAFNOSUPPORT:  {"EAFNOSUPPORT", evidence.NoRoute},
	unix.ENOPROTOOPT:   {"ENOPROTOOPT", evidence.Unreachable}, // ICMP protocol unreachable
}

func errnoName(e syscall.Errno) string {
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return fmt.Sprintf("errno %d", uint(e))
}
