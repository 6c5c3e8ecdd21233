package tlswire

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// A KeyExchange is the part of a ServerKeyExchange message that says how strong it is (RFC 8422, section 5.4;
// RFC 5246, section 7.4.3).
type KeyExchange struct {
	Group     Group           `json:"group,omitzero"`     // ECDHE: the curve
	DHBits    int             `json:"dh_bits,omitempty"`  // DHE: the size of the prime
	RSABits   int             `json:"rsa_bits,omitempty"` // export: the size of the short-lived key
	Signature SignatureScheme `json:"signature,omitzero"` // TLS 1.2 alone names it
	Malformed string          `json:"malformed,omitempty"`
}

// parseKeyExchange needs the ServerHello: the message does not say itself what it is.
func parseKeyExchange(body []byte, hello *ServerHello) KeyExchange {
	var k KeyExchange
	if hello == nil {
		k.Malformed = "ServerKeyExchange without a ServerHello"
		return k
	}
	if err := k.parse(body, hello); err != nil {
		k.Malformed = err.Error()
	}
	return k
}

func (k *KeyExchange) parse(body []byte, hello *ServerHello) error {
	s, kind := cryptobyte.String(body), hello.Suite.KeyExchange()
	var err error
	switch {
	case strings.Contains(kind, "PSK"), strings.Contains(kind, "SRP"):
		return nil
	case strings.HasPrefix(kind, "ECDHE"), strings.HasPrefix(kind, "ECDH_anon"):
		err = k.ecdhe(&s)
	case strings.HasPrefix(kind, "DHE"), strings.HasPrefix(kind, "DH_"):
		k.DHBits, err = readParams(&s, 3)
	case strings.HasPrefix(kind, "RSA"):
		k.RSABits, err = readParams(&s, 2)
	default:
		return fmt.Errorf("ServerKeyExchange of unknown kind for %s", hello.Suite)
	}
	if err != nil || hello.Version != TLS12 || strings.Contains(kind, "anon") {
		return err
	}
	var scheme uint16
	if !s.ReadUint16(&scheme) {
		return errors.New("ServerKeyExchange ends before its signature")
	}
	k.Signature = SignatureScheme(scheme)
	return nil
}

const namedCurve = 3 // ECCurveType (RFC 8422, section 5.4)

func (k *KeyExchange) ecdhe(s *cryptobyte.String) error {
	var kind uint8
	var group uint16
	var point cryptobyte.String
	if !s.ReadUint8(&kind) || kind != namedCurve || !s.ReadUint16(&group) {
		return errors.New("ServerKeyExchange names no curve")
	}
	k.Group = Group(group)
	if !s.ReadUint8LengthPrefixed(&point) {
		return errors.New("ServerKeyExchange ends in its point")
	}
	return nil
}

// readParams reads n big numbers and returns the bits of the first: the prime of Diffie-Hellman, the modulus of RSA.
func readParams(s *cryptobyte.String, n int) (bits int, err error) {
	for i := range n {
		var number cryptobyte.String
		if !s.ReadUint16LengthPrefixed(&number) {
			return bits, errors.New("ServerKeyExchange ends in its parameters")
		}
		if i == 0 {
			bits = bitLen(number)
		}
	}
	return bits, nil
}

func bitLen(number []byte) int {
	for len(number) > 0 && number[0] == 0 {
		number = number[1:]
	}
	if len(number) == 0 {
		return 0
	}
	bits := 8 * len(number)
	for mask := byte(0x80); number[0]&mask == 0; mask >>= 1 {
		bits--
	}
	return bits
}

// A CertificateRequest is a server's wish for a certificate of the client (RFC 5246, section 7.4.4). In TLS 1.3 it is
// encrypted and not seen.
type CertificateRequest struct {
	Types               []uint16          `json:"types,omitempty"` // ClientCertificateType: 1 RSA, 2 DSS, 64 ECDSA
	SignatureAlgorithms []SignatureScheme `json:"signature_algorithms,omitempty"`
	Authorities         []string          `json:"authorities,omitempty"` // names of the authorities it takes, the first ones
	AuthorityCount      int               `json:"authority_count,omitempty"`
	Malformed           string            `json:"malformed,omitempty"`
}

const maxAuthorities = 32 // names kept; servers that trust the whole web list hundreds

func parseCertificateRequest(body []byte, hello *ServerHello) CertificateRequest {
	var q CertificateRequest
	if err := q.parse(body, hello != nil && hello.Version == TLS12); err != nil {
		q.Malformed = err.Error()
	}
	return q
}

func (q *CertificateRequest) parse(body []byte, withSchemes bool) error {
	s := cryptobyte.String(body)
	var types, schemes, names, name cryptobyte.String
	if !s.ReadUint8LengthPrefixed(&types) {
		return errors.New("CertificateRequest ends in its types")
	}
	for _, t := range types {
		q.Types = append(q.Types, uint16(t))
	}
	if withSchemes {
		if !s.ReadUint16LengthPrefixed(&schemes) {
			return errors.New("CertificateRequest ends in its signature algorithms")
		}
		if err := readList(schemes, &q.SignatureAlgorithms, "signature algorithms"); err != nil {
			return err
		}
	}
	if !s.ReadUint16LengthPrefixed(&names) {
		return errors.New("CertificateRequest ends in its authorities")
	}
	for ; !names.Empty(); q.AuthorityCount++ {
		if !names.ReadUint16LengthPrefixed(&name) {
			return errors.New("CertificateRequest has an authority cut short")
		}
		if len(q.Authorities) < maxAuthorities {
			q.Authorities = append(q.Authorities, distinguishedName(name))
		}
	}
	return nil
}

func distinguishedName(der []byte) string {
	var rdn pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdn); err != nil || len(rest) > 0 {
		return printable(fmt.Sprintf("%x", der[:min(len(der), 16)]))
	}
	return printable(rdn.String())
}
