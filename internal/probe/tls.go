package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
	"github.com/smtptriage/smtptriage/internal/trust"
)

// tlsVersions are the versions a Walk can name.
var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

// groups for key exchange. With the post-quantum hybrid, which current clients send, the ClientHello takes more than one
// segment; so that is the default, and a walk with SmallTLS shows whether the size is what breaks.
var (
	smallGroups = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	allGroups   = append([]tls.CurveID{tls.X25519MLKEM768}, smallGroups...)
)

// tlsConfig is explicit in all that matters, so that neither GODEBUG nor the next Go release changes what is offered:
// everything from TLS 1.0 on with every suite, because old servers are worth talking to. Certificates are verified
// afterwards, and recorded whatever comes of it.
func (c *conversation) tlsConfig() *tls.Config {
	conf := &tls.Config{
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS10,
		MaxVersion:         tls.VersionTLS13,
		CurvePreferences:   allGroups,
		ServerName:         c.serverName(),
	}
	if v, ok := tlsVersions[c.walk.TLSMin]; ok {
		conf.MinVersion = v
	}
	if v, ok := tlsVersions[c.walk.TLSMax]; ok {
		conf.MaxVersion = v
	}
	if c.walk.RSAOnly { // crypto/tls takes no list of suites for TLS 1.3
		conf.MaxVersion = min(conf.MaxVersion, tls.VersionTLS12)
	}
	if c.walk.SmallTLS {
		conf.CurvePreferences = smallGroups
	}
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, s := range list {
			if !c.walk.RSAOnly || strings.HasPrefix(s.Name, "TLS_RSA_") {
				conf.CipherSuites = append(conf.CipherSuites, s.ID)
			}
		}
	}
	return conf
}

// serverName is what goes into SNI. A literal address never does (RFC 6066, section 3).
func (c *conversation) serverName() string {
	if _, err := netip.ParseAddr(c.walk.Host); err == nil || c.walk.NoSNI {
		return ""
	}
	return c.walk.Host
}

// handshake takes TLS up, and records the outcome either way.
func (c *conversation) handshake(ctx context.Context) bool {
	if c.walk.TLS == evidence.NoTLS {
		return true
	}
	c.plainRest()
	w, done := c.await(ctx, "handshake", handshakeWait)
	defer done()
	got, sent := c.wire.got, c.wire.sent
	tap := &tap{j: c.j}
	c.wire.tap = tap
	var shown [][]byte
	conf := c.tlsConfig()
	conf.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		shown = raw
		return nil
	}
	conn := tls.Client(c.wire, conf)
	err := conn.Handshake() // its context would close the connection under us: await does better
	c.wire.tap = nil
	took := c.since(w) // verifying is our own time, not the server's
	c.trusted = c.recordChain(tap.certificates(shown))
	if err != nil {
		c.handshakeFailed(ctx, w, tap, err, c.wire.got-got, c.wire.sent-sent)
		return false
	}
	s := conn.ConnectionState()
	c.conn, c.secured = conn, true
	c.j.add(evidence.Event{Took: took, Secured: &evidence.Secured{
		Version: tlswire.Version(s.Version).String(),
		Suite:   tlswire.CipherSuite(s.CipherSuite).String(),
		Group:   groupName(s.CurveID),
		SNI:     conf.ServerName,
		ALPN:    s.NegotiatedProtocol,
	}})
	return true
}

// recordChain verifies the certificates that the server showed, and records both. It reports whether this machine, or the
// user's own roots, trust them.
func (c *conversation) recordChain(shown []tlswire.Certificate) (trusted bool) {
	chain, trusted := trust.Check(shown, c.walk.Host, trust.Own{Name: c.prober.RootsName, Roots: c.prober.Roots})
	if chain != nil {
		c.j.add(evidence.Event{Chain: chain})
	}
	return trusted
}

func groupName(id tls.CurveID) string {
	if id == 0 {
		return ""
	}
	return tlswire.Group(id).String()
}

// plainRest records what came in clear after the reply to STARTTLS. It must not be taken for words of the other side of
// TLS (RFC 3207, section 4.2).
func (c *conversation) plainRest() {
	c.leftovers()
	if line, ok := c.split.Rest(); ok {
		c.addBytes(line.Text, c.unended)
		c.unended = 0
	}
}

// handshakeFailed tells the ways apart, and ends the conversation.
func (c *conversation) handshakeFailed(ctx context.Context, w *waiting, t *tap, err error, got, sent int64) {
	f := evidence.TLSFailed{Text: err.Error(), GotN: got, SentN: sent}
	head, foreign := t.foreign()
	end := c.ending(ctx, w, err)
	alert, remote := tlswire.RemoteAlert(err)
	switch {
	case t.alerted || remote:
		f.How = evidence.TLSAlerted
		if !t.alerted { // it was encrypted, but crypto/tls could read it
			c.j.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Server, Alert: alert}})
		}
	case foreign:
		f.How = evidence.TLSNotTLS
		c.addBytes(head, got)
	case end.Outcome != evidence.Failed:
		f.How, f.Outcome = evidence.TLSEnded, end.Outcome
	default:
		f.How = evidence.TLSRefused
	}
	c.j.add(evidence.Event{Took: c.since(w), TLSFailed: &f})
	if end.Outcome == evidence.Failed { // the connection may live, but we are through with it
		c.finish()
		return
	}
	c.end(end)
}

// certificates are the server's chain, read off the wire or, where it travels encrypted, handed over by crypto/tls.
func (t *tap) certificates(shown [][]byte) []tlswire.Certificate {
	if t.chain != nil {
		return t.chain
	}
	var chain []tlswire.Certificate
	for _, der := range shown[:min(len(shown), maxChain)] {
		chain = append(chain, tlswire.ParseCertificate(der))
	}
	return chain
}

const maxChain = 32 // certificates of one chain that are kept
