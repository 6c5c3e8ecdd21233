package pcapfile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/pcapfile"
)

// frames reads a whole file. What frames it has may be read after an error, too.
func frames(t testing.TB, file []byte) (got []pcapfile.Frame, damages []pcapfile.Damage, keys []byte) {
	t.Helper()
	r, err := pcapfile.NewReader(bytes.NewReader(file), func(k []byte) { keys = append(keys, k...) })
	if err != nil {
		if !errors.Is(err, pcapfile.ErrNotCapture) && !bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
			t.Fatal(err)
		}
		return nil, nil, nil
	}
	for range len(file) + 1 { // each frame takes octets: more would be an endless loop
		var f pcapfile.Frame
		if err := r.Next(&f); err != nil {
			if err != io.EOF {
				t.Fatal(err)
			}
			damages, _ = r.Damages()
			return got, damages, keys
		}
		f.Data = bytes.Clone(f.Data)
		got = append(got, f)
	}
	t.Fatal("more frames than octets")
	return nil, nil, nil
}

// classic is a pcap file of n frames, each with its number in it.
func classic(n int) []byte {
	var b bytes.Buffer
	w := craft.NewWriter(&b, craft.Raw)
	for i := range n {
		c := craft.NewConn(w, "192.0.2.1:1000", "203.0.113.1:25")
		c.Send(craft.FromClient, craft.ACK, fmt.Appendf(nil, "frame %04d %s", i, bytes.Repeat([]byte("x"), i%50)))
	}
	return b.Bytes()
}

// block is one pcapng block.
func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(len(body)+12))
	return order.AppendUint32(append(b, body...), uint32(len(body)+12))
}

// blocks is a pcapng file of n frames.
func blocks(order binary.AppendByteOrder, n int) []byte {
	section := order.AppendUint32(nil, 0x1a2b3c4d)
	section = order.AppendUint16(order.AppendUint16(section, 1), 0)
	section = order.AppendUint64(section, 1<<64-1)
	file := block(order, 0x0a0d0d0a, section)
	iface := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, 101), 0), 0)
	iface = append(order.AppendUint16(order.AppendUint16(iface, 9), 1), 9, 0, 0, 0) // if_tsresol: nanoseconds
	iface = order.AppendUint32(iface, 0)
	file = append(file, block(order, 1, iface)...)
	keys := []byte("CLIENT_RANDOM 00 11\n")
	secrets := order.AppendUint32(order.AppendUint32(nil, 0x544c534b), uint32(len(keys)))
	file = append(file, block(order, 10, append(secrets, keys...))...)
	at := uint64(1_700_000_000_000_000_123)
	for i := range n {
		data := fmt.Appendf(nil, "frame %04d %s", i, bytes.Repeat([]byte("x"), i%50))
		body := order.AppendUint32(nil, 0)
		body = order.AppendUint32(order.AppendUint32(body, uint32(at>>32)), uint32(at))
		body = order.AppendUint32(order.AppendUint32(body, uint32(len(data))), uint32(len(data)))
		file = append(file, block(order, 6, append(body, data...))...)
	}
	return file
}

func packed(file []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(file)
	z.Close()
	return b.Bytes()
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		name string
		file []byte
		at   int64
		keys string
	}{
		{"pcap", classic(100), time.Unix(1_700_000_000, 0).UnixNano(), ""},
		{"pcap, packed", packed(classic(100)), time.Unix(1_700_000_000, 0).UnixNano(), ""},
		{"pcapng", blocks(binary.LittleEndian, 100), 1_700_000_000_000_000_123, "CLIENT_RANDOM 00 11\n"},
		{"pcapng of a big-endian machine", blocks(binary.BigEndian, 100), 1_700_000_000_000_000_123, "CLIENT_RANDOM 00 11\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, damages, keys := frames(t, tt.file)
			if len(got) != 100 || len(damages) != 0 || string(keys) != tt.keys {
				t.Fatalf("got %d frames, damages %v, keys %q", len(got), damages, keys)
			}
			if got[0].At != tt.at || got[0].Link != 101 || !bytes.Contains(got[99].Data, []byte("frame 0099")) {
				t.Errorf("got %+v", got[0])
			}
		})
	}
}

func TestNotCaptures(t *testing.T) {
	for _, file := range []string{"", "abc", "\x7fELF....................", "220 mx.example.com ESMTP ready to take your mail"} {
		if _, err := pcapfile.NewReader(bytes.NewReader([]byte(file)), nil); !errors.Is(err, pcapfile.ErrNotCapture) {
			t.Errorf("%q: got %v, want %v", file, err, pcapfile.ErrNotCapture)
		}
	}
}

// TestDamage cuts and flips octets at many places. What is not touched is to be read, but for a frame or two around the
// damage, and the place is to be named.
func TestDamage(t *testing.T) {
	for name, whole := range map[string][]byte{"pcap": classic(60), "pcapng": blocks(binary.LittleEndian, 60), "pcapng, big-endian": blocks(binary.BigEndian, 60)} {
		t.Run(name, func(t *testing.T) {
			all, _, _ := frames(t, whole)
			head := bytes.Index(whole, []byte("frame 0001")) // the file's own header may be beyond help
			for at := head; at < len(whole); at += 11 {
				for _, flip := range []byte{0x01, 0x80} {
					file := bytes.Clone(whole)
					file[at] ^= flip
					got, _, _ := frames(t, file)
					if n := intact(got, all); n < 60-6 {
						t.Fatalf("octet %d ^ %#x: %d of 60 frames are read", at, flip, n)
					}
				}
				if got, damages, _ := frames(t, whole[:at]); len(damages) == 0 && !endsAtRecord(all, got, at) {
					t.Fatalf("cut at %d: no damage is named", at)
				}
				if n := min(at+37, len(whole)); n < len(whole) {
					gone, damages, _ := frames(t, slices.Concat(whole[:at], whole[n:]))
					if intact(gone, all) < 60-8 || len(damages) == 0 && len(gone) == 60 {
						t.Fatalf("without %d to %d: %d of 60 frames are read, damages %v", at, n, intact(gone, all), damages)
					}
				}
			}
		})
	}
}

// intact counts the frames that are as they were.
func intact(got, all []pcapfile.Frame) (n int) {
	known := map[string]bool{}
	for _, f := range all {
		known[string(f.Data)] = true
	}
	for _, f := range got {
		if known[string(f.Data)] {
			n++
		}
	}
	return n
}

// endsAtRecord reports whether a cut at an octet leaves whole records alone.
func endsAtRecord(all, got []pcapfile.Frame, at int) bool {
	return len(got) < len(all) && all[len(got)].Offset == int64(at)
}

func TestNoise(t *testing.T) {
	whole := classic(60)
	all, _, _ := frames(t, whole)
	noise := make([]byte, 3<<20)
	for i := range noise {
		noise[i] = byte(i*7 + i>>8*13)
	}
	cut := int(mustOffset(t, whole, 30))
	got, damages, _ := frames(t, slices.Concat(whole[:cut], noise, whole[cut:]))
	if intact(got, all) < 58 {
		t.Errorf("%d of 60 frames are read around 3 MiB of noise", intact(got, all))
	}
	if len(damages) == 0 || damages[0].Offset != int64(cut) {
		t.Errorf("got damages %v, want the first at %d", damages, cut)
	}
}

func mustOffset(t *testing.T, file []byte, n int) int64 {
	t.Helper()
	got, _, _ := frames(t, file)
	return got[n].Offset
}

func FuzzReader(f *testing.F) {
	f.Add(classic(3))
	f.Add(blocks(binary.LittleEndian, 3))
	f.Add(blocks(binary.BigEndian, 2))
	f.Add(packed(classic(2)))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := pcapfile.NewReader(bytes.NewReader(file), func([]byte) {})
		if err != nil {
			return
		}
		last := int64(-1)
		for {
			var f pcapfile.Frame
			if err := r.Next(&f); err != nil {
				return
			}
			if f.Offset <= last || f.Wire < len(f.Data) {
				t.Fatalf("frame at %d after %d, %d octets of %d", f.Offset, last, len(f.Data), f.Wire)
			}
			last = f.Offset
		}
	})
}
