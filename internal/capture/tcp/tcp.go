// Package tcp follows TCP connections through a capture: it puts the octets of each direction in order and hands them
// on as they become readable, and it keeps the facts that only packets show, such as what was sent again, what was
// never acknowledged, and who sent a reset.
//
// Memory is bounded: by connections, by octets that wait for a gap to fill, by segments that wait for their
// acknowledgement, and by what all handlers hold together. It is one pass over one capture.
package tcp

import (
	"github.com/smtptriage/smtptriage/internal/capture/frame"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A Way is a direction of a connection.
type Way int

// The two directions.
const (
	ToServer Way = iota
	ToClient
)

// Other is the opposite direction.
func (w Way) Other() Way { return 1 - w }

// From is the side that sends in this direction.
func (w Way) From() evidence.Side {
	if w == ToServer {
		return evidence.Client
	}
	return evidence.Server
}

// A Handler is told what happens on one connection, in the order in which it can be known. Times are nanoseconds since
// 1970.
type Handler interface {
	// Data are octets in order. p is valid during the call.
	Data(c *Conn, way Way, at int64, p []byte)
	// Gap is n octets that will not be seen: the capture lacks them, or they never arrived.
	Gap(c *Conn, way Way, at, n int64)
	// Done is the end of the connection, or of what is known of it.
	Done(c *Conn)
	// Held is about how many octets of memory the handler holds for the connection.
	Held() int
}

// A Conn is one connection.
type Conn struct {
	Client, Server frame.Endpoint
	Guessed        bool  // who is the client was not seen, and is guessed from the ports
	Start, Last    int64 // times of its first and newest packet
	Opened         int64 // when SYN and ACK of the server was there; 0: not seen
	Half           [2]Half
	Reset          *Reset // the first one
	Resets         int
	Errors         []Error
	Finished       Ending

	handler Handler
	ignored bool
	cost    int   // octets of memory that the table counts for it
	prev    *Conn // of the list in order of use
	next    *Conn
}

// An Ending is why a connection is followed no further.
type Ending int

// The endings.
const (
	Over       Ending = iota // it was closed or reset
	Idle                     // nothing was seen of it for long
	Evicted                  // others needed the room
	CaptureEnd               // the capture ends
	Replaced                 // another connection began between the same ports
)

// A Reset is a segment with RST.
type Reset struct {
	At     int64
	After  int64 // since the newest packet of the other side; 0: there was none
	From   Way   // the direction it travels in
	TTL    uint8
	Usual  uint8 // the nearest TTL of that side's other packets; 0: there was none
	Window bool  // its sequence number fits the connection
	ToSYN  bool  // it answers the SYN
}

// An Error is an ICMP error that quotes a segment of the connection.
type Error struct {
	At   int64
	From frame.Endpoint
	Way  Way // of the segment that it quotes
	ICMP frame.ICMP
}

// maxErrors is how many ICMP errors of one connection are kept.
const maxErrors = 16

// Ignore tells that nobody wants to hear of this connection: it is followed no further, but known as not wanted.
func (c *Conn) Ignore() {
	c.ignored, c.handler = true, nil
	for w := range c.Half {
		c.Half[w].drop()
	}
}

// Swap turns the connection round, when its content showed that the client was guessed wrong. It is for Done: while
// octets still come, the handler has to turn their direction round itself.
func (c *Conn) Swap() {
	c.Client, c.Server = c.Server, c.Client
	c.Half[0], c.Half[1] = c.Half[1], c.Half[0]
	if c.Reset != nil {
		c.Reset.From = c.Reset.From.Other()
	}
	for i := range c.Errors {
		c.Errors[i].Way = c.Errors[i].Way.Other()
	}
}

// FirstFIN is the side that closed first; ok is false if none did. A FIN that acknowledges the other one came after it, in whatever
// order they were captured.
func (c *Conn) FirstFIN() (way Way, ok bool) {
	client, server := &c.Half[ToServer], &c.Half[ToClient]
	switch {
	case client.FIN == 0 || server.FIN == 0:
		if client.FIN == 0 {
			way = ToClient
		}
		return way, client.FIN != 0 || server.FIN != 0
	case distance(client.finAck, server.finSeq) > 0:
		return ToClient, true
	case distance(server.finAck, client.finSeq) > 0 || client.FIN <= server.FIN:
		return ToServer, true
	}
	return ToClient, true
}

// FromStart reports whether the SYN of the client was seen.
func (c *Conn) FromStart() bool { return c.Half[ToServer].SYNs > 0 }

// Established reports whether the connection was seen to open, or to be open.
func (c *Conn) Established() bool {
	return c.Opened != 0 || c.Half[ToServer].Octets+c.Half[ToClient].Octets > 0
}
