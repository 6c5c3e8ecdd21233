package tlswire

import (
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/cryptobyte"
)

// SSLv2 puts a two-octet length, with the top bit set, before each message. Old clients open with its ClientHello to
// be understood by servers of any age (RFC 5246, appendix E.2).
const ssl2Header = 2

const (
	ssl2Error       = 0
	ssl2ClientHello = 1
	ssl2ServerHello = 4
)

// ssl2Size returns the size on the wire of the SSLv2 message that b starts with, 0 if b is too short to say.
// Not ok: b does not start so.
func ssl2Size(b []byte) (size int, ok bool) {
	if len(b) < 2 {
		return 0, true
	}
	n := int(binary.BigEndian.Uint16(b) & 0x7fff)
	if len(b) > 2 && !ssl2Plausible(b[2], n) || n < 3 {
		return 0, false
	}
	if len(b) < 5 {
		return 0, true
	}
	if b[2] != ssl2Error && b[2] != ssl2ServerHello && !ssl2Version(binary.BigEndian.Uint16(b[3:])) {
		return 0, false
	}
	return ssl2Header + n, true
}

// ssl2Plausible tells the messages that open a conversation from noise, by type and length. The first octets of
// Telnet negotiation (0xFF 0xFD ...) and of much else have the top bit set too.
func ssl2Plausible(kind byte, n int) bool {
	switch kind {
	case ssl2Error:
		return n == 3
	case ssl2ClientHello:
		return n >= 9+3+16 && n <= 4096
	case ssl2ServerHello:
		return n >= 11
	}
	return false
}

func ssl2Version(v uint16) bool {
	return Version(v) == SSLv2 || Version(v) >= SSLv3 && Version(v) <= TLS13
}

// parseSSL2ClientHello reads the message after its header.
func parseSSL2ClientHello(msg []byte) (ClientHello, error) {
	h := ClientHello{Format: FormatSSL2, Size: ssl2Header + len(msg)}
	s := cryptobyte.String(msg)
	var kind uint8
	var version, specs, id, challenge uint16
	if !s.ReadUint8(&kind) || kind != ssl2ClientHello || !s.ReadUint16(&version) ||
		!s.ReadUint16(&specs) || !s.ReadUint16(&id) || !s.ReadUint16(&challenge) {
		return h, errors.New("SSLv2 ClientHello ends in its fixed part")
	}
	h.Version, h.SessionIDLength = Version(version), int(id)
	var list, rest []byte
	if !s.ReadBytes(&list, int(specs)) || !s.ReadBytes(&rest, int(id)) || !s.ReadBytes(&rest, int(challenge)) {
		return h, errors.New("SSLv2 ClientHello ends before its cipher kinds, session id and challenge do")
	}
	if len(list)%3 != 0 {
		return h, errors.New("SSLv2 cipher kinds are not a multiple of three octets")
	}
	for ; len(list) > 0; list = list[3:] {
		if low := binary.BigEndian.Uint16(list[1:]); list[0] == 0 {
			h.Suites = append(h.Suites, CipherSuite(low))
		} else {
			h.SSL2Ciphers = append(h.SSL2Ciphers, SSL2Cipher(uint32(list[0])<<16|uint32(low)))
		}
	}
	return h, nil
}
