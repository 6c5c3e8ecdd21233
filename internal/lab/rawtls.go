package lab

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// TLS octets written by hand, for what crypto/tls would never send (RFC 8446, sections 4.1.3, 5.1 and 6).
const (
	recordAlert     = 21
	recordHandshake = 22
	serverHelloType = 2
)

// A rawTLS is one record as it goes on the wire.
type rawTLS []byte

func (a rawTLS) do(s *session) outcome { return s.write(a) }

// alerts are those a script can name.
var alerts = map[string]byte{
	"close_notify": 0, "unexpected_message": 10, "bad_record_mac": 20, "record_overflow": 22, "handshake_failure": 40,
	"bad_certificate": 42, "unsupported_certificate": 43, "certificate_expired": 45, "certificate_unknown": 46,
	"illegal_parameter": 47, "unknown_ca": 48, "access_denied": 49, "decode_error": 50, "decrypt_error": 51,
	"protocol_version": 70, "insufficient_security": 71, "internal_error": 80, "inappropriate_fallback": 86,
	"user_canceled": 90, "missing_extension": 109, "unrecognized_name": 112, "certificate_required": 116,
	"no_application_protocol": 120,
}

func parseAlert(rest string, _ []string) (action, error) {
	code, err := lookUp(alerts, rest)
	if err != nil {
		return nil, err
	}
	const fatal = 2
	return record(recordAlert, 0x0303, []byte{fatal, code}), nil
}

// helloVersions are the versions a ServerHello written by hand can claim.
var helloVersions = map[string]uint16{"ssl3": 0x0300, "1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303}

// parseServerHello reads "server-hello ssl3|1.0|1.1|1.2": a ServerHello and nothing after it.
func parseServerHello(rest string, _ []string) (action, error) {
	version, err := lookUp(helloVersions, strings.TrimSpace(rest))
	if err != nil {
		return nil, err
	}
	const rsaWith3DES = 0x000a // every client of those days has it
	body := binary.BigEndian.AppendUint16(nil, version)
	body = append(body, []byte(fmt.Sprintf("%-32s", "lab server hello"))...) // the random
	body = append(body, 0)                                                   // no session id
	body = binary.BigEndian.AppendUint16(body, rsaWith3DES)
	body = append(body, 0) // no compression
	message := append([]byte{serverHelloType, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	return record(recordHandshake, version, message), nil
}

func record(kind byte, version uint16, payload []byte) rawTLS {
	r := binary.BigEndian.AppendUint16([]byte{kind}, version)
	r = binary.BigEndian.AppendUint16(r, uint16(len(payload)))
	return append(r, payload...)
}
