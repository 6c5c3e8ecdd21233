package diagnose

import (
	"fmt"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Headers that stand before the data of a TCP segment: IPv4 or IPv6, and TCP with timestamps.
const (
	headers4 = 20 + 32
	headers6 = 40 + 32
)

// pathMTU is the largest packet that was seen to pass each way, or nil if nothing tells. What the kernel only assumes (its
// own path MTU before anything was lost) is no measurement.
func pathMTU(rec *evidence.Record, p Path) *PathMTU {
	var m PathMTU
	for _, id := range p.Traces {
		if t := rec.Trace(id); t != nil {
			m.fromTrace(t)
		}
	}
	for _, run := range rec.Runs {
		switch run.Name {
		case askHelloSizes, askPathMTU, askClamped, askUnclamped, askSmallHello:
			for _, id := range run.Traces {
				if t := rec.Trace(id); t != nil {
					m.fromTrace(t)
				}
			}
		}
	}
	if m.ToServer == 0 && m.FromServer == 0 {
		return nil
	}
	m.Interface = interfaceMTU(rec, p)
	return &m
}

// fromTrace raises what is known by what one trace saw pass.
func (m *PathMTU) fromTrace(t *evidence.Trace) {
	headers := headers4
	if a := t.Address.Addr(); a.IsValid() && a.Is6() && !a.Is4In6() {
		headers = headers6
	}
	v := evidence.NewView(t)
	for i := range t.Events {
		e := &t.Events[i]
		switch {
		case e.Size != nil && e.Size.Answered:
			m.toServer(e.Size.Bytes, "packets that must not be fragmented")
		case e.TCP != nil:
			k := e.TCP
			// Acknowledged beyond one segment, and nothing lost on the way: segments of that size passed.
			if k.SndMSS > 0 && k.Unacked == 0 && k.BytesAcked > int64(k.SndMSS) && largestSent(v) >= k.SndMSS {
				m.toServer(k.SndMSS+headers, "segments of the conversation")
			}
			if k.RcvMSS > 0 && k.BytesRecv > int64(k.RcvMSS) {
				m.FromServer = max(m.FromServer, k.RcvMSS+headers)
			}
		}
	}
	if v.ClientHello >= 0 && (v.ServerHello >= 0 || v.Alert >= 0) {
		if n := t.Events[v.ClientHello].ClientHello.Size; n+headers <= 1500 {
			m.toServer(n+headers, "a ClientHello that was answered")
		}
	}
}

func (m *PathMTU) toServer(n int, method string) {
	if n > m.ToServer {
		m.ToServer, m.Method = n, method
	}
}

// largestSent is the most that the client wrote at once, in octets.
func largestSent(v *evidence.View) int {
	n := 0
	for i := range v.Trace.Events {
		e := &v.Trace.Events[i]
		if e.Sent != nil {
			n = max(n, int(e.Sent.Bytes))
		}
		if e.ClientHello != nil {
			n = max(n, e.ClientHello.Size)
		}
	}
	return n
}

// interfaceMTU is that of the interface which the path's connection left by; 0 if it is not known.
func interfaceMTU(rec *evidence.Record, p Path) int {
	if rec.Host == nil {
		return 0
	}
	for _, id := range p.Traces {
		t := rec.Trace(id)
		if t == nil || !t.Local.IsValid() {
			continue
		}
		for _, i := range rec.Host.Interfaces {
			for _, a := range i.Addresses {
				if hasAddress(a, fmt.Sprint(t.Local.Addr())) {
					return i.MTU
				}
			}
		}
	}
	return 0
}

// hasAddress reports whether a prefix, as "192.0.2.5/24", is of that address.
func hasAddress(prefix, addr string) bool {
	return len(prefix) > len(addr) && prefix[:len(addr)] == addr && prefix[len(addr)] == '/'
}
