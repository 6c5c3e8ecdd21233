package tlswire

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// extensions are those that follow from the fields of the spec, in the order that OpenSSL writes them.
func (s HelloSpec) extensions() ([]Extension, error) {
	if s.Format == FormatSSL3 {
		return s.Extra, nil
	}
	var list []Extension
	var failed error
	add := func(id ExtensionID, write func(b *cryptobyte.Builder)) {
		var b cryptobyte.Builder
		write(&b)
		data, err := b.Bytes()
		if err != nil && failed == nil {
			failed = fmt.Errorf("writing extension %s: %w", id, err)
		}
		list = append(list, Extension{id, data})
	}
	if name := strings.TrimSuffix(s.ServerName, "."); name != "" && !literal(name) {
		add(extServerName, func(b *cryptobyte.Builder) { addServerName(b, name) })
	}
	if s.offersCurves() {
		add(extPointFormats, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 0}) })
	}
	if len(s.Groups) > 0 {
		add(extSupportedGroups, func(b *cryptobyte.Builder) { addList16(b, s.Groups) })
	}
	if len(s.ALPN) > 0 {
		add(extALPN, func(b *cryptobyte.Builder) { addALPN(b, s.ALPN) })
	}
	if len(s.Schemes) > 0 {
		add(extSignatureAlgorithms, func(b *cryptobyte.Builder) { addList16(b, s.Schemes) })
	}
	if len(s.Versions) > 0 {
		add(extSupportedVersions, func(b *cryptobyte.Builder) {
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { addList(b, s.Versions) })
		})
	}
	if len(s.KeyShares) > 0 {
		add(extPSKModes, func(b *cryptobyte.Builder) { b.AddBytes([]byte{1, 1}) })
		shares, err := keyShares(s.KeyShares)
		if err != nil {
			return nil, err
		}
		add(extKeyShare, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(shares) })
		})
	}
	return append(list, s.Extra...), failed
}

func literal(name string) bool {
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}

// offersCurves reports whether a suite uses elliptic curves the way TLS 1.2 and older do, where point formats count.
func (s HelloSpec) offersCurves() bool {
	if len(s.Groups) == 0 {
		return false
	}
	for _, c := range s.Suites {
		if strings.HasPrefix(c.KeyExchange(), "ECDH") {
			return true
		}
	}
	return false
}

func addList16[T ~uint16](b *cryptobyte.Builder, ids []T) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addList(b, ids) })
}

func addServerName(b *cryptobyte.Builder, name string) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(0) // host_name
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
	})
}

func addALPN(b *cryptobyte.Builder, protocols []string) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, p := range protocols {
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(p)) })
		}
	})
}

// keyShares writes one share for each group, with keys that a server can compute with: one that checks its peer's
// points must find nothing to object to.
func keyShares(groups []Group) ([]byte, error) {
	var b cryptobyte.Builder
	for _, g := range groups {
		share, err := keyShare(g)
		if err != nil {
			return nil, err
		}
		b.AddUint16(uint16(g))
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(share) })
	}
	return b.Bytes()
}

// keyShare is the public part of a fresh key. The hybrids put the parts in different orders
// (draft-ietf-tls-ecdhe-mlkem, section 3.1.1).
func keyShare(g Group) ([]byte, error) {
	switch {
	case isGREASE(uint16(g)):
		return []byte{0}, nil
	case g == X25519MLKEM768:
		return joined(mlkem768, curve(ecdh.X25519()))
	case g == SecP256r1MLKEM768:
		return joined(curve(ecdh.P256()), mlkem768)
	case g == SecP384r1MLKEM1024:
		return joined(curve(ecdh.P384()), mlkem1024)
	}
	if c, ok := curves[g]; ok {
		return curve(c)()
	}
	return nil, fmt.Errorf("no key share for group %s", g)
}

var curves = map[Group]ecdh.Curve{
	X25519:    ecdh.X25519(),
	Secp256r1: ecdh.P256(),
	Secp384r1: ecdh.P384(),
	Secp521r1: ecdh.P521(),
}

func curve(c ecdh.Curve) func() ([]byte, error) {
	return func() ([]byte, error) {
		key, err := c.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return key.PublicKey().Bytes(), nil
	}
}

func mlkem768() ([]byte, error) {
	key, err := mlkem.GenerateKey768()
	if err != nil {
		return nil, err
	}
	return key.EncapsulationKey().Bytes(), nil
}

func mlkem1024() ([]byte, error) {
	key, err := mlkem.GenerateKey1024()
	if err != nil {
		return nil, err
	}
	return key.EncapsulationKey().Bytes(), nil
}

func joined(parts ...func() ([]byte, error)) ([]byte, error) {
	var all []byte
	for _, part := range parts {
		octets, err := part()
		if err != nil {
			return nil, err
		}
		all = append(all, octets...)
	}
	return all, nil
}
