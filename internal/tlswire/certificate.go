package tlswire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// A Certificate is one certificate as it was shown, whether or not it can be read. Its texts are made printable.
type Certificate struct {
	DER       []byte    `json:"der"`
	SHA256    string    `json:"sha256"` // of the DER, in hexadecimal
	SHA1      string    `json:"sha1"`   // likewise: what Windows shows as thumbprint
	Subject   string    `json:"subject,omitempty"`
	Issuer    string    `json:"issuer,omitempty"`
	Common    string    `json:"common_name,omitempty"` // of the subject
	DNSNames  []string  `json:"dns_names,omitempty"`
	Addresses []string  `json:"ip_addresses,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"`
	Serial    string    `json:"serial,omitempty"`   // in hexadecimal
	KeyType   string    `json:"key_type,omitempty"` // "RSA", "ECDSA", "Ed25519", "DSA"
	KeyBits   int       `json:"key_bits,omitempty"`
	Signature string    `json:"signature,omitempty"` // algorithm: "SHA256-RSA"
	// SelfSigned: issuer and subject are one, and the signature does not contradict it.
	SelfSigned bool     `json:"self_signed,omitempty"`
	IsCA       bool     `json:"is_ca,omitempty"`
	OCSP       []string `json:"ocsp,omitempty"`
	CRL        []string `json:"crl,omitempty"`
	Error      string   `json:"error,omitempty"` // why it cannot be read; then only DER and the digests are set
}

// Names that are kept of each kind. Shared hosting puts a hundred into one certificate.
const maxNames = 256

// RSA keys, in bits, with which a signature is checked. Smaller ones crypto/rsa refuses; larger ones are a way to burn
// our time, and crypto/tls draws the same line.
const (
	minCheckedKey = 1024
	maxCheckedKey = 8192
)

// ParseCertificate reads one certificate. It never fails: see Error.
func ParseCertificate(der []byte) Certificate {
	sum256, sum1 := sha256.Sum256(der), sha1.Sum(der)
	c := Certificate{
		DER:    bytes.Clone(der),
		SHA256: hex.EncodeToString(sum256[:]),
		SHA1:   hex.EncodeToString(sum1[:]),
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		c.Error = printable(err.Error())
		return c
	}
	c.Subject, c.Issuer = printable(x.Subject.String()), printable(x.Issuer.String())
	c.Common = printable(x.Subject.CommonName)
	c.DNSNames = printables(x.DNSNames)
	for _, ip := range x.IPAddresses[:min(len(x.IPAddresses), maxNames)] {
		c.Addresses = append(c.Addresses, ip.String())
	}
	c.NotBefore, c.NotAfter = x.NotBefore.UTC(), x.NotAfter.UTC()
	c.Serial = printable(x.SerialNumber.Text(16))
	c.KeyType, c.KeyBits = keyKind(x)
	c.Signature = x.SignatureAlgorithm.String()
	c.SelfSigned = selfSigned(x)
	c.IsCA = x.IsCA
	c.OCSP, c.CRL = printables(x.OCSPServer), printables(x.CRLDistributionPoints)
	return c
}

// X509 parses the DER again, for verifying.
func (c Certificate) X509() (*x509.Certificate, error) { return x509.ParseCertificate(c.DER) }

func printables(list []string) []string {
	var out []string
	for _, s := range list[:min(len(list), maxNames)] {
		out = append(out, printable(s))
	}
	return out
}

func keyKind(x *x509.Certificate) (kind string, bits int) {
	switch k := x.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 8 * len(k)
	}
	if x.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
		return "", 0
	}
	return x.PublicKeyAlgorithm.String(), 0
}

// selfSigned tells a certificate that signed itself from one whose issuer merely bears the same name. Signatures by
// methods and keys that are not checked any more (MD5, 512 bits) leave the names to decide.
func selfSigned(x *x509.Certificate) bool {
	if !bytes.Equal(x.RawIssuer, x.RawSubject) {
		return false
	}
	if len(x.AuthorityKeyId) > 0 && len(x.SubjectKeyId) > 0 && !bytes.Equal(x.AuthorityKeyId, x.SubjectKeyId) {
		return false
	}
	if kind, bits := keyKind(x); kind == "RSA" && (bits < minCheckedKey || bits > maxCheckedKey) {
		return true
	}
	err := x.CheckSignature(x.SignatureAlgorithm, x.RawTBSCertificate, x.Signature)
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure) || errors.Is(err, x509.ErrUnsupportedAlgorithm)
}

// A Chain is a Certificate message of TLS 1.2 or older, the server's own certificate first (RFC 5246, section 7.4.2).
type Chain struct {
	Certificates []Certificate `json:"certificates"`
	Malformed    string        `json:"malformed,omitempty"` // what broke off the reading; the certificates before it are good
}

// maxChain is how many certificates of a chain are read.
const maxChain = 32

// ParseChain reads the body of a Certificate message. Cut says that the end of the body was dropped for its size.
func ParseChain(body []byte, cut bool) Chain {
	var c Chain
	s := cryptobyte.String(body)
	var length uint32
	if !s.ReadUint24(&length) {
		c.Malformed = "Certificate message ends before its length"
		return c
	}
	if cut {
		c.Malformed = "Certificate message is too large: the end was dropped"
	} else if int(length) != len(s) {
		c.Malformed = "Certificate message has another length than its list"
	}
	for !s.Empty() {
		var der cryptobyte.String
		if !s.ReadUint24LengthPrefixed(&der) {
			if c.Malformed == "" {
				c.Malformed = "the last certificate is cut short"
			}
			break
		}
		if len(c.Certificates) == maxChain {
			c.Malformed = "the chain is too long: the end was dropped"
			break
		}
		c.Certificates = append(c.Certificates, ParseCertificate(der))
	}
	return c
}
