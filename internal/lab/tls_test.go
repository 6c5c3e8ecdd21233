package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// upgrade connects to a server of the script and does STARTTLS with the config given.
func upgrade(t *testing.T, script string, config *tls.Config) (*client, error) {
	t.Helper()
	c := serve(t, script)
	c.want("", "220 ")
	c.want("EHLO client.example", "250")
	return c, c.startTLS(config)
}

func TestTLSVersions(t *testing.T) {
	c, err := upgrade(t, "personality plain\ntls min 1.0\ntls max 1.0\ntls key rsa\n", &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.conn.(*tls.Conn).ConnectionState().Version; got != tls.VersionTLS10 {
		t.Errorf("version %#x", got)
	}
	if _, err = upgrade(t, "personality plain\ntls max 1.0\n", nil); !remoteAlert(err, "protocol version not supported") {
		t.Errorf("a client of TLS 1.2 and later: got %v", err)
	}
	if _, err = upgrade(t, "personality plain\ntls min 1.3\n", &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); !remoteAlert(err, "protocol version not supported") {
		t.Errorf("a client of TLS 1.2: got %v", err)
	}
}

// remoteAlert reports whether err is the peer's alert of that text. crypto/tls gives no other way to ask.
func remoteAlert(err error, text string) bool {
	return err != nil && strings.Contains(err.Error(), "remote error: tls: "+text)
}

func TestTLSCiphersAndCurves(t *testing.T) {
	script := "personality plain\ntls max 1.2\ntls key rsa\ntls ciphers TLS_RSA_WITH_RC4_128_SHA TLS_RSA_WITH_3DES_EDE_CBC_SHA\n"
	if _, err := upgrade(t, script, nil); !remoteAlert(err, "handshake failure") {
		t.Errorf("got %v", err)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}
	c, err := upgrade(t, script, old)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.conn.(*tls.Conn).ConnectionState().CipherSuite; got != tls.TLS_RSA_WITH_RC4_128_SHA {
		t.Errorf("suite %#x", got)
	}
	only256 := &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.CurveP256}}
	if _, err := upgrade(t, "personality plain\ntls curves P521\n", only256); !remoteAlert(err, "handshake failure") {
		t.Errorf("curves: got %v", err)
	}
}

// TestCertificates verifies as a client does, and checks that each kind fails for its own reason alone.
func TestCertificates(t *testing.T) {
	untrusted := func(err error) bool { return as[x509.UnknownAuthorityError](err) != nil }
	outOfTime := func(err error) bool {
		e := as[x509.CertificateInvalidError](err)
		return e != nil && e.Reason == x509.Expired
	}
	tests := []struct {
		kind   string
		issuer string
		wrong  func(error) bool // nil: verifies
	}{
		{"good", "smtptriage lab CA", nil},
		{"intermediate", "Lab Intermediate CA", nil},
		{"self-signed", "mail.example.com", untrusted},
		{"expired", "smtptriage lab CA", outOfTime},
		{"not-yet", "smtptriage lab CA", outOfTime},
		{"wrong-name www.example.org", "smtptriage lab CA", func(err error) bool { return as[x509.HostnameError](err) != nil }},
		{"unknown-ca", "Contoso Internal CA", untrusted},
		{"inspection FortiGate CA", "FortiGate CA", untrusted},
		{"incomplete", "Lab Intermediate CA", untrusted},
	}
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			script := "personality plain\ntls cert " + tt.kind + "\n"
			_, err := upgrade(t, script, nil)
			if tt.wrong == nil && err != nil || tt.wrong != nil && !tt.wrong(err) {
				t.Errorf("verified: got %v", err)
			}
			c, err := upgrade(t, script, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			leaf := c.conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
			if leaf.Issuer.CommonName != tt.issuer {
				t.Errorf("issuer %q, want %q", leaf.Issuer.CommonName, tt.issuer)
			}
			if early := leaf.NotBefore.After(time.Now()); early != (tt.kind == "not-yet") {
				t.Errorf("starts %v", leaf.NotBefore)
			}
		})
	}
}

// as finds an error of type E in err.
func as[E error](err error) *E {
	var e E
	if errors.As(err, &e) {
		return &e
	}
	return nil
}

func TestHugeChain(t *testing.T) {
	c := serve(t, "personality plain\ntls max 1.2\ntls cert huge 1000000\n")
	c.want("", "220 ")
	c.want("STARTTLS", "220 ")
	counted := &countingConn{Conn: c.conn}
	err := tls.Client(counted, &tls.Config{InsecureSkipVerify: true}).Handshake()
	if err == nil {
		t.Error("crypto/tls took a chain of a megabyte")
	}
	rest, _ := io.Copy(io.Discard, c.conn)
	if total := counted.n + rest; total < 200_000 {
		t.Errorf("%d octets of the chain came", total)
	}
}

func TestTheSameCertificateEachTime(t *testing.T) {
	c, err := ParseCase("x.txtar", []byte(head+"personality plain\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	var serials [2]string
	for i := range serials {
		cl := dial(t, r)
		cl.want("", "220 ")
		if err := cl.startTLS(nil); err != nil {
			t.Fatal(err)
		}
		serials[i] = cl.conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	if serials[0] != serials[1] {
		t.Errorf("serials %v", serials)
	}
}

func TestClientCertificateRequired(t *testing.T) {
	_, err := upgrade(t, "personality plain\ntls max 1.2\ntls client-cert required\n", nil)
	if err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
		t.Errorf("TLS 1.2: got %v", err)
	}
	c, err := upgrade(t, "personality plain\ntls min 1.3\ntls client-cert required\n", nil)
	if err != nil {
		t.Fatal(err) // in TLS 1.3 the client's side is done before the server looks
	}
	if _, err := c.r.ReadByte(); !remoteAlert(err, "certificate required") {
		t.Errorf("TLS 1.3: got %v", err)
	}
}

func TestOldTLSIsTurnedAwayInWords(t *testing.T) {
	c, err := upgrade(t, "personality m365-submission\ntls key rsa\n", &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err != nil {
		t.Fatal(err)
	}
	c.want("EHLO a", "421 4.7.66 ")
	c.wantEOF()
}

// TestRawTLSFaults looks at the octets that come in place of a handshake.
func TestRawTLSFaults(t *testing.T) {
	hello := func(t *testing.T, script string) *client {
		c := serve(t, script)
		c.want("", "220 ")
		c.want("STARTTLS", "220 ")
		go tls.Client(readless{c.conn}, &tls.Config{InsecureSkipVerify: true}).Handshake() // ends with the connection
		return c
	}
	t.Run("alert", func(t *testing.T) {
		c := hello(t, "personality plain\non TLS alert handshake_failure\non TLS close\n")
		got, err := io.ReadAll(c.r)
		if want := "\x15\x03\x03\x00\x02\x02\x28"; err != nil || string(got) != want {
			t.Errorf("got %x, %v; want %x", got, err, want)
		}
	})
	t.Run("server hello of SSL 3.0", func(t *testing.T) {
		c := hello(t, "personality plain\non TLS server-hello ssl3\non TLS silence\n")
		got := make([]byte, 5+4+38)
		if _, err := io.ReadFull(c.r, got); err != nil {
			t.Fatal(err)
		}
		if head := "\x16\x03\x00\x00\x2a\x02\x00\x00\x26\x03\x00"; !strings.HasPrefix(string(got), head) {
			t.Errorf("got %x, want it to begin with %x", got, head)
		}
		c.wantSilence()
	})
	t.Run("close", func(t *testing.T) {
		hello(t, "personality plain\non TLS close\n").wantEOF()
	})
	t.Run("larger than", func(t *testing.T) {
		script := "personality plain\non TLS larger-than 700 close\n"
		hello(t, script).wantEOF() // Go's own hello is 1.5 kB with its post-quantum key share
		small := &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}}
		if _, err := upgrade(t, script, small); err != nil {
			t.Errorf("a small ClientHello: %v", err)
		}
	})
}
