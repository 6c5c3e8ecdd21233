package tlswire

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// firstFlight returns what a crypto/tls client writes before it hears anything.
func firstFlight(t testing.TB, config *tls.Config) []byte {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		tls.Client(client, config).Handshake()
		client.Close()
	}()
	server.SetDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 1<<16)
	n, err := server.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	return buf[:n]
}

// readHello reads the one ClientHello that a stream starts with.
func readHello(t testing.TB, wire []byte) ClientHello {
	t.Helper()
	var r Reader
	events := r.Feed(wire)
	if len(events) != 1 || events[0].ClientHello == nil {
		t.Fatalf("got events %+v, want one ClientHello", events)
	}
	return *events[0].ClientHello
}

func TestClientHelloOfCryptoTLS(t *testing.T) {
	for _, max := range []Version{TLS10, TLS11, TLS12, TLS13} {
		t.Run(max.String(), func(t *testing.T) {
			wire := firstFlight(t, &tls.Config{
				ServerName: "mail.example.com", MinVersion: tls.VersionTLS10, MaxVersion: uint16(max),
				NextProtos: []string{"smtp", "x\x1b[31m"}, CipherSuites: []uint16{0xc02f, 0xc013, 0x0005},
				CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256},
			})
			h := readHello(t, wire)
			if h.MaxVersion() != max || h.Size != len(wire) || h.Malformed != "" {
				t.Errorf("got version %s, size %d, malformed %q, want %s, %d, none",
					h.MaxVersion(), h.Size, h.Malformed, max, len(wire))
			}
			if h.ServerName != "mail.example.com" {
				t.Errorf("got server name %q", h.ServerName)
			}
			if diff := cmp.Diff([]string{"smtp", `x\x1b[31m`}, h.ALPN); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]Group{X25519, Secp256r1}, h.Groups); diff != "" {
				t.Error(diff)
			}
			if got := len(h.KeyShares) > 0; got != (max == TLS13) {
				t.Errorf("got key shares %v", h.KeyShares)
			}
			if h.RecordVersion != TLS10 {
				t.Errorf("got record version %s, want TLS 1.0", h.RecordVersion)
			}
		})
	}
}

// The hellos in testdata were sent by OpenSSL 3.0 (s_client), Python's ssl and curl; JA3 is tshark's.
var captured = []struct {
	file        string
	version     Version
	sni, ja3    string
	suites      int
	first, last ExtensionID
}{
	{"openssl-default", TLS13, "mail.example.com", "a3afc2c46ba4a7d7fbe1cfb7a3031c2f", 31, extServerName, extKeyShare},
	{"openssl-tls1.2-alpn", TLS12, "mail.example.com", "22558766122974704364c9c75c5cce0a", 28, extServerName, extSignatureAlgorithms},
	{"openssl-tls1.0-nosni", TLS10, "", "4921a5a1f7b5423a19d0db34c56c09f0", 23, extPointFormats, extExtendedMasterSecret},
	{"python-ssl", TLS13, "mail.example.com", "93c7d42c0df602fb91589311534831f5", 18, extServerName, extPadding},
	{"curl", TLS13, "mail.example.com", "0149f47eabf9a20d0893e2a44e5a6323", 31, extServerName, extPadding},
}

func TestCapturedClientHellos(t *testing.T) {
	for _, c := range captured {
		t.Run(c.file, func(t *testing.T) {
			wire, err := os.ReadFile(filepath.Join("testdata/hellos", c.file+".bin"))
			if err != nil {
				t.Fatal(err)
			}
			h := readHello(t, wire)
			if h.MaxVersion() != c.version || h.ServerName != c.sni || h.Size != len(wire) || h.JA3 != c.ja3 {
				t.Errorf("got %s, %q, %d octets, JA3 %s (%s)", h.MaxVersion(), h.ServerName, h.Size, h.JA3, ja3Text(&h))
			}
			if n := len(h.Extensions); len(h.Suites) != c.suites || h.Extensions[0] != c.first || h.Extensions[n-1] != c.last {
				t.Errorf("got %d suites, extensions %v", len(h.Suites), h.Extensions)
			}
			golden(t, filepath.Join("testdata/hellos", c.file+".json"), h)
		})
	}
}

func TestClientHelloJSONRoundTrip(t *testing.T) {
	h := readHello(t, mustBytes(t, ModernClient("mail.example.com")))
	h.Suites = append(h.Suites, 0x1a1a, 0xbeef)
	h.SSL2Ciphers = []SSL2Cipher{0x010080, 0x0a0b0c}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back ClientHello
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, back); diff != "" {
		t.Error(diff)
	}
}

// A hello that ends anywhere is reported, and what came before is kept.
func TestTruncatedClientHello(t *testing.T) {
	wire := mustBytes(t, SmallModern("mail.example.com"))
	body := wire[RecordHeader+messageHeader:]
	whole, err := ParseClientHello(body)
	if err != nil {
		t.Fatal(err)
	}
	afterSuites := 2 + 32 + 1 + whole.SessionIDLength + 2 + 2*len(whole.Suites)
	for n := range body {
		h, err := ParseClientHello(body[:n])
		// Without its extensions a hello is whole too: older clients send none.
		if bare := len(h.Extensions) == 0 && len(h.Compression) == 1; err == nil && !bare {
			t.Errorf("cut at %d of %d: no error", n, len(body))
		}
		if (err != nil) != (h.Malformed != "") {
			t.Errorf("cut at %d: error %v, malformed %q", n, err, h.Malformed)
		}
		if n >= afterSuites && !cmp.Equal(h.Suites, whole.Suites) {
			t.Errorf("cut at %d: suites lost", n)
		}
	}
}

func TestClientHelloBounds(t *testing.T) {
	spec := SmallModern("mail.example.com")
	spec.Suites = make([]CipherSuite, 30000)
	h := readHello(t, mustBytes(t, spec))
	if len(h.Suites) != maxList || h.Malformed == "" {
		t.Errorf("got %d suites, malformed %q, want %d and a reason", len(h.Suites), h.Malformed, maxList)
	}
	spec = SmallModern("a.example.com" + string(bytes.Repeat([]byte{0x1b}, 5000)))
	if h := readHello(t, mustBytes(t, spec)); len(h.ServerName) > 5*maxText || bytes.ContainsRune([]byte(h.ServerName), 0x1b) {
		t.Errorf("got server name %q", h.ServerName)
	}
}

func mustBytes(t testing.TB, s HelloSpec) []byte {
	t.Helper()
	wire, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}
