package listen

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

const (
	handshakeWait = time.Minute // for a whole handshake; slow devices take ten seconds over RSA
	recordRoom    = 20 << 10    // holds a whole record
)

// everySuite is what is taken: all that crypto/tls knows, because the handshake shall succeed with old devices too.
func everySuite() []uint16 {
	var ids []uint16
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// tlsConfig takes TLS 1.0 to 1.3 with every suite, whatever GODEBUG says.
func (c *call) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS13, CipherSuites: everySuite(),
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := c.s.leaves.forName(h.ServerName, addrPort(c.raw.LocalAddr()).Addr())
			if err == nil {
				c.j.add(evidence.Event{Chain: c.s.leaves.shown(cert, h.ServerName)})
			}
			return cert, err
		},
	}
}

// startTLS lets the client start TLS on the tap, of which r may have read octets already, and returns the connection inside.
// nil means that it came to nothing, which is on record.
func (c *call) startTLS(ctx context.Context, r *bufio.Reader) net.Conn {
	began := time.Now()
	got, sent := c.raw.got.Load()-int64(r.Buffered()), c.raw.sent.Load()
	c.raw.SetDeadline(began.Add(min(handshakeWait, c.s.Limits.wait())))
	if c.answerOldSSL(ctx, r, began) {
		return nil
	}
	conn := tls.Server(&unread{c.raw, r}, c.tlsConfig())
	if err := conn.HandshakeContext(ctx); err != nil {
		c.tlsFailed(ctx, err, began, c.raw.got.Load()-got, c.raw.sent.Load()-sent)
		return nil
	}
	c.raw.SetDeadline(time.Time{})
	return c.secure(conn)
}

// secure records a handshake that succeeded, and returns the connection inside.
func (c *call) secure(conn *tls.Conn) net.Conn {
	s := conn.ConnectionState()
	c.mu.Lock()
	c.secured = &s
	c.mu.Unlock()
	group := ""
	if s.CurveID != 0 {
		group = tlswire.Group(s.CurveID).String()
	}
	c.j.add(evidence.Event{Secured: &evidence.Secured{Version: tlswire.Version(s.Version).String(), Suite: tlswire.CipherSuite(s.CipherSuite).String(),
		Group: group, SNI: s.ServerName, ALPN: s.NegotiatedProtocol}})
	return c.raw.Inside(conn)
}

// answerOldSSL answers clients that crypto/tls cannot: it knows neither hellos in the format of SSLv2 nor SSLv3, and its alert
// to them has a version that they do not read. The answer is a refusal that they understand.
func (c *call) answerOldSSL(ctx context.Context, r *bufio.Reader, began time.Time) bool {
	first, err := r.Peek(recordHead)
	if err != nil {
		c.tlsFailed(ctx, err, began, int64(len(first)), 0)
		return true
	}
	if !startsHandshake(first) {
		return false // crypto/tls says at once that it is none
	}
	if n := recordSize(first); n <= recordRoom {
		if first, err = r.Peek(n); err != nil {
			c.tlsFailed(ctx, err, began, int64(len(first)), 0)
			return true
		}
	}
	var reader tlswire.Reader
	for _, e := range reader.Feed(first) {
		if h := e.ClientHello; h != nil && (h.Format == tlswire.FormatSSL2 || h.MaxVersion() <= tlswire.SSLv3) {
			alert := tlswire.Alert{Level: tlswire.Fatal, Description: tlswire.AlertHandshakeFailure}
			version := min(max(h.Version, tlswire.SSLv3), tlswire.TLS10)
			if h.Version > tlswire.SSLv3 {
				alert.Description = tlswire.AlertProtocolVersion
			}
			c.raw.Write(alert.Bytes(version))
			c.fail(evidence.TLSFailed{How: evidence.TLSAlerted, Text: "a hello of " + string(h.Format) + " format, up to " + h.Version.String(),
				GotN: int64(len(first)), SentN: c.raw.sent.Load()})
			return true
		}
	}
	return false
}

const recordHead = 5

// startsHandshake reports whether octets begin like a ClientHello, of TLS or in the format of SSLv2.
func startsHandshake(head []byte) bool {
	return len(head) > 0 && (head[0] == byte(tlswire.HandshakeRecord) || head[0]&0x80 != 0)
}

// recordSize is how long the client's first record is, by its head: TLS, or else SSLv2 with its two octets of length.
func recordSize(head []byte) int {
	if head[0]&0x80 != 0 {
		return 2 + int(head[0]&0x7f)<<8 + int(head[1])
	}
	return recordHead + int(head[3])<<8 + int(head[4])
}

// tlsFailed tells the ways apart in which a handshake ends early, and records which it was.
func (c *call) tlsFailed(ctx context.Context, err error, began time.Time, got, sent int64) {
	f := evidence.TLSFailed{Text: err.Error(), GotN: got, SentN: sent}
	alert, remote := tlswire.RemoteAlert(err)
	c.raw.tls.mu.Lock()
	ours, theirs, foreign := c.raw.tls.serverAlert, c.raw.tls.clientAlert, c.raw.tls.foreign
	c.raw.tls.mu.Unlock()
	var notTLS tls.RecordHeaderError
	switch {
	case remote || theirs != nil:
		f.How = evidence.TLSClientAlerted
		if theirs == nil { // it was encrypted, but crypto/tls could read it
			c.j.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Client, Alert: alert}})
		}
	case foreign, errors.As(err, &notTLS):
		f.How = evidence.TLSNotTLS
	case outcomeOf(err) != evidence.Failed:
		f.How, f.Outcome = evidence.TLSEnded, outcomeOf(err)
	case ours != nil:
		f.How = evidence.TLSAlerted
	default:
		f.How = evidence.TLSRefused
	}
	c.fail(f)
	if f.How == evidence.TLSEnded {
		c.lost(ctx, "handshake", began, err)
	}
}

func (c *call) fail(f evidence.TLSFailed) {
	c.mu.Lock()
	c.failed = true
	c.mu.Unlock()
	c.j.add(evidence.Event{TLSFailed: &f})
}

// unread is a connection of which a bufio.Reader has taken octets already.
type unread struct {
	net.Conn
	r *bufio.Reader
}

func (u *unread) Read(p []byte) (int, error) { return u.r.Read(p) }
