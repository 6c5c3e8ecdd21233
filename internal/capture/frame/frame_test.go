package frame_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/frame"
)

var (
	from   = netip.MustParseAddrPort("192.0.2.10:40000")
	to     = netip.MustParseAddrPort("203.0.113.25:25")
	from6  = netip.MustParseAddrPort("[2001:db8::10]:40000")
	to6    = netip.MustParseAddrPort("[2001:db8:25::25]:25")
	mac    = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	text   = []byte("EHLO printer\r\n")
	fixed4 = &layers.IPv4{Version: 4, TTL: 61, Protocol: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()}
	fixed6 = &layers.IPv6{Version: 6, HopLimit: 61, NextHeader: layers.IPProtocolTCP, SrcIP: from6.Addr().AsSlice(), DstIP: to6.Addr().AsSlice()}
)

func segment() *layers.TCP {
	return &layers.TCP{SrcPort: 40000, DstPort: 25, Seq: 7, Ack: 9, ACK: true, PSH: true, Window: 1000, DataOffset: 5}
}

// bytesOf serialises layers by gopacket, which knows the formats by itself.
func bytesOf(t testing.TB, list ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, list...); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(b.Bytes())
}

func TestLinks(t *testing.T) {
	ip4 := bytesOf(t, fixed4, segment(), gopacket.Payload(text))
	ip6 := bytesOf(t, fixed6, segment(), gopacket.Payload(text))
	ether := func(kind layers.EthernetType) *layers.Ethernet {
		return &layers.Ethernet{SrcMAC: mac, DstMAC: mac, EthernetType: kind}
	}
	snap := bytesOf(t, &layers.LLC{DSAP: 0xaa, SSAP: 0xaa, Control: 3}, &layers.SNAP{OrganizationalCode: []byte{0, 0, 0}, Type: layers.EthernetTypeIPv4})
	wifi := append([]byte{0x08, 0x01, 0, 0}, make([]byte, 20)...)
	qos := append([]byte{0x88, 0x02, 0, 0}, make([]byte, 22)...)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, tt := range []struct {
		name string
		link uint16
		data []byte
		six  bool
	}{
		{"Ethernet", 1, bytesOf(t, ether(layers.EthernetTypeIPv4), fixed4, segment(), gopacket.Payload(text)), false},
		{"Ethernet, padded", 1, join(craft.InEthernet(ip4), make([]byte, 20)), false},
		{"Ethernet, IPv6", 1, bytesOf(t, ether(layers.EthernetTypeIPv6), fixed6, segment(), gopacket.Payload(text)), true},
		{"VLAN", 1, bytesOf(t, ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv4}, fixed4, segment(), gopacket.Payload(text)), false},
		{"QinQ", 1, bytesOf(t, ether(layers.EthernetTypeQinQ), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeDot1Q},
			&layers.Dot1Q{VLANIdentifier: 8, Type: layers.EthernetTypeIPv4}, fixed4, segment(), gopacket.Payload(text)), false},
		{"PPPoE", 1, bytesOf(t, ether(layers.EthernetTypePPPoESession), &layers.PPPoE{Version: 1, Type: 1, SessionId: 5}, &layers.PPP{PPPType: layers.PPPTypeIPv4},
			fixed4, segment(), gopacket.Payload(text)), false},
		{"raw", 101, ip4, false},
		{"raw IPv6", 101, ip6, true},
		{"loopback", 0, bytesOf(t, &layers.Loopback{Family: layers.ProtocolFamilyIPv4}, fixed4, segment(), gopacket.Payload(text)), false},
		{"cooked", 113, join(make([]byte, 14), []byte{0x08, 0x00}, ip4), false},
		{"cooked 2", 276, join([]byte{0x86, 0xdd}, make([]byte, 18), ip6), true},
		{"802.11", 105, join(wifi, snap, ip4), false},
		{"802.11 with QoS, radiotap", 127, join([]byte{0, 0, 8, 0, 0, 0, 0, 0}, qos, snap, ip4), false},
		{"802.11 with padding, radiotap", 127, join([]byte{0, 0, 9, 0, 2, 0, 0, 0, 0x20}, qos, []byte{0, 0}, snap, ip4), false},
		{"IPv6 with a destination header", 101, extended(ip6), true},
		{"MPLS", 1, bytesOf(t, ether(layers.EthernetTypeMPLSUnicast), &layers.MPLS{Label: 17}, &layers.MPLS{Label: 18, StackBottom: true, TTL: 64}, fixed4, segment(), gopacket.Payload(text)), false},
		{"GRE", 101, bytesOf(t, outer(47), &layers.GRE{Protocol: layers.EthernetTypeIPv4}, fixed4, segment(), gopacket.Payload(text)), false},
		{"GRE with key and sequence number, IPv6", 101, bytesOf(t, outer(47), &layers.GRE{Protocol: layers.EthernetTypeIPv6, KeyPresent: true, SeqPresent: true}, fixed6, segment(), gopacket.Payload(text)), true},
		{"Ethernet in GRE", 101, bytesOf(t, outer(47), &layers.GRE{Protocol: layers.EthernetTypeTransparentEthernetBridging}, gopacket.Payload(craft.InEthernet(ip4))), false},
		{"ERSPAN", 101, bytesOf(t, outer(47), &layers.GRE{Protocol: layers.EthernetTypeERSPAN, SeqPresent: true}, &layers.ERSPANII{Version: 1}, gopacket.Payload(craft.InEthernet(ip4))), false},
		{"ERSPAN type III", 101, bytesOf(t, outer(47), &layers.GRE{Protocol: 0x22eb, SeqPresent: true}, gopacket.Payload(join([]byte{0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, make([]byte, 8), craft.InEthernet(ip4)))), false},
		{"VXLAN", 101, bytesOf(t, outer(17), &layers.UDP{SrcPort: 5555, DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true, VNI: 1}, gopacket.Payload(craft.InEthernet(ip6))), true},
		{"IPv4 in IPv4", 101, craft.Packet(from.Addr(), to.Addr(), 0, 4, ip4), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d frame.Decoder
			var p frame.Packet
			if !d.Decode(tt.link, 1, tt.data, &p) {
				t.Fatal("nothing was found in it")
			}
			src, dst := from, to
			if tt.six {
				src, dst = from6, to6
			}
			if p.Kind != frame.Segment || p.Src.AddrPort() != src || p.Dst.AddrPort() != dst || p.TTL != 61 {
				t.Errorf("got %+v", p)
			}
			if string(p.TCP.Payload) != string(text) || p.TCP.Length != len(text) || p.TCP.Seq != 7 || p.TCP.Ack != 9 || p.TCP.Flags != frame.ACK|frame.PSH {
				t.Errorf("got %+v", p.TCP)
			}
		})
	}
}

// outer is the header of a tunnel.
func outer(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 255, Protocol: proto, SrcIP: net.IP{198, 51, 100, 1}, DstIP: net.IP{198, 51, 100, 2}}
}

// One tunnel is read; a tunnel in a tunnel is not, however deep it goes.
func TestTunnelInTunnel(t *testing.T) {
	b := bytesOf(t, fixed4, segment(), gopacket.Payload(text))
	for n := range 5 {
		var d frame.Decoder
		var p frame.Packet
		if got := d.Decode(101, 1, b, &p); got != (n < 2) {
			t.Errorf("%d tunnels: read %v", n, got)
		}
		if !d.Decode(101, 1, bytesOf(t, fixed4, segment(), gopacket.Payload(text)), &p) {
			t.Errorf("after %d tunnels, a plain packet is not read", n)
		}
		b = bytesOf(t, outer(47), &layers.GRE{Protocol: layers.EthernetTypeIPv4}, gopacket.Payload(b))
	}
}

// extended puts an extension header into an IPv6 packet.
func extended(ip6 []byte) []byte {
	out := bytes.Clone(ip6[:40])
	next := out[6]
	out[6], out[5] = 60, out[5]+8
	out = append(out, next, 0, 1, 4, 0, 0, 0, 0)
	return append(out, ip6[40:]...)
}

func TestOptions(t *testing.T) {
	syn := segment()
	syn.SYN, syn.ACK, syn.PSH = true, false, false
	syn.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 0xb4}}, {OptionType: layers.TCPOptionKindNop},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}}}
	syn.DataOffset = 7
	var d frame.Decoder
	var p frame.Packet
	if !d.Decode(101, 1, bytesOf(t, fixed4, syn), &p) || p.TCP.MSS != 1460 || p.TCP.Scale != 7 {
		t.Errorf("got %+v", p.TCP)
	}
}

func TestFragments(t *testing.T) {
	whole := bytesOf(t, fixed4, segment(), gopacket.Payload(bytes.Repeat([]byte("x"), 3000)))
	body := whole[20:]
	part := func(at, n int, more bool) []byte {
		b := append(bytes.Clone(whole[:20]), body[at:at+n]...)
		size := 20 + n
		b[2], b[3], b[4], b[5] = byte(size>>8), byte(size), 0, 9
		b[6], b[7] = byte(at/8>>8), byte(at/8)
		if more {
			b[6] |= 0x20
		}
		return b
	}
	var d frame.Decoder
	var p frame.Packet
	for i, f := range [][]byte{part(2000, len(body)-2000, false), part(0, 1000, true), part(1000, 1000, true)} {
		if got := d.Decode(101, 1, f, &p); got != (i == 2) {
			t.Fatalf("fragment %d: got %v", i, got)
		}
	}
	if p.TCP.Length != 3000 || len(p.TCP.Payload) != 3000 {
		t.Errorf("got %d octets of %d", len(p.TCP.Payload), p.TCP.Length)
	}
}

func TestICMP(t *testing.T) {
	about := bytesOf(t, fixed4, segment(), gopacket.Payload(text))
	router := netip.MustParseAddr("198.51.100.1")
	var d frame.Decoder
	var p frame.Packet
	if !d.Decode(101, 1, craft.ICMP(router, from.Addr(), 3, 4, 1400, about), &p) {
		t.Fatal("nothing was found in it")
	}
	m := p.ICMP
	if p.Kind != frame.Error || m.Type != 3 || m.Code != 4 || m.MTU != 1400 || m.Src.AddrPort() != from || m.Dst.AddrPort() != to || m.Seq != 7 {
		t.Errorf("got %+v", p)
	}
	if d.Decode(101, 1, craft.ICMP(router, from.Addr(), 0, 0, 0, about), &p) {
		t.Error("an echo reply is taken for an error")
	}
}

func FuzzDecode(f *testing.F) {
	ip4 := bytesOf(f, fixed4, segment(), gopacket.Payload(text))
	for _, link := range []uint16{0, 1, 9, 50, 101, 105, 113, 119, 127, 192, 276} {
		f.Add(link, ip4)
	}
	f.Add(uint16(101), bytesOf(f, fixed6, segment(), gopacket.Payload(text)))
	f.Fuzz(func(t *testing.T, link uint16, data []byte) {
		var d frame.Decoder
		var p frame.Packet
		for at := range int64(3) {
			if d.Decode(link, at, data, &p) && p.Kind == frame.Segment && len(p.TCP.Payload) > len(data) {
				t.Errorf("%d octets of payload out of %d", len(p.TCP.Payload), len(data))
			}
		}
	})
}
