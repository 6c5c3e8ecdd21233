package lab

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"sync"
	"time"
)

// An authority is a certificate authority of the lab's own, made anew for every server.
type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

const day = 24 * time.Hour

// newAuthority makes a self-signed authority.
func newAuthority(subject pkix.Name) (*authority, error) {
	return (*authority)(nil).issueAuthority(subject)
}

// issueAuthority makes an authority below this one, or a self-signed one below nil.
func (a *authority) issueAuthority(subject pkix.Name) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               subject,
		NotBefore:             now.Add(-2 * 365 * day),
		NotAfter:              now.Add(2 * 365 * day),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	if a == nil {
		a = &authority{template, key}
	}
	c, err := a.sign(template, key.Public())
	if err != nil {
		return nil, err
	}
	return &authority{c, key}, nil
}

func (a *authority) sign(template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, public, a.key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate of %v: %w", template.Subject, err)
	}
	return x509.ParseCertificate(der)
}

// pem is the authority's certificate for a client's --ca-file.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail (Go 1.24)
	}
	return n.Add(n, big.NewInt(1))
}

// rsaKey is made once: it takes a while, and every server may have the same.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newLeafKey(asRSA bool) (crypto.Signer, error) {
	if asRSA {
		return rsaKey()
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// A leafOrder is a certificate to be made: a healthy one, which the kinds spoil.
type leafOrder struct {
	template *x509.Certificate
	issuer   *authority   // nil: self-signed
	chain    []*authority // sent after the leaf, in this order
	bulk     int          // octets of rubbish certificates sent after all
}

// certificateKinds spoil a healthy order, each in its way.
var certificateKinds = map[string]func(o *leafOrder, argument string) error{
	"good": func(*leafOrder, string) error { return nil },
	"self-signed": func(o *leafOrder, _ string) error {
		o.issuer = nil
		return nil
	},
	"expired": func(o *leafOrder, _ string) error {
		o.template.NotBefore, o.template.NotAfter = time.Now().Add(-400*day), time.Now().Add(-35*day)
		return nil
	},
	"not-yet": func(o *leafOrder, _ string) error {
		o.template.NotBefore, o.template.NotAfter = time.Now().Add(35*day), time.Now().Add(400*day)
		return nil
	},
	"wrong-name": func(o *leafOrder, name string) error {
		if name == "" {
			name = "www.example.org"
		}
		o.template.Subject.CommonName, o.template.DNSNames, o.template.IPAddresses = name, []string{name}, nil
		return nil
	},
	"unknown-ca": func(o *leafOrder, name string) (err error) {
		if name == "" {
			name = "Contoso Internal CA"
		}
		o.issuer, err = newAuthority(pkix.Name{CommonName: name, Organization: []string{"Contoso"}})
		o.chain = []*authority{o.issuer}
		return err
	},
	"inspection": func(o *leafOrder, name string) (err error) {
		if name == "" {
			return errors.New("want the issuer's name, such as FortiGate CA")
		}
		o.issuer, err = newAuthority(pkix.Name{CommonName: name})
		return err
	},
	"incomplete": func(o *leafOrder, _ string) (err error) {
		o.issuer, err = o.issuer.issueAuthority(pkix.Name{CommonName: "Lab Intermediate CA"})
		return err
	},
	"intermediate": func(o *leafOrder, _ string) (err error) {
		o.issuer, err = o.issuer.issueAuthority(pkix.Name{CommonName: "Lab Intermediate CA"})
		o.chain = []*authority{o.issuer}
		return err
	},
	"huge": func(o *leafOrder, size string) (err error) {
		if o.bulk, err = strconv.Atoi(size); err != nil || o.bulk < 1 || o.bulk > 15<<20 {
			err = fmt.Errorf("%q: want a number of octets, %d at most", size, 15<<20)
		}
		return err
	},
}

// makeCertificate makes the certificate that a script asks for, good for the names and addresses given.
func makeCertificate(t tlsScript, issuer *authority, names []string, ips []net.IP) (tls.Certificate, error) {
	key, err := newLeafKey(t.rsa)
	if err != nil {
		return tls.Certificate{}, err
	}
	o := leafOrder{issuer: issuer, template: &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    time.Now().Add(-10 * day),
		NotAfter:     time.Now().Add(80 * day),
		DNSNames:     names,
		IPAddresses:  ips,
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}}
	if spoil, ok := certificateKinds[t.certificate]; ok {
		if err := spoil(&o, t.certArgument); err != nil {
			return tls.Certificate{}, err
		}
	}
	return o.fill(key)
}

func (o *leafOrder) fill(key crypto.Signer) (tls.Certificate, error) {
	issuer := o.issuer
	if issuer == nil {
		issuer = &authority{o.template, key}
	}
	leaf, err := issuer.sign(o.template, key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	c := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
	for _, a := range o.chain {
		c.Certificate = append(c.Certificate, a.certificate.Raw)
	}
	rubbish, err := bulkCertificates(issuer, o.bulk)
	c.Certificate = append(c.Certificate, rubbish...)
	return c, err
}

// bulkCertificates are well-formed certificates of about size octets together.
func bulkCertificates(a *authority, size int) ([][]byte, error) {
	const each = 256 << 10
	var out [][]byte
	for ; size > 0; size -= each {
		template := &x509.Certificate{
			SerialNumber: serial(),
			Subject:      pkix.Name{CommonName: "bulk " + strconv.Itoa(len(out))},
			NotBefore:    time.Now(), NotAfter: time.Now().Add(day),
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 999, 1}, Value: make([]byte, min(size, each))}},
		}
		c, err := a.sign(template, a.key.Public())
		if err != nil {
			return nil, err
		}
		out = append(out, c.Raw)
	}
	return out, nil
}
