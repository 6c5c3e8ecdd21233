package tlswire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func selfSignedDER(t testing.TB, key any, public any) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x5a17), Subject: pkix.Name{CommonName: "mail.example.com", Organization: []string{"Contoso"}},
		NotBefore: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		DNSNames: []string{"mail.example.com", "*.example.net"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 25)},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// serverConfig takes everything that crypto/tls still can.
func serverConfig(t testing.TB) *tls.Config {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS10,
		Certificates: []tls.Certificate{
			{Certificate: [][]byte{selfSignedDER(t, rsaKey(), &rsaKey().PublicKey)}, PrivateKey: rsaKey()},
			{Certificate: [][]byte{selfSignedDER(t, ec, &ec.PublicKey)}, PrivateKey: ec},
		},
	}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		config.CipherSuites = append(config.CipherSuites, s.ID)
	}
	return config
}

// answer gives a hello to a crypto/tls server and returns what it says to it.
func answer(t testing.TB, hello []byte, config *tls.Config) []Event {
	t.Helper()
	client, server := net.Pipe()
	deadline := time.Now().Add(10 * time.Second)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	go func() {
		tls.Server(server, config).Handshake()
		server.Close()
	}()
	go client.Write(hello)
	defer client.Close()
	var r Reader
	var events []Event
	buf := make([]byte, 4096)
	for {
		n, err := client.Read(buf)
		events = append(events, r.Feed(buf[:n])...)
		if err != nil || r.Encrypted() || slices.ContainsFunc(events, final) {
			return events
		}
	}
}

func final(e Event) bool {
	return e.ServerHelloDone || e.Alert != nil || e.ServerHello != nil && e.ServerHello.Retry
}

func serverHello(events []Event) *ServerHello {
	for _, e := range events {
		if e.ServerHello != nil {
			return e.ServerHello
		}
	}
	return nil
}

func TestVersionHellosAreAnswered(t *testing.T) {
	config := serverConfig(t)
	for _, v := range Versions[1:] {
		t.Run(v.String(), func(t *testing.T) {
			events := answer(t, mustBytes(t, VersionHello(v, "mail.example.com")), config)
			h := serverHello(events)
			if h == nil || h.Version != v || h.Malformed != "" {
				t.Fatalf("got %+v, want a ServerHello of %s", events, v)
			}
			if v == TLS13 && h.Group != X25519 {
				t.Errorf("got group %s, want x25519", h.Group)
			}
			if h.Downgraded != (v < TLS13) {
				t.Errorf("got downgraded %v", h.Downgraded)
			}
		})
	}
}

func TestSSLv3IsRefusedByCryptoTLS(t *testing.T) {
	events := answer(t, mustBytes(t, VersionHello(SSLv3, "")), serverConfig(t))
	if len(events) != 1 || events[0].Alert == nil || events[0].Alert.Description != AlertProtocolVersion {
		t.Errorf("got %+v, want alert protocol_version", events)
	}
}

func TestFamiliesAreAnswered(t *testing.T) {
	config := serverConfig(t)
	for _, f := range Families {
		t.Run(f.Name, func(t *testing.T) {
			known := slices.ContainsFunc(f.Suites, func(c CipherSuite) bool {
				return slices.Contains(config.CipherSuites, uint16(c))
			})
			events := answer(t, mustBytes(t, f.Hello("mail.example.com")), config)
			h := serverHello(events)
			switch {
			case known && (h == nil || !slices.Contains(f.Suites, h.Suite)):
				t.Errorf("got %+v, want a ServerHello", events)
			case !known && (h != nil || len(events) != 1 || events[0].Alert == nil ||
				events[0].Alert.Description != AlertHandshakeFailure):
				t.Errorf("got %+v, want alert handshake_failure", events)
			}
		})
	}
}

// What a modern client sends must be accepted with each of its key shares.
func TestModernHelloKeyShares(t *testing.T) {
	for _, g := range []Group{X25519MLKEM768, SecP256r1MLKEM768, SecP384r1MLKEM1024, X25519, Secp256r1, Secp384r1, Secp521r1} {
		t.Run(g.String(), func(t *testing.T) {
			spec := ModernClient("mail.example.com")
			spec.Groups, spec.KeyShares = []Group{g}, []Group{g}
			config := serverConfig(t)
			config.CurvePreferences = []tls.CurveID{tls.CurveID(g)}
			events := answer(t, mustBytes(t, spec), config)
			if h := serverHello(events); h == nil || h.Version != TLS13 || h.Group != g || h.Retry {
				t.Errorf("got %+v", events)
			}
		})
	}
	spec := SmallModern("")
	spec.KeyShares = []Group{FFDHE2048}
	if _, err := spec.Bytes(); err == nil || !strings.Contains(err.Error(), "ffdhe2048") {
		t.Errorf("got error %v, want one that names the group", err)
	}
}

func TestHelloRetryRequest(t *testing.T) {
	config := serverConfig(t)
	config.CurvePreferences = []tls.CurveID{tls.CurveP256}
	events := answer(t, mustBytes(t, ModernClient("mail.example.com")), config)
	if h := serverHello(events); h == nil || !h.Retry || h.Group != Secp256r1 || h.Version != TLS13 {
		t.Errorf("got %+v, want a HelloRetryRequest for secp256r1", events)
	}
}

func TestHelloSizes(t *testing.T) {
	sizes := func(s HelloSpec) int { return len(mustBytes(t, s)) }
	if n := sizes(ModernClient("smtp.office365.com")); n < 1460 {
		t.Errorf("modern hello has %d octets: fits one segment", n)
	}
	if n := sizes(SmallModern("smtp.office365.com")); n > 400 {
		t.Errorf("small hello has %d octets", n)
	}
	if n := sizes(OldDevice()); n > 200 {
		t.Errorf("old device's hello has %d octets", n)
	}
	for _, want := range []int{512, 600, 1000, 1448, 1449, 4000, 17000, 40000} {
		s := SmallModern("mail.example.com")
		s.Size = want
		wire := mustBytes(t, s)
		if len(wire) != want {
			t.Errorf("asked for %d octets, got %d", want, len(wire))
		}
		if h := readHello(t, wire); h.Malformed != "" || h.Size != want {
			t.Errorf("padded to %d: malformed %q, size %d", want, h.Malformed, h.Size)
		}
	}
	for size := MaxPlaintext + RecordHeader - 2; size < MaxPlaintext+3*RecordHeader; size++ {
		s := SmallModern("mail.example.com")
		s.Size = size
		if n := sizes(s); n > size || n < size-RecordHeader {
			t.Errorf("asked for %d octets at the edge of a record, got %d", size, n)
		}
	}
	s := OldDevice()
	s.Size = 30
	if _, err := s.Bytes(); err == nil {
		t.Error("a hello was squeezed into 30 octets")
	}
	s.Size = 500
	if n := sizes(s); n != 500 {
		t.Errorf("old device padded to 500: got %d", n)
	}
	s = SmallModern("mail.example.com")
	natural := sizes(s)
	s.Size = natural + 2
	if n := sizes(s); n != natural+4 {
		t.Errorf("padding by two: got %d, want the four of an empty extension", n-natural)
	}
}

func TestPaddedHelloIsAnswered(t *testing.T) {
	s := SmallModern("mail.example.com")
	s.Size, s.RecordLimit = 3000, 500
	if h := serverHello(answer(t, mustBytes(t, s), serverConfig(t))); h == nil {
		t.Error("a padded hello in seven records was not answered")
	}
}

func TestHelloSpecRoundTrip(t *testing.T) {
	for _, s := range []HelloSpec{
		ModernClient("mail.example.com"), SmallModern("mail.example.com"), OldDevice(), OldSSL2Hello(),
		VersionHello(SSLv2, ""), VersionHello(SSLv3, ""), VersionHello(TLS11, "mail.example.com"),
	} {
		t.Run(s.Name, func(t *testing.T) {
			wire := mustBytes(t, s)
			h := readHello(t, wire)
			want := ClientHello{
				Format: s.Format, Version: s.version(), Size: len(wire), SupportedVersions: s.Versions, Suites: s.Suites,
				SSL2Ciphers: s.SSL2Ciphers, ServerName: s.ServerName, Groups: s.Groups, KeyShares: s.KeyShares,
				SignatureAlgorithms: s.Schemes, SessionIDLength: s.SessionID,
			}
			if want.Format == "" {
				want.Format = FormatTLS
			}
			h.RecordVersion, h.JA3, h.JA4, h.Extensions, h.PointFormats, h.Compression = 0, "", "", nil, nil, nil
			if diff := cmp.Diff(want, h); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNoServerNameForAddresses(t *testing.T) {
	for _, name := range []string{"", "192.0.2.1", "2001:db8::1", "[2001:db8::1]"} {
		h := readHello(t, mustBytes(t, SmallModern(name)))
		if slices.Contains(h.Extensions, extServerName) {
			t.Errorf("%q was sent as SNI", name)
		}
	}
	if h := readHello(t, mustBytes(t, SmallModern("mail.example.com."))); h.ServerName != "mail.example.com" {
		t.Errorf("got SNI %q, want it without the trailing dot", h.ServerName)
	}
}

func TestServerFlight(t *testing.T) {
	der := selfSignedDER(t, rsaKey(), &rsaKey().PublicKey)
	wire, err := ServerSpec{Version: SSLv3, Suite: 0x0005, SessionID: 32, Chain: [][]byte{der, {1, 2, 3}}, Done: true}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	wire = append(wire, Alert{Level: Fatal, Description: AlertHandshakeFailure}.Bytes(SSLv3)...)
	var r Reader
	var events []Event
	for _, b := range wire { // one octet at a time
		events = append(events, r.Feed([]byte{b})...)
	}
	if len(events) != 4 {
		t.Fatalf("got %+v, want four events", events)
	}
	h := events[0].ServerHello
	if h.Version != SSLv3 || h.Suite != 0x0005 || h.SessionIDLength != 32 || h.Format != FormatSSL3 {
		t.Errorf("got %+v", h)
	}
	chain := events[1].Chain
	if len(chain.Certificates) != 2 || chain.Malformed != "" || chain.Certificates[1].Error == "" {
		t.Errorf("got %+v", chain)
	}
	if !events[2].ServerHelloDone || events[3].Alert.String() != "fatal handshake_failure (40)" {
		t.Errorf("got %+v", events[2:])
	}
}
