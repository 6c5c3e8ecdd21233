package craft_test

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/frame"
	"github.com/smtptriage/smtptriage/internal/capture/pcapfile"
)

// packets reads a capture back.
func packets(t *testing.T, file []byte, link uint16) []frame.Packet {
	t.Helper()
	r, err := pcapfile.NewReader(bytes.NewReader(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []frame.Packet
	var decode frame.Decoder
	var f pcapfile.Frame
	for r.Next(&f) == nil {
		var p frame.Packet
		if uint16(f.Link) != link || f.Wire != len(f.Data) || !decode.Decode(link, f.At, f.Data, &p) {
			t.Fatalf("frame at octet %d: link %d, %x", f.Offset, f.Link, f.Data)
		}
		p.TCP.Payload = bytes.Clone(p.TCP.Payload)
		out = append(out, p)
	}
	if damages, _ := r.Damages(); len(damages) > 0 {
		t.Fatalf("damages: %v", damages)
	}
	return out
}

// What is written is what a reader of captures finds, on both links and with both versions of IP.
func TestConn(t *testing.T) {
	for _, tt := range []struct {
		name, client, server string
		link                 uint16
	}{
		{"IPv4 in Ethernet", "192.0.2.10:40000", "203.0.113.25:25", craft.Ethernet},
		{"IPv4 alone", "192.0.2.10:40000", "203.0.113.25:587", craft.Raw},
		{"IPv6 in Ethernet", "[2001:db8::10]:40000", "[2001:db8:1::25]:25", craft.Ethernet},
		{"IPv6 alone", "[2001:db8::10]:40000", "[2001:db8:1::25]:465", craft.Raw},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var file bytes.Buffer
			w := craft.NewWriter(&file, uint32(tt.link))
			c := craft.NewConn(w, tt.client, tt.server)
			c.TTL, c.Size = [2]uint8{0, 52}, 4
			c.Open()
			c.Talk("220 mx")
			c.Close(craft.FromServer)
			if w.Err() != nil {
				t.Fatal(w.Err())
			}
			got := packets(t, file.Bytes(), tt.link)
			type want struct {
				server bool
				flags  uint8
				seq    uint32
				ack    uint32
				data   string
				mss    uint16
			}
			for i, s := range []want{
				{false, craft.SYN, 1000, 0, "", 1460},
				{true, craft.SYN | craft.ACK, 500_000, 1001, "", 1460},
				{false, craft.ACK, 1001, 500_001, "", 0},
				{true, craft.PSH | craft.ACK, 500_001, 1001, "220 ", 0},
				{true, craft.PSH | craft.ACK, 500_005, 1001, "mx\r\n", 0},
				{false, craft.ACK, 1001, 500_009, "", 0},
				{true, craft.FIN | craft.ACK, 500_009, 1001, "", 0},
				{false, craft.FIN | craft.ACK, 1001, 500_010, "", 0},
				{true, craft.ACK, 500_010, 1002, "", 0},
			} {
				if i >= len(got) {
					t.Fatalf("%d packets", len(got))
				}
				p := got[i]
				from, ttl := tt.client, uint8(64)
				if s.server {
					from, ttl = tt.server, 52
				}
				if p.Src.AddrPort() != netip.MustParseAddrPort(from) || p.TTL != ttl || p.TCP.Flags != s.flags || p.TCP.Seq != s.seq ||
					p.TCP.Ack != s.ack || string(p.TCP.Payload) != s.data || p.TCP.MSS != s.mss || p.TCP.Window == 0 {
					t.Errorf("packet %d: got %+v, want %+v", i, p, s)
				}
			}
		})
	}
}

func TestICMP(t *testing.T) {
	c := craft.NewConn(nil, "192.0.2.10:40000", "203.0.113.25:25")
	quoted := c.Segment(craft.FromClient, craft.SYN, nil)
	ip := craft.ICMP(netip.MustParseAddr("198.51.100.1"), c.Client.Addr(), 3, 4, 1400, quoted.IP())
	var decode frame.Decoder
	var p frame.Packet
	if !decode.Decode(craft.Raw, 1, ip, &p) || p.Kind != frame.Error {
		t.Fatalf("got %+v", p)
	}
	if m := p.ICMP; m.Type != 3 || m.Code != 4 || m.MTU != 1400 || m.Seq != 1000 || m.Dst.AddrPort() != c.Server {
		t.Errorf("got %+v", m)
	}
}

func TestClosedWindow(t *testing.T) {
	s := craft.Segment{From: netip.MustParseAddrPort("192.0.2.10:1"), To: netip.MustParseAddrPort("192.0.2.11:2"), Closed: true}
	var decode frame.Decoder
	var p frame.Packet
	if !decode.Decode(craft.Raw, 1, s.IP(), &p) || p.TCP.Window != 0 {
		t.Errorf("got a window of %d", p.TCP.Window)
	}
}
