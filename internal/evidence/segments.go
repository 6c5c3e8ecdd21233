package evidence

import "time"

// Segments is what the packets of a TCP connection showed besides their content, as far as a capture has them. An event
// with it stands before the connection's Ended.
type Segments struct {
	ToServer  Flow          `json:"to_server"`
	ToClient  Flow          `json:"to_client"`
	RoundTrip time.Duration `json:"round_trip_ns,omitempty"` // from SYN to its answer; 0: not seen
	SYNs      int           `json:"syns,omitempty"`          // sent by the client; more than one: the first was not answered
	Reset     *ResetSeen    `json:"reset,omitempty"`         // the first one; nil: none
	Resets    int           `json:"resets,omitempty"`
	ICMP      []ICMPSeen    `json:"icmp,omitempty"` // errors that quote the connection
	Unopened  bool          `json:"unopened,omitempty"`
	Elsewhere []Differs     `json:"elsewhere,omitempty"` // what the same connection looked like in another capture
}

// A Flow is one direction of a connection. Sizes of segments are those of their IP packets, in octets.
type Flow struct {
	Packets      int           `json:"packets"`
	Octets       int64         `json:"octets"`                   // of the stream
	Missing      int64         `json:"missing_octets,omitempty"` // of these, not in the capture, though the receiver has them
	MSS          int           `json:"mss,omitempty"`            // that the sender announced: what it accepts
	TTLs         []int         `json:"ttls,omitempty"`           // of its packets, each value once
	Resent       int           `json:"resent,omitempty"`         // segments sent again
	Disorder     int           `json:"out_of_order,omitempty"`   // segments that came before an earlier one
	ZeroWindows  int           `json:"zero_windows,omitempty"`   // times that the sender announced that it can take no more
	ZeroFor      time.Duration `json:"zero_window_ns,omitempty"`
	Largest      int           `json:"largest,omitempty"`       // packet that was captured
	LargestAcked int           `json:"largest_acked,omitempty"` // segment that was acknowledged
	Stuck        int           `json:"stuck,omitempty"`         // largest segment that was sent again and never acknowledged
	StuckTimes   int           `json:"stuck_times,omitempty"`   // how often it was sent
	Held         int64         `json:"held_octets,omitempty"`   // that came after a hole which never closed
	Changed      *Changed      `json:"changed,omitempty"`       // the same octets of the stream, seen twice and not alike
}

// ResetSeen is a TCP reset and what speaks for or against its sender being who it says.
type ResetSeen struct {
	From   Side          `json:"from"` // as its addresses say
	At     time.Duration `json:"at_ns"`
	After  time.Duration `json:"after_ns,omitempty"` // since the newest packet of the other side; 0: there was none
	TTL    int           `json:"ttl"`
	Usual  int           `json:"usual_ttl,omitempty"` // of that side's other packets; 0: there were none
	InLine bool          `json:"in_line"`             // its sequence number fits the connection
}

// Forged reports whether the reset came by another way than its side's other packets, so that another host sent it.
// A few hops more or less can be a change of routes; a TTL that started elsewhere can't.
func (r *ResetSeen) Forged() bool {
	return r != nil && r.Usual != 0 && (r.TTL-r.Usual > ttlSlack || r.Usual-r.TTL > ttlSlack)
}

const ttlSlack = 3

// ICMPSeen is an ICMP error about the connection.
type ICMPSeen struct {
	ICMP
	About Side          `json:"about"` // whose segment it quotes
	At    time.Duration `json:"at_ns"`
}

// Changed is a place of a stream that was seen twice with different octets: somebody on the way rewrote it, or answered
// in the other side's place.
type Changed struct {
	At     time.Duration `json:"at_ns"`
	Offset int64         `json:"offset"` // in the stream, of the first octet that differs
	First  []byte        `json:"first"`
	Second []byte        `json:"second"`
	TTLs   [2]int        `json:"ttls"` // of the packets of that side, and of the second one
}

// Differs is the first place where a stream of the connection is not what another capture of it shows: something between
// the two places changed it.
type Differs struct {
	Origin string `json:"origin"` // of the other capture's trace
	From   Side   `json:"from"`   // whose stream
	Offset int64  `json:"offset"` // of the first octet that differs
	Here   []byte `json:"here"`   // the line with it, in this capture
	There  []byte `json:"there"`  // and in the other one
}
