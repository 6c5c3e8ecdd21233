package tlswire

import (
	"fmt"
	"strconv"
	"strings"
)

// A CipherSuite is one cipher suite as it stands on the wire. In JSON it is its IANA name, or "0xC0FE".
type CipherSuite uint16

// Signalling values: they look like cipher suites and are none.
const (
	RenegotiationSCSV CipherSuite = 0x00ff // RFC 5746, section 3.3
	FallbackSCSV      CipherSuite = 0x5600 // RFC 7507
)

// String is the IANA name, or "0xC0FE".
func (c CipherSuite) String() string { return suiteNames.name(uint16(c)) }

// MarshalText writes the name.
func (c CipherSuite) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name or "0xC0FE".
func (c *CipherSuite) UnmarshalText(b []byte) error {
	id, err := suiteNames.id(b, "cipher suite")
	*c = CipherSuite(id)
	return err
}

// Known reports whether the suite has a name.
func (c CipherSuite) Known() bool { _, ok := suiteNames.byID[uint16(c)]; return ok }

// Is13 reports whether the suite belongs to TLS 1.3, where suites no longer choose the key exchange
// (RFC 8446, appendix B.4).
func (c CipherSuite) Is13() bool { return c>>8 == 0x13 }

// KeyExchange is the part of the name before _WITH_: "ECDHE_RSA", "RSA", "DHE_RSA_EXPORT". It is "" for suites of
// TLS 1.3, for signalling values and for suites without a name.
func (c CipherSuite) KeyExchange() string {
	name := suiteNames.byID[uint16(c)]
	before, _, found := strings.Cut(strings.TrimPrefix(name, "TLS_"), "_WITH_")
	if !found {
		return ""
	}
	return before
}

// An SSL2Cipher is a cipher kind that only SSLv2 has: three octets, of which the first is not zero.
type SSL2Cipher uint32

var ssl2Names = map[SSL2Cipher]string{
	0x010080: "SSL2_RC4_128_WITH_MD5",
	0x020080: "SSL2_RC4_128_EXPORT40_WITH_MD5",
	0x030080: "SSL2_RC2_128_CBC_WITH_MD5",
	0x040080: "SSL2_RC2_128_CBC_EXPORT40_WITH_MD5",
	0x050080: "SSL2_IDEA_128_CBC_WITH_MD5",
	0x060040: "SSL2_DES_64_CBC_WITH_MD5",
	0x0700c0: "SSL2_DES_192_EDE3_CBC_WITH_MD5",
	0x080080: "SSL2_RC4_64_WITH_MD5",
}

// String is the name, or "0x0A0B0C".
func (c SSL2Cipher) String() string {
	if s, ok := ssl2Names[c]; ok {
		return s
	}
	return fmt.Sprintf("0x%06X", uint32(c))
}

// MarshalText writes the name.
func (c SSL2Cipher) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name or "0x0A0B0C".
func (c *SSL2Cipher) UnmarshalText(b []byte) error {
	for id, name := range ssl2Names {
		if name == string(b) {
			*c = id
			return nil
		}
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(string(b), "0x"), 16, 24)
	if err != nil {
		return fmt.Errorf("no SSLv2 cipher named %q", printable(b))
	}
	*c = SSL2Cipher(id)
	return nil
}
