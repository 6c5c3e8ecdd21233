// Package trust checks a chain of certificates against pools of roots, after a handshake that did not: whatever comes of it is
// recorded, and what one pool says beside another is evidence of its own.
package trust

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// Names of the pools of roots that a chain is checked against.
const (
	System = "system"
	CAFile = "ca-file" // what a user's own roots are called, unless he calls them otherwise
	Public = "mozilla"
)

// Own are roots that the user gave. The zero value is none.
type Own struct {
	Name  string // "": CAFile
	Roots *x509.CertPool
}

// Check verifies the certificates that a server showed for a name against each pool, at the present time. trusted says whether
// this machine, or the user's own roots, trust them. The chain is nil if no certificate was shown.
func Check(shown []tlswire.Certificate, name string, own Own) (chain *evidence.Chain, trusted bool) {
	if len(shown) == 0 {
		return nil, false
	}
	chain = &evidence.Chain{Certificates: shown}
	var certs []*x509.Certificate
	for _, s := range shown {
		if x, err := s.X509(); err == nil {
			certs = append(certs, x)
		}
	}
	now := time.Now()
	name = strings.TrimSuffix(name, ".")
	for _, p := range pools(own) {
		if p.spare && trusted {
			continue
		}
		v := evidence.Verified{Roots: p.name, Name: name, At: now, Problem: evidence.CertOther, Text: shown[0].Error}
		if shown[0].Error == "" {
			if roots, err := p.load(certs); err != nil {
				v.Text = err.Error()
			} else {
				v.Problem, v.Text = Verify(certs, roots, name, now)
			}
		}
		trusted = trusted || v.Problem == evidence.CertOK && p.name != Public
		chain.Verified = append(chain.Verified, v)
	}
	return chain, trusted
}

// A pool is roots to check a chain against.
type pool struct {
	name  string
	load  func(chain []*x509.Certificate) (*x509.CertPool, error)
	spare bool // not asked when a pool before it has verified the chain
}

// pools are the user's roots, those of the system, and those that the public web trusts: a chain that only this machine
// trusts is what TLS inspection looks like. Where the user's verify the chain it does not matter what the system's say,
// and reading them takes longer than all the rest of a conversation.
func pools(own Own) []pool {
	system := pool{System, func([]*x509.Certificate) (*x509.CertPool, error) { return x509.SystemCertPool() }, true}
	public := pool{Public, func(chain []*x509.Certificate) (*x509.CertPool, error) { return publicRoots(chain), nil }, false}
	if own.Roots == nil {
		return []pool{system, public}
	}
	given := pool{cmp.Or(own.Name, CAFile), func([]*x509.Certificate) (*x509.CertPool, error) { return own.Roots, nil }, false}
	return []pool{given, system, public}
}

// publicRoots are the roots of Mozilla's list that have the name of an issuer in the chain. The others could not end
// it, and parsing them all takes longer than the rest of the handshake.
func publicRoots(chain []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		for _, c := range chain {
			if !bytes.Contains(root.Certificate, c.RawIssuer) {
				continue
			}
			cert, err := x509.ParseCertificate(root.Certificate)
			switch {
			case err != nil:
			case root.Constraint == nil:
				pool.AddCert(cert)
			default:
				pool.AddCertWithConstraint(cert, root.Constraint)
			}
			break
		}
	}
	return pool
}

// Verify checks a chain for one name at one time. Of several problems it names the one that must be mended first:
// whoever does not trust the issuer has no use for a name or a date of his. The text has them all.
func Verify(certs []*x509.Certificate, roots *x509.CertPool, name string, now time.Time) (evidence.CertProblem, string) {
	leaf := certs[0]
	options := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range certs[1:] {
		options.Intermediates.AddCert(c)
	}
	var problems []evidence.CertProblem
	var texts []string
	found := func(p evidence.CertProblem, text string) {
		problems, texts = append(problems, p), append(texts, text)
	}
	_, err := leaf.Verify(options)
	if isExpired(err) {
		if trustErr := reaches(certs, options); trustErr != nil {
			found(distrust(certs, trustErr))
		}
		found(outOfTime(certs, now))
	} else if err != nil {
		found(distrust(certs, err))
	}
	if err := leaf.VerifyHostname(hostForVerify(name)); err != nil {
		found(evidence.CertNameMismatch, err.Error())
	}
	if len(problems) == 0 {
		return evidence.CertOK, ""
	}
	return problems[0], strings.Join(texts, "; ")
}

func isExpired(err error) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) && invalid.Reason == x509.Expired
}

// reaches tells why a chain would not be trusted if the time were right, or nil. There may be no time that is right for all of
// it: a root, made anew, can be younger than a certificate of its own that has expired. A certificate that is out of its time is
// complained of only once its signature is found good, so the rest of the chain decides.
func reaches(certs []*x509.Certificate, options x509.VerifyOptions) error {
	options.CurrentTime = common(certs)
	_, err := certs[0].Verify(options)
	switch {
	case !isExpired(err):
		return err
	case len(certs) == 1:
		return nil // what is out of its time is the root
	}
	return reaches(certs[1:], options)
}

// common is a time at which all certificates of a chain were valid, or else one at which the first was.
func common(certs []*x509.Certificate) time.Time {
	from, to := certs[0].NotBefore, certs[0].NotAfter
	for _, c := range certs[1:] {
		if c.NotBefore.After(to) || c.NotAfter.Before(from) {
			continue
		}
		if c.NotBefore.After(from) {
			from = c.NotBefore
		}
		if c.NotAfter.Before(to) {
			to = c.NotAfter
		}
	}
	return from.Add(to.Sub(from) / 2)
}

// outOfTime says which certificate is out of its time, and on which side.
func outOfTime(certs []*x509.Certificate, now time.Time) (evidence.CertProblem, string) {
	for i, c := range certs {
		switch {
		case now.Before(c.NotBefore):
			return evidence.CertNotYetValid, fmt.Sprintf("certificate %d is valid from %s", i+1, c.NotBefore.UTC().Format(time.RFC3339))
		case now.After(c.NotAfter):
			return evidence.CertExpired, fmt.Sprintf("certificate %d was valid to %s", i+1, c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return evidence.CertExpired, "a root of the chain is out of its time"
}

// distrust tells why no path leads to a root.
func distrust(certs []*x509.Certificate, err error) (evidence.CertProblem, string) {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return evidence.CertOther, err.Error()
	}
	leaf := certs[0]
	switch {
	case bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		return evidence.CertSelfSigned, err.Error()
	case len(certs) == 1 && len(leaf.IssuingCertificateURL) > 0:
		// Authorities that tell where their certificate can be fetched do not sign with a root, so one is missing.
		return evidence.CertIncomplete, err.Error() + ": the server sent no intermediate certificate"
	}
	return evidence.CertUntrusted, err.Error()
}

// hostForVerify puts an IPv6 address into the brackets that VerifyHostname wants.
func hostForVerify(name string) string {
	if strings.Contains(name, ":") && !strings.HasPrefix(name, "[") {
		return "[" + name + "]"
	}
	return name
}
