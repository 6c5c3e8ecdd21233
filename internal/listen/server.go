package listen

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A Server takes connections of mail clients and records them. Its zero value stands in for Microsoft 365 with a
// certificate authority that lives as long as the process. Fields must not change once it serves.
type Server struct {
	As          Personality // "": Microsoft365
	Name        string      // what the server calls itself; "": as the personality does
	Accept      bool        // take mail without TLS, sign-in or limits, whatever the personality asks for
	MaxSize     int64       // octets of a message that is taken; 0: what the personality announces
	Authority   *Authority  // issues the certificates; nil: one for this process
	Certificate CertificateKind
	Keep        string // folder that messages are kept in; "": they are not kept
	Anywhere    bool   // take connections from public addresses too
	Limits      Limits // zero values: the defaults
	Tool        evidence.Tool

	Answer  func(context.Context, net.Conn) // holds the conversation in place of this server, which records; nil: this server
	Forward *Forward                        // passes conversations on to another server; nil: they end here

	Away  func(client netip.Addr, why string)  // is told who was turned away; nil: nobody is
	Watch func(evidence.Trace, evidence.Event) // is shown each event as it happens; nil: nobody looks
	Done  func(*evidence.Record)               // gets the record of each conversation, with the earlier ones of its address

	once    sync.Once
	gate    *gate
	history *history
	leaves  *leafStore
	ready   error
}

// A Port is one port that is listened on.
type Port struct {
	Number   int
	Implicit bool // TLS from the first byte, as on 465 (RFC 8314, section 3.3)
	Relay    bool // mail without sign-in, as on 25
}

// Serve takes connections until ctx ends, and returns when the last conversation is over. It closes ln. It can be called
// for several ports at once.
func (s *Server) Serve(ctx context.Context, ln net.Listener, port Port) error {
	if s.once.Do(s.prepare); s.ready != nil {
		return s.ready
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case err != nil:
			if !temporary(ctx, err) {
				return fmt.Errorf("taking connections on %v: %w", ln.Addr(), err)
			}
			continue
		}
		wg.Go(func() { s.serve(ctx, conn, port) })
	}
}

// temporary waits a moment and reports whether accepting can go on: the system may be out of files for now.
func temporary(ctx context.Context, err error) bool {
	if t, ok := err.(interface{ Temporary() bool }); !ok || !t.Temporary() {
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
	return true
}

func (s *Server) prepare() {
	s.gate = newGate(s.Anywhere, s.Limits)
	s.history = newHistory()
	if s.Authority == nil {
		s.Authority, s.ready = NewAuthority()
	}
	names := s.personality().hosts
	if s.Forward != nil {
		names = []string{s.Forward.Host}
	}
	s.leaves = &leafStore{authority: s.Authority, kind: s.Certificate, names: names}
}

// serve lets one connection in, or turns it away, and holds the conversation.
func (s *Server) serve(ctx context.Context, conn net.Conn, port Port) {
	defer conn.Close()
	client := addrPort(conn.RemoteAddr())
	leave, why := s.gate.enter(client.Addr())
	if why != "" {
		s.turnAway(conn, client.Addr(), port, why)
		return
	}
	defer leave()
	c := s.newCall(conn, client, port)
	ctx, cancel := context.WithTimeout(ctx, s.Limits.life())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	switch {
	case s.Forward != nil:
		s.Forward.serve(ctx, c)
	case s.Answer != nil:
		c.answer(ctx, s.Answer)
	default:
		c.run(ctx)
	}
	c.finish(ctx)
	s.report(c)
}

// turnAway tells a client in one line why it cannot be served, where it would understand it.
func (s *Server) turnAway(conn net.Conn, client netip.Addr, port Port, why string) {
	if s.Away != nil {
		s.Away(client, why)
	}
	if port.Implicit {
		return
	}
	conn.SetWriteDeadline(time.Now().Add(time.Second))
	io.WriteString(conn, "421 4.3.2 "+s.name(port)+" "+why+"\r\n")
}

func (s *Server) report(c *call) {
	traces := append(s.history.add(c.client.Addr(), c.j.rec.Snapshot()), c.others()...)
	if s.Done == nil {
		return
	}
	s.Done(&evidence.Record{Schema: evidence.Schema, Tool: s.Tool, Source: evidence.FromListen, Started: traces[0].Start,
		Took: time.Since(traces[0].Start), Target: evidence.Target{Input: c.client.Addr().String(), Walk: c.walk()}, Traces: traces})
}

// Forget ends the story of every address: what connects next is taken for another device.
func (s *Server) Forget() {
	if s.once.Do(s.prepare); s.history != nil {
		s.history.forget()
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
	}
	return netip.AddrPort{}
}

// A call is one connection and what is known of it.
type call struct {
	s      *Server
	port   Port
	client netip.AddrPort
	raw    *tap
	d      *dialogue
	j      *journal
	began  time.Time

	mu      sync.Mutex
	secured *tls.ConnectionState
	failed  bool // TLS was tried and failed
	ended   bool
	beside  []func() evidence.Trace // traces of connections made for this one
}

func (s *Server) newCall(conn net.Conn, client netip.AddrPort, port Port) *call {
	scrub := new(evidence.Scrubber)
	c := &call{s: s, port: port, client: client, began: time.Now()}
	local := addrPort(conn.LocalAddr())
	if port.Number == 0 {
		c.port.Number = int(local.Port())
	}
	c.raw = &tap{Conn: conn, far: evidence.Client, last: c.began}
	c.j = newJournal(evidence.Trace{ID: s.history.nextID(), Role: evidence.RoleObserved, Address: client, Local: local, Origin: client.String(),
		Walk: c.walk(), Sees: s.sees()}, scrub, s.Watch)
	messages := 0
	c.d = &dialogue{j: c.j, memory: s.history.memory(client.Addr()), scrub: scrub, keep: func() io.WriteCloser {
		messages++
		return c.keeper(messages)
	}}
	c.raw.d, c.raw.tls.j, c.raw.tls.others = c.d, c.j, s.Answer != nil
	return c
}

// sees is what the records are judged by: in conversations with this server the client's faults are the client's own,
// because the server has none.
func (s *Server) sees() evidence.Sees {
	all := evidence.SeesAll
	all.ServerSide = s.Answer == nil
	return all
}

// walk says how the client would have had to go about it: the port, and whether TLS starts with the first byte.
func (c *call) walk() evidence.Walk {
	if f := c.s.Forward; f != nil {
		return evidence.Walk{Via: evidence.ViaHost, Host: f.Host, Port: f.Port, TLS: c.tlsMode()}
	}
	if c.s.Answer != nil { // who answers has a name of his own
		return evidence.Walk{Via: evidence.ViaHost, Host: addrPort(c.raw.LocalAddr()).Addr().String(), Port: c.port.Number, TLS: c.tlsMode()}
	}
	return evidence.Walk{Via: evidence.ViaSubmission, Host: c.s.name(c.port), Port: c.port.Number, TLS: c.tlsMode()}
}

func (c *call) tlsMode() evidence.TLSMode {
	if c.port.Implicit {
		return evidence.ImplicitTLS
	}
	return evidence.StartTLS
}

func (c *call) keeper(n int) io.WriteCloser {
	if c.s.Keep == "" {
		return nil
	}
	f, err := mailFile(c.s.Keep, c.began.UTC().Format("20060102-150405-")+c.j.rec.ID(), n)
	if err != nil {
		c.j.add(evidence.Event{Note: &evidence.Note{Text: "the message could not be kept: " + err.Error()}})
		return nil
	}
	return f
}

// others are the traces of connections that were made for this one.
func (c *call) others() []evidence.Trace {
	var out []evidence.Trace
	for _, snapshot := range c.beside {
		out = append(out, snapshot())
	}
	return out
}
