package listen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// data takes a message and drops it. The dialogue has looked at it as it passed.
func (s *session) data(ctx context.Context, _ smtp.Command) {
	if s.from == nil || s.rcpts == 0 {
		s.reply("503 5.5.2 Need rcpt command")
		return
	}
	if !s.reply("354 Start mail input; end with <CRLF>.<CRLF>") {
		return
	}
	n, bareLF, err := s.dropBody()
	if err != nil {
		s.gone(ctx, s.c.raw.alive(), err)
		return
	}
	s.taken(n, bareLF)
}

// taken answers the end of a message.
func (s *session) taken(n int64, bareLF bool) {
	s.forget()
	switch {
	case n > s.c.s.maxSize():
		s.reply("552 5.3.4 Message size exceeds fixed maximum message size")
	case bareLF && s.m.badLF != "" && !s.c.s.Accept:
		s.reply(s.m.badLF)
	default:
		s.reply(fmt.Sprintf("250 2.6.0 taken for inspection and not delivered, %d bytes", n))
	}
}

// dropBody reads to the final dot, which may stand between bare line feeds. It knows no more of the message than its size and
// whether a line feed stands alone.
func (s *session) dropBody() (n int64, bareLF bool, err error) {
	start := true // at the start of a line
	for {
		s.c.raw.SetReadDeadline(time.Now().Add(s.c.s.Limits.wait()))
		part, err := s.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return n, bareLF, err
		}
		ended := err == nil
		if start && ended && strings.TrimRight(string(part[:min(len(part), 3)]), "\r\n") == "." && len(part) <= 3 {
			return n, bareLF, nil
		}
		if ended && (len(part) < 2 || part[len(part)-2] != '\r') && start {
			bareLF = true
		}
		n += int64(len(part))
		start = ended
	}
}

// bdat takes one chunk (RFC 3030, section 2).
func (s *session) bdat(ctx context.Context, c smtp.Command) {
	f := strings.Fields(c.Args)
	n := int64(-1)
	if len(f) > 0 {
		if v, err := strconv.ParseInt(f[0], 10, 63); err == nil {
			n = v
		}
	}
	if n < 0 {
		s.reply("501 5.5.4 BDAT wants a number of octets")
		return
	}
	for left := n; left > 0; {
		s.c.raw.SetReadDeadline(time.Now().Add(s.c.s.Limits.wait()))
		took, err := io.CopyN(io.Discard, s.r, min(left, 1<<20))
		if left -= took; err != nil {
			s.gone(ctx, s.c.raw.alive(), err)
			return
		}
	}
	s.size += n
	switch last := len(f) > 1 && strings.EqualFold(f[1], "LAST"); {
	case s.from == nil || s.rcpts == 0:
		s.reply("503 5.5.2 Need rcpt command")
	case last:
		s.taken(s.size, false)
	default:
		s.reply(fmt.Sprintf("250 2.6.0 %d octets received", n))
	}
}
