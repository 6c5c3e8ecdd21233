package tlswire

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseCertificate(t *testing.T) {
	der := selfSignedDER(t, rsaKey(), &rsaKey().PublicKey)
	sum256, sum1 := sha256.Sum256(der), sha1.Sum(der)
	want := Certificate{
		DER: der, SHA256: hex.EncodeToString(sum256[:]), SHA1: hex.EncodeToString(sum1[:]),
		Subject: "CN=mail.example.com,O=Contoso", Issuer: "CN=mail.example.com,O=Contoso", Common: "mail.example.com",
		DNSNames: []string{"mail.example.com", "*.example.net"}, Addresses: []string{"192.0.2.25"},
		NotBefore: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), NotAfter: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		Serial: "5a17", KeyType: "RSA", KeyBits: 2048, Signature: "SHA256-RSA", SelfSigned: true, IsCA: true,
	}
	got := ParseCertificate(der)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back Certificate
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, back); diff != "" {
		t.Errorf("after JSON: %s", diff)
	}
	if x, err := back.X509(); err != nil || x.Subject.CommonName != "mail.example.com" {
		t.Errorf("got %v, %v", x, err)
	}
}

func TestCertificateKeys(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	edPublic, ed, _ := ed25519.GenerateKey(rand.Reader)
	for _, tt := range []struct {
		kind        string
		bits        int
		key, public any
	}{{"ECDSA", 384, ec, &ec.PublicKey}, {"Ed25519", 256, ed, edPublic}} {
		c := ParseCertificate(selfSignedDER(t, tt.key, tt.public))
		if c.KeyType != tt.kind || c.KeyBits != tt.bits || !c.SelfSigned {
			t.Errorf("got %s of %d bits, self-signed %v, want %s of %d", c.KeyType, c.KeyBits, c.SelfSigned, tt.kind, tt.bits)
		}
	}
}

// A certificate that another authority of the same name issued is not self-signed.
func TestSameNameIsNotSelfSigned(t *testing.T) {
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	name := pkix.Name{CommonName: "Inspection\x1b[31m CA"}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotAfter: time.Now().Add(time.Hour)}
	parent := &x509.Certificate{Subject: name}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &ec.PublicKey, rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	c := ParseCertificate(der)
	if c.SelfSigned || c.Issuer != c.Subject {
		t.Errorf("got %+v", c)
	}
	if strings.ContainsRune(c.Subject+c.Common, 0x1b) {
		t.Errorf("an escape sequence got through: %q", c.Subject)
	}
}

func TestUnreadableCertificate(t *testing.T) {
	der := selfSignedDER(t, rsaKey(), &rsaKey().PublicKey)
	for _, bad := range [][]byte{nil, {0x30}, der[:len(der)-1], append(der[:len(der):len(der)], 0)} {
		c := ParseCertificate(bad)
		if c.Error == "" || c.SHA256 == "" || !cmp.Equal(string(c.DER), string(bad)) {
			t.Errorf("%d octets: got %+v", len(bad), c)
		}
	}
}

func TestParseChain(t *testing.T) {
	tests := []struct {
		name  string
		body  string
		cut   bool
		n     int
		whole bool
	}{
		{"empty, as from a client without one", "\x00\x00\x00", false, 0, true},
		{"one", "\x00\x00\x05\x00\x00\x02ab", false, 1, true},
		{"no length", "\x00", false, 0, false},
		{"list longer than the body", "\x00\x00\x09\x00\x00\x02ab", false, 1, false},
		{"certificate longer than the list", "\x00\x00\x05\x00\x00\x09ab", false, 0, false},
		{"cut", "\x00\x00\x99\x00\x00\x02ab\x00\x00\x02a", true, 1, false},
		{"too many", "\x00\x01\x90" + strings.Repeat("\x00\x00\x01x", 100), false, maxChain, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := ParseChain([]byte(tt.body), tt.cut)
			if len(c.Certificates) != tt.n || (c.Malformed == "") != tt.whole {
				t.Errorf("got %d certificates, malformed %q, want %d, %v", len(c.Certificates), c.Malformed, tt.n, tt.whole)
			}
		})
	}
}
