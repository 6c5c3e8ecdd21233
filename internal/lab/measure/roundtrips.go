package measure

import (
	"net/netip"
	"time"
)

// A Conversation is one TCP connection as the client's side saw it.
type Conversation struct {
	// RoundTrips is how often the client waited for the server: once for the connection, once for the greeting (or
	// whatever else the server says first), and once for each flight of its own octets that the server then answered.
	RoundTrips int

	Took time.Duration // from the first packet to the last octets of the server
	// Waits are how long each round trip took, up to the last octets of the server in it.
	Waits []time.Duration
	// AckDelay is the longest time that octets of the server went without an acknowledgement. A server that may not send
	// more before it has one (Nagle's rule, RFC 9293, section 3.7.4) waits as long.
	AckDelay time.Duration
}

// Conversations finds the connections to a server's port among packets, in the order they began. Packets must be those
// that the client's own machine saw: further on the way, a flight and its answer may be seen to overlap. path is the
// least that a round trip takes; what comes much sooner after a flight is no answer to it.
func Conversations(packets []Packet, port uint16, path time.Duration) []Conversation {
	var order []netip.AddrPort
	byClient := make(map[netip.AddrPort]*flights)
	for _, p := range packets {
		fromServer := p.From.Port() == port
		client := p.From
		if fromServer {
			client = p.To
		}
		f := byClient[client]
		if f == nil {
			f = &flights{began: p.At, asked: p.At, soonest: path * 3 / 4}
			byClient[client] = f
			order = append(order, client)
		}
		f.add(p, fromServer)
	}
	var all []Conversation
	for _, client := range order {
		all = append(all, byClient[client].conversation())
	}
	return all
}

// flights are one connection's packets as they go by.
type flights struct {
	soonest   time.Duration // that an answer can come
	began     time.Time
	asked     time.Time // when the flight that is to be answered ended
	connected bool
	answering bool // the server's octets were the last
	ends      []time.Time
	starts    []time.Time
	unacked   time.Time // when the first octets came that the client has not acknowledged; zero: none
	ackDelay  time.Duration
}

func (f *flights) add(p Packet, fromServer bool) {
	switch {
	case fromServer && p.Payload > 0 && f.unacked.IsZero():
		f.unacked = p.At
	case !fromServer && !f.unacked.IsZero(): // every packet of an open connection acknowledges
		f.ackDelay, f.unacked = max(f.ackDelay, p.At.Sub(f.unacked)), time.Time{}
	}
	switch {
	case !f.connected && fromServer: // SYN and SYN-ACK
		f.connected = true
		f.starts, f.ends = append(f.starts, f.began), append(f.ends, p.At)
		f.asked = p.At
	case p.Payload == 0:
	case !fromServer:
		f.asked, f.answering = p.At, false
	case f.answering:
		f.ends[len(f.ends)-1] = p.At
	case len(f.ends) > 1 && p.At.Sub(f.asked) < f.soonest:
		// It was under way when the client spoke, as the server's farewell from TLS is when the client says its own.
	default:
		f.answering = true
		f.starts, f.ends = append(f.starts, f.asked), append(f.ends, p.At)
	}
}

func (f *flights) conversation() Conversation {
	c := Conversation{RoundTrips: len(f.ends), AckDelay: f.ackDelay}
	for i, end := range f.ends {
		c.Waits = append(c.Waits, end.Sub(f.starts[i]))
		c.Took = end.Sub(f.began)
	}
	return c
}
