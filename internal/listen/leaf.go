package listen

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A CertificateKind says what is wrong with the certificate that clients are shown.
type CertificateKind string

// The kinds there are. "" is CertificateGood.
const (
	CertificateGood       CertificateKind = "good" // issued by the authority for the name asked for
	CertificateSelfSigned CertificateKind = "self-signed"
	CertificateExpired    CertificateKind = "expired"
	CertificateWrongName  CertificateKind = "wrong-name"
)

// CertificateKinds are the names that --certificate takes.
var CertificateKinds = []CertificateKind{CertificateGood, CertificateSelfSigned, CertificateExpired, CertificateWrongName}

// problem is what a client that trusts the authority must find wrong with a certificate of the kind.
var problem = map[CertificateKind]evidence.CertProblem{
	CertificateSelfSigned: evidence.CertSelfSigned,
	CertificateExpired:    evidence.CertExpired,
	CertificateWrongName:  evidence.CertNameMismatch,
}

const wrongName = "www.example.org"

// newKey makes an RSA key: every device can do RSA, and Microsoft 365 shows RSA certificates.
func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// maxLeaves bounds the certificates that are remembered: a client can ask for any number of names.
const maxLeaves = 256

// A leafStore makes certificates as they are asked for. They share one key, because making one takes a while.
type leafStore struct {
	authority *Authority
	kind      CertificateKind
	names     []string // that every good certificate has

	mu   sync.Mutex
	key  *rsa.PrivateKey
	made map[string]*tls.Certificate
}

// forName returns the certificate for a name asked for by SNI, and for the address that the client reached.
func (s *leafStore) forName(name string, local netip.Addr) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := name + " " + local.String()
	if c := s.made[id]; c != nil {
		return c, nil
	}
	if s.key == nil {
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		s.key, s.made = key, map[string]*tls.Certificate{}
	}
	c, err := s.make(name, local)
	if err != nil {
		return nil, fmt.Errorf("making a certificate for %q: %w", name, err)
	}
	if len(s.made) == maxLeaves {
		clear(s.made)
	}
	s.made[id] = c
	return c, nil
}

func (s *leafStore) make(name string, local netip.Addr) (*tls.Certificate, error) {
	template := s.template(name, local)
	parent, signer := s.authority.certificate, s.authority.key
	if s.kind == CertificateSelfSigned {
		parent, signer = template, s.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, s.key.Public(), signer)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: s.key}
	if s.kind != CertificateSelfSigned {
		c.Certificate = append(c.Certificate, s.authority.certificate.Raw)
	}
	return c, nil
}

func (s *leafStore) template(name string, local netip.Addr) *x509.Certificate {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: serial(), NotBefore: now.Add(-day), NotAfter: now.Add(90 * day),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if s.kind == CertificateExpired {
		t.NotBefore, t.NotAfter = now.Add(-400*day), now.Add(-35*day)
	}
	if s.kind == CertificateWrongName {
		t.DNSNames = []string{wrongName}
	} else {
		t.DNSNames = slices.Clone(s.names)
		if name != "" && !slices.Contains(t.DNSNames, name) {
			t.DNSNames = append([]string{name}, t.DNSNames...)
		}
		if local.IsValid() {
			t.IPAddresses = []net.IP{local.AsSlice()}
		}
	}
	t.Subject = pkix.Name{CommonName: t.DNSNames[0]}
	return t
}

// shown is what a record says of the certificate that was shown.
func (s *leafStore) shown(c *tls.Certificate, name string) *evidence.Chain {
	chain := &evidence.Chain{}
	for _, der := range c.Certificate {
		chain.Certificates = append(chain.Certificates, tlswire.ParseCertificate(der))
	}
	v := evidence.Verified{Roots: RootsLab, Name: name, At: time.Now().UTC(), Problem: problem[s.kind]}
	if v.Problem != "" {
		v.Text = "shown so on purpose (--certificate " + string(s.kind) + ")"
	}
	chain.Verified = []evidence.Verified{v}
	return chain
}

// RootsLab names the pool of roots that holds the authority of this package alone.
const RootsLab = "listen-ca"
