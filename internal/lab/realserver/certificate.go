package realserver

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"sync"
	"time"
)

// validity is what is wrong with a server's certificate. The zero value is nothing.
type validity int

const (
	valid validity = iota
	expired
	notYetValid
	otherName
)

// An authority issues certificates for the servers of one process. RSA, because the servers of some cases know no
// other signature.
type authority struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
	serverKey   *rsa.PrivateKey // shared by the servers: making one takes long
}

var labAuthority = sync.OnceValues(func() (*authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serverKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{Organization: []string{"Mail lab"}, CommonName: "Mail lab root"},
		NotBefore:             time.Now().AddDate(-1, 0, 0),
		NotAfter:              time.Now().AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &authority{certificate, key, serverKey}, err
})

// issue returns a certificate for a server at host, DER encoded.
func (a *authority) issue(host string, v validity) ([]byte, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: Name},
		DNSNames:     []string{Name, "localhost"},
		IPAddresses:  []net.IP{net.ParseIP(host), net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(0, 1, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	switch v {
	case expired:
		template.NotBefore, template.NotAfter = time.Now().AddDate(0, -3, 0), time.Now().AddDate(0, 0, -3)
	case notYetValid:
		template.NotBefore = time.Now().AddDate(0, 0, 3)
	case otherName:
		template.Subject.CommonName, template.IPAddresses = "www.example.net", nil
		template.DNSNames = []string{"www.example.net"}
	}
	return x509.CreateCertificate(rand.Reader, template, a.certificate, a.serverKey.Public(), a.key)
}

// writeCertificates makes ca.pem, cert.pem and key.pem in the server's folder.
func (s *Server) writeCertificates(v validity) error {
	lab, err := labAuthority()
	if err != nil {
		return fmt.Errorf("making the certificate authority: %w", err)
	}
	der, err := lab.issue(s.Host, v)
	if err != nil {
		return fmt.Errorf("issuing the certificate of %s: %w", s.Host, err)
	}
	s.CAFile = s.path("ca.pem")
	for _, file := range []struct {
		name, kind string
		der        []byte
	}{
		{"ca.pem", "CERTIFICATE", lab.certificate.Raw},
		{"cert.pem", "CERTIFICATE", der},
		{"key.pem", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(lab.serverKey)},
	} {
		block := pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der})
		// Servers read the key as users of their own; it is worth nothing beyond this process.
		if err := os.WriteFile(s.path(file.name), block, 0o644); err != nil {
			return err
		}
	}
	return nil
}
