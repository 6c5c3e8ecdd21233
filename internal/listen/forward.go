package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
	"github.com/smtptriage/smtptriage/internal/trust"
)

// Forward passes what clients say on to a real server, and its answers back: a relay for conversations, never for mail.
type Forward struct {
	Host        string
	Port        int
	Passthrough bool           // leave TLS alone: then hellos and sizes are all that is seen of it
	Roots       *x509.CertPool // trusted beside the system's; nil: none

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer
}

const dialWait = 30 * time.Second

func (f *Forward) address() string { return net.JoinHostPort(f.Host, strconv.Itoa(f.Port)) }

// A bridge is one conversation that is passed on: the client's leg, which the call is, and the server's.
type bridge struct {
	f    *Forward
	c    *call
	up   *call // the other leg, recorded as if we were the client alone
	ctx  context.Context
	stop context.CancelFunc

	mu       sync.Mutex
	client   net.Conn // the innermost connection of each leg
	server   net.Conn
	upgraded chan bool // sent after each reply that the client's side waits for: TLS is there now
	leaving  bool      // one side has ended it
}

// serve passes one conversation on, to its end.
func (f *Forward) serve(ctx context.Context, c *call) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := &bridge{f: f, c: c, ctx: ctx, stop: cancel, upgraded: make(chan bool)}
	conn, ok := b.dial()
	c.mu.Lock()
	c.beside = append(c.beside, b.up.j.rec.Snapshot)
	c.mu.Unlock()
	if !ok {
		if !c.port.Implicit {
			c.raw.SetWriteDeadline(time.Now().Add(writeWait))
			io.WriteString(c.raw, "421 4.4.1 smtptriage could not connect to "+f.address()+"\r\n")
		}
		return
	}
	b.up.raw = newTap(conn, b.up.d, evidence.Server)
	defer b.up.raw.Close()
	defer context.AfterFunc(ctx, func() { c.raw.Close(); b.up.raw.Close() })()
	b.client, b.server = c.raw, b.up.raw
	if c.port.Implicit && !f.Passthrough && !b.upgrade(bufio.NewReaderSize(c.raw, recordRoom)) {
		b.finish()
		return
	}
	b.pass()
	b.finish()
}

// dial connects to the server, and starts the record of that leg.
func (b *bridge) dial() (net.Conn, bool) {
	b.up = b.c.s.newLeg(b.c, b.f)
	dial := b.f.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	ctx, cancel := context.WithTimeout(b.ctx, dialWait)
	defer cancel()
	began := time.Now()
	conn, err := dial(ctx, "tcp", b.f.address())
	d := &evidence.Dialed{Outcome: evidence.Connected, Waited: time.Since(began)}
	if err != nil {
		d.Outcome, d.Text = dialOutcome(err), err.Error()
		var op *net.OpError
		if errors.As(err, &op) && op.Addr != nil {
			d.Address = addrPort(op.Addr)
		}
	} else {
		d.Address = addrPort(conn.RemoteAddr())
		b.up.j.rec.Update(func(t *evidence.Trace) { t.Address, t.Local = d.Address, addrPort(conn.LocalAddr()) })
	}
	b.up.j.add(evidence.Event{Took: d.Waited, Dialed: d})
	return conn, err == nil
}

func dialOutcome(err error) evidence.Outcome {
	var timeout net.Error
	switch {
	case isRefused(err):
		return evidence.Refused
	case errors.As(err, &timeout) && timeout.Timeout():
		return evidence.TimedOut
	}
	return evidence.Failed
}

// newLeg is the record of the connection to the server that a client's conversation is passed on to.
func (s *Server) newLeg(c *call, f *Forward) *call {
	leg := &call{s: s, port: c.port, client: c.client, began: time.Now()}
	scrub := new(evidence.Scrubber)
	w := evidence.Walk{Via: evidence.ViaHost, Host: f.Host, Port: f.Port, TLS: c.tlsMode()}
	sees := evidence.SeesAll
	sees.Inside = !f.Passthrough
	leg.j = newJournal(evidence.Trace{ID: c.j.rec.ID() + "s", Role: evidence.RoleAsked, Walk: w, Sees: sees, Origin: "passed on from " + c.client.String()}, scrub, s.Watch)
	leg.d = &dialogue{j: leg.j, scrub: scrub}
	return leg
}

// pass moves octets both ways until both have ended.
func (b *bridge) pass() {
	var wg sync.WaitGroup
	wg.Go(func() { b.fromClient(); b.over() })
	wg.Go(func() { b.fromServer(); b.over() })
	wg.Wait()
}

// over lets the other direction end soon: what is on its way still arrives.
func (b *bridge) over() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.leaving {
		b.leaving = true
		deadline := time.Now().Add(linger)
		b.c.raw.SetReadDeadline(deadline)
		b.up.raw.SetReadDeadline(deadline)
	}
}

const linger = 2 * time.Second // for the last words of one side after the other has left

func (b *bridge) ends() (client, server net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.client, b.server
}

// fromClient passes the client's octets on. After STARTTLS it stands still until the server has answered.
func (b *bridge) fromClient() {
	buf := make([]byte, passRoom)
	for {
		client, server := b.ends()
		n, err := client.Read(buf)
		// Asked before the command is passed on: after that the answer may be here at any moment.
		waits := !b.f.Passthrough && b.c.secured == nil && b.c.d.asksTLS()
		if n > 0 {
			b.up.raw.SetWriteDeadline(time.Now().Add(writeWait))
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			b.clientLeft(server, err)
			return
		}
		if !waits {
			continue
		}
		select {
		case <-b.upgraded:
		case <-b.ctx.Done():
			return
		}
	}
}

const passRoom = 32 << 10

// fromServer passes the server's octets on, and takes up TLS on both sides when the server has agreed to it.
func (b *bridge) fromServer() {
	buf := make([]byte, passRoom)
	for {
		client, server := b.ends()
		n, err := server.Read(buf)
		asked := !b.f.Passthrough && b.c.secured == nil && b.c.d.asksTLS()
		if n > 0 {
			b.c.raw.SetWriteDeadline(time.Now().Add(writeWait))
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			// Of TLS 1.3, where a server refuses a client's certificate after the handshake.
			if alert, ok := tlswire.RemoteAlert(err); ok {
				b.up.j.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Server, Alert: alert}})
			}
			b.leave(b.c.raw, client, err)
			b.stopWaiting(asked)
			return
		}
		if !asked || b.c.d.asksTLS() {
			continue
		}
		if b.c.d.agreedTLS() && !b.upgrade(bufio.NewReaderSize(b.c.raw, recordRoom)) {
			b.stop()
			return
		}
		b.stopWaiting(true)
	}
}

func (b *bridge) stopWaiting(asked bool) {
	if !asked {
		return
	}
	select {
	case b.upgraded <- true:
	case <-b.ctx.Done():
	}
}

// clientLeft ends the server's leg. A client that left before its turn had no patience: what the server says later would make the record
// say otherwise.
func (b *bridge) clientLeft(server net.Conn, err error) {
	if w := b.up.d.awaited(); w != "" && w != "QUIT" && !b.f.Passthrough {
		b.up.raw.Close()
		return
	}
	b.leave(b.up.raw, server, err)
}

// leave ends one leg as the other was ended: in good order, or with RST.
func (b *bridge) leave(leg *tap, inside net.Conn, err error) {
	if outcomeOf(err) == evidence.Reset {
		leg.SetLinger(0)
		leg.Close()
		return
	}
	leg.leaving()
	if conn, ok := inside.(*inner); ok {
		conn.Conn.(*tls.Conn).CloseWrite()
	}
	leg.CloseWrite()
}

// upgrade takes up TLS with the server and then with the client, of whose connection r reads. The server is offered what the
// client offers, as far as versions and the name go, so that it answers us as it would answer the client.
func (b *bridge) upgrade(r *bufio.Reader) bool {
	b.c.raw.SetReadDeadline(time.Now().Add(handshakeWait))
	if first, err := r.Peek(recordHead); err != nil || !startsHandshake(first) {
		b.c.startTLS(b.ctx, r) // which puts on record how it fails; the server is spared it
		b.up.raw.leaving()
		return false
	}
	conf := b.clientConfig(r)
	b.up.raw.SetDeadline(time.Now().Add(handshakeWait))
	var shown [][]byte
	conf.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error { shown = raw; return nil }
	conn := tls.Client(b.up.raw, conf)
	began := time.Now()
	watched := b.watchClient(r)
	err := conn.Handshake()
	watched()
	b.recordChain(shown)
	if err != nil {
		b.up.tlsFailedUp(b.ctx, err, began)
		return false
	}
	b.up.raw.SetDeadline(time.Time{})
	server := b.up.secure(conn)
	client := b.c.startTLS(b.ctx, r)
	if client == nil {
		b.up.raw.leaving() // it is we who end it with the server
		return false
	}
	b.mu.Lock()
	b.client, b.server = client, server
	b.mu.Unlock()
	return true
}

// watchClient ends the handshake with the server when the client, which has only to wait while it goes on, does not wait any longer.
// The watch ends with the function returned.
func (b *bridge) watchClient(r *bufio.Reader) (end func()) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		if _, err := r.Peek(r.Buffered() + 1); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			b.up.raw.SetDeadline(time.Unix(1, 0))
		}
	}()
	return func() {
		b.c.raw.SetReadDeadline(time.Unix(1, 0))
		<-over
		b.c.raw.SetReadDeadline(time.Time{})
	}
}

// clientConfig is what the server is offered. Certificates are verified afterwards, and recorded whatever comes of it.
func (b *bridge) clientConfig(r *bufio.Reader) *tls.Config {
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS13, CipherSuites: everySuite()}
	if _, err := netip.ParseAddr(b.f.Host); err != nil {
		conf.ServerName = b.f.Host
	}
	first, err := r.Peek(recordHead)
	if err == nil {
		first, _ = r.Peek(min(recordSize(first), recordRoom))
	}
	var reader tlswire.Reader
	for _, e := range reader.Feed(first) {
		if h := e.ClientHello; h != nil {
			conf.MaxVersion = uint16(min(max(h.MaxVersion(), tlswire.TLS10), tlswire.TLS13))
			if offers := h.Offers(); len(h.SupportedVersions) > 0 && len(offers) > 0 {
				conf.MinVersion = uint16(max(offers[0], tlswire.TLS10))
			}
		}
	}
	return conf
}

func (b *bridge) recordChain(shown [][]byte) {
	var certs []tlswire.Certificate
	for _, der := range shown[:min(len(shown), 32)] {
		certs = append(certs, tlswire.ParseCertificate(der))
	}
	if chain, _ := trust.Check(certs, b.f.Host, trust.Own{Roots: b.f.Roots}); chain != nil {
		b.up.j.add(evidence.Event{Chain: chain})
	}
}

// tlsFailedUp records how the handshake with the server failed, as a client sees it.
func (c *call) tlsFailedUp(ctx context.Context, err error, began time.Time) {
	f := evidence.TLSFailed{Text: err.Error(), SentN: c.raw.tls.octets(evidence.Client), GotN: c.raw.tls.octets(evidence.Server)}
	alerted, foreign := c.raw.tls.alertedByServer(), c.raw.tls.foreignServer()
	alert, remote := tlswire.RemoteAlert(err)
	e := evidence.Ended{Outcome: outcomeOf(err), By: evidence.Server, Waiting: "handshake", Waited: time.Since(began)}
	switch {
	case alerted || remote:
		f.How = evidence.TLSAlerted
		if !alerted {
			c.j.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Server, Alert: alert}})
		}
	case foreign != nil:
		f.How = evidence.TLSNotTLS
		c.j.add(evidence.Event{Bytes: &evidence.Bytes{From: evidence.Server, Count: int64(len(foreign)), Head: foreign, Looks: string(tlswire.Sniff(foreign))}})
	case e.Outcome != evidence.Failed:
		f.How, f.Outcome = evidence.TLSEnded, e.Outcome
	default:
		f.How = evidence.TLSRefused
	}
	c.fail(f)
	if e.Outcome == evidence.Failed || ctx.Err() != nil {
		e = evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Why: "done"}
	}
	c.end(e)
}

// finish records the ends of both legs.
func (b *bridge) finish() {
	for _, leg := range []*call{b.up, b.c} {
		end := leg.raw.ending() // before finish: a reply that broke off is still waited for
		leg.d.finish()
		leg.overheard(end)
	}
	b.up.j.rec.Update(func(t *evidence.Trace) { t.Walk = walked(t) })
}

// walked completes a walk by what the client asked for on it, so that it is judged as if we had been asked to.
func walked(t *evidence.Trace) evidence.Walk {
	w := t.Walk
	secured, mail := w.TLS == evidence.ImplicitTLS, false
	for i := range t.Events {
		if s := t.Events[i].Sent; s != nil {
			fill(&w, s)
			secured = secured || s.Verb == "STARTTLS"
			mail = mail || s.Verb == "MAIL" // with the null reverse-path too, as bounces have it
		}
	}
	if !secured && mail {
		w.TLS = evidence.NoTLS
	}
	return w
}

// fill takes what one command asks for into a walk.
func fill(w *evidence.Walk, s *evidence.Sent) {
	c := smtp.ParseCommand([]byte(s.Line))
	path, _, isPath := smtp.CutPath(c.Args)
	switch {
	case s.Verb == "EHLO" || s.Verb == "HELO":
		w.EHLO, w.HELO = c.Args, s.Verb == "HELO"
	case s.Verb == "MAIL" && isPath:
		w.From = path
	case s.Verb == "RCPT" && isPath && len(w.To) < maxRcpts:
		w.To = append(w.To, path)
	case s.Verb == "DATA", s.Verb == "BDAT":
		w.Send = true
	case s.Verb == "AUTH":
		mechanism, _, _ := strings.Cut(strings.ToUpper(c.Args), " ")
		w.Auth = &evidence.Auth{Mechanism: mechanism, OAuth: mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER"}
	}
}
