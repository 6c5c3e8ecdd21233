package tlswire

import "fmt"

// A HandshakeType is the type of a handshake message (RFC 8446, section 4; older ones in RFC 5246, section 7.4).
type HandshakeType uint8

// The messages that are sent in the clear.
const (
	MsgHelloRequest       HandshakeType = 0
	MsgClientHello        HandshakeType = 1
	MsgServerHello        HandshakeType = 2
	MsgNewSessionTicket   HandshakeType = 4
	MsgCertificate        HandshakeType = 11
	MsgServerKeyExchange  HandshakeType = 12
	MsgCertificateRequest HandshakeType = 13
	MsgServerHelloDone    HandshakeType = 14
	MsgCertificateVerify  HandshakeType = 15
	MsgClientKeyExchange  HandshakeType = 16
	MsgFinished           HandshakeType = 20
	MsgCertificateStatus  HandshakeType = 22
)

var handshakeNames = map[HandshakeType]string{
	MsgHelloRequest:       "hello_request",
	MsgClientHello:        "client_hello",
	MsgServerHello:        "server_hello",
	MsgNewSessionTicket:   "new_session_ticket",
	MsgCertificate:        "certificate",
	MsgServerKeyExchange:  "server_key_exchange",
	MsgCertificateRequest: "certificate_request",
	MsgServerHelloDone:    "server_hello_done",
	MsgCertificateVerify:  "certificate_verify",
	MsgClientKeyExchange:  "client_key_exchange",
	MsgFinished:           "finished",
	MsgCertificateStatus:  "certificate_status",
}

// String is the name in the RFC, or "handshake(99)".
func (t HandshakeType) String() string {
	if s, ok := handshakeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("handshake(%d)", uint8(t))
}

// messageHeader is type and length, in octets.
const messageHeader = 4

// maxMessage is how much of one handshake message is kept. Real ones, chains of certificates included, are below a
// tenth of it.
const maxMessage = 256 << 10

// A Message is one handshake message, put together from its records.
type Message struct {
	Offset        int64 // of the record it starts in, from the start of the stream
	RecordVersion Version
	Type          HandshakeType
	Length        int    // of the body, as the header has it
	Body          []byte // shorter than Length only if it was over maxMessage
	Wire          int    // octets of the records it takes, headers included
}

// Cut reports whether part of the body was dropped.
func (m Message) Cut() bool { return len(m.Body) < m.Length }

// An assembler makes handshake messages of records. The zero value is ready.
type assembler struct {
	msg  Message
	head []byte // of a header that is not whole yet
	skip int    // octets of the body still to come that are not kept
	open bool   // msg has its header
}

// add takes the next handshake record and returns the messages that it completes.
func (a *assembler) add(r Record) []Message {
	var done []Message
	p := r.Fragment
	header := RecordHeader // counts for the first message that has octets in this record
	for len(p) > 0 {
		p = a.take(p, r, &header)
		if a.open && len(a.msg.Body)+a.skip == a.msg.Length {
			done = append(done, a.msg)
			*a = assembler{}
		}
	}
	return done
}

// skipped is how much of the body must be dropped in all.
func (a *assembler) skipped() int { return max(0, a.msg.Length-maxMessage) }

// take consumes octets of one message from p and returns the rest.
func (a *assembler) take(p []byte, r Record, header *int) []byte {
	a.msg.Wire += *header
	*header = 0
	if !a.open {
		if len(a.head) == 0 {
			a.msg.Offset, a.msg.RecordVersion = r.Offset, r.Version
		}
		n := min(messageHeader-len(a.head), len(p))
		a.head = append(a.head, p[:n]...)
		a.msg.Wire += n
		p = p[n:]
		if len(a.head) < messageHeader {
			return p
		}
		a.msg.Type = HandshakeType(a.head[0])
		a.msg.Length = int(a.head[1])<<16 | int(a.head[2])<<8 | int(a.head[3])
		a.open = true
	}
	n := min(len(p), min(a.msg.Length, maxMessage)-len(a.msg.Body))
	a.msg.Body = append(a.msg.Body, p[:n]...)
	a.msg.Wire += n
	p = p[n:]
	if drop := min(len(p), a.skipped()-a.skip); drop > 0 {
		a.skip += drop
		a.msg.Wire += drop
		p = p[drop:]
	}
	return p
}

// pending returns the type of an unfinished message and the octets of its body that are there and promised.
func (a *assembler) pending() (t HandshakeType, have, want int, ok bool) {
	return a.msg.Type, len(a.msg.Body) + a.skip, a.msg.Length, a.open
}
