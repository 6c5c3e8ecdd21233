package listen

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A tap is a client's connection that records what passes over it: SMTP in clear, then the clear part of TLS. What is
// inside TLS is recorded by the connection that Inside returns.
type tap struct {
	net.Conn
	d         *dialogue
	tls       handshakeTap
	got, sent atomic.Int64
}

func newTap(conn net.Conn, d *dialogue) *tap {
	t := &tap{Conn: conn, d: d}
	t.tls.j = d.j
	return t
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.got.Add(int64(n))
	t.heard(p[:n])
	return n, err
}

// heard takes octets of the client that were read, by whatever way.
func (t *tap) heard(p []byte) {
	if t.tls.begun() {
		t.tls.feed(evidence.Client, p)
		return
	}
	t.tls.feed(evidence.Client, t.d.fromClient(p))
}

// Write records before it writes, so that a reply stands before what the client makes of it.
func (t *tap) Write(p []byte) (int, error) {
	t.said(p)
	n, err := t.Conn.Write(p)
	t.sent.Add(int64(n))
	return n, err
}

func (t *tap) said(p []byte) {
	// A greeting after the client's untimely ClientHello is still a greeting.
	if t.tls.begun() && tlswire.Sniff(p) != tlswire.ProtoSMTP {
		t.tls.feed(evidence.Server, p)
		return
	}
	t.tls.feed(evidence.Client, t.d.fromServer(p))
}

// CloseWrite ends our direction, where the connection can.
func (t *tap) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return net.ErrClosed
}

// SetLinger decides between FIN and RST at closing, where the connection can.
func (t *tap) SetLinger(seconds int) error {
	if c, ok := t.Conn.(interface{ SetLinger(int) error }); ok {
		return c.SetLinger(seconds)
	}
	return nil
}

// Inside wraps a connection inside TLS over the tap, so that what is said there is recorded too.
func (t *tap) Inside(conn net.Conn) net.Conn {
	t.d.enterTLS()
	t.tls.stop()
	return &inner{conn, t.d}
}

// An inner is the conversation inside TLS.
type inner struct {
	net.Conn
	d *dialogue
}

func (c *inner) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.d.fromClient(p[:n])
	return n, err
}

func (c *inner) Write(p []byte) (int, error) {
	c.d.fromServer(p)
	return c.Conn.Write(p)
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
		t.j.add(evidence.Event{Bytes: &evidence.Bytes{From: evidence.Client, Count: int64(len(first)), Head: first[:min(len(first), maxHead)],
			Looks: string(tlswire.Sniff(first))}})
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
