package tlsopen_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/tlsopen"
	"github.com/smtptriage/smtptriage/internal/lab/require"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A session is what both sides of a TLS connection put on the wire, in order, and what they said inside.
type session struct {
	flights []flight
	keys    []byte // in the format of SSLKEYLOGFILE
	said    [2]string
}

type flight struct {
	way  int // 0: the client's
	data []byte
}

// A tap records what passes through a connection: its reads are of one way, its writes of the other.
type tap struct {
	net.Conn
	way int // of the writes
	mu  *sync.Mutex
	log *[]flight
}

func (t tap) note(way int, p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*t.log = append(*t.log, flight{way, bytes.Clone(p)})
}

func (t tap) Write(p []byte) (int, error) {
	t.note(t.way, p)
	return t.Conn.Write(p)
}

func (t tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.note(1-t.way, p[:n])
	return n, err
}

func certificate(t testing.TB, key crypto.Signer) tls.Certificate {
	t.Helper()
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.example.com"}, DNSNames: []string{"mx.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// ecdsaServer is a server of the usual kind.
func ecdsaServer(t testing.TB) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate(t, key)}}
}

// serve takes one connection, says and hears what is to be said inside, and returns what went over the wire.
func serve(t testing.TB, server *tls.Config, said [2]string, dial func(addr string)) []flight {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var done sync.WaitGroup
	done.Go(func() { dial(l.Addr().String()) })
	raw, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	raw.SetDeadline(time.Now().Add(10 * time.Second))
	var mu sync.Mutex
	var log []flight
	c := tls.Server(tap{raw, 1, &mu, &log}, server)
	if _, err := io.WriteString(c, said[1]); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(io.LimitReader(c, int64(len(said[0])))); string(got) != said[0] {
		t.Errorf("the server got %d octets, want %d: %v", len(got), len(said[0]), err)
	}
	c.Close()
	done.Wait()
	return log
}

// held holds a session with crypto/tls at both ends.
func held(t testing.TB, client, server *tls.Config) session {
	t.Helper()
	s := session{said: [2]string{"EHLO printer\r\n" + strings.Repeat("x", 40_000), "220 mx.example.com\r\n"}}
	var keys bytes.Buffer
	client = client.Clone()
	client.InsecureSkipVerify, client.KeyLogWriter = true, &keys
	s.flights = serve(t, server, s.said, func(addr string) {
		c, err := tls.Dial("tcp", addr, client)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.ReadFull(c, make([]byte, len(s.said[1])))
		io.WriteString(c, s.said[0])
		io.Copy(io.Discard, c)
	})
	s.keys = keys.Bytes()
	return s
}

// opened feeds a session to an opener, in pieces of at most n octets, and returns the data of both sides.
func (s session) opened(keys *tlsopen.KeyLog, n int) (said [2]string, o *tlsopen.Opener) {
	o = tlsopen.NewOpener(keys)
	var hellos tlswire.Reader
	for _, f := range s.flights {
		for rest := f.data; len(rest) > 0; {
			p := rest[:min(n, len(rest))]
			rest = rest[len(p):]
			if f.way == 1 {
				for _, e := range hellos.Feed(p) {
					if e.ServerHello != nil {
						o.Answer(e.ServerHello)
					}
				}
			}
			for _, piece := range o.Feed(f.way, p) {
				if piece.Kind == tlswire.ApplicationData {
					said[f.way] += string(piece.Data)
				}
			}
		}
	}
	return said, o
}

func (s session) check(t *testing.T) {
	t.Helper()
	var keys tlsopen.KeyLog
	keys.Add(s.keys)
	for _, n := range []int{1 << 20, 1000, 1} {
		got, o := s.opened(&keys, n)
		if !o.Opened() || got != s.said {
			t.Errorf("in pieces of %d: opened %v, got %.40q and %.40q of %d and %d octets", n, o.Opened(), got[0], got[1], len(got[0]), len(got[1]))
		}
	}
}

func TestOpen(t *testing.T) {
	ec := ecdsaServer(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	withRSA := &tls.Config{Certificates: []tls.Certificate{certificate(t, key)}}
	retry := ec.Clone()
	retry.CurvePreferences = []tls.CurveID{tls.CurveP384}
	for _, tt := range []struct {
		name   string
		client *tls.Config
		server *tls.Config
	}{
		{"TLS 1.3", &tls.Config{}, ec},
		{"TLS 1.3 after HelloRetryRequest", &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP384}}, retry},
		{"ECDHE-ECDSA-AES128", &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, MaxVersion: tls.VersionTLS12}, ec},
		{"ECDHE-ECDSA-AES256", &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}, MaxVersion: tls.VersionTLS12}, ec},
		{"ECDHE-ECDSA-ChaCha20", &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}, MaxVersion: tls.VersionTLS12}, ec},
		{"ECDHE-RSA-AES128", &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, MaxVersion: tls.VersionTLS12}, withRSA},
		{"ECDHE-RSA-AES256", &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, MaxVersion: tls.VersionTLS12}, withRSA},
		{"ECDHE-RSA-ChaCha20", &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}, MaxVersion: tls.VersionTLS12}, withRSA},
	} {
		t.Run(tt.name, func(t *testing.T) { held(t, tt.client, tt.server).check(t) })
	}
}

// The suites that a client of crypto/tls cannot be made to choose, and new keys in the middle, are OpenSSL's.
func TestOpenSSL(t *testing.T) {
	require.Program(t, "openssl")
	server := ecdsaServer(t)
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		for _, update := range []string{"", "K\n", "k\n"} { // "K": new keys of both sides, "k": the client's alone
			t.Run(suite+strings.TrimSpace(update), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "keys")
				s := session{said: [2]string{"EHLO printer\nMAIL\n", "220 mx.example.com\r\n"}}
				s.flights = serve(t, server, s.said, func(addr string) {
					cmd := exec.Command("openssl", "s_client", "-connect", addr, "-ciphersuites", suite, "-keylogfile", file, "-noservername")
					in, err := cmd.StdinPipe()
					if err != nil || cmd.Start() != nil {
						t.Error(err)
						return
					}
					// s_client takes what comes in one read for one command, or for data.
					for _, line := range []string{"EHLO printer\n", update, "MAIL\n"} {
						time.Sleep(200 * time.Millisecond)
						io.WriteString(in, line)
					}
					time.Sleep(200 * time.Millisecond)
					in.Close()
					cmd.Wait()
				})
				var err error
				if s.keys, err = os.ReadFile(file); err != nil {
					t.Fatal(err)
				}
				s.check(t)
			})
		}
	}
}

// What keys do not fit, or somebody changed, opens to nothing, never to something else.
func TestDamage(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		server := ecdsaServer(t)
		s := held(t, &tls.Config{MaxVersion: version}, server)
		other := held(t, &tls.Config{MaxVersion: version}, server)
		var none, wrong, keys tlsopen.KeyLog
		wrong.Add(other.keys)
		// The other session's secrets, under the name of this one.
		mine := strings.Fields(string(s.keys))[1]
		wrong.Add(bytes.ReplaceAll(other.keys, []byte(strings.Fields(string(other.keys))[1]), []byte(mine)))
		keys.Add(s.keys)
		for _, k := range []*tlsopen.KeyLog{&none, &wrong} {
			if got, o := s.opened(k, 1<<20); o.Opened() || got != [2]string{} {
				t.Errorf("%#x: opened without its keys: %.40q", version, got)
			}
		}
		for i := range s.flights {
			for _, at := range []int{0, 3, 5, len(s.flights[i].data) / 2, len(s.flights[i].data) - 1} {
				if at >= len(s.flights[i].data) || at < 0 {
					continue
				}
				s.flights[i].data[at] ^= 0x40
				got, _ := s.opened(&keys, 1<<20)
				s.flights[i].data[at] ^= 0x40
				for way := range got {
					if !strings.HasPrefix(s.said[way], got[way]) {
						t.Errorf("%#x, flight %d, octet %d: got %.60q, which nobody said", version, i, at, got[way])
					}
				}
			}
		}
	}
}

func TestKeyLog(t *testing.T) {
	random, secret := strings.Repeat("ab", 32), strings.Repeat("cd", 48)
	for _, tt := range []struct {
		name, text string
		want       int
	}{
		{"one line", "CLIENT_RANDOM " + random + " " + secret, 1},
		{"comments, blank lines, line ends of Windows", "# comment\r\n\r\nCLIENT_RANDOM " + random + " " + secret + "\r\n", 1},
		{"capitals", "CLIENT_RANDOM " + strings.ToUpper(random) + " " + secret, 1},
		{"the secrets of one connection", "CLIENT_TRAFFIC_SECRET_0 " + random + " " + secret + "\nSERVER_TRAFFIC_SECRET_0 " + random + " " + secret, 1},
		{"no secret", "CLIENT_RANDOM " + random, 0},
		{"random too short", "CLIENT_RANDOM " + random[2:] + " " + secret, 0},
		{"no hexadecimal", "CLIENT_RANDOM " + strings.Repeat("zz", 32) + " " + secret, 0},
		{"half an octet", "CLIENT_RANDOM " + random + " " + secret + "a", 0},
		{"a secret without end", "CLIENT_RANDOM " + random + " " + strings.Repeat("cd", 500), 0},
		{"prose", "these are no keys", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var k tlsopen.KeyLog
			k.Add([]byte(tt.text))
			if k.Len() != tt.want {
				t.Errorf("got %d connections, want %d", k.Len(), tt.want)
			}
		})
	}
	var many tlsopen.KeyLog
	for i := range 100_010 {
		many.Add(fmt.Appendf(nil, "CLIENT_RANDOM %064x cd", i))
	}
	if many.Len() != 100_000 {
		t.Errorf("%d connections are kept", many.Len())
	}
}

func FuzzFeed(f *testing.F) {
	s := held(f, &tls.Config{}, ecdsaServer(f))
	for _, fl := range s.flights {
		f.Add(fl.data, fl.way == 0)
	}
	var keys tlsopen.KeyLog
	keys.Add(s.keys)
	f.Fuzz(func(t *testing.T, data []byte, first bool) {
		way := map[bool]int{true: 0, false: 1}[first]
		damaged := session{flights: append([]flight{{way, data}}, s.flights...), said: s.said}
		if got, _ := damaged.opened(&keys, 1<<20); got != s.said && (got[0] != "" && !strings.HasPrefix(s.said[0], got[0]) || got[1] != "" && !strings.HasPrefix(s.said[1], got[1])) {
			t.Errorf("got %.60q, which nobody said", got)
		}
	})
}
