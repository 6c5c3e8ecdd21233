// Package pcapfile reads capture files, pcap and pcapng, as a stream of frames. What is damaged is stepped over: the
// reader looks for the next place that makes sense, and says where it left off and where it went on.
//
// Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. Files packed with gzip are unpacked on the way.
package pcapfile

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of what a file may make us hold.
const (
	maxFrame   = 256 << 10 // octets of one frame; libpcap's own limit
	maxBlock   = 1 << 20   // of one pcapng block: a frame, its options, or a key log
	window     = 2 * maxBlock
	maxDamages = 100 // places that are listed; more are counted
)

// A Frame is one captured frame. Its Data are valid until the next call of Next.
type Frame struct {
	At     int64 // nanoseconds since 1970; 0 if the file gives no time
	Link   Link
	Data   []byte
	Wire   int   // octets it had on the wire; more than len(Data) if the capture cut it
	Offset int64 // in the file, of the record that holds it
}

// A Link is a link-layer type, LINKTYPE_... of the tcpdump group's list.
type Link uint16

// A Damage is a place that could not be read.
type Damage struct {
	Offset  int64 // where reading stopped making sense
	Skipped int64 // octets that were left out
	Text    string
}

// String says it for a person.
func (d Damage) String() string {
	if d.Skipped == 0 {
		return fmt.Sprintf("at octet %d: %s", d.Offset, d.Text)
	}
	return fmt.Sprintf("at octet %d: %s; %d octets are left out", d.Offset, d.Text, d.Skipped)
}

// A format reads the records of one kind of file.
type format interface {
	// next returns the next frame, errSkip after a record that holds none, or errDamaged where nothing makes sense.
	next(f *Frame) error
	// resync reports whether a record seems to begin with these octets; more of the file follows if whole is false.
	resync(b []byte, whole bool) bool
}

var (
	errSkip    = errors.New("no frame in this record")
	errDamaged = errors.New("damaged")
)

// A Reader reads one capture file.
type Reader struct {
	in      *bufio.Reader
	offset  int64
	format  format
	damages []Damage
	more    int // damages beyond maxDamages
	why     string
	keyLog  func([]byte)
}

// ErrNotCapture says that a file is no capture.
var ErrNotCapture = errors.New("not a pcap or pcapng file")

// Is reports whether a file that starts with these octets is a capture, as it is or packed.
func Is(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || formatOf(head) != nil
}

// NewReader begins to read a file. keyLog gets the TLS secrets that a pcapng file carries, in the format of
// SSLKEYLOGFILE; it may be nil.
func NewReader(r io.Reader, keyLog func([]byte)) (*Reader, error) {
	in := bufio.NewReaderSize(r, window)
	if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		in = bufio.NewReaderSize(z, window)
	}
	head, err := in.Peek(24)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	open := formatOf(head)
	if open == nil {
		return nil, ErrNotCapture
	}
	rd := &Reader{in: in, keyLog: keyLog}
	rd.format = open(rd)
	return rd, nil
}

// formatOf tells the formats by their first four octets.
func formatOf(head []byte) func(*Reader) format {
	if len(head) < 4 {
		return nil
	}
	switch binary.BigEndian.Uint32(head) {
	case 0x0a0d0d0a:
		return newBlocks
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1:
		return newRecords
	}
	return nil
}

// Next returns the next frame. The error is io.EOF at the end of the file, whatever state that is in; any other error
// comes from reading it.
func (r *Reader) Next(f *Frame) error {
	for {
		*f = Frame{Offset: r.offset}
		switch err := r.format.next(f); {
		case err == nil:
			return nil
		case errors.Is(err, errSkip):
		case errors.Is(err, errDamaged):
			if err := r.skip(); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// Offset is how far into the file the reader has come.
func (r *Reader) Offset() int64 { return r.offset }

// Damages lists the places that could not be read, and counts those beyond the first hundred.
func (r *Reader) Damages() (list []Damage, more int) { return r.damages, r.more }

// peek returns the next n octets without taking them. Fewer come with io.EOF at the end of the file.
func (r *Reader) peek(n int) ([]byte, error) {
	b, err := r.in.Peek(n)
	if err != nil && len(b) > 0 && ended(err) {
		err = io.EOF
	}
	return b, err
}

// ended reports whether an error means that the file is over: its end, or a packed file that breaks off or is damaged.
func ended(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) ||
		errors.Is(err, gzip.ErrHeader) || errors.As(err, &corrupt)
}

// take returns the next n octets, n at most the window, and goes past them.
func (r *Reader) take(n int) ([]byte, error) {
	b, err := r.peek(n)
	if len(b) < n {
		return b, err
	}
	r.in.Discard(n)
	r.offset += int64(n)
	return b, nil
}

// broken notes why nothing makes sense here.
func (r *Reader) broken(format string, args ...any) error {
	r.why = fmt.Sprintf(format, args...)
	return errDamaged
}

// pastEnd is a record that goes past the end of the file: the last one, cut off, or one whose length is damaged.
func (r *Reader) pastEnd(err error) error {
	if err != nil && !ended(err) {
		return err
	}
	return r.broken("a record goes past the end of the file")
}

// cutShort is the end of a file in the middle of a record.
func (r *Reader) cutShort(have []byte, err error) error {
	if err != nil && !ended(err) {
		return err
	}
	if len(have) == 0 {
		return io.EOF
	}
	r.note(Damage{r.offset, int64(len(have)), "the file ends in the middle of a record"})
	r.in.Discard(len(have))
	r.offset += int64(len(have))
	return io.EOF
}

func (r *Reader) note(d Damage) {
	if len(r.damages) == maxDamages {
		r.more++
		return
	}
	r.damages = append(r.damages, d)
}

// skip looks for the next place where a record seems to begin. It looks at each octet once.
func (r *Reader) skip() error {
	d := Damage{Offset: r.offset, Text: r.why}
	first := 1
	for {
		b, err := r.peek(window)
		if err != nil && !ended(err) {
			return err
		}
		whole := len(b) < window
		last := len(b) - maxBlock // places beyond it are looked at with more of the file in view
		if whole {
			last = len(b)
		}
		for i := first; i < last; i++ {
			if r.format.resync(b[i:], whole) {
				r.in.Discard(i)
				r.offset += int64(i)
				d.Skipped = r.offset - d.Offset
				r.note(d)
				return nil
			}
		}
		r.in.Discard(max(last, 0))
		r.offset += int64(max(last, 0))
		if first = 0; whole {
			d.Skipped = r.offset - d.Offset
			r.note(d)
			return io.EOF
		}
	}
}
