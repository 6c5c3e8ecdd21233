package tlswire

import (
	"encoding/binary"
	"fmt"
)

// A ContentType says what a record holds (RFC 8446, section 5.1).
type ContentType uint8

// The content types, and one of our own for a message of SSLv2, which has no records.
const (
	ChangeCipherSpec ContentType = 20
	AlertRecord      ContentType = 21
	HandshakeRecord  ContentType = 22
	ApplicationData  ContentType = 23
	Heartbeat        ContentType = 24
	SSL2Message      ContentType = 0x80
)

var contentNames = map[ContentType]string{
	ChangeCipherSpec: "change_cipher_spec",
	AlertRecord:      "alert",
	HandshakeRecord:  "handshake",
	ApplicationData:  "application_data",
	Heartbeat:        "heartbeat",
	SSL2Message:      "sslv2",
}

// String is the name of RFC 8446, appendix B.1, or "content(99)".
func (t ContentType) String() string {
	if s, ok := contentNames[t]; ok {
		return s
	}
	return fmt.Sprintf("content(%d)", uint8(t))
}

// Sizes of records, in octets.
const (
	RecordHeader = 5             // type, version, length
	MaxPlaintext = 1 << 14       // of one fragment in the clear (RFC 8446, section 5.1)
	maxFragment  = 1<<14 + 1<<11 // of one encrypted fragment (RFC 5246, section 6.2.3): the most that is accepted
	maxForeign   = 256           // of a stream that is not TLS: how much of it is kept
)

// A Record is one whole record.
type Record struct {
	Offset   int64 // of its header, from the start of the stream
	Type     ContentType
	Version  Version // as the header has it, which is not what gets negotiated
	Fragment []byte
}

// Size is the octets of the record on the wire, header included.
func (r Record) Size() int {
	if r.Type == SSL2Message {
		return ssl2Header + len(r.Fragment)
	}
	return RecordHeader + len(r.Fragment)
}

// A Splitter makes records of bytes that arrive in pieces: one direction of one connection. It holds no more than one
// record. The zero value is ready.
type Splitter struct {
	buf     []byte
	offset  int64 // of buf[0]
	foreign []byte
	lost    bool
	started bool
}

// Feed takes the bytes of one read and returns the records that they complete. Their fragments are copies.
func (s *Splitter) Feed(p []byte) []Record {
	var records []Record
	s.buf = append(s.buf, p...)
	for !s.lost {
		r, size := s.cut()
		if size == 0 {
			break
		}
		records = append(records, r)
		s.drop(size)
		s.started = true
	}
	if s.lost {
		s.keepForeign()
	}
	return records
}

// Foreign returns the first octets that are no record, at most 256 of them, and where they stand; ok is false as
// long as all is TLS. After it nothing is read any more: there is no way back into step.
func (s *Splitter) Foreign() (first []byte, offset int64, ok bool) {
	return s.foreign, s.offset, s.lost
}

// Pending returns the octets of an unfinished record that are there, header included, and the octets that its header
// promises; wanted is 0 while not even the header is whole.
func (s *Splitter) Pending() (have, wanted int) {
	if s.lost || len(s.buf) == 0 {
		return 0, 0
	}
	_, size, _ := s.header()
	return len(s.buf), size
}

// cut returns the first record of the buffer and its size on the wire, or 0 if it is not all there.
func (s *Splitter) cut() (Record, int) {
	r, size, ok := s.header()
	if !ok {
		s.lost = true
	}
	if size == 0 || len(s.buf) < size {
		return Record{}, 0
	}
	head := RecordHeader
	if r.Type == SSL2Message {
		head = ssl2Header
	}
	r.Fragment = append([]byte(nil), s.buf[head:size]...)
	return r, size
}

// header reads the header that the buffer starts with. Not ok: that is no record, as far as it goes.
func (s *Splitter) header() (r Record, size int, ok bool) {
	b := s.buf
	r.Offset = s.offset
	switch {
	case len(b) == 0:
		return r, 0, true
	case !s.started && b[0]&0x80 != 0:
		r.Type, r.Version = SSL2Message, SSLv2
		size, ok = ssl2Size(b)
		return r, size, ok
	case b[0] < byte(ChangeCipherSpec) || b[0] > byte(Heartbeat):
		return r, 0, false
	case len(b) > 1 && b[1] != 3, len(b) > 2 && b[2] > 4:
		return r, 0, false
	case len(b) < RecordHeader:
		return r, 0, true
	}
	r.Type = ContentType(b[0])
	r.Version = Version(binary.BigEndian.Uint16(b[1:]))
	n := int(binary.BigEndian.Uint16(b[3:]))
	return r, RecordHeader + n, n <= maxFragment
}

func (s *Splitter) drop(n int) {
	s.buf = s.buf[n:]
	s.offset += int64(n)
	if len(s.buf) == 0 {
		s.buf = nil
	}
}

func (s *Splitter) keepForeign() {
	if room := maxForeign - len(s.foreign); room > 0 {
		s.foreign = append(s.foreign, s.buf[:min(room, len(s.buf))]...)
	}
	s.buf = nil
}
