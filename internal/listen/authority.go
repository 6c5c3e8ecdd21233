package listen

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const day = 24 * time.Hour

// An Authority issues the certificates that are shown to clients. Its key never leaves the user's own folder: whoever has it
// can play any server to the devices that trust it.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes an authority that lives as long as the process. Its key is RSA, because devices that know nothing of
// elliptic curves have to read its signatures.
func NewAuthority() (*Authority, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "smtptriage listen CA", Organization: []string{"smtptriage on " + hostname()}},
		NotBefore:    now.Add(-day), NotAfter: now.Add(5 * 365 * day),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate authority: %w", err)
	}
	c, err := x509.ParseCertificate(der)
	return &Authority{c, key}, err
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "this machine"
	}
	return name
}

// Files of the authority in its folder.
const (
	certificateFile = "ca.pem"
	keyFile         = "ca-key.pem"
)

// AuthorityDir is where the authority of this user is kept.
func AuthorityDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the configuration folder: %w", err)
	}
	return filepath.Join(dir, "smtptriage", "ca"), nil
}

// OpenAuthority reads the authority kept in a folder, and makes it if there is none, or one that has run out.
func OpenAuthority(dir string) (*Authority, error) {
	a, err := readAuthority(dir)
	if err == nil && time.Now().Before(a.certificate.NotAfter) {
		return a, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the certificate authority in %s: %w; move the folder away to have a new one made", dir, err)
	}
	if a, err = NewAuthority(); err != nil {
		return nil, err
	}
	if err := a.save(dir); err != nil {
		return nil, fmt.Errorf("keeping the certificate authority: %w", err)
	}
	return a, nil
}

func readAuthority(dir string) (*Authority, error) {
	certificate, err := readPEM(filepath.Join(dir, certificateFile))
	if err != nil {
		return nil, err
	}
	key, err := readPEM(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	signer, ok := k.(crypto.Signer)
	if public, isKey := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !isKey || !public.Equal(signer.Public()) {
		return nil, errors.New("certificate and key do not belong together")
	}
	return &Authority{c, signer}, nil
}

func readPEM(name string) ([]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", name)
	}
	return block.Bytes, nil
}

// save writes the key first: a certificate without its key would be read as damaged.
func (a *Authority) save(dir string) error {
	key, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, keyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, certificateFile), a.PEM(), 0o644)
}

// writeFile replaces a file at one stroke, so that nobody reads half of it.
func writeFile(name string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// PEM is the authority's certificate, for import into a device.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// DER is the same certificate in the form that some devices want.
func (a *Authority) DER() []byte { return a.certificate.Raw }

// Certificate is the same certificate, read.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail (Go 1.24)
	}
	return n.Add(n, big.NewInt(1))
}
