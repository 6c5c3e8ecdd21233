package packets

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/capture/tlsopen"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A conversation writes the trace of one mail connection while its octets come in.
type conversation struct {
	r      *reader
	number int
	conn   *tcp.Conn
	rec    *evidence.Recorder
	start  int64
	from   bool // the first octets of both sides are there

	talk     *talk
	tls      *handshake // nil: no TLS yet
	implicit bool       // TLS came before any word
	flip     bool       // the client is the side that conn takes for the server
	octets   [2]int64   // seen, each way
	held     int        // octets of memory that the trace takes, about
	lacks    [2]bool    // octets of that side are missing while it spoke in clear
	prints   *prints    // nil: not asked for
}

// eventCost is about how many octets of memory an event takes, besides its text.
const eventCost = 300

// usualEvents is how many events a conversation has, about: room for them is made at once.
const usualEvents = 24

func newConversation(r *reader, number int, c *tcp.Conn, flip bool) *conversation {
	server := c.Server
	if flip {
		server = c.Client
	}
	v := &conversation{r: r, number: number, conn: c, flip: flip, start: c.Start, from: c.FromStart()}
	v.rec = evidence.NewRecorder(evidence.Trace{
		ID:     "t" + strconv.Itoa(number),
		Role:   evidence.RoleObserved,
		Start:  clock(c.Start),
		Walk:   evidence.Walk{Via: evidence.ViaHost, Host: server.AddrPort().Addr().String(), Port: int(server.Port)},
		Origin: fmt.Sprintf("%s, conversation %d", r.name, number),
		Events: make([]evidence.Event, 0, usualEvents),
	}, nil)
	if c.Opened != 0 {
		v.opened(c)
	}
	if r.o.Keep {
		v.prints = &prints{}
	}
	v.talk = &talk{v: v, greeted: !v.from && c.Opened == 0}
	return v
}

func (v *conversation) since(at int64) time.Duration { return time.Duration(at - v.start) }

func (v *conversation) add(at int64, e evidence.Event) int {
	e.At = v.since(at)
	return v.rec.Add(e)
}

// opened records that the server took the connection.
func (v *conversation) opened(c *tcp.Conn) {
	v.add(c.Opened, evidence.Event{Took: v.since(c.Opened), Dialed: &evidence.Dialed{
		Address: c.Server.AddrPort(), Outcome: evidence.Connected, MSS: c.Half[tcp.ToClient].MSS}})
}

// data takes octets of one side, in order.
func (v *conversation) data(way tcp.Way, at int64, p []byte) {
	v.octets[way] += int64(len(p))
	v.prints.add(way, p)
	for len(p) > 0 {
		if v.tls == nil && v.startsTLS(way, p) {
			v.beginTLS(at)
		}
		if v.tls != nil {
			if !v.tls.secured {
				v.held += len(p)
			}
			v.tls.feed(way, at, p)
			return
		}
		p = v.dialogue(way, at, p)
	}
}

// dialogue gives octets of the dialogue to the side they are of, and returns those that are none any more.
func (v *conversation) dialogue(way tcp.Way, at int64, p []byte) []byte {
	if v.talk.body == nil {
		v.held += 2*len(p) + eventCost*bytes.Count(p, []byte("\n"))
	}
	if way == tcp.ToServer {
		return v.talk.client(at, p)
	}
	return v.talk.server(at, p)
}

// inside takes octets that were opened inside TLS. STARTTLS is not to be had there (RFC 3207, section 4.2).
func (v *conversation) inside(way tcp.Way, at int64, p []byte) {
	for len(p) > 0 {
		v.talk.upgrade = false
		p = v.dialogue(way, at, p)
	}
}

// startsTLS reports whether the client goes over to TLS here: because the server agreed to STARTTLS, or unasked.
func (v *conversation) startsTLS(way tcp.Way, p []byte) bool {
	if v.talk.upgrade {
		return true
	}
	if way == tcp.ToClient {
		return v.unseen(tcp.ToServer) && foreign(p)
	}
	return v.talk.atLineStart() && looksLikeHello(p)
}

// unseen reports whether no packet of one side is in the capture, as where only one direction of a link was captured.
func (v *conversation) unseen(way tcp.Way) bool {
	if v.flip {
		way = way.Other()
	}
	return v.conn.Half[way].Packets == 0
}

// looksLikeHello reports whether octets begin like a TLS handshake record, or a hello in the format of SSLv2.
func looksLikeHello(p []byte) bool {
	return len(p) > 2 && (p[0] == 22 && p[1] == 3 || p[0]&0x80 != 0 && p[2] == 1 && len(p) > 4 && p[3] <= 3)
}

func (v *conversation) beginTLS(at int64) {
	v.tls = &handshake{v: v, begun: at}
	if v.r.keys.Len() > 0 {
		v.tls.open = tlsopen.NewOpener(v.r.keys)
	}
	v.implicit = !v.talk.sawPlain
	v.talk.leave(at)
}

// gap takes n octets that nobody will see.
func (v *conversation) gap(way tcp.Way, at, n int64) {
	v.prints.end(way)
	if v.tls != nil {
		v.tls.gap(way)
		return
	}
	v.lacks[way] = true
	v.rec.Add(evidence.Event{At: v.since(at), Note: &evidence.Note{
		Text: fmt.Sprintf("%d octets of the %s are missing in the capture here", n, way.From())}})
	v.talk.gap(way, n)
}

// done ends the trace and hands it on.
func (v *conversation) done(c *tcp.Conn) {
	v.flip = false // Done has put the sides of conn right
	client := &c.Half[tcp.ToServer]
	if c.Opened == 0 && c.FromStart() && v.octets[0]+v.octets[1] == 0 && client.Packets == client.SYNs {
		v.unopened(c)
	} else {
		v.oneSided(c)
		v.end(c)
	}
	v.rec.Update(func(t *evidence.Trace) { v.describe(c, t) })
	v.prints.conn(c)
	v.r.emit(&Conversation{Number: v.number, Trace: v.rec.Snapshot(), prints: v.prints})
}

// oneSided notes that nothing of one side is in the capture, though the other went on.
func (v *conversation) oneSided(c *tcp.Conn) {
	for way := range c.Half {
		if way := tcp.Way(way); v.unseen(way) {
			v.lacks[way] = true
			v.add(c.Last, evidence.Event{Note: &evidence.Note{Text: fmt.Sprintf("no packet of the %s is in the capture", way.From())}})
		}
	}
}

// describe fills in what is known of the trace as a whole.
func (v *conversation) describe(c *tcp.Conn, t *evidence.Trace) {
	t.Address, t.Local = c.Server.AddrPort(), c.Client.AddrPort()
	if v.tls != nil && v.tls.name != "" {
		t.Walk.Host = v.tls.name
	} else if name := v.r.names.of(t.Address.Addr()); name != "" {
		t.Walk.Host = name
	}
	if v.implicit {
		t.Walk.TLS = evidence.ImplicitTLS
	}
	t.Sees = evidence.Sees{
		Dial: c.FromStart(), FromStart: v.from && !v.lacks[0] && !v.lacks[1],
		Client: !v.lacks[tcp.ToServer], Server: !v.lacks[tcp.ToClient],
		Inside: v.tls.inside(),
		TLS:    v.tls == nil || !v.tls.blind, End: c.Finished == tcp.Over || c.Finished == tcp.CaptureEnd,
		Timing: !t.Start.IsZero(), Packets: true,
	}
}
