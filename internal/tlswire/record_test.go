package tlswire

import (
	"bytes"
	"strings"
	"testing"
)

func TestSplitterForeign(t *testing.T) {
	alert := Alert{Level: Fatal, Description: AlertHandshakeFailure}.Bytes(TLS12)
	tests := []struct {
		name    string
		in      string
		foreign string // "" if all is TLS
		offset  int64
		records int
	}{
		{"reply instead of TLS", "454 4.7.0 TLS not available\r\n", "454 4.7.0 TLS not available\r\n", 0, 0},
		{"reply after an alert", string(alert) + "500 what", "500 what", 7, 1},
		{"wrong major version", "\x16\x02\x00\x00\x01x", "\x16\x02\x00\x00\x01x", 0, 0},
		{"length over the limit", "\x16\x03\x01\xff\xff", "\x16\x03\x01\xff\xff", 0, 0},
		{"unknown type", "\x19\x03\x01\x00\x01x", "\x19\x03\x01\x00\x01x", 0, 0},
		{"telnet", "\xff\xfd\x18", "\xff\xfd\x18", 0, 0},
		{"nothing", "", "", 0, 0},
		{"one octet of a record", "\x16", "", 0, 0},
		{"two alerts", string(alert) + string(alert), "", 0, 2},
		{"kept up to a bound", strings.Repeat("x", 5000), strings.Repeat("x", maxForeign), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s Splitter
			records := len(s.Feed([]byte(tt.in)))
			first, offset, ok := s.Foreign()
			if string(first) != tt.foreign || ok != (tt.foreign != "") || records != tt.records || ok && offset != tt.offset {
				t.Errorf("got %q at %d, %v, %d records, want %q at %d, %d", first, offset, ok, records, tt.foreign, tt.offset, tt.records)
			}
		})
	}
}

func TestSplitterOffsets(t *testing.T) {
	wire := append(Records(HandshakeRecord, TLS10, bytes.Repeat([]byte{1}, 40000)), Records(ApplicationData, TLS12, nil)...)
	var s Splitter
	at := int64(0)
	sizes := []int{MaxPlaintext, MaxPlaintext, 40000 - 2*MaxPlaintext, 0}
	for i, r := range s.Feed(wire) {
		if r.Offset != at || len(r.Fragment) != sizes[i] {
			t.Errorf("record %d: got offset %d, %d octets, want %d, %d", i, r.Offset, len(r.Fragment), at, sizes[i])
		}
		at += int64(r.Size())
	}
	if at != int64(len(wire)) {
		t.Errorf("records end at %d of %d", at, len(wire))
	}
}
