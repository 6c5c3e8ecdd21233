package probe

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// An errnoRow says what an error number of the system means for a connection.
type errnoRow struct {
	name    string
	outcome evidence.Outcome
}

// outcomeOf keeps apart how a dial, a read or a write failed. errno is the name of the system's error number, if one is
// behind it. A closed connection reads as io.EOF.
func outcomeOf(err error) (o evidence.Outcome, errno string) {
	var number syscall.Errno
	var dns *net.DNSError
	switch {
	case err == nil:
		return evidence.Connected, ""
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return evidence.Closed, ""
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return evidence.TimedOut, ""
	case errors.Is(err, context.Canceled):
		return evidence.TimedOut, ""
	case errors.As(err, &number):
		if row, ok := errnoRows[number]; ok {
			return row.outcome, row.name
		}
		return evidence.Failed, errnoName(number)
	case errors.As(err, &dns) && dns.IsTimeout:
		return evidence.TimedOut, ""
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return evidence.TimedOut, ""
	}
	return evidence.Failed, ""
}
