package probe

import (
	"net"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A wire is the connection itself, below any TLS. It counts, and while a handshake goes on it reads along, because
// crypto/tls hides what we must see. One goroutine uses it.
type wire struct {
	net.Conn
	got, sent int64
	tap       *tap // nil: nobody reads along
}

func (w *wire) Read(p []byte) (int, error) {
	quickAck(w.Conn)
	n, err := w.Conn.Read(p)
	w.got += int64(n)
	if w.tap != nil {
		w.tap.feed(evidence.Server, p[:n])
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	w.sent += int64(n)
	if w.tap != nil {
		w.tap.feed(evidence.Client, p[:n])
	}
	return n, err
}

// A tap reads both directions of a handshake, as far as they are in the clear, and records what it meets.
type tap struct {
	j        *journal
	client   tlswire.Reader
	server   tlswire.Reader
	chain    []tlswire.Certificate // of the server, TLS 1.2 and older
	alerted  bool                  // the server sent an alert that ends the handshake
	answered bool                  // the server has said all that it says in clear to a ClientHello
}

func (t *tap) feed(side evidence.Side, p []byte) {
	reader := &t.server
	if side == evidence.Client {
		reader = &t.client
	}
	for _, e := range reader.Feed(p) {
		t.record(side, e)
	}
}

func (t *tap) record(side evidence.Side, e tlswire.Event) {
	switch {
	case e.ClientHello != nil && side == evidence.Client:
		t.j.add(evidence.Event{ClientHello: e.ClientHello})
	case e.ServerHello != nil && side == evidence.Server:
		t.answered = t.answered || e.ServerHello.Version >= tlswire.TLS13 || e.ServerHello.Format == tlswire.FormatSSL2
		t.j.add(evidence.Event{ServerHello: e.ServerHello})
	case e.Chain != nil && side == evidence.Server && t.chain == nil:
		t.chain = e.Chain.Certificates
	case (e.ServerHelloDone || e.Encrypted) && side == evidence.Server:
		t.answered = true
	case e.Alert != nil:
		if side == evidence.Server && !e.Alert.Closure() {
			t.alerted = true
		}
		t.j.add(evidence.Event{Alert: &evidence.Alert{From: side, Alert: *e.Alert}})
	}
}

// foreign returns the first octets of the server that are not TLS, if there were any.
func (t *tap) foreign() (first []byte, ok bool) {
	first, _, ok = t.server.Foreign()
	return first, ok
}
