package packets

import (
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// facts records what only the packets show.
func (v *conversation) facts(c *tcp.Conn, at int64) {
	s := evidence.Segments{
		ToServer: v.flow(&c.Half[tcp.ToServer]), ToClient: v.flow(&c.Half[tcp.ToClient]),
		SYNs: c.Half[tcp.ToServer].SYNs, Resets: c.Resets, Unopened: !c.Established(),
	}
	if c.Opened != 0 && c.FromStart() {
		s.RoundTrip = time.Duration(c.Opened - c.Start)
	}
	if r := c.Reset; r != nil {
		s.Reset = &evidence.ResetSeen{From: r.From.From(), At: v.since(r.At), After: time.Duration(r.After), TTL: int(r.TTL), Usual: int(r.Usual), InLine: r.Window}
	}
	for i := range c.Errors {
		e := &c.Errors[i]
		s.ICMP = append(s.ICMP, evidence.ICMPSeen{ICMP: icmpOf(e), About: e.Way.From(), At: v.since(e.At)})
	}
	v.add(at, evidence.Event{Segments: &s})
}

func icmpOf(e *tcp.Error) evidence.ICMP {
	return evidence.ICMP{From: e.From.AddrPort().Addr(), V6: e.ICMP.V6, Type: int(e.ICMP.Type), Code: int(e.ICMP.Code), MTU: e.ICMP.MTU}
}

func (v *conversation) flow(h *tcp.Half) evidence.Flow {
	f := evidence.Flow{
		Packets: h.Packets, Octets: h.Octets, Missing: h.Missing, MSS: h.MSS, Resent: h.Resent, Disorder: h.Disorder,
		ZeroWindows: h.Zero, ZeroFor: time.Duration(h.ZeroFor), Largest: h.Largest, LargestAcked: h.LargestAcked,
		Stuck: h.Stuck, StuckTimes: h.StuckTimes, Held: h.Waiting,
	}
	for _, ttl := range h.TTLs {
		f.TTLs = append(f.TTLs, int(ttl))
	}
	if c := h.Changed; c != nil {
		f.Changed = &evidence.Changed{At: v.since(c.At), Offset: c.Offset, First: c.First, Second: c.Second,
			TTLs: [2]int{int(c.TTLs[0]), int(c.TTLs[1])}}
	}
	return f
}
