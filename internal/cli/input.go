package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/capture/text"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// An input is a kind of file that analyze reads.
type input struct {
	name string
	is   func(head []byte) bool
	read func(io.Reader) (*evidence.Record, error)
}

var inputs = []input{
	{"saved evidence", evidence.IsRecord, evidence.Read},
	{"text", isText, readText},
}

// isText reports whether a file that starts with these bytes is a transcript or a log. JSON is left to the reader of
// evidence, which says what is wrong with it, unless it has a line an event, as logs do.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return true
	}
	first, _, lines := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	if bytes.HasPrefix(first, []byte("{")) && (!lines || !json.Valid(first)) {
		return false
	}
	return !bytes.ContainsRune(head, 0) && controls(head)*20 <= len(head)
}

// controls counts the octets that stand in no text, whatever its character set.
func controls(head []byte) int {
	n := 0
	for _, c := range head {
		if c < ' ' && !bytes.ContainsRune([]byte("\t\n\v\f\r\b\x1b"), rune(c)) || c == 0x7f {
			n++
		}
	}
	return n
}

func readText(r io.Reader) (*evidence.Record, error) {
	return text.Read(r, text.Options{Tool: tool(), Started: time.Now()})
}

// headSize is how much of a file its kind is told by.
const headSize = 4096

// openInput opens a file, or standard input for "-".
func (a *app) openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the evidence: %w", err)
	}
	return f, nil
}

// isCapture looks whether a file is a capture. Standard input is looked at without taking anything from it.
func (a *app) isCapture(name string) (bool, error) {
	if name == "-" {
		b := bufio.NewReaderSize(a.in, headSize)
		a.in = b
		head, err := b.Peek(headSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("reading %s: %w", name, err)
		}
		return holdsCapture(head), nil
	}
	f, err := a.openInput(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("reading %s: %w", name, err)
	}
	return holdsCapture(head[:n]), nil
}

// holdsCapture reports whether a file that starts with these octets is a capture, as it is or packed by gzip.
func holdsCapture(head []byte) bool {
	b, err := unpacked(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return false
	}
	start, _ := b.Peek(4)
	return packets.Is(start)
}

// unpacked reads what gzip packed, and all else as it is.
func unpacked(b *bufio.Reader) (*bufio.Reader, error) {
	if head, _ := b.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("unpacking: %w", err)
	}
	return bufio.NewReaderSize(z, headSize), nil
}

// A foreign format is one that other programs make something readable of.
var foreignFormats = []struct{ start, what string }{
	{"PK\x03\x04", "a ZIP archive: unpack it, and give the file in it"},
	{"\xfd7zXZ\x00", "packed by xz: unpack it with xz -d"},
	{"BZh", "packed by bzip2: unpack it with bzip2 -d"},
	{"\x28\xb5\x2f\xfd", "packed by zstd: unpack it with zstd -d"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it, and give the file in it"},
	{"snoop\x00", "a capture of snoop: make pcap of it with editcap -F pcap"},
	{"GMBU", "a capture of Network Monitor: make pcap of it with editcap -F pcap"},
	{"RTSS", "a capture of Network Monitor: make pcap of it with editcap -F pcap"},
	{"XCP\x00", "a capture of NetXray or Sniffer: make pcap of it with editcap -F pcap"},
	{"TRSNIFF data", "a capture of Sniffer: make pcap of it with editcap -F pcap"},
	{"%PDF-", "a PDF: give the text in it"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a file of Outlook or Office: save the message as text or .eml"},
}

// foreignFormat says what a file is that cannot be read, and what to do about it; "" for one that may be read.
func foreignFormat(head []byte) string {
	if what := knownFormat(head); what != "" {
		return what
	}
	if !bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && !isText(head) {
		return "no capture (pcap or pcapng), no text and no saved evidence"
	}
	return ""
}

// knownFormat is what foreignFormat says of a file that names its format in its first octets.
func knownFormat(head []byte) string {
	for _, f := range foreignFormats {
		if bytes.HasPrefix(head, []byte(f.start)) {
			return f.what
		}
	}
	return ""
}

func (a *app) readInput(name string) (*evidence.Record, error) {
	r, err := a.openInput(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := bufio.NewReaderSize(r, headSize)
	if b, err = unpacked(b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	head, err := b.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if err != nil && len(bytes.TrimSpace(head)) == 0 {
		return nil, fmt.Errorf("%s: it is empty", name)
	}
	// What looks like nothing known is read as evidence: its reader says best what is wrong with it.
	read := evidence.Read
	for _, in := range inputs {
		if in.is(head) {
			read = in.read
			break
		}
	}
	if what := foreignFormat(head); what != "" {
		return nil, fmt.Errorf("%s is %s", name, what)
	}
	rec, err := read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rec, nil
}
