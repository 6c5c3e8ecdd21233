package probe

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// errnoRows are the error numbers of connect, read and write that mean something here. Winsock's own come from calls
// that fail at once; the plain ones are what an overlapped ConnectEx ends with. syscall.ECONNREFUSED is neither.
var errnoRows = map[syscall.Errno]errnoRow{
	windows.WSAECONNREFUSED:           {"WSAECONNREFUSED", evidence.Refused},
	windows.WSAECONNRESET:             {"WSAECONNRESET", evidence.Reset},
	windows.WSAECONNABORTED:           {"WSAECONNABORTED", evidence.Reset},
	windows.WSAENETRESET:              {"WSAENETRESET", evidence.Reset},
	windows.WSAETIMEDOUT:              {"WSAETIMEDOUT", evidence.TimedOut},
	windows.WSAEHOSTUNREACH:           {"WSAEHOSTUNREACH", evidence.Unreachable},
	windows.WSAENETUNREACH:            {"WSAENETUNREACH", evidence.Unreachable},
	windows.WSAENETDOWN:               {"WSAENETDOWN", evidence.NoRoute},
	windows.WSAEACCES:                 {"WSAEACCES", evidence.Prohibited}, // Windows firewall, or security software
	windows.WSAEADDRNOTAVAIL:          {"WSAEADDRNOTAVAIL", evidence.NoRoute},
	windows.WSAEAFNOSUPPORT:           {"WSAEAFNOSUPPORT", evidence.NoRoute},
	windows.ERROR_CONNECTION_REFUSED:  {"ERROR_CONNECTION_REFUSED", evidence.Refused},
	windows.ERROR_PORT_UNREACHABLE:    {"ERROR_PORT_UNREACHABLE", evidence.Refused},
	windows.ERROR_NETNAME_DELETED:     {"ERROR_NETNAME_DELETED", evidence.Reset},
	windows.ERROR_CONNECTION_ABORTED:  {"ERROR_CONNECTION_ABORTED", evidence.Reset},
	windows.ERROR_SEM_TIMEOUT:         {"ERROR_SEM_TIMEOUT", evidence.TimedOut},
	windows.ERROR_HOST_UNREACHABLE:    {"ERROR_HOST_UNREACHABLE", evidence.Unreachable},
	windows.ERROR_NETWORK_UNREACHABLE: {"ERROR_NETWORK_UNREACHABLE", evidence.Unreachable},
}

func errnoName(e syscall.Errno) string { return fmt.Sprintf("error %d", uint(e)) }
