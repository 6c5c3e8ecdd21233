package tlswire

import (
	"crypto/rand"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// Bytes writes the alert as one record of a version. An encrypted alert is written as what it cannot be: in the clear.
func (a Alert) Bytes(v Version) []byte {
	return Records(AlertRecord, v, []byte{byte(a.Level), byte(a.Description)})
}

// A ServerSpec describes the first flight of a server of TLS 1.2 or older, as far as it needs no key: what a fault
// server says before it stops, and what `listen` answers to a client that crypto/tls cannot.
type ServerSpec struct {
	Version    Version
	Suite      CipherSuite
	SessionID  int         // octets of random session id, at most 32
	Extensions []Extension // none in SSLv3
	Chain      [][]byte    // certificates in DER, the server's own first; none: no Certificate message
	Done       bool        // end with ServerHelloDone
}

// Bytes writes the flight as it goes on the wire, in records of the version.
func (s ServerSpec) Bytes() ([]byte, error) {
	random := make([]byte, 32+s.SessionID)
	rand.Read(random)
	var b cryptobyte.Builder
	addMessage(&b, MsgServerHello, func(b *cryptobyte.Builder) {
		b.AddUint16(uint16(s.Version))
		b.AddBytes(random[:32])
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(random[32:]) })
		b.AddUint16(uint16(s.Suite))
		b.AddUint8(0) // compression: null
		if len(s.Extensions) > 0 {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addExtensions(b, s.Extensions) })
		}
	})
	if len(s.Chain) > 0 {
		addMessage(&b, MsgCertificate, func(b *cryptobyte.Builder) { addChain(b, s.Chain) })
	}
	if s.Done {
		addMessage(&b, MsgServerHelloDone, func(*cryptobyte.Builder) {})
	}
	flight, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing the server's flight: %w", err)
	}
	return Records(HandshakeRecord, s.Version, flight), nil
}

func addMessage(b *cryptobyte.Builder, t HandshakeType, body func(b *cryptobyte.Builder)) {
	b.AddUint8(uint8(t))
	b.AddUint24LengthPrefixed(body)
}

func addChain(b *cryptobyte.Builder, chain [][]byte) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, der := range chain {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(der) })
		}
	})
}
