package listen

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A tap is a connection that records what passes over it: SMTP in clear, then the clear part of TLS. What is inside TLS is
// recorded by the connection that Inside returns.
type tap struct {
	net.Conn
	far       evidence.Side // whose octets are read: the client's, or on the relay's other leg the server's
	d         *dialogue
	tls       handshakeTap
	got, sent atomic.Int64

	mu     sync.Mutex
	last   time.Time // of the last octets, either way
	ended  time.Time // when either side made an end
	failed error     // the first error of a read, if the far side made it
	closed bool      // from here
	cut    bool      // with RST
}

func newTap(conn net.Conn, d *dialogue, far evidence.Side) *tap {
	t := &tap{Conn: conn, d: d, far: far, last: time.Now()}
	t.tls.j = d.j
	return t
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.got.Add(int64(n))
	t.moved(n, err)
	t.pass(t.far, p[:n])
	return n, err
}

// Write records before it writes, so that a reply stands before what the client makes of it.
func (t *tap) Write(p []byte) (int, error) {
	near := evidence.Client
	if t.far == evidence.Client {
		near = evidence.Server
	}
	t.pass(near, p)
	n, err := t.Conn.Write(p)
	t.sent.Add(int64(n))
	t.moved(n, nil)
	return n, err
}

// moved notes when the connection was last alive, and how reading from it ended.
func (t *tap) moved(n int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n > 0 {
		t.last = time.Now()
	}
	if err != nil && t.failed == nil && !t.closed && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.failed, t.ended = err, time.Now()
	}
}

// alive is when the last octets went over the connection, either way.
func (t *tap) alive() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// pass records octets of one side.
func (t *tap) pass(from evidence.Side, p []byte) {
	switch {
	// A greeting of ours after the client's untimely ClientHello is still a greeting.
	case t.tls.begun() && (t.far == evidence.Server || from == evidence.Client || tlswire.Sniff(p) != tlswire.ProtoSMTP):
		t.tls.feed(from, p)
	case from == evidence.Client:
		t.tls.feed(evidence.Client, t.d.fromClient(p))
	default:
		t.tls.feed(evidence.Client, t.d.fromServer(p))
	}
}

// Close closes the connection from here.
func (t *tap) Close() error {
	t.leaving()
	return t.Conn.Close()
}

// leaving notes that the end is made from here.
func (t *tap) leaving() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil && !t.closed {
		t.closed, t.ended = true, time.Now()
	}
}

// CloseWrite ends our direction, where the connection can.
func (t *tap) CloseWrite() error {
	t.leaving()
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

// SetLinger decides between FIN and RST at closing, where the connection can.
func (t *tap) SetLinger(seconds int) error {
	if c, ok := t.Conn.(interface{ SetLinger(int) error }); ok {
		t.mu.Lock()
		t.cut = seconds == 0
		t.mu.Unlock()
		return c.SetLinger(seconds)
	}
	return nil
}

// Inside wraps a connection inside TLS over the tap, so that what is said there is recorded too.
func (t *tap) Inside(conn net.Conn) net.Conn {
	t.d.enterTLS()
	t.tls.stop()
	return &inner{conn, t}
}

// An inner is the conversation inside TLS.
type inner struct {
	net.Conn
	t *tap
}

func (c *inner) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.t.said(c.t.far == evidence.Client, p[:n])
	return n, err
}

func (c *inner) Write(p []byte) (int, error) {
	c.t.said(c.t.far != evidence.Client, p)
	return c.Conn.Write(p)
}

// said records octets that are not TLS any more.
func (t *tap) said(byClient bool, p []byte) {
	if byClient {
		t.d.fromClient(p)
	} else {
		t.d.fromServer(p)
	}
}

// A handshakeTap reads both directions of TLS as far as they are in clear.
type handshakeTap struct {
	mu             sync.Mutex
	j              *journal
	client, server tlswire.Reader
	started, over  bool
	hello          *tlswire.ClientHello
	answered       bool // a ServerHello went out
	clientAlert    *tlswire.Alert
	serverAlert    *tlswire.Alert
	foreign        bool // the client's octets are no TLS
	others         bool // somebody else shows the certificate, and records nothing
}

func (t *handshakeTap) begun() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.started
}

// stop ends the reading: what follows is encrypted.
func (t *handshakeTap) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}

func (t *handshakeTap) feed(side evidence.Side, p []byte) {
	if len(p) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.started = true; t.over {
		return
	}
	reader := &t.server
	if side == evidence.Client {
		reader = &t.client
	}
	for _, e := range reader.Feed(p) {
		t.record(side, e)
	}
	if first, _, ok := t.client.Foreign(); ok && !t.foreign {
		t.foreign = true
		t.j.add(strange(first, tlswire.Sniff(first)))
	}
}

func (t *handshakeTap) record(side evidence.Side, e tlswire.Event) {
	switch {
	case e.ClientHello != nil && side == evidence.Client:
		if t.hello == nil {
			t.hello = e.ClientHello
		}
		t.j.add(evidence.Event{ClientHello: e.ClientHello})
	case e.ServerHello != nil && side == evidence.Server:
		t.answered = true
		t.j.add(evidence.Event{ServerHello: e.ServerHello})
	case e.Chain != nil && side == evidence.Server && t.others:
		t.j.add(evidence.Event{Chain: &evidence.Chain{Certificates: e.Chain.Certificates}})
	case e.Chain != nil && side == evidence.Server:
		// Who shows it records it, because in TLS 1.3 it is not to be seen.
	case e.Alert != nil:
		if !e.Alert.Closure() && !e.Alert.Encrypted {
			if side == evidence.Client {
				t.clientAlert = e.Alert
			} else {
				t.serverAlert = e.Alert
			}
		}
		if !e.Alert.Encrypted {
			t.j.add(evidence.Event{Alert: &evidence.Alert{From: side, Alert: *e.Alert}})
		}
	}
}

func (t *handshakeTap) alertedByServer() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.serverAlert != nil
}

// foreignServer returns the first octets of the server that are no TLS, or nil.
func (t *handshakeTap) foreignServer() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if first, _, ok := t.server.Foreign(); ok {
		return first[:min(len(first), maxHead)]
	}
	return nil
}

func (t *handshakeTap) octets(side evidence.Side) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if side == evidence.Client {
		return t.client.Octets()
	}
	return t.server.Octets()
}

// through reports whether both sides have come to speak in cipher.
func (t *handshakeTap) through() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.over || t.client.Encrypted() && t.server.Encrypted() && t.clientAlert == nil && t.serverAlert == nil
}
