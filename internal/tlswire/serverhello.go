package tlswire

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// A ServerHello is what a server chose (RFC 8446, section 4.1.3; RFC 5246, section 7.4.1.3).
type ServerHello struct {
	Format        Format  `json:"format"`
	RecordVersion Version `json:"record_version,omitzero"`
	LegacyVersion Version `json:"legacy_version"`
	Version       Version `json:"version"`         // negotiated: supported_versions where it is sent
	Retry         bool    `json:"retry,omitempty"` // a HelloRetryRequest: the client shall send another key share
	// Downgraded: the random says that the server could do better than it was asked for, and so that somebody, the
	// client's own settings at the least, holds the version down (RFC 8446, section 4.1.3).
	Downgraded bool `json:"downgraded,omitempty"`

	Suite           CipherSuite   `json:"cipher_suite"`
	Compression     Compression   `json:"compression"`
	Group           Group         `json:"group,omitzero"` // of the key share: TLS 1.3 alone
	ALPN            string        `json:"alpn,omitempty"`
	Extensions      []ExtensionID `json:"extensions,omitempty"`
	SessionIDLength int           `json:"session_id_length,omitempty"`

	Malformed string `json:"malformed,omitempty"` // what broke off the reading; the fields before it are good
}

// retryRandom marks a HelloRetryRequest: the SHA-256 of "HelloRetryRequest" (RFC 8446, section 4.1.3).
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91" +
	"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// The last eight octets of the random of a server that could do TLS 1.3, or TLS 1.2, and does less.
const (
	downgrade12 = "DOWNGRD\x01"
	downgrade11 = "DOWNGRD\x00"
)

// ParseServerHello reads the body of a ServerHello message, without its four octets of header. With an error come the
// fields read so far, Malformed among them.
func ParseServerHello(body []byte) (ServerHello, error) {
	h := ServerHello{Format: FormatTLS}
	err := h.parse(body)
	if h.LegacyVersion == SSLv3 {
		h.Format = FormatSSL3
	}
	if err != nil {
		h.Malformed = err.Error()
	}
	return h, err
}

func (h *ServerHello) parse(body []byte) error {
	s := cryptobyte.String(body)
	var version, suite uint16
	var compression uint8
	var random []byte
	var id, extensions cryptobyte.String
	if !s.ReadUint16(&version) {
		return errors.New("ServerHello ends before its version")
	}
	h.LegacyVersion, h.Version = Version(version), Version(version)
	if !s.ReadBytes(&random, 32) || !s.ReadUint8LengthPrefixed(&id) {
		return errors.New("ServerHello ends before its session id")
	}
	h.SessionIDLength = len(id)
	h.Retry = string(random) == retryRandom
	if end := string(random[24:]); end == downgrade12 || end == downgrade11 {
		h.Downgraded = true
	}
	if !s.ReadUint16(&suite) || !s.ReadUint8(&compression) {
		return errors.New("ServerHello ends before its cipher suite and compression")
	}
	h.Suite, h.Compression = CipherSuite(suite), Compression(compression)
	if s.Empty() {
		return nil
	}
	if !s.ReadUint16LengthPrefixed(&extensions) {
		return errors.New("ServerHello ends in its extensions")
	}
	if err := eachExtension(extensions, &h.Extensions, h.extension); err != nil {
		return err
	}
	if !s.Empty() {
		return fmt.Errorf("ServerHello has %d octets after its extensions", len(s))
	}
	return nil
}

func (h *ServerHello) extension(id ExtensionID, s cryptobyte.String) error {
	var n uint16
	var list, name cryptobyte.String
	ok := true
	switch id {
	case extSupportedVersions:
		if ok = s.ReadUint16(&n); ok {
			h.Version = Version(n)
		}
	case extKeyShare: // a whole share, or in a HelloRetryRequest the group alone
		if ok = s.ReadUint16(&n); ok {
			h.Group = Group(n)
		}
	case extALPN:
		if ok = s.ReadUint16LengthPrefixed(&list) && list.ReadUint8LengthPrefixed(&name); ok {
			h.ALPN = printable(name)
		}
	}
	if !ok {
		return fmt.Errorf("extension %s is malformed", id)
	}
	return nil
}
