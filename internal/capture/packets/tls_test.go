package packets_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
)

// A flight is what one side wrote at once.
type flight struct {
	side int
	data []byte
}

// A wire records what both ends of a pipe write.
type wire struct {
	net.Conn
	side int
	log  *[]flight
	mu   *sync.Mutex
}

func (w wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	*w.log = append(*w.log, flight{w.side, bytes.Clone(p)})
	w.mu.Unlock()
	return w.Conn.Write(p)
}

// certificate makes a self-signed one for mx.example.com.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Unix(1_690_000_000, 0)
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.example.com"}, DNSNames: []string{"mx.example.com"},
		NotBefore: from, NotAfter: from.AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// session holds a real TLS session, with a dialogue inside, and returns what went over the wire. The server speaks first
// inside if it greets. An error of either side is part of the session.
func session(t *testing.T, client *tls.Config, server *tls.Config, greets bool, lines ...string) []flight {
	t.Helper()
	var log []flight
	var mu sync.Mutex
	a, b := connected(t)
	deadline := time.Now().Add(10 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	var done sync.WaitGroup
	talk := func(c *tls.Conn, mine bool) {
		defer c.NetConn().Close()
		if c.Handshake() != nil {
			return
		}
		r := bufio.NewReader(c)
		for _, l := range lines {
			if mine {
				if _, err := c.Write([]byte(l + "\r\n")); err != nil {
					return
				}
			} else {
				for range bytes.Count([]byte(l+"\n"), []byte("\n")) {
					if _, err := r.ReadString('\n'); err != nil {
						return
					}
				}
			}
			mine = !mine
		}
		c.CloseWrite()
	}
	done.Go(func() { talk(tls.Client(wire{a, craft.FromClient, &log, &mu}, client), !greets) })
	done.Go(func() { talk(tls.Server(wire{b, craft.FromServer, &log, &mu}, server), greets) })
	done.Wait()
	mu.Lock()
	defer mu.Unlock()
	return log
}

// connected is a connection over loopback: it holds what is written, so that both ends may write at once.
func connected(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// play writes a recorded session into a capture.
func play(c *craft.Conn, log []flight) {
	for _, f := range log {
		c.Say(f.side, string(f.data))
	}
}

// startTLS is a dialogue as far as TLS.
func startTLS(c *craft.Conn) {
	c.Open()
	c.Talk("220 mx.example.com ESMTP", "EHLO printer", "250-mx.example.com\r\n250 STARTTLS", "STARTTLS", "220 2.0.0 go ahead")
}
