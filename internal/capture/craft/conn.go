package craft

import "net/netip"

// A Conn is a connection in the making. Its methods write packets; each side acknowledges what it gets.
type Conn struct {
	W              *Writer
	Client, Server netip.AddrPort
	Seq            [2]uint32 // of the next octet of client and server
	TTL            [2]uint8  // 0: 64
	MSS            uint16    // of both; 0: 1460
	Size           int       // octets of a segment; 0: 1448
}

// Sides of a connection, as indexes.
const (
	FromClient = 0
	FromServer = 1
)

// NewConn begins a connection without writing anything.
func NewConn(w *Writer, client, server string) *Conn {
	return &Conn{W: w, Client: netip.MustParseAddrPort(client), Server: netip.MustParseAddrPort(server), Seq: [2]uint32{1000, 500_000}}
}

// Segment makes a segment of one side.
func (c *Conn) Segment(side int, flags uint8, data []byte) Segment {
	s := Segment{From: c.Client, To: c.Server, TTL: c.TTL[side], Seq: c.Seq[side], Ack: c.Seq[1-side], Flags: flags, Data: data}
	if side == FromServer {
		s.From, s.To = s.To, s.From
	}
	return s
}

// Send writes a segment and counts its octets as sent.
func (c *Conn) Send(side int, flags uint8, data []byte) {
	c.W.Packet(c.Segment(side, flags, data).IP())
	c.Advance(side, flags, len(data))
}

// Advance counts octets as sent, without a packet.
func (c *Conn) Advance(side int, flags uint8, n int) {
	c.Seq[side] += uint32(n)
	if flags&(SYN|FIN) != 0 {
		c.Seq[side]++
	}
}

// SYN writes the first segment of a side.
func (c *Conn) SYN(side int) {
	s := c.Segment(side, SYN, nil)
	if s.MSS = c.MSS; s.MSS == 0 {
		s.MSS = 1460
	}
	if side == FromServer {
		s.Flags |= ACK
	} else {
		s.Ack = 0
	}
	c.W.Packet(s.IP())
	c.Advance(side, SYN, 0)
}

// Open writes the three segments that open a connection.
func (c *Conn) Open() *Conn {
	c.SYN(FromClient)
	c.SYN(FromServer)
	c.Send(FromClient, ACK, nil)
	return c
}

// Say writes octets of one side, in segments, and the other's acknowledgement.
func (c *Conn) Say(side int, text string) {
	size := c.Size
	if size == 0 {
		size = 1448
	}
	for data := []byte(text); len(data) > 0; {
		n := min(size, len(data))
		c.Send(side, PSH|ACK, data[:n])
		data = data[n:]
	}
	c.Send(1-side, ACK, nil)
}

// Talk writes a dialogue: the server's line first, then client and server in turn. Lines get their CRLF.
func (c *Conn) Talk(lines ...string) {
	side := FromServer
	for _, l := range lines {
		if l != "" {
			c.Say(side, l+"\r\n")
		}
		side = 1 - side
	}
}

// Close writes the segments that close a connection, the one side first.
func (c *Conn) Close(side int) {
	c.Send(side, FIN|ACK, nil)
	c.Send(1-side, FIN|ACK, nil)
	c.Send(side, ACK, nil)
}

// Reset writes a reset that one side sends.
func (c *Conn) Reset(side int) { c.Send(side, RST|ACK, nil) }
