package tcp_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/frame"
	"github.com/smtptriage/smtptriage/internal/capture/tcp"
)

var (
	client = netip.MustParseAddrPort("192.0.2.10:40000")
	server = netip.MustParseAddrPort("203.0.113.25:25")
)

const (
	millisecond = int64(1e6)
	second      = int64(1e9)
)

// A listener keeps what a table tells of one connection.
type listener struct {
	stream [2]bytes.Buffer
	gaps   [2]int64
	done   []tcp.Conn
	held   int
}

func (l *listener) Data(_ *tcp.Conn, way tcp.Way, _ int64, p []byte) { l.stream[way].Write(p) }
func (l *listener) Gap(_ *tcp.Conn, way tcp.Way, _, n int64) {
	l.gaps[way] += n
	fmt.Fprintf(&l.stream[way], "<%d>", n)
}
func (l *listener) Done(c *tcp.Conn) { l.done = append(l.done, *c) }
func (l *listener) Held() int        { return l.held }

// A wire feeds segments to a table, a millisecond apart.
type wire struct {
	t      *testing.T
	table  tcp.Table
	decode frame.Decoder
	now    int64
	heard  []*listener
}

func newWire(t *testing.T) *wire {
	w := &wire{t: t, now: 1_700_000_000 * second}
	w.table.Open = func(*tcp.Conn) tcp.Handler {
		w.heard = append(w.heard, &listener{})
		return w.heard[len(w.heard)-1]
	}
	return w
}

func (w *wire) packet(ip []byte) {
	w.t.Helper()
	var p frame.Packet
	if !w.decode.Decode(craft.Raw, w.now, ip, &p) {
		w.t.Fatalf("cannot decode %x", ip)
	}
	w.table.Add(w.now, &p)
	w.now += millisecond
}

// only is the only connection, after the end of the capture.
func (w *wire) only() (*listener, tcp.Conn) {
	w.t.Helper()
	w.table.Close()
	if len(w.heard) != 1 || len(w.heard[0].done) != 1 {
		w.t.Fatalf("%d connections, want one that ends once", len(w.heard))
	}
	return w.heard[0], w.heard[0].done[0]
}

// toServer is a segment of the client whose stream begins at sequence number isn+1; toClient one of the server.
func toServer(isn uint32, at int, flags uint8, data string) craft.Segment {
	return craft.Segment{From: client, To: server, Seq: isn + 1 + uint32(at), Flags: flags | craft.ACK, Ack: 5001, Data: []byte(data)}
}

func toClient(seq, ack uint32, flags uint8, data string) craft.Segment {
	return craft.Segment{From: server, To: client, Seq: seq, Ack: ack, Flags: flags | craft.ACK, Data: []byte(data)}
}

func open(w *wire, isn uint32) {
	w.packet(craft.Segment{From: client, To: server, Seq: isn, Flags: craft.SYN, MSS: 1460}.IP())
	w.packet(craft.Segment{From: server, To: client, Seq: 5000, Ack: isn + 1, Flags: craft.SYN | craft.ACK, MSS: 1400}.IP())
}

// Whatever order segments come in, however they overlap and repeat each other, they give the same octets.
func TestAnyOrder(t *testing.T) {
	text := make([]byte, 4000)
	for i := range text {
		text[i] = byte('!' + i%90)
	}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		isn := []uint32{1000, 0xffffff00, 0x7fffff80, 0xffffffff}[seed%4]
		var parts []craft.Segment
		for at := 0; at < len(text); {
			n := min(1+r.IntN(400), len(text)-at)
			parts = append(parts, toServer(isn, at, 0, string(text[at:at+n])))
			at += n
		}
		for range r.IntN(20) { // overlaps
			at := r.IntN(len(text) - 1)
			n := min(1+r.IntN(900), len(text)-at)
			parts = append(parts, toServer(isn, at, 0, string(text[at:at+n])))
		}
		for range r.IntN(10) { // repetitions
			parts = append(parts, parts[r.IntN(len(parts))])
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		w := newWire(t)
		open(w, isn)
		for _, p := range parts {
			w.packet(p.IP())
		}
		got, c := w.only()
		if !bytes.Equal(got.stream[tcp.ToServer].Bytes(), text) {
			t.Fatalf("seed %d: got %d octets: %.60q, want %d", seed, got.stream[0].Len(), got.stream[0].Bytes(), len(text))
		}
		if h := c.Half[tcp.ToServer]; h.Octets != int64(len(text)) || h.Missing != 0 || h.Changed != nil || got.gaps[0] != 0 {
			t.Fatalf("seed %d: %d octets, %d missing, changed %v", seed, h.Octets, h.Missing, h.Changed)
		}
	}
}

// Whatever is lost, no octet is told twice or in the wrong place, and all are told of as there or as missing.
func TestAnyLoss(t *testing.T) {
	text := []byte(strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 100))
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 2))
		w := newWire(t)
		open(w, 1000)
		for at := 0; at < len(text); {
			n := min(1+r.IntN(200), len(text)-at)
			if r.IntN(4) > 0 {
				w.packet(toServer(1000, at, 0, string(text[at:at+n])).IP())
			}
			at += n
			if r.IntN(3) == 0 {
				w.packet(toClient(5001, 1001+uint32(at), 0, "").IP())
			}
			if r.IntN(10) == 0 {
				w.now += second
			}
		}
		w.packet(toClient(5001, 1001+uint32(len(text)), 0, "").IP())
		got, c := w.only()
		if h := c.Half[tcp.ToServer]; h.Octets != int64(len(text)) || h.Missing != got.gaps[0] {
			t.Fatalf("seed %d: %d octets, %d missing, gaps of %d, want %d in all", seed, h.Octets, h.Missing, got.gaps[0], len(text))
		}
		at := 0
		for rest := got.stream[0].Bytes(); len(rest) > 0; {
			var n int
			if i := bytes.IndexByte(rest, '>'); rest[0] == '<' && i > 0 {
				fmt.Sscanf(string(rest[:i+1]), "<%d>", &n)
				rest = rest[i+1:]
				at += n
				continue
			}
			if rest[0] != text[at] {
				t.Fatalf("seed %d: octet %d is %q, want %q", seed, at, rest[0], text[at])
			}
			rest = rest[1:]
			at++
		}
		if at != len(text) {
			t.Fatalf("seed %d: %d octets accounted for, want %d", seed, at, len(text))
		}
	}
}

func TestFacts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		write func(w *wire)
		want  string // the client's stream
		check func(c *tcp.Conn) bool
	}{
		{"opened and closed", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "hello").IP())
			w.packet(toClient(5001, 1006, craft.FIN, "").IP())
			s := toServer(1000, 5, craft.FIN, "")
			s.Ack = 5002
			w.packet(s.IP())
			w.packet(toClient(5002, 1007, 0, "").IP())
		}, "hello", func(c *tcp.Conn) bool {
			way, ok := c.FirstFIN()
			return ok && way == tcp.ToClient && c.Opened != 0 && c.Finished == tcp.Over && c.Half[0].MSS == 1460 && c.Half[1].MSS == 1400 && c.Half[0].FIN > c.Half[1].FIN
		}},
		{"closed by the server, captured in another order", func(w *wire) {
			open(w, 1000)
			s := toServer(1000, 0, craft.FIN, "")
			s.Ack = 5002
			w.packet(s.IP())
			w.packet(toClient(5001, 1001, craft.FIN, "").IP())
		}, "", func(c *tcp.Conn) bool { way, ok := c.FirstFIN(); return ok && way == tcp.ToClient }},
		{"closed by both at once", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, craft.FIN, "").IP())
			w.packet(toClient(5001, 1001, craft.FIN, "").IP())
		}, "", func(c *tcp.Conn) bool { way, ok := c.FirstFIN(); return ok && way == tcp.ToServer }},
		{"met in its middle", func(w *wire) {
			w.packet(toServer(1000, 100, 0, "later").IP())
		}, "later", func(c *tcp.Conn) bool { return c.Guessed && !c.FromStart() && c.Client.AddrPort() == client }},
		{"one octet sent again keeps it alive", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "hello").IP())
			w.packet(toServer(1000, 4, 0, "o").IP())
		}, "hello", func(c *tcp.Conn) bool { return c.Half[0].Probes == 1 && c.Half[0].Resent == 0 }},
		{"a changed repetition", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "EHLO a").IP())
			s := toServer(1000, 0, 0, "EHLO b")
			s.TTL = 50
			w.packet(s.IP())
		}, "EHLO a", func(c *tcp.Conn) bool {
			x := c.Half[0].Changed
			return x != nil && x.Offset == 5 && string(x.First) == "a" && string(x.Second) == "b" && x.TTLs == [2]uint8{64, 50}
		}},
		{"a reset of another host", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "EHLO a").IP())
			s := toClient(5001, 1007, craft.RST, "")
			s.TTL = 250
			w.packet(s.IP())
		}, "EHLO a", func(c *tcp.Conn) bool {
			r := c.Reset
			return r != nil && r.From == tcp.ToClient && r.TTL == 250 && r.Usual == 64 && r.After == millisecond && r.Window && !r.ToSYN
		}},
		{"a reset out of line", func(w *wire) {
			open(w, 1000)
			w.packet(toClient(5001+1<<25, 1001, craft.RST, "").IP())
		}, "", func(c *tcp.Conn) bool { _, ok := c.FirstFIN(); return !ok && c.Reset != nil && !c.Reset.Window }},
		{"a refused SYN", func(w *wire) {
			w.packet(craft.Segment{From: client, To: server, Seq: 1000, Flags: craft.SYN}.IP())
			w.packet(toClient(0, 1001, craft.RST, "").IP())
		}, "", func(c *tcp.Conn) bool { return c.Reset.ToSYN && c.Opened == 0 && !c.Established() }},
		{"a window of zero", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "data").IP())
			s := toClient(5001, 1005, 0, "")
			s.Closed = true
			w.packet(s.IP())
			w.now += 3 * second
			w.packet(toServer(1000, 4, 0, "x").IP()) // a probe, which goes nowhere
			w.packet(toClient(5001, 1005, 0, "").IP())
		}, "data", func(c *tcp.Conn) bool {
			return c.Half[1].Zero == 1 && c.Half[1].ZeroFor >= 3*second && c.Half[0].Probes == 1
		}},
		{"a large segment in vain", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "small").IP())
			w.packet(toClient(5001, 1006, 0, "").IP())
			for range 3 {
				w.packet(toServer(1000, 5, 0, strings.Repeat("x", 1400)).IP())
				w.now += second
			}
		}, "small" + strings.Repeat("x", 1400), func(c *tcp.Conn) bool {
			h := c.Half[0]
			return h.Stuck == 1440 && h.StuckTimes == 3 && h.LargestAcked == 45 && h.Resent == 2
		}},
		{"octets that nobody acknowledged are waited for", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 10, 0, "behind").IP())
			w.now += 10 * second
			w.packet(toServer(1000, 0, 0, "0123456789").IP())
		}, "0123456789behind", func(c *tcp.Conn) bool { return c.Half[0].Missing == 0 && c.Half[0].Disorder == 1 }},
		{"octets behind a hole at the end", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 10, 0, "behind").IP())
		}, "", func(c *tcp.Conn) bool { return c.Half[0].Waiting == 6 && c.Half[0].Missing == 0 }},
		{"octets that were acknowledged and not captured", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 10, 0, "behind").IP())
			w.packet(toClient(5001, 1017, 0, "").IP())
		}, "<10>behind", func(c *tcp.Conn) bool { return c.Half[0].Missing == 10 }},
		{"the same at the end", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "EHLO a").IP())
			w.packet(toClient(5001, 1057, 0, "").IP())
		}, "EHLO a<50>", func(c *tcp.Conn) bool { return c.Half[0].Missing == 50 }},
		{"an acknowledged FIN is no octet", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "QUIT").IP())
			w.packet(toClient(5001, 1006, 0, "").IP())
		}, "QUIT", func(c *tcp.Conn) bool { return c.Half[0].Missing == 0 }},
		{"a sequence number from nowhere", func(w *wire) {
			open(w, 1000)
			w.packet(toServer(1000, 0, 0, "good").IP())
			w.packet(toServer(1000, 1<<30, 0, "bad").IP())
			w.packet(toClient(5001, 1<<31, 0, "").IP())
			w.packet(toServer(1000, 4, 0, " too").IP())
		}, "good too", func(c *tcp.Conn) bool { return c.Half[0].Missing == 0 }},
		{"ICMP", func(w *wire) {
			s := craft.Segment{From: client, To: server, Seq: 1000, Flags: craft.SYN}.IP()
			w.packet(s)
			w.packet(craft.ICMP(netip.MustParseAddr("198.51.100.1"), client.Addr(), 3, 13, 0, s))
		}, "", func(c *tcp.Conn) bool {
			return len(c.Errors) == 1 && c.Errors[0].Way == tcp.ToServer && c.Errors[0].ICMP.Code == 13 && c.Errors[0].ICMP.Seq == 1000
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t)
			tt.write(w)
			got, c := w.only()
			if s := got.stream[tcp.ToServer].String(); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
			if !tt.check(&c) {
				t.Errorf("got %+v\n%+v\n%+v", c.Reset, c.Half[0], c.Half[1])
			}
		})
	}
}

func TestPortsUsedAgain(t *testing.T) {
	w := newWire(t)
	for i := range uint32(3) {
		open(w, 1000*(i+1))
		w.packet(toServer(1000*(i+1), 0, 0, fmt.Sprint("hello ", i)).IP())
	}
	w.packet(craft.Segment{From: client, To: server, Seq: 3000, Flags: craft.SYN}.IP()) // sent again: the same
	w.table.Close()
	if len(w.heard) != 3 {
		t.Fatalf("%d connections, want 3", len(w.heard))
	}
	for i, l := range w.heard {
		if got, want := l.stream[0].String(), fmt.Sprint("hello ", i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if w.heard[0].done[0].Finished != tcp.Replaced || w.heard[2].done[0].Finished != tcp.CaptureEnd {
		t.Errorf("endings %v and %v", w.heard[0].done[0].Finished, w.heard[2].done[0].Finished)
	}
}

func TestIdle(t *testing.T) {
	w := newWire(t)
	open(w, 1000)
	w.now += 30 * 60 * second
	other := craft.Segment{From: netip.MustParseAddrPort("192.0.2.11:40000"), To: server, Flags: craft.ACK, Data: []byte("x")}
	for range 3000 {
		other.Seq++
		w.packet(other.IP())
	}
	if len(w.heard[0].done) != 1 || w.heard[0].done[0].Finished != tcp.Idle {
		t.Errorf("got %v, want one idle ending", w.heard[0].done)
	}
}

// What waits for a hole to close, and what handlers hold, is bounded; a connection that had to give way is not begun again.
func TestBounds(t *testing.T) {
	t.Run("hole", func(t *testing.T) {
		w := newWire(t)
		open(w, 1000)
		for i := range 400 {
			w.packet(toServer(1000, 1000*(i+1), 0, strings.Repeat("x", 1000)).IP())
		}
		got, c := w.only()
		if c.Half[0].Missing != 1000 || got.stream[0].Len() < 399_000 {
			t.Errorf("%d missing, %d octets: the hole must be given up when too much waits for it", c.Half[0].Missing, got.stream[0].Len())
		}
	})
	t.Run("handlers", func(t *testing.T) {
		w := newWire(t)
		const conns, each = 300, 1 << 20
		from := func(i int) craft.Segment {
			s := toServer(1000, 0, 0, "data")
			s.From = netip.AddrPortFrom(client.Addr(), uint16(30000+i))
			return s
		}
		for i := range conns {
			w.packet(from(i).IP())
			w.heard[len(w.heard)-1].held = each
			s := from(i)
			s.Seq += 4
			w.packet(s.IP())
		}
		evicted := slices.IndexFunc(w.heard, func(l *listener) bool { return len(l.done) == 0 })
		if evicted < conns/2 || evicted == conns || w.heard[0].done[0].Finished != tcp.Evicted {
			t.Errorf("%d of %d connections gave way to others", evicted, conns)
		}
		s := from(0)
		s.Seq += 8
		w.packet(s.IP())
		w.table.Close()
		if len(w.heard) != conns || len(w.heard[0].done) != 1 {
			t.Errorf("%d connections, the first of which ended %d times; want %d and one", len(w.heard), len(w.heard[0].done), conns)
		}
	})
}
