package signin

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// A Certificate is an application's, with its private key.
type Certificate struct {
	leaf *x509.Certificate
	key  *rsa.PrivateKey
}

// assertionLife is how long an assertion holds: the service takes no more than ten minutes.
const assertionLife = 5 * time.Minute

// ParseCertificate reads a certificate and its RSA key from PEM, in any order.
func ParseCertificate(data []byte) (*Certificate, error) {
	var c Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if err := c.add(block); err != nil {
			return nil, err
		}
	}
	switch {
	case c.leaf == nil:
		return nil, errors.New("no certificate in it; it must be PEM, with BEGIN CERTIFICATE")
	case c.key == nil:
		return nil, errors.New("no private key in it; it must be PEM, with BEGIN PRIVATE KEY, not encrypted")
	case !c.key.PublicKey.Equal(c.leaf.PublicKey):
		return nil, errors.New("its private key is not that of its first certificate")
	}
	return &c, nil
}

func (c *Certificate) add(block *pem.Block) (err error) {
	var key any
	switch block.Type {
	case "CERTIFICATE":
		if c.leaf == nil {
			c.leaf, err = x509.ParseCertificate(block.Bytes)
		}
		return err
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return fmt.Errorf("its key is a %T; the sign-in service takes RSA keys", key)
	}
	c.key = rsaKey
	return nil
}

// assertion is a signed statement of the application that it is itself (RFC 7523, section 3), in the form that Microsoft's sign-in
// service asks for: PS256, and the certificate named by its SHA-256 thumbprint (RFC 7515, section 4.1.8).
func (c *Certificate) assertion(clientID, audience string, now time.Time) (string, error) {
	thumbprint := sha256.Sum256(c.leaf.Raw)
	head, err := json.Marshal(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(thumbprint[:])})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"aud": audience, "iss": clientID, "sub": clientID, "jti": rand.Text(),
		"nbf": now.Unix(), "exp": now.Add(assertionLife).Unix()})
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPSS(rand.Reader, c.key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		return "", err
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
