package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A testMessage is the message that --send sends: well-formed (RFC 5322), marked for people and for machines
// (RFC 3834), and padded with lines of one letter. No line of it starts with a dot.
type testMessage struct {
	id   string // Message-ID, without brackets
	head string // header, blank line and text
	pad  int64  // octets after it
}

const (
	padLine   = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n" // 78 octets
	blockSize = 32 << 10                                                                           // of one write
)

func newTestMessage(tool evidence.Tool, from string, to []string, size int64, now time.Time) *testMessage {
	domain := "localhost"
	if a, err := smtp.ParseAddress(from); err == nil {
		domain = strings.Trim(a.Domain, "[]")
		from = a.String()
	}
	m := &testMessage{id: strings.ToLower(rand.Text()) + "@" + domain}
	name := tool.Name
	if name == "" {
		name = "smtptriage"
	}
	lines := []string{
		"Date: " + now.Format("Mon, 02 Jan 2006 15:04:05 -0700"),
		"From: " + mailbox(from),
		"To: " + strings.Join(to, ",\r\n "),
		"Message-ID: <" + m.id + ">",
		"Subject: smtptriage test message",
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"",
		"This message was sent by " + strings.TrimSpace(name+" "+tool.Version) + " to find out whether mail",
		"gets through. Somebody asked for it on the machine that it came from.",
		"Nothing needs to be done: it may be deleted.",
		"",
	}
	m.head = strings.Join(lines, "\r\n")
	m.pad = max(0, size-int64(len(m.head)))
	if m.pad == 1 { // a line is two octets at the least
		m.pad = 2
	}
	return m
}

// mailbox is what stands in a From field. A null reverse-path has no author of its own.
func mailbox(from string) string {
	if from == "" || from == "<>" {
		return "postmaster@localhost"
	}
	return from
}

// size is the octets of the message as SIZE counts them (RFC 1870, section 5).
func (m *testMessage) size() int64 { return int64(len(m.head)) + m.pad }

// body reads the message, padding included, without holding it.
func (m *testMessage) body() io.Reader {
	rest := m.pad % int64(len(padLine))
	whole := m.pad - rest
	last := ""
	switch {
	case rest == 1: // the line before it takes it up
		whole -= int64(len(padLine))
		last = "x" + padLine
		if whole < 0 {
			whole, last = 0, "\r\n"
		}
	case rest > 1:
		last = strings.Repeat("x", int(rest-2)) + "\r\n"
	}
	return io.MultiReader(strings.NewReader(m.head), io.LimitReader(new(padding), whole), strings.NewReader(last))
}

// padding is padLine for ever.
type padding struct{ at int }

func (p *padding) Read(b []byte) (int, error) {
	n := copy(b, padLine[p.at:])
	p.at = (p.at + n) % len(padLine)
	return n, nil
}

// testMessage makes the message once, so that its declared size is its size.
func (c *conversation) testMessage() *testMessage {
	if c.message == nil {
		c.message = newTestMessage(c.prober.Tool, c.walk.From, c.walk.To, c.walk.Size, time.Now())
	}
	return c.message
}

// data sends the test message (RFC 5321, section 4.1.1.4).
func (c *conversation) data(ctx context.Context) bool {
	if !c.sends() {
		return false
	}
	r, _ := c.command(ctx, "DATA", "DATA", dataWait)
	if r == nil || !r.Intermediate() {
		return false
	}
	to, ok := c.sendMessage(ctx)
	return ok && c.reply(ctx, "message", to, endWait) != nil
}

// sendMessage writes the message in blocks, each with a deadline of its own, and records as much of it as was taken.
func (c *conversation) sendMessage(ctx context.Context) (to int, ok bool) {
	m := c.testMessage()
	w, done := c.await(ctx, "message", blockWait)
	defer done()
	sent := evidence.Sent{Line: fmt.Sprintf("(%d octets)", m.size()), MsgID: "<" + m.id + ">"}
	body := io.MultiReader(m.body(), strings.NewReader(".\r\n"))
	block := make([]byte, blockSize)
	var err error
	for err == nil {
		n, end := io.ReadFull(body, block)
		if n > 0 {
			w.began = time.Now()
			c.setDeadline(ctx, w.began.Add(w.limit))
			var written int
			written, err = c.conn.Write(block[:n])
			sent.Bytes += int64(written)
		}
		if end != nil {
			break
		}
	}
	sent.Done = err == nil
	if info := tcpInfo(c.wire.Conn); info != nil {
		sent.Acked = info.BytesAcked
	}
	to = c.j.message(sent)
	if err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil) {
		c.fail(ctx, w, err)
		return to, false
	}
	return to, true // an answer may be there even if writing failed
}
