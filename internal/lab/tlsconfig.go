package lab

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

var tlsVersions = map[string]uint16{
	"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
}

var tlsCurves = map[string]tls.CurveID{
	"P256": tls.CurveP256, "P384": tls.CurveP384, "P521": tls.CurveP521, "X25519": tls.X25519, "X25519MLKEM768": tls.X25519MLKEM768,
}

func readStartTLS(s *Script, word string) error {
	switch word {
	case "off":
		s.tls.off = true
	case "stripped":
		s.tls.stripped = true
	case "required":
		s.tls.required = true
	default:
		return fmt.Errorf("%q: want off, stripped or required", word)
	}
	return nil
}

// readTLS reads "tls SETTING VALUE...".
func readTLS(s *Script, st statement) error {
	args, err := st.args()
	if err != nil {
		return err
	}
	if len(args) < 2 {
		return fmt.Errorf("want a setting and its value, got %q", st.rest)
	}
	return s.tls.set(args[0], args[1:])
}

func (t *tlsScript) set(setting string, values []string) (err error) {
	switch setting {
	case "min":
		t.min, err = lookUp(tlsVersions, values[0])
	case "max":
		t.max, err = lookUp(tlsVersions, values[0])
	case "ciphers":
		t.ciphers, err = cipherSuites(values)
	case "curves":
		for _, v := range values {
			id, err := lookUp(tlsCurves, v)
			if err != nil {
				return err
			}
			t.curves = append(t.curves, id)
		}
	case "key":
		kinds := map[string]bool{"rsa": true, "ecdsa": false}
		t.rsa, err = lookUp(kinds, values[0])
	case "client-cert":
		t.clientCert, err = lookUp(map[string]bool{"required": true}, values[0])
	case "cert":
		err = t.setCertificate(values[0], strings.Join(values[1:], " "))
	default:
		err = fmt.Errorf("unknown setting %q", setting)
	}
	return err
}

// setCertificate notes the kind of certificate, after trying whether it can be made with the argument.
func (t *tlsScript) setCertificate(kind, argument string) error {
	spoil, err := lookUp(certificateKinds, kind)
	if err != nil {
		return err
	}
	t.certificate, t.certArgument = kind, argument
	if err := spoil(&leafOrder{template: new(x509.Certificate)}, argument); err != nil {
		return fmt.Errorf("cert %s: %w", kind, err)
	}
	return nil
}

func lookUp[V any](table map[string]V, word string) (V, error) {
	v, ok := table[word]
	if !ok {
		return v, fmt.Errorf("%q: want one of %s", word, strings.Join(sortedKeys(table), ", "))
	}
	return v, nil
}

func cipherSuites(names []string) ([]uint16, error) {
	var ids []uint16
	known := slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites())
	for _, name := range names {
		i := slices.IndexFunc(known, func(c *tls.CipherSuite) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("no cipher suite named %q", name)
		}
		ids = append(ids, known[i].ID)
	}
	return ids, nil
}

// check finds settings that contradict each other.
func (t *tlsScript) check() error {
	if t.min != 0 && t.max != 0 && t.min > t.max {
		return fmt.Errorf("min is above max")
	}
	if t.ciphers != nil && (t.max == 0 || t.max > tls.VersionTLS12) {
		return fmt.Errorf("ciphers need \"tls max 1.2\" or lower: TLS 1.3 has suites of its own that cannot be chosen")
	}
	return nil
}

// tlsConfig is the server's side of a handshake as scripted.
func (s *session) tlsConfig() (*tls.Config, error) {
	t := s.script.tls
	cert, err := s.server.certificateFor(s.localIP())
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates:     []tls.Certificate{cert},
		MinVersion:       tls.VersionTLS12,
		MaxVersion:       t.max,
		CipherSuites:     t.ciphers,
		CurvePreferences: t.curves,
	}
	switch {
	case t.min != 0:
		config.MinVersion = t.min
	case s.script.personality.minTLS != 0: // takes old versions, to turn them away in words
		config.MinVersion = tls.VersionTLS10
	case t.max != 0:
		config.MinVersion = min(t.max, tls.VersionTLS12)
	}
	if t.clientCert {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	return config, nil
}

// realHandshake does TLS as a server should.
func (s *session) realHandshake() outcome {
	config, err := s.tlsConfig()
	if err == nil {
		var state tls.ConnectionState
		if state, err = s.wire.startTLS(s.ctx, config); err == nil {
			s.tls = &state
			s.greeted = false // RFC 3207, section 4.2: what was said before TLS is forgotten
			s.forget()
			s.now.command = smtp.Command{}
			return answered
		}
	}
	s.wire.end(s.ctx, cut)
	return ended
}
