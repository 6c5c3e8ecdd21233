package probe

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/trust"
)

// An authority signs certificates for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Root"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert, key, x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

// issue makes a certificate for mx.example.com, changed by the caller; self-signed if a is nil.
func (a *authority) issue(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "mx.example.com"},
		DNSNames: []string{"mx.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if change != nil {
		change(tmpl)
	}
	parent, signer := tmpl, key
	if a != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// listen serves each connection to a loopback port in turn, and returns the port.
func listen(t *testing.T, serve func(*server)) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			serve(&server{Conn: conn, t: t, r: bufio.NewReader(conn)})
			conn.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// upgrade is the server's side of STARTTLS. It returns nil if the handshake fails.
func (s *server) upgrade(conf *tls.Config) *server {
	conn := tls.Server(s.Conn, conf)
	if conn.Handshake() != nil {
		return nil
	}
	return &server{Conn: conn, t: s.t, r: bufio.NewReader(conn)}
}

// offerTLS speaks up to STARTTLS and hands over what comes after it.
func offerTLS(after func(*server)) func(*server) {
	return func(s *server) {
		s.say("220 mx.example.com")
		s.hear("EHLO")
		s.say("250-mx.example.com", "250 STARTTLS")
		s.hear("STARTTLS")
		s.say("220 go on")
		after(s)
	}
}

// tlsWalk walks to mx.example.com on a loopback port.
func tlsWalk(t *testing.T, p Prober, w evidence.Walk, serve func(*server)) evidence.Trace {
	t.Helper()
	w.Host, w.Address, w.Port, w.EHLO = "mx.example.com", netip.MustParseAddr("127.0.0.1"), listen(t, serve), "client.example.net"
	rec := p.Run(t.Context(), evidence.Target{Walk: w}, nil)
	if len(rec.Traces) != 1 {
		t.Fatalf("%d traces, want 1", len(rec.Traces))
	}
	return rec.Traces[0]
}

func TestStartTLS(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, nil)
	for _, tt := range []struct {
		name     string
		max      uint16
		walk     evidence.Walk
		want     string
		wantSize int // of the ClientHello: at least, or with a minus at most
	}{
		{"1.3", tls.VersionTLS13, evidence.Walk{}, "TLS 1.3", 1400},
		{"1.3 small", tls.VersionTLS13, evidence.Walk{SmallTLS: true}, "TLS 1.3", -600},
		{"1.2", tls.VersionTLS12, evidence.Walk{}, "TLS 1.2", 0},
		{"1.0", tls.VersionTLS10, evidence.Walk{}, "TLS 1.0", 0},
		{"1.2 at most", tls.VersionTLS13, evidence.Walk{TLSMax: "1.2", NoSNI: true}, "TLS 1.2", -600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tt.max}
			tr := tlsWalk(t, Prober{Roots: ca.pool}, tt.walk, offerTLS(func(s *server) {
				if s = s.upgrade(conf); s == nil {
					t.Error("no handshake")
					return
				}
				s.hear("EHLO")
				s.say("250 mx.example.com")
				s.hear("QUIT")
				s.say("221 bye")
			}))
			checkDialogue(t, tr, "dialed connected\n-1 < 220 mx.example.com\n> EHLO client.example.net\n"+
				"2 < 250 mx.example.com STARTTLS\n> STARTTLS\n4 < 220 go on\nsecured "+tt.want+"\n> EHLO client.example.net\n"+
				"10 < 250 mx.example.com\n> QUIT\n12 < 221 bye\nended aborted done\n")
			v := evidence.NewView(&tr)
			if v.ClientHello < 0 || v.ServerHello < 0 || v.Chain < 0 {
				t.Fatal("hellos or certificates are missing")
			}
			hello, chain := tr.Events[v.ClientHello].ClientHello, tr.Events[v.Chain].Chain
			if tt.wantSize > 0 && hello.Size < tt.wantSize || tt.wantSize < 0 && hello.Size > -tt.wantSize {
				t.Errorf("the ClientHello has %d octets, want %d", hello.Size, tt.wantSize)
			}
			if (hello.ServerName == "") != tt.walk.NoSNI {
				t.Errorf("SNI %q, NoSNI %v", hello.ServerName, tt.walk.NoSNI)
			}
			got := map[string]evidence.CertProblem{}
			for _, r := range chain.Verified {
				got[r.Roots] = r.Problem
			}
			_, asked := got["system"] // needless where the user's roots verify the chain
			if len(chain.Certificates) != 1 || got["ca-file"] != evidence.CertOK || asked || got["mozilla"] != evidence.CertUntrusted {
				t.Errorf("%d certificates, verified %v", len(chain.Certificates), got)
			}
		})
	}
}

func TestImplicitTLS(t *testing.T) {
	ca := newAuthority(t)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	tr := tlsWalk(t, Prober{Roots: ca.pool}, evidence.Walk{TLS: evidence.ImplicitTLS}, func(s *server) {
		if s = s.upgrade(conf); s == nil {
			t.Error("no handshake")
			return
		}
		s.say("220 mx.example.com")
		s.hear("EHLO")
		s.say("250 mx.example.com")
		s.hear("QUIT")
		s.say("221 bye")
	})
	checkDialogue(t, tr, `
dialed connected
secured TLS 1.3
-1 < 220 mx.example.com
> EHLO client.example.net
6 < 250 mx.example.com
> QUIT
8 < 221 bye
ended aborted done
`)
}

// How a handshake fails are different facts.
func TestHandshakeFails(t *testing.T) {
	const upTo = "dialed connected\n-1 < 220 mx.example.com\n> EHLO client.example.net\n" +
		"2 < 250 mx.example.com STARTTLS\n> STARTTLS\n4 < 220 go on\n"
	readHello := func(s *server) { s.r.Peek(100); time.Sleep(10 * time.Millisecond); s.r.Discard(s.r.Buffered()) }
	for _, tt := range []struct {
		name  string
		after func(*server)
		want  string // with its waiting times taken off
	}{
		{"alert", func(s *server) {
			s.upgrade(&tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
				Certificates: []tls.Certificate{{}}})
		}, "alert server handshake_failure\ntls failed: server-alert \nended aborted done\n"},
		{"closed", readHello, "tls failed: ended closed\nended closed handshake\n"},
		{"reset", func(s *server) { readHello(s); s.Conn.(*net.TCPConn).SetLinger(0) },
			"tls failed: ended reset\nended reset handshake\n"},
		{"silent", func(s *server) { s.drain() }, "tls failed: ended timeout\nended timeout handshake\n"},
		{"plain text", func(s *server) { readHello(s); s.say("454 TLS not available due to a temporary reason"); s.drain() },
			"bytes 49 \"smtp\"\ntls failed: not-tls \nended aborted done\n"},
		{"garbage record", func(s *server) { readHello(s); s.Write([]byte("\x16\x03\x03\x00\x04\x02\x00\x00\x00")); s.drain() },
			"alert client decode_error\ntls failed: client-refused \nended aborted done\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := tlsWalk(t, Prober{}, evidence.Walk{Wait: 300 * time.Millisecond}, offerTLS(tt.after))
			got := dialogue(tr)
			if i := strings.LastIndex(got, "handshake "); i >= 0 {
				got = got[:i] + "handshake\n"
			}
			if want := upTo + tt.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	ca, now := newAuthority(t), time.Now()
	other := newAuthority(t)
	day := 24 * time.Hour
	for _, tt := range []struct {
		name   string
		from   *authority
		host   string
		change func(*x509.Certificate)
		want   evidence.CertProblem
	}{
		{"fine", ca, "mx.example.com", nil, evidence.CertOK},
		{"expired", ca, "mx.example.com", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-2*day), now.Add(-day) }, evidence.CertExpired},
		{"not yet", ca, "mx.example.com", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(day), now.Add(2*day) }, evidence.CertNotYetValid},
		{"other name", ca, "mail.example.org", nil, evidence.CertNameMismatch},
		{"other issuer", other, "mx.example.com", nil, evidence.CertUntrusted},
		{"other issuer, and expired", other, "mx.example.com", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Minute) }, evidence.CertUntrusted},
		{"self-signed", nil, "mx.example.com", nil, evidence.CertSelfSigned},
		{"self-signed for another name", nil, "mail.example.org", nil, evidence.CertSelfSigned},
		{"intermediate missing", other, "mx.example.com", func(c *x509.Certificate) {
			c.IssuingCertificateURL = []string{"http://ca.example.org/sub.crt"}
		}, evidence.CertIncomplete},
		{"address", ca, "192.0.2.25", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("192.0.2.25")} }, evidence.CertOK},
		{"IPv6 address", ca, "2001:db8::25", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::25")} }, evidence.CertOK},
		{"name only in CN", ca, "mx.example.com", func(c *x509.Certificate) { c.DNSNames = nil }, evidence.CertNameMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			leaf, err := x509.ParseCertificate(tt.from.issue(t, tt.change).Certificate[0])
			if err != nil {
				t.Fatal(err)
			}
			if got, text := trust.Verify([]*x509.Certificate{leaf}, ca.pool, tt.host, now); got != tt.want {
				t.Errorf("got %q (%s), want %q", got, text, tt.want)
			}
		})
	}
}

// Text that came in clear after the reply to STARTTLS is kept apart from what TLS says.
func TestInjectionAfterStartTLS(t *testing.T) {
	ca := newAuthority(t)
	conf := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, nil)}}
	tr := tlsWalk(t, Prober{Roots: ca.pool}, evidence.Walk{}, func(s *server) {
		s.say("220 mx")
		s.hear("EHLO")
		s.say("250-mx", "250 STARTTLS")
		s.hear("STARTTLS")
		io.WriteString(s, "220 go on\r\n250 injected\r\n25")
		if s = s.upgrade(conf); s == nil {
			t.Error("no handshake")
			return
		}
		s.hear("EHLO")
		s.say("250 real")
		s.hear("QUIT")
		s.say("221 bye")
	})
	checkDialogue(t, tr, `
dialed connected
-1 < 220 mx
> EHLO client.example.net
2 < 250 mx STARTTLS
> STARTTLS
4 < 220 go on
unasked < 250 injected
bytes 2 ""
secured TLS 1.3
> EHLO client.example.net
12 < 250 real
> QUIT
14 < 221 bye
ended aborted done
`)
}
