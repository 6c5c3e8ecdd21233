package tlswire

// A Group is a named group: an elliptic curve, a finite field, or a hybrid with ML-KEM (RFC 8446, section 4.2.7).
// In JSON it is its IANA name.
type Group uint16

// Groups that hellos of ours offer.
const (
	Secp256r1          Group = 0x0017
	Secp384r1          Group = 0x0018
	Secp521r1          Group = 0x0019
	X25519             Group = 0x001d
	FFDHE2048          Group = 0x0100
	SecP256r1MLKEM768  Group = 0x11eb
	X25519MLKEM768     Group = 0x11ec
	SecP384r1MLKEM1024 Group = 0x11ed
)

var groupNames = newNames(map[uint16]string{
	0x0001: "sect163k1", 0x0002: "sect163r1", 0x0003: "sect163r2", 0x0004: "sect193r1", 0x0005: "sect193r2",
	0x0006: "sect233k1", 0x0007: "sect233r1", 0x0008: "sect239k1", 0x0009: "sect283k1", 0x000a: "sect283r1",
	0x000b: "sect409k1", 0x000c: "sect409r1", 0x000d: "sect571k1", 0x000e: "sect571r1",
	0x000f: "secp160k1", 0x0010: "secp160r1", 0x0011: "secp160r2", 0x0012: "secp192k1", 0x0013: "secp192r1",
	0x0014: "secp224k1", 0x0015: "secp224r1", 0x0016: "secp256k1",
	0x0017: "secp256r1", 0x0018: "secp384r1", 0x0019: "secp521r1",
	0x001a: "brainpoolP256r1", 0x001b: "brainpoolP384r1", 0x001c: "brainpoolP512r1",
	0x001d: "x25519", 0x001e: "x448",
	0x001f: "brainpoolP256r1tls13", 0x0020: "brainpoolP384r1tls13", 0x0021: "brainpoolP512r1tls13",
	0x0029: "curveSM2",
	0x0100: "ffdhe2048", 0x0101: "ffdhe3072", 0x0102: "ffdhe4096", 0x0103: "ffdhe6144", 0x0104: "ffdhe8192",
	0x0200: "MLKEM512", 0x0201: "MLKEM768", 0x0202: "MLKEM1024",
	0x11eb: "SecP256r1MLKEM768", 0x11ec: "X25519MLKEM768", 0x11ed: "SecP384r1MLKEM1024",
	0x6399: "X25519Kyber768Draft00", 0x639a: "SecP256r1Kyber768Draft00",
	0xff01: "arbitrary_explicit_prime_curves", 0xff02: "arbitrary_explicit_char2_curves",
})

// String is the IANA name, or "0x1234".
func (g Group) String() string { return groupNames.name(uint16(g)) }

// MarshalText writes the name.
func (g Group) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText reads the name or "0x1234".
func (g *Group) UnmarshalText(b []byte) error {
	id, err := groupNames.id(b, "group")
	*g = Group(id)
	return err
}

// PostQuantum reports whether the group has a lattice part. Its key shares take more than a kilobyte, which is what
// makes a ClientHello larger than one segment.
func (g Group) PostQuantum() bool {
	return g >= 0x0200 && g <= 0x0202 || g >= 0x11eb && g <= 0x11ed || g == 0x6399 || g == 0x639a
}
