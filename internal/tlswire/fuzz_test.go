package tlswire

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recordings are the streams in testdata; it is an error if there are none.
func recordings(f *testing.F) [][]byte {
	f.Helper()
	files, _ := filepath.Glob("testdata/*/*.bin")
	if len(files) < 10 {
		f.Fatalf("got %d recordings in testdata: where are they?", len(files))
	}
	var all [][]byte
	for _, file := range files {
		wire, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, wire)
	}
	return all
}

// recordedChains are the Certificate messages of the recordings, without their headers.
func recordedChains(f *testing.F) [][]byte {
	f.Helper()
	var chains [][]byte
	for _, wire := range recordings(f) {
		var split Splitter
		var messages assembler
		for _, r := range split.Feed(wire) {
			if r.Type != HandshakeRecord {
				break
			}
			for _, m := range messages.add(r) {
				if m.Type == MsgCertificate {
					chains = append(chains, m.Body)
				}
			}
		}
	}
	if len(chains) == 0 {
		f.Fatal("no recording has a certificate")
	}
	return chains
}

// hellos are one of each kind that we write.
func hellos(f *testing.F) [][]byte {
	f.Helper()
	var all [][]byte
	for _, s := range []HelloSpec{
		ModernClient("mail.example.com"), OldDevice(), OldSSL2Hello(), VersionHello(SSLv3, ""), VersionHello(TLS11, "x"),
	} {
		all = append(all, mustBytes(f, s))
	}
	return all
}

// However a stream is cut into reads, the same records come of it, and they are its bytes.
func FuzzRecords(f *testing.F) {
	for _, wire := range append(recordings(f), hellos(f)...) {
		f.Add(wire, 7)
	}
	f.Add([]byte("220 mail.example.com ESMTP\r\n"), 3)
	f.Add([]byte("\x15\x03\x01\x00\x02\x02\x28454 no\r\n"), 1)
	f.Fuzz(func(t *testing.T, wire []byte, step int) {
		var at, by Splitter
		records := at.Feed(wire)
		step = max(1, step%100)
		var pieces []Record
		for rest := wire; len(rest) > 0; {
			n := min(max(step, 0), len(rest))
			pieces = append(pieces, by.Feed(rest[:n])...)
			rest = rest[n:]
		}
		if diff := cmp.Diff(records, pieces); diff != "" {
			t.Fatalf("in steps of %d: %s", step, diff)
		}
		first, offset, lost := at.Foreign()
		again, _, _ := by.Foreign()
		if !bytes.Equal(first, again) || !lost && first != nil {
			t.Fatalf("foreign: %q and %q", first, again)
		}
		end := int64(0)
		for _, r := range records {
			if r.Offset != end || !bytes.HasSuffix(wire[:end+int64(r.Size())], r.Fragment) {
				t.Fatalf("record at %d, want %d, or its bytes are others", r.Offset, end)
			}
			end += int64(r.Size())
		}
		have, _ := at.Pending()
		if lost && offset != end || !lost && end+int64(have) != int64(len(wire)) {
			t.Fatalf("records end at %d, %d pending, foreign at %d, of %d", end, have, offset, len(wire))
		}
	})
}

// A Reader returns, stays within its bounds, and reports the same however the stream is cut.
func FuzzReader(f *testing.F) {
	for _, wire := range append(recordings(f), hellos(f)...) {
		f.Add(wire)
	}
	flight, _ := ServerSpec{Version: TLS10, Suite: 0x0005, Chain: [][]byte{{1}}, Done: true}.Bytes()
	f.Add(append(flight, Records(ChangeCipherSpec, TLS10, []byte{1})...))
	f.Fuzz(func(t *testing.T, wire []byte) {
		var whole, halves Reader
		events := whole.Feed(wire)
		cut := append(halves.Feed(wire[:len(wire)/2]), halves.Feed(wire[len(wire)/2:])...)
		if diff := cmp.Diff(events, cut); diff != "" {
			t.Fatal(diff)
		}
		if len(events) > maxEvents+8 {
			t.Fatalf("%d events", len(events))
		}
	})
}

// What is read of a hello survives JSON, and text in it is safe to show.
func FuzzClientHello(f *testing.F) {
	for _, wire := range append(recordings(f), hellos(f)...) {
		f.Add(wire[min(len(wire), RecordHeader+messageHeader):])
		f.Add(wire[min(len(wire), ssl2Header):])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ParseClientHello(body)
		if (err != nil) != (h.Malformed != "") {
			t.Fatalf("error %v, malformed %q", err, h.Malformed)
		}
		sameAfterJSON(t, h)
		for _, s := range append([]string{h.ServerName}, h.ALPN...) {
			if printable(s) != s && len(s) <= maxText {
				t.Fatalf("%q is not safe to show", s)
			}
		}
		old, _ := parseSSL2ClientHello(body)
		sameAfterJSON(t, old)
	})
}

func FuzzServerHello(f *testing.F) {
	for _, wire := range recordings(f) {
		f.Add(wire[min(len(wire), RecordHeader+messageHeader):])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ParseServerHello(body)
		if (err != nil) != (h.Malformed != "") {
			t.Fatalf("error %v, malformed %q", err, h.Malformed)
		}
		sameAfterJSON(t, h)
		for _, hello := range []*ServerHello{nil, &h, {Version: TLS12, Suite: 0xc02f}, {Version: TLS12, Suite: 0x0033}} {
			sameAfterJSON(t, parseKeyExchange(body, hello))
			sameAfterJSON(t, parseCertificateRequest(body, hello))
		}
	})
}

func FuzzCertificates(f *testing.F) {
	for _, chain := range recordedChains(f) {
		f.Add(chain)
		f.Add(chain[:len(chain)-5])
	}
	f.Add([]byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		c := ParseChain(body, false)
		if len(c.Certificates) > maxChain {
			t.Fatalf("%d certificates", len(c.Certificates))
		}
		for _, one := range c.Certificates {
			if !bytes.Contains(body, one.DER) {
				t.Fatal("a certificate that is not in the message")
			}
		}
		sameAfterJSON(t, c)
	})
}

func FuzzSniff(f *testing.F) {
	for _, s := range sniffed {
		f.Add([]byte(s.in))
	}
	for _, wire := range recordings(f) {
		f.Add(wire[:min(len(wire), 16)])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		firm := ProtoUnknown
		for n := range len(p) + 1 {
			got := Sniff(p[:n])
			if firm != ProtoUnknown && got != firm {
				t.Fatalf("%q after %d octets, %q before", got, n, firm)
			}
			firm = got
		}
	})
}

func sameAfterJSON[T any](t *testing.T, v T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	again, _ := json.Marshal(back)
	if !bytes.Equal(text, again) {
		t.Fatalf("%s\nbecame\n%s", text, again)
	}
}
