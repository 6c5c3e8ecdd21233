package tlswire

import "slices"

// A Version is a protocol version as it stands on the wire. In JSON it is text: "TLS 1.2".
type Version uint16

// The versions there have been. SSLv2 has no records; only its ClientHello is still met.
const (
	SSLv2 Version = 0x0002
	SSLv3 Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
	TLS12 Version = 0x0303
	TLS13 Version = 0x0304
)

// Versions are those that a record can carry, oldest first.
var Versions = []Version{SSLv3, TLS10, TLS11, TLS12, TLS13}

var versionNames = newNames(map[uint16]string{
	0x0002: "SSLv2",
	0x0300: "SSLv3",
	0x0301: "TLS 1.0",
	0x0302: "TLS 1.1",
	0x0303: "TLS 1.2",
	0x0304: "TLS 1.3",
	0x7f12: "TLS 1.3 draft 18",
	0x7f17: "TLS 1.3 draft 23",
	0x7f1a: "TLS 1.3 draft 26",
	0x7f1c: "TLS 1.3 draft 28",
})

// String is "TLS 1.2", or "0x0305" for one without a name.
func (v Version) String() string { return versionNames.name(uint16(v)) }

// MarshalText writes the name.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the name or "0x0303".
func (v *Version) UnmarshalText(b []byte) error {
	id, err := versionNames.id(b, "version")
	*v = Version(id)
	return err
}

// Known reports whether the version is one of SSLv2 to TLS 1.3.
func (v Version) Known() bool { return v == SSLv2 || slices.Contains(Versions, v) }
