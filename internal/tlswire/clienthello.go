package tlswire

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// A Format says how a hello is wrapped.
type Format string

// The formats there are. SSLv3 and TLS differ in the version alone, and in that SSLv3 knows no extensions.
const (
	FormatTLS  Format = "tls"
	FormatSSL3 Format = "ssl3"
	FormatSSL2 Format = "ssl2"
)

// A ClientHello is what a client offers (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2). Lists keep the order of
// the wire, GREASE included.
type ClientHello struct {
	Format        Format  `json:"format"`
	RecordVersion Version `json:"record_version,omitzero"` // of its first record
	Version       Version `json:"version"`                 // legacy_version: at most TLS 1.2
	Size          int     `json:"size"`                    // octets on the wire, all its records with their headers

	SupportedVersions   []Version         `json:"supported_versions,omitempty"`
	Suites              []CipherSuite     `json:"cipher_suites,omitempty"`
	SSL2Ciphers         []SSL2Cipher      `json:"ssl2_ciphers,omitempty"`
	Compression         []Compression     `json:"compression,omitempty"`
	ServerName          string            `json:"server_name,omitempty"` // SNI, made printable
	ALPN                []string          `json:"alpn,omitempty"`
	Groups              []Group           `json:"groups,omitempty"`
	KeyShares           []Group           `json:"key_shares,omitempty"`
	SignatureAlgorithms []SignatureScheme `json:"signature_algorithms,omitempty"`
	PointFormats        []PointFormat     `json:"point_formats,omitempty"`
	Extensions          []ExtensionID     `json:"extensions,omitempty"`
	SessionIDLength     int               `json:"session_id_length,omitempty"`

	JA3       string `json:"ja3,omitempty"`       // MD5 of the JA3 text, in hexadecimal
	JA4       string `json:"ja4,omitempty"`       // "t13d1516h2_8daaf6152771_e5627efa2ab1"
	Malformed string `json:"malformed,omitempty"` // what broke off the reading; the fields before it are good
}

// Offers lists the versions that the client takes, oldest first, GREASE left out. Without the supported_versions
// extension the client takes everything up to its version, and how far down cannot be seen: then there is one entry.
func (h ClientHello) Offers() []Version {
	if len(h.SupportedVersions) == 0 {
		return []Version{h.Version}
	}
	var offers []Version
	for _, v := range Versions {
		for _, s := range h.SupportedVersions {
			if s == v {
				offers = append(offers, v)
				break
			}
		}
	}
	return offers
}

// MaxVersion is the newest version that the client takes.
func (h ClientHello) MaxVersion() Version {
	if offers := h.Offers(); len(offers) > 0 {
		return offers[len(offers)-1]
	}
	return h.Version
}

// PostQuantum reports whether a key share is post-quantum, which makes the hello large.
func (h ClientHello) PostQuantum() bool {
	for _, g := range h.KeyShares {
		if g.PostQuantum() {
			return true
		}
	}
	return false
}

// maxList is how many entries of one list are kept. No real hello has as many; JSON of a hostile one stays small.
const maxList = 1024

// ParseClientHello reads the body of a ClientHello message, without its four octets of header. With an error come the
// fields read so far, Malformed among them.
func ParseClientHello(body []byte) (ClientHello, error) {
	h := ClientHello{Format: FormatTLS, Size: RecordHeader + messageHeader + len(body)}
	p := helloParser{hello: &h}
	err := p.parse(body)
	if h.Version == SSLv3 {
		h.Format = FormatSSL3
	}
	h.JA3 = ja3(&h)
	h.JA4 = ja4(&h, p.firstALPN)
	if err != nil {
		h.Malformed = err.Error()
	}
	return h, err
}

type helloParser struct {
	hello     *ClientHello
	firstALPN []byte // as on the wire, for JA4
}

func (p *helloParser) parse(body []byte) error {
	h, s := p.hello, cryptobyte.String(body)
	var version uint16
	var random []byte
	var id, suites, compression, extensions cryptobyte.String
	if !s.ReadUint16(&version) {
		return errors.New("ClientHello ends before its version")
	}
	h.Version = Version(version)
	if !s.ReadBytes(&random, 32) || !s.ReadUint8LengthPrefixed(&id) {
		return errors.New("ClientHello ends before its session id")
	}
	h.SessionIDLength = len(id)
	if !s.ReadUint16LengthPrefixed(&suites) {
		return errors.New("ClientHello ends in its cipher suites")
	}
	if err := readList(suites, &h.Suites, "cipher suites"); err != nil {
		return err
	}
	if !s.ReadUint8LengthPrefixed(&compression) {
		return errors.New("ClientHello ends in its compression methods")
	}
	h.Compression = octets[Compression](compression)
	if s.Empty() {
		return nil
	}
	if !s.ReadUint16LengthPrefixed(&extensions) {
		return errors.New("ClientHello ends in its extensions")
	}
	if err := eachExtension(extensions, &h.Extensions, p.extension); err != nil {
		return err
	}
	if !s.Empty() {
		return fmt.Errorf("ClientHello has %d octets after its extensions", len(s))
	}
	return nil
}

func (p *helloParser) extension(id ExtensionID, s cryptobyte.String) error {
	h := p.hello
	var list cryptobyte.String
	ok := true
	switch id {
	case extServerName:
		ok = p.serverName(s)
	case extALPN:
		ok = p.alpn(s)
	case extSupportedGroups:
		if ok = s.ReadUint16LengthPrefixed(&list); ok {
			return readList(list, &h.Groups, "groups")
		}
	case extSignatureAlgorithms:
		if ok = s.ReadUint16LengthPrefixed(&list); ok {
			return readList(list, &h.SignatureAlgorithms, "signature algorithms")
		}
	case extSupportedVersions:
		if ok = s.ReadUint8LengthPrefixed(&list); ok {
			return readList(list, &h.SupportedVersions, "supported versions")
		}
	case extPointFormats:
		if ok = s.ReadUint8LengthPrefixed(&list); ok {
			h.PointFormats = octets[PointFormat](list)
		}
	case extKeyShare:
		ok = p.keyShares(s)
	}
	if !ok {
		return fmt.Errorf("extension %s is malformed", id)
	}
	return nil
}

// serverName reads RFC 6066, section 3. Only host names (type 0) have ever been defined.
func (p *helloParser) serverName(s cryptobyte.String) bool {
	var list, name cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() {
		var kind uint8
		if !list.ReadUint8(&kind) || !list.ReadUint16LengthPrefixed(&name) {
			return false
		}
		if kind == 0 && p.hello.ServerName == "" {
			p.hello.ServerName = printable(name)
		}
	}
	return true
}

// alpn reads RFC 7301, section 3.1.
func (p *helloParser) alpn(s cryptobyte.String) bool {
	var list, name cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() && len(p.hello.ALPN) < maxList {
		if !list.ReadUint8LengthPrefixed(&name) {
			return false
		}
		if p.firstALPN == nil {
			p.firstALPN = name
		}
		p.hello.ALPN = append(p.hello.ALPN, printable(name))
	}
	return true
}

// keyShares reads RFC 8446, section 4.2.8.
func (p *helloParser) keyShares(s cryptobyte.String) bool {
	var list, share cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&list) {
		return false
	}
	for !list.Empty() && len(p.hello.KeyShares) < maxList {
		var group uint16
		if !list.ReadUint16(&group) || !list.ReadUint16LengthPrefixed(&share) {
			return false
		}
		p.hello.KeyShares = append(p.hello.KeyShares, Group(group))
	}
	return true
}

// eachExtension lists the extensions of a hello and hands each to read. A malformed one does not stop the others: the
// first error is returned at the end.
func eachExtension(s cryptobyte.String, ids *[]ExtensionID, read func(ExtensionID, cryptobyte.String) error) error {
	var first error
	for !s.Empty() {
		var id uint16
		var data cryptobyte.String
		if !s.ReadUint16(&id) || !s.ReadUint16LengthPrefixed(&data) {
			return errors.New("the last extension is cut short")
		}
		if len(*ids) == maxList {
			return fmt.Errorf("over %d extensions", maxList)
		}
		*ids = append(*ids, ExtensionID(id))
		if err := read(ExtensionID(id), data); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// readList reads a list of 16-bit code points, at most maxList of them. A second list of a kind replaces the first.
func readList[T ~uint16](s cryptobyte.String, list *[]T, what string) error {
	n := len(s) / 2
	if n > maxList {
		n = maxList
	}
	*list = make([]T, n)
	for i := range *list {
		(*list)[i] = T(uint16(s[2*i])<<8 | uint16(s[2*i+1]))
	}
	switch {
	case len(s)%2 != 0:
		return fmt.Errorf("the list of %s has an odd length", what)
	case len(s)/2 > maxList:
		return fmt.Errorf("over %d %s", maxList, what)
	}
	return nil
}

func octets[T ~uint8](s cryptobyte.String) []T {
	list := make([]T, len(s))
	for i, b := range s {
		list[i] = T(b)
	}
	return list
}
