package lab

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// takeBody reads a message up to the line that is a single dot, and keeps nothing of it.
func (s *session) takeBody() outcome {
	for {
		line, err := s.wire.readLine()
		if err != nil || s.size > maxBodySize {
			s.wire.end(s.ctx, orderly)
			return ended
		}
		if bytes.Equal(line, []byte(".")) {
			return s.at(Body, smtp.Command{})
		}
		s.size += int64(len(line)) + 2
	}
}

// bdat takes one chunk of a message (RFC 3030, section 2).
func (s *session) bdat() outcome {
	n, last, ok := chunk(s.now.command.Args)
	if !ok || s.size+n > maxBodySize {
		return s.writeLines(s.one(s.script.personality.replies.syntax))
	}
	if _, err := io.CopyN(io.Discard, s.wire.r, n); err != nil {
		s.wire.end(s.ctx, orderly)
		return ended
	}
	s.size += n
	switch {
	case s.rcpts == 0:
		return s.writeLines(s.one(s.script.personality.replies.needRcpt))
	case last:
		return s.at(Body, smtp.Command{})
	}
	return s.writeLines(s.one("250 2.0.0 chunk received"))
}

// chunk reads the arguments of BDAT.
func chunk(args string) (n int64, last, ok bool) {
	f := strings.Fields(args)
	if len(f) == 0 || len(f) > 2 {
		return 0, false, false
	}
	n, err := strconv.ParseInt(f[0], 10, 63)
	last = len(f) == 2 && strings.EqualFold(f[1], "LAST")
	return n, last, err == nil && n >= 0 && (len(f) == 1 || last)
}
