package lab

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"
)

const (
	maxLife     = 15 * time.Minute // of a connection, whatever it does
	writeWait   = time.Minute      // for the client to take what is sent
	lingerWait  = 3 * time.Second  // for the client to close after we did
	readBuffer  = 20 << 10         // holds a whole TLS record
	smallBuffer = 4 << 10          // of the socket, where reading is to stall
	maxBodySize = 1 << 30          // octets of a message that are read
)

// errEnded is the error of a read or write on a connection that the script has ended.
var errEnded = errors.New("lab: the script ended this connection")

// A wire is one connection: the octets as they are on the network, and TLS over them once it is there.
type wire struct {
	metered *meter
	conn    net.Conn // metered, or TLS over it
	tls     *tls.Conn
	r       *bufio.Reader
}

// An insider is a connection whose owner wants to see what is said inside TLS too: it wraps the TLS connection over it.
type insider interface{ Inside(*tls.Conn) net.Conn }

func newWire(ctx context.Context, raw net.Conn, faults []wireFault) *wire {
	m := &meter{Conn: raw, ctx: ctx, faults: faults}
	stalls := func(f wireFault) bool { return !f.sent && f.how == silence }
	if b, ok := raw.(interface{ SetReadBuffer(int) error }); ok && slices.ContainsFunc(faults, stalls) {
		b.SetReadBuffer(smallBuffer)
	}
	return &wire{metered: m, conn: m, r: bufio.NewReaderSize(m, readBuffer)}
}

// readLine reads a line without its end. An overlong line comes back as its first octets.
func (w *wire) readLine() ([]byte, error) {
	line, err := w.r.ReadSlice('\n')
	kept := append([]byte(nil), line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = w.r.ReadSlice('\n')
	}
	if err != nil {
		return nil, err
	}
	return trimEOL(kept), nil
}

func trimEOL(line []byte) []byte {
	for n := len(line); n > 0 && (line[n-1] == '\n' || line[n-1] == '\r'); n-- {
		line = line[:n-1]
	}
	return line
}

// peekFlight waits for the client's first TLS record and returns its length as sent, without taking it.
// What is no TLS record counts as the octets that are there.
func (w *wire) peekFlight() int {
	const header = 5
	head, err := w.r.Peek(header)
	if err != nil {
		return len(head)
	}
	whole := header + int(head[3])<<8 + int(head[4])
	if head[0] != recordHandshake || whole > readBuffer {
		return w.r.Buffered()
	}
	record, _ := w.r.Peek(whole)
	return len(record)
}

// startTLS does the server's side of the handshake and goes on inside.
func (w *wire) startTLS(ctx context.Context, config *tls.Config) (tls.ConnectionState, error) {
	conn := tls.Server(&unread{w.conn, w.r}, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return tls.ConnectionState{}, err
	}
	w.tls, w.conn = conn, conn
	if watched, ok := w.metered.Conn.(insider); ok {
		w.conn = watched.Inside(conn)
	}
	w.r = bufio.NewReaderSize(w.conn, readBuffer)
	return conn.ConnectionState(), nil
}

// write sends p in pieces; piece 0 sends it whole.
func (w *wire) write(p []byte, piece int) error {
	for len(p) > 0 {
		n := len(p)
		if piece > 0 && piece < n {
			n = piece
		}
		if _, err := w.conn.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// end ends the connection as said, and returns when it is over.
func (w *wire) end(ctx context.Context, how cutKind) {
	if w.tls != nil && how == orderly {
		w.tls.CloseWrite() // a client that is gone is no trouble
	}
	w.metered.end(ctx, how)
}

// unread is a connection of which a bufio.Reader has taken octets already.
type unread struct {
	net.Conn
	r *bufio.Reader
}

func (u *unread) Read(p []byte) (int, error) { return u.r.Read(p) }

// A meter counts what goes over a connection and lets the script's faults happen at their octet.
type meter struct {
	net.Conn
	ctx       context.Context // of the connection: a meter lives no longer than ServeConn
	faults    []wireFault
	sent, got int64
	over      bool
}

func (m *meter) Write(p []byte) (int, error) {
	if m.over {
		return 0, errEnded
	}
	f, room := m.next(true, m.sent, len(p))
	m.Conn.SetWriteDeadline(time.Now().Add(writeWait))
	n, err := m.Conn.Write(p[:room])
	m.sent += int64(n)
	if err == nil && f != nil {
		m.end(m.ctx, f.how)
		err = errEnded
	}
	return n, err
}

func (m *meter) Read(p []byte) (int, error) {
	if m.over {
		return 0, errEnded
	}
	f, room := m.next(false, m.got, len(p))
	if room > 0 {
		n, err := m.Conn.Read(p[:room])
		m.got += int64(n)
		return n, err
	}
	if f == nil {
		return m.Conn.Read(p)
	}
	if f.how == silence {
		m.stall()
	}
	m.end(m.ctx, f.how)
	return 0, errEnded
}

// stall takes next to nothing any more, so that the client's data stays unacknowledged; it returns when the client has
// left, or ctx ends.
func (m *meter) stall() {
	const trickle = 64 // octets a second: enough to see the client leave
	buf := make([]byte, trickle)
	for tick := time.NewTimer(0); ; tick.Reset(time.Second) {
		select {
		case <-m.ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := m.Conn.Read(buf); err != nil {
			return
		}
	}
}

// next is the fault that comes within the next n octets of one direction, and how many may pass before it.
func (m *meter) next(sent bool, done int64, n int) (fault *wireFault, room int) {
	room = n
	for i := range m.faults {
		f := &m.faults[i]
		if left := f.after - done; f.sent == sent && left <= int64(room) {
			fault, room = f, int(max(0, left))
		}
	}
	return fault, room
}

// end ends the connection below TLS.
func (m *meter) end(ctx context.Context, how cutKind) {
	if m.over {
		return
	}
	m.over = true
	defer m.Conn.Close()
	switch how {
	case reset:
		if tcp, ok := m.Conn.(interface{ SetLinger(int) error }); ok {
			tcp.SetLinger(0)
		}
	case silence:
		io.Copy(io.Discard, m.Conn) // until the client leaves, or the connection's time or ctx ends
	default:
		m.linger()
	}
}

// linger sends FIN and takes what still comes, because closing with octets unread would send RST instead.
func (m *meter) linger() {
	half, ok := m.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	m.Conn.SetReadDeadline(time.Now().Add(lingerWait))
	io.Copy(io.Discard, m.Conn)
}
