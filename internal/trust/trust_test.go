package trust_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
	"github.com/smtptriage/smtptriage/internal/trust"
)

var now = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// An issued certificate has its key, so that it can issue others.
type issued struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// issue makes a certificate; by nil is self-signed. change may change what is in it.
func issue(t *testing.T, name string, by *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	tpl := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 2, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	if change != nil {
		change(tpl)
	}
	parent, signer := tpl, key
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{c, key}
}

func authority(c *x509.Certificate) { c.IsCA = true }

// host makes a certificate one for mx.example.com.
func host(c *x509.Certificate) { c.DNSNames = []string{"mx.example.com"} }

func both(a, b func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) { a(c); b(c) }
}

func expired(c *x509.Certificate)     { c.NotAfter = now.Add(-time.Hour) }
func notYetValid(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }

func TestVerify(t *testing.T) {
	root := issue(t, "Root", nil, authority)
	stranger := issue(t, "Stranger", nil, authority)
	middle := issue(t, "Middle", root, authority)
	oldMiddle := issue(t, "Old Middle", root, both(authority, expired))
	oldStranger := issue(t, "Old Stranger", stranger, both(authority, expired))
	good := issue(t, "leaf", middle, host)
	byRoot := issue(t, "leaf", root, host)
	told := func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example.com/middle.crt"} }
	addresses := issue(t, "leaf", root, func(c *x509.Certificate) {
		c.IPAddresses = []net.IP{net.ParseIP("192.0.2.25"), net.ParseIP("2001:db8::25")}
	})
	roots := x509.NewCertPool()
	roots.AddCert(root.Certificate)
	// Roots made anew after certificates of theirs had expired.
	long := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-99*time.Hour), now.Add(-90*time.Hour) }
	since := func(c *x509.Certificate) { c.NotBefore = now.Add(-time.Minute) }
	young, youngStranger := issue(t, "Young Root", nil, both(authority, since)), issue(t, "Young Stranger", nil, both(authority, since))
	youngMiddle := issue(t, "Young Middle", young, both(authority, since))
	strangeMiddle := issue(t, "Strange Middle", youngStranger, both(authority, since))
	roots.AddCert(young.Certificate)
	for _, tt := range []struct {
		name  string
		chain []*issued
		host  string
		want  evidence.CertProblem
		text  string // all of these words stand in it, in this order
	}{
		{"good", []*issued{good, middle}, "mx.example.com", evidence.CertOK, ""},
		{"good, with its root and another", []*issued{byRoot, root, stranger}, "mx.example.com", evidence.CertOK, ""},
		{"small and capital letters", []*issued{byRoot}, "MX.Example.COM", evidence.CertOK, ""},
		{"address", []*issued{addresses}, "192.0.2.25", evidence.CertOK, ""},
		{"IPv6 address", []*issued{addresses}, "2001:db8::25", evidence.CertOK, ""},
		{"another address", []*issued{addresses}, "2001:db8::26", evidence.CertNameMismatch, "2001:db8::26"},
		{"another name", []*issued{byRoot}, "smtp.example.com", evidence.CertNameMismatch, "smtp.example.com"},
		{"the common name is no name", []*issued{issue(t, "mx.example.com", root, nil)}, "mx.example.com", evidence.CertNameMismatch, ""},
		{"self-signed", []*issued{issue(t, "mx", nil, host)}, "mx.example.com", evidence.CertSelfSigned, "unknown authority"},
		{"by a stranger", []*issued{issue(t, "leaf", stranger, host), stranger}, "mx.example.com", evidence.CertUntrusted, "unknown authority"},
		{"by a stranger, alone", []*issued{issue(t, "leaf", stranger, host)}, "mx.example.com", evidence.CertUntrusted, ""},
		{"the intermediate is missing", []*issued{issue(t, "leaf", middle, both(host, told))}, "mx.example.com", evidence.CertIncomplete, "no intermediate"},
		{"expired", []*issued{issue(t, "leaf", root, both(host, expired))}, "mx.example.com", evidence.CertExpired, "certificate 1 was valid to 2026-11-20T08:00:00Z"},
		{"not yet valid", []*issued{issue(t, "leaf", root, both(host, notYetValid))}, "mx.example.com", evidence.CertNotYetValid, "certificate 1 is valid from 2026-11-20T10:00:00Z"},
		{"the intermediate expired", []*issued{issue(t, "leaf", oldMiddle, host), oldMiddle}, "mx.example.com", evidence.CertExpired, "certificate 2 was valid to"},
		{"expired before its root was made", []*issued{issue(t, "leaf", young, both(host, long))}, "mx.example.com", evidence.CertExpired, "certificate 1 was valid to"},
		{"expired before its intermediate was made", []*issued{issue(t, "leaf", youngMiddle, both(host, long)), youngMiddle}, "mx.example.com", evidence.CertExpired, "certificate 1 was valid to"},
		{"expired before a stranger was made", []*issued{issue(t, "leaf", youngStranger, both(host, long)), youngStranger}, "mx.example.com", evidence.CertUntrusted, "unknown authority…was valid to"},
		{"expired before a stranger's intermediate was made", []*issued{issue(t, "leaf", strangeMiddle, both(host, long)), strangeMiddle}, "mx.example.com", evidence.CertUntrusted, "unknown authority…was valid to"},
		{"expired and self-signed", []*issued{issue(t, "mx", nil, both(host, expired))}, "mx.example.com", evidence.CertSelfSigned, "unknown authority…was valid to"},
		{"expired, for another name", []*issued{issue(t, "mx", root, both(host, expired))}, "smtp.example.com", evidence.CertExpired, "was valid to…smtp.example.com"},
		{"by a stranger, for another name", []*issued{issue(t, "mx", stranger, host)}, "smtp.example.com", evidence.CertUntrusted, "unknown authority…smtp.example.com"},
		{"the issuer may not issue", []*issued{issue(t, "mx", byRoot, host), byRoot}, "mx.example.com", evidence.CertUntrusted, "cannot sign"},
		{"the intermediate expired, and is by a stranger", []*issued{issue(t, "mx", oldStranger, host), oldStranger}, "mx.example.com", evidence.CertUntrusted, "unknown authority…certificate 2 was valid to"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var certs []*x509.Certificate
			for _, c := range tt.chain {
				certs = append(certs, c.Certificate)
			}
			got, text := trust.Verify(certs, roots, tt.host, now)
			if got != tt.want {
				t.Errorf("got %q (%s), want %q", got, text, tt.want)
			}
			if (got == evidence.CertOK) != (text == "") {
				t.Errorf("%q comes with the words %q", got, text)
			}
			rest, found := text, true
			for _, part := range strings.Split(tt.text, "…") {
				if _, rest, found = strings.Cut(rest, part); !found {
					t.Errorf("%q is not in %q", part, text)
				}
			}
		})
	}
}

// shown is a chain as a server shows it.
func shown(chain ...[]byte) []tlswire.Certificate {
	var out []tlswire.Certificate
	for _, der := range chain {
		out = append(out, tlswire.ParseCertificate(der))
	}
	return out
}

func TestCheck(t *testing.T) {
	soon := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	root := issue(t, "Root", nil, both(authority, soon))
	leaf := issue(t, "leaf", root, both(host, soon))
	own := x509.NewCertPool()
	own.AddCert(root.Certificate)
	type result struct {
		roots   string
		problem evidence.CertProblem
	}
	for _, tt := range []struct {
		name    string
		shown   []tlswire.Certificate
		host    string
		own     trust.Own
		want    []result
		trusted bool
	}{
		{"the user's own roots: those of the system are not asked", shown(leaf.Raw), "mx.example.com", trust.Own{Roots: own}, []result{{trust.CAFile, evidence.CertOK}, {trust.Public, evidence.CertUntrusted}}, true},
		{"roots with a name of their own", shown(leaf.Raw), "mx.example.com.", trust.Own{Name: "lab", Roots: own}, []result{{"lab", evidence.CertOK}, {trust.Public, evidence.CertUntrusted}}, true},
		{"roots of others", shown(leaf.Raw), "mx.example.com", trust.Own{Roots: x509.NewCertPool()},
			[]result{{trust.CAFile, evidence.CertUntrusted}, {trust.System, evidence.CertUntrusted}, {trust.Public, evidence.CertUntrusted}}, false},
		{"no own roots", shown(leaf.Raw), "mx.example.com", trust.Own{}, []result{{trust.System, evidence.CertUntrusted}, {trust.Public, evidence.CertUntrusted}}, false},
		{"another name", shown(leaf.Raw), "smtp.example.com", trust.Own{Roots: own},
			[]result{{trust.CAFile, evidence.CertNameMismatch}, {trust.System, evidence.CertUntrusted}, {trust.Public, evidence.CertUntrusted}}, false},
		{"no certificate at all", shown([]byte("garbage")), "mx.example.com", trust.Own{Roots: own},
			[]result{{trust.CAFile, evidence.CertOther}, {trust.System, evidence.CertOther}, {trust.Public, evidence.CertOther}}, false},
		{"garbage behind the leaf", shown(leaf.Raw, []byte("garbage")), "mx.example.com", trust.Own{Roots: own}, []result{{trust.CAFile, evidence.CertOK}, {trust.Public, evidence.CertUntrusted}}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			chain, trusted := trust.Check(tt.shown, tt.host, tt.own)
			if trusted != tt.trusted || len(chain.Verified) != len(tt.want) || len(chain.Certificates) != len(tt.shown) {
				t.Fatalf("trusted %v, got %+v", trusted, chain.Verified)
			}
			for i, v := range chain.Verified {
				if v.Roots != tt.want[i].roots || v.Problem != tt.want[i].problem || v.Name != strings.TrimSuffix(tt.host, ".") || v.At.IsZero() {
					t.Errorf("got %+v, want %+v", v, tt.want[i])
				}
			}
		})
	}
	if chain, trusted := trust.Check(nil, "mx.example.com", trust.Own{}); chain != nil || trusted {
		t.Errorf("got %v and %v of nothing", chain, trusted)
	}
}
