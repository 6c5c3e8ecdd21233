package tlswire

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A tap keeps what is written through a connection.
type tap struct {
	net.Conn
	mu    sync.Mutex
	bytes []byte
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.bytes = append(c.bytes, p...)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

// loopback is a connection with buffers: over net.Pipe, two sides that write at once wait for each other.
func loopback(t testing.TB) (client, server net.Conn) {
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
		client.Close()
		t.Fatal(err)
	}
	return client, server
}

// conversation runs a whole TLS conversation and returns what each side wrote.
func conversation(t testing.TB, clientConfig, serverConfig *tls.Config) (fromClient, fromServer []byte) {
	t.Helper()
	a, b := loopback(t)
	client, server := &tap{Conn: a}, &tap{Conn: b}
	deadline := time.Now().Add(10 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	var both sync.WaitGroup
	both.Go(func() {
		c := tls.Client(client, clientConfig)
		if c.Handshake() == nil {
			io.WriteString(c, "EHLO client.example.com\r\n")
			io.Copy(io.Discard, c)
		}
		c.Close()
	})
	both.Go(func() {
		s := tls.Server(server, serverConfig)
		if s.Handshake() == nil {
			s.Read(make([]byte, 100))
			io.WriteString(s, "250 mail.example.com\r\n")
		}
		s.Close()
	})
	both.Wait()
	return client.bytes, server.bytes
}

// kinds names the events in short, for comparing.
func kinds(events []Event) []string {
	var list []string
	for _, e := range events {
		switch {
		case e.ClientHello != nil:
			list = append(list, "client_hello")
		case e.ServerHello != nil && e.ServerHello.Retry:
			list = append(list, "retry")
		case e.ServerHello != nil:
			list = append(list, "server_hello")
		case e.Chain != nil:
			list = append(list, "certificate")
		case e.KeyExchange != nil:
			list = append(list, "key_exchange "+e.KeyExchange.Group.String())
		case e.CertificateRequest != nil:
			list = append(list, "certificate_request")
		case e.ServerHelloDone:
			list = append(list, "done")
		case e.ChangeCipherSpec:
			list = append(list, "change_cipher_spec")
		case e.Alert != nil:
			list = append(list, e.Alert.String())
		case e.Other != nil:
			list = append(list, e.Other.Type.String())
		case e.Encrypted:
			list = append(list, "encrypted")
		}
	}
	return list
}

func TestReaderOfWholeConversations(t *testing.T) {
	pool := x509.NewCertPool()
	ca, _ := x509.ParseCertificate(selfSignedDER(t, rsaKey(), &rsaKey().PublicKey))
	pool.AddCert(ca)
	tests := []struct {
		name             string
		client           *tls.Config
		server           func(*tls.Config)
		fromUs, fromPeer []string
	}{
		{
			"tls 1.3", &tls.Config{}, nil,
			[]string{"client_hello", "change_cipher_spec", "encrypted"},
			[]string{"server_hello", "change_cipher_spec", "encrypted"},
		},
		{
			"tls 1.3 with retry", &tls.Config{},
			func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP384} },
			[]string{"client_hello", "change_cipher_spec", "client_hello", "encrypted"},
			[]string{"retry", "change_cipher_spec", "server_hello", "encrypted"},
		},
		{
			"tls 1.2 with a ticket",
			&tls.Config{
				MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256},
				ClientSessionCache: tls.NewLRUClientSessionCache(1),
			},
			nil,
			[]string{"client_hello", "client_key_exchange", "change_cipher_spec", "encrypted", "encrypted alert"},
			[]string{
				"server_hello", "certificate", "key_exchange secp256r1", "done", "new_session_ticket",
				"change_cipher_spec", "encrypted", "encrypted alert",
			},
		},
		{
			"tls 1.0 asking for a certificate",
			&tls.Config{
				MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10,
				CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA},
			},
			func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequestClientCert, pool },
			[]string{"client_hello", "certificate", "client_key_exchange", "change_cipher_spec", "encrypted", "encrypted alert"},
			[]string{
				"server_hello", "certificate", "certificate_request", "done", "change_cipher_spec", "encrypted",
				"encrypted alert",
			},
		},
		{
			"no version in common", &tls.Config{MinVersion: tls.VersionTLS13},
			func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
			[]string{"client_hello"}, []string{"fatal protocol_version (70)"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.client.InsecureSkipVerify, tt.client.ServerName = true, "mail.example.com"
			server := serverConfig(t)
			if tt.server != nil {
				tt.server(server)
			}
			fromClient, fromServer := conversation(t, tt.client, server)
			for _, side := range []struct {
				name string
				wire []byte
				want []string
			}{{"client", fromClient, tt.fromUs}, {"server", fromServer, tt.fromPeer}} {
				var whole, dribble Reader
				events := whole.Feed(side.wire)
				got := kinds(events)
				if diff := cmp.Diff(side.want, got); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", side.name, diff)
				}
				var slow []Event
				for i := range side.wire {
					slow = append(slow, dribble.Feed(side.wire[i:i+1])...)
				}
				if diff := cmp.Diff(events, slow); diff != "" {
					t.Errorf("%s, an octet at a time: %s", side.name, diff)
				}
				if whole.Octets() != int64(len(side.wire)) {
					t.Errorf("%s: got %d octets of %d", side.name, whole.Octets(), len(side.wire))
				}
			}
		})
	}
}

// What OpenSSL 3.0's s_server answered to hellos of ours.
func TestCapturedServerFlights(t *testing.T) {
	for _, tt := range []struct {
		file string
		want []string
		dh   int
	}{
		{"openssl-dhe-tls1.2", []string{"server_hello", "certificate", "key_exchange 0x0000", "done"}, 2048},
		{"openssl-dhe-tls1.0", []string{"server_hello", "certificate", "key_exchange 0x0000", "done"}, 2048},
		{"openssl-ecdh-anon", []string{"server_hello", "key_exchange x25519", "done"}, 0},
		{"openssl-tls1.3", []string{"server_hello", "change_cipher_spec", "encrypted"}, 0},
		{
			"openssl-tls1.2-client-ca",
			[]string{"server_hello", "certificate", "key_exchange x25519", "certificate_request", "done"}, 0,
		},
		{"openssl-no-shared-cipher", []string{"fatal handshake_failure (40)"}, 0},
	} {
		t.Run(tt.file, func(t *testing.T) {
			wire, err := os.ReadFile(filepath.Join("testdata/servers", tt.file+".bin"))
			if err != nil {
				t.Fatal(err)
			}
			var r Reader
			events := r.Feed(wire)
			if diff := cmp.Diff(tt.want, kinds(events)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, e := range events {
				switch {
				case e.KeyExchange != nil:
					if e.KeyExchange.DHBits != tt.dh || e.KeyExchange.Malformed != "" {
						t.Errorf("got %+v, want %d bits", e.KeyExchange, tt.dh)
					}
				case e.CertificateRequest != nil:
					q := e.CertificateRequest
					if !slices.Equal(q.Authorities, []string{"CN=mail.example.com,O=Contoso"}) || q.Malformed != "" {
						t.Errorf("got %+v", q)
					}
				}
			}
		})
	}
}

func TestReaderReportsWhatHangs(t *testing.T) {
	flight, err := ServerSpec{Version: TLS12, Suite: 0xc02f, Chain: [][]byte{make([]byte, 20000)}}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	var r Reader
	if got := kinds(r.Feed(flight[:MaxPlaintext+RecordHeader+100])); !slices.Equal(got, []string{"server_hello"}) {
		t.Errorf("got %v, want the ServerHello alone", got)
	}
	if m, have, want, ok := r.PendingMessage(); !ok || m != MsgCertificate || want != 20006 || have == 0 || have >= want {
		t.Errorf("got message %s, %d of %d, %v", m, have, want, ok)
	}
	if have, want := r.PendingRecord(); have != 95+RecordHeader || want == 0 {
		t.Errorf("got %d of %d octets of a record", have, want)
	}
}

func TestReaderBounds(t *testing.T) {
	t.Run("a chain of megabytes", func(t *testing.T) {
		big := slices.Repeat([][]byte{make([]byte, 60000)}, 80)
		flight, err := ServerSpec{Version: TLS12, Suite: 0xc02f, Chain: big, Done: true}.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		var r Reader
		events := r.Feed(flight)
		if got := kinds(events); len(got) < 1 || got[0] != "server_hello" || slices.Contains(got, "done") {
			t.Errorf("got %v", got)
		}
		if n := len(r.assemble.msg.Body); n > maxMessage {
			t.Errorf("%d octets are held", n)
		}
	})
	t.Run("a chain over one message's bound", func(t *testing.T) {
		big := slices.Repeat([][]byte{make([]byte, 60000)}, 6)
		flight, _ := ServerSpec{Version: TLS12, Suite: 0xc02f, Chain: big, Done: true}.Bytes()
		var r Reader
		events := r.Feed(flight)
		if got := kinds(events); !slices.Equal(got, []string{"server_hello", "certificate", "done"}) {
			t.Fatalf("got %v", got)
		}
		if c := events[1].Chain; len(c.Certificates) != 4 || c.Malformed == "" {
			t.Errorf("got %d certificates, malformed %q, want 4 and a reason", len(c.Certificates), c.Malformed)
		}
	})
	t.Run("alerts without end", func(t *testing.T) {
		var r Reader
		n := 0
		one := Alert{Level: Warning, Description: AlertUnrecognizedName}.Bytes(TLS12)
		for range 10000 {
			n += len(r.Feed(one))
		}
		if n != maxEvents || r.Records() != 10000 {
			t.Errorf("got %d events of %d records", n, r.Records())
		}
	})
}

func TestSSL2Messages(t *testing.T) {
	var client, server Reader
	events := client.Feed(mustBytes(t, OldSSL2Hello()))
	if len(events) != 1 || events[0].ClientHello == nil {
		t.Fatalf("got %+v", events)
	}
	h := events[0].ClientHello
	if h.Format != FormatSSL2 || h.Version != TLS10 || len(h.SSL2Ciphers) != 2 || h.JA3 != "" {
		t.Errorf("got %+v", h)
	}
	// TLS follows in records, as with any hello.
	if got := kinds(client.Feed(Records(ChangeCipherSpec, TLS10, []byte{1}))); !slices.Equal(got, []string{"change_cipher_spec"}) {
		t.Errorf("got %v", got)
	}
	if got := kinds(server.Feed([]byte{0x80, 3, 0, 0, 1})); !slices.Equal(got, []string{"fatal handshake_failure (40)"}) {
		t.Errorf("got %v", got)
	}
}
