package tlswire

import (
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// A HelloSpec describes a ClientHello to be written. It can ask for what crypto/tls refuses: SSLv2 and SSLv3, any
// cipher suite, any size. Nothing that is sent is ever finished into a session, so no key is kept.
type HelloSpec struct {
	Name          string    // for people: "tls1.0-device"
	Format        Format    // "": FormatTLS
	RecordVersion Version   // 0: the older of TLS 1.0 and Version (RFC 8446, section 5.1)
	Version       Version   // legacy_version; 0: the newest of Versions, at most TLS 1.2
	Versions      []Version // the supported_versions extension; none: it is left out, as before TLS 1.3
	Suites        []CipherSuite
	SSL2Ciphers   []SSL2Cipher // for FormatSSL2
	Groups        []Group
	KeyShares     []Group // with fresh random keys
	Schemes       []SignatureScheme
	ServerName    string // "": no SNI. A literal address is never sent (RFC 6066, section 3)
	ALPN          []string
	SessionID     int         // octets of random session id, at most 32
	Extra         []Extension // after those that follow from the other fields
	Size          int         // octets on the wire, headers included, reached by padding (RFC 7685); 0: as it comes
	RecordLimit   int         // octets of one fragment; 0: MaxPlaintext
}

// An Extension is one extension by its octets.
type Extension struct {
	ID   ExtensionID
	Data []byte
}

// Bytes writes the hello as it goes on the wire. Each call makes fresh random values.
//
// With Size the result is that long. Two gaps cannot be met: padding takes four octets at the least, so the result may
// be up to three longer; and a further record brings five octets of header, so it may be up to five shorter just above
// a multiple of the record's limit. A hello that is larger by itself is an error.
func (s HelloSpec) Bytes() ([]byte, error) {
	if s.Format == FormatSSL2 {
		return s.ssl2()
	}
	extensions, err := s.extensions()
	if err != nil {
		return nil, err
	}
	wire, err := s.wire(extensions)
	if err != nil || s.Size == 0 || len(wire) == s.Size {
		return wire, err
	}
	if len(wire) > s.Size {
		return nil, fmt.Errorf("ClientHello %s takes %d octets, more than the %d asked for", s.Name, len(wire), s.Size)
	}
	return s.padded(extensions, len(wire))
}

// padded adds a padding extension that brings the hello from its natural size to the one asked for.
func (s HelloSpec) padded(extensions []Extension, natural int) ([]byte, error) {
	if s.Format == FormatSSL3 {
		return nil, errors.New("SSLv3 has no extensions, and so no padding")
	}
	overhead := 4
	if len(extensions) == 0 {
		overhead += 2
	}
	pad := max(0, s.Size-natural-overhead)
	for {
		wire, err := s.wire(append(extensions[:len(extensions):len(extensions)], Extension{extPadding, make([]byte, pad)}))
		if err != nil || len(wire) <= s.Size || pad == 0 {
			return wire, err
		}
		pad = max(0, pad-(len(wire)-s.Size)) // further records brought further headers
	}
}

func (s HelloSpec) version() Version {
	if s.Version != 0 {
		return s.Version
	}
	newest := SSLv3
	for _, v := range s.Versions {
		newest = max(newest, v)
	}
	return min(newest, TLS12)
}

func (s HelloSpec) recordVersion() Version {
	if s.RecordVersion != 0 {
		return s.RecordVersion
	}
	return min(s.version(), TLS10)
}

func (s HelloSpec) wire(extensions []Extension) ([]byte, error) {
	random := make([]byte, 32)
	id := make([]byte, s.SessionID)
	rand.Read(random)
	rand.Read(id)
	var b cryptobyte.Builder
	b.AddUint8(uint8(MsgClientHello))
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(uint16(s.version()))
		b.AddBytes(random)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(id) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addList(b, s.Suites) })
		b.AddBytes([]byte{1, 0}) // compression methods: null alone
		if len(extensions) > 0 {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addExtensions(b, extensions) })
		}
	})
	msg, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing ClientHello %s: %w", s.Name, err)
	}
	return records(HandshakeRecord, s.recordVersion(), msg, s.RecordLimit), nil
}

// ssl2 writes the hello in the format of SSLv2 (RFC 5246, appendix E.2).
func (s HelloSpec) ssl2() ([]byte, error) {
	challenge := make([]byte, 16)
	rand.Read(challenge)
	specs := 3 * (len(s.SSL2Ciphers) + len(s.Suites))
	var b cryptobyte.Builder
	b.AddUint8(ssl2ClientHello)
	b.AddUint16(uint16(s.version()))
	b.AddUint16(uint16(specs))
	b.AddUint16(0) // session id: must be empty
	b.AddUint16(uint16(len(challenge)))
	for _, c := range s.SSL2Ciphers {
		b.AddUint24(uint32(c))
	}
	for _, c := range s.Suites {
		b.AddUint24(uint32(c))
	}
	b.AddBytes(challenge)
	msg := b.BytesOrPanic()
	if s.Size != 0 && s.Size != ssl2Header+len(msg) {
		return nil, errors.New("an SSLv2 ClientHello cannot be padded")
	}
	if len(msg) > 4096 {
		return nil, fmt.Errorf("SSLv2 ClientHello of %d octets is too long", len(msg))
	}
	return append([]byte{0x80 | byte(len(msg)>>8), byte(len(msg))}, msg...), nil
}

func addList[T ~uint16](b *cryptobyte.Builder, ids []T) {
	for _, id := range ids {
		b.AddUint16(uint16(id))
	}
}

func addExtensions(b *cryptobyte.Builder, extensions []Extension) {
	for _, e := range extensions {
		b.AddUint16(uint16(e.ID))
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(e.Data) })
	}
}

// Records puts the octets of one or more messages into records of the usual size.
func Records(t ContentType, v Version, octets []byte) []byte { return records(t, v, octets, 0) }

func records(t ContentType, v Version, octets []byte, limit int) []byte {
	if limit <= 0 || limit > MaxPlaintext {
		limit = MaxPlaintext
	}
	var wire []byte
	for {
		n := min(limit, len(octets))
		wire = append(wire, byte(t), byte(v>>8), byte(v), byte(n>>8), byte(n))
		wire = append(wire, octets[:n]...)
		if octets = octets[n:]; len(octets) == 0 {
			return wire
		}
	}
}
