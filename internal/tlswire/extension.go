package tlswire

import "fmt"

// An ExtensionID is the type of a hello extension. In JSON it is its IANA name.
type ExtensionID uint16

// The extensions this package reads or writes.
const (
	extServerName           ExtensionID = 0
	extStatusRequest        ExtensionID = 5
	extSupportedGroups      ExtensionID = 10
	extPointFormats         ExtensionID = 11
	extSignatureAlgorithms  ExtensionID = 13
	extALPN                 ExtensionID = 16
	extSCT                  ExtensionID = 18
	extPadding              ExtensionID = 21
	extExtendedMasterSecret ExtensionID = 23
	extSessionTicket        ExtensionID = 35
	extSupportedVersions    ExtensionID = 43
	extPSKModes             ExtensionID = 45
	extKeyShare             ExtensionID = 51
	extRenegotiationInfo    ExtensionID = 0xff01
)

var extensionNames = newNames(map[uint16]string{
	0: "server_name", 1: "max_fragment_length", 2: "client_certificate_url", 3: "trusted_ca_keys",
	4: "truncated_hmac", 5: "status_request", 6: "user_mapping", 7: "client_authz", 8: "server_authz",
	9: "cert_type", 10: "supported_groups", 11: "ec_point_formats", 12: "srp", 13: "signature_algorithms",
	14: "use_srtp", 15: "heartbeat", 16: "application_layer_protocol_negotiation", 17: "status_request_v2",
	18: "signed_certificate_timestamp", 19: "client_certificate_type", 20: "server_certificate_type",
	21: "padding", 22: "encrypt_then_mac", 23: "extended_master_secret", 24: "token_binding", 25: "cached_info",
	27: "compress_certificate", 28: "record_size_limit", 34: "delegated_credential", 35: "session_ticket",
	41: "pre_shared_key", 42: "early_data", 43: "supported_versions", 44: "cookie", 45: "psk_key_exchange_modes",
	47: "certificate_authorities", 48: "oid_filters", 49: "post_handshake_auth", 50: "signature_algorithms_cert",
	51: "key_share", 52: "transparency_info", 54: "connection_id", 55: "external_id_hash",
	56: "external_session_id", 57: "quic_transport_parameters", 58: "ticket_request", 59: "dnssec_chain",
	13172: "next_protocol_negotiation", 17513: "application_settings", 17613: "application_settings_new",
	30031: "channel_id_old", 30032: "channel_id", 0xfd00: "ech_outer_extensions", 0xfe0d: "encrypted_client_hello",
	0xff01: "renegotiation_info",
})

// String is the IANA name, or "0x1234".
func (e ExtensionID) String() string { return extensionNames.name(uint16(e)) }

// MarshalText writes the name.
func (e ExtensionID) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the name or "0x1234".
func (e *ExtensionID) UnmarshalText(b []byte) error {
	id, err := extensionNames.id(b, "extension")
	*e = ExtensionID(id)
	return err
}

// A PointFormat says how points of elliptic curves are written (RFC 8422, section 5.1.2). In JSON it is its name.
type PointFormat uint8

var pointFormatNames = newNames(map[uint16]string{
	0: "uncompressed", 1: "ansiX962_compressed_prime", 2: "ansiX962_compressed_char2",
})

// String is the name, or "0x0005".
func (p PointFormat) String() string { return pointFormatNames.name(uint16(p)) }

// MarshalText writes the name.
func (p PointFormat) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the name or "0x0005".
func (p *PointFormat) UnmarshalText(b []byte) error {
	id, err := pointFormatNames.id(b, "point format")
	if err == nil && id > 0xff {
		err = fmt.Errorf("point format %q is over one octet", printable(b))
	}
	*p = PointFormat(id)
	return err
}

// A Compression is a compression method of the hello (RFC 5246, section 7.4.1.2; RFC 3749). In JSON it is its name.
type Compression uint8

var compressionNames = newNames(map[uint16]string{0: "null", 1: "DEFLATE", 64: "LZS"})

// String is the name, or "0x0005".
func (c Compression) String() string { return compressionNames.name(uint16(c)) }

// MarshalText writes the name.
func (c Compression) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name or "0x0005".
func (c *Compression) UnmarshalText(b []byte) error {
	id, err := compressionNames.id(b, "compression method")
	if err == nil && id > 0xff {
		err = fmt.Errorf("compression method %q is over one octet", printable(b))
	}
	*c = Compression(id)
	return err
}
