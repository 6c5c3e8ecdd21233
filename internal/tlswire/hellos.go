package tlswire

import "slices"

// A Family is a group of cipher suites that peers accept or refuse together: one question of a sweep.
type Family struct {
	Name   string // "aead-ecdhe-rsa"
	Suites []CipherSuite
	Newest Version // the newest version that has these suites
}

// Families are the questions of a cipher sweep, from the strongest to what only museums speak.
var Families = []Family{
	{"tls13", []CipherSuite{0x1301, 0x1302, 0x1303}, TLS13},
	{"aead-ecdhe-ecdsa", []CipherSuite{0xc02b, 0xc02c}, TLS12},
	{"aead-ecdhe-rsa", []CipherSuite{0xc02f, 0xc030}, TLS12},
	{"chacha20-ecdhe", []CipherSuite{0xcca9, 0xcca8}, TLS12},
	{"aead-dhe", []CipherSuite{0x009e, 0x009f, 0xccaa}, TLS12},
	{"cbc-ecdhe-ecdsa", []CipherSuite{0xc009, 0xc00a, 0xc023, 0xc024}, TLS12},
	{"cbc-ecdhe-rsa", []CipherSuite{0xc013, 0xc014, 0xc027, 0xc028}, TLS12},
	{"cbc-dhe", []CipherSuite{0x0033, 0x0039, 0x0067, 0x006b}, TLS12},
	{"aead-rsa", []CipherSuite{0x009c, 0x009d}, TLS12},
	{"cbc-rsa", []CipherSuite{0x002f, 0x0035, 0x003c, 0x003d}, TLS12},
	{"3des", []CipherSuite{0xc012, 0xc008, 0x0016, 0x000a}, TLS12},
	{"rc4", []CipherSuite{0xc011, 0xc007, 0x0005, 0x0004}, TLS12},
	{"des", []CipherSuite{0x0015, 0x0009}, TLS11},
	{"export", []CipherSuite{0x0014, 0x0008, 0x0006, 0x0003}, TLS10},
}

// Suites for the version sweep: of each family what one server or another insists on.
var (
	suites13 = []CipherSuite{0x1301, 0x1302, 0x1303}
	suites12 = []CipherSuite{
		0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x009e, 0x009f, 0xc023, 0xc027, 0xc024, 0xc028,
		0x0067, 0x006b, 0x009c, 0x009d, 0x003c, 0x003d,
	}
	suites10 = []CipherSuite{
		0xc009, 0xc013, 0xc00a, 0xc014, 0x0033, 0x0039, 0x002f, 0x0035, 0xc008, 0xc012, 0x0016, 0x000a,
		0xc007, 0xc011, 0x0005, 0x0004,
	}
	suites30 = []CipherSuite{0x0039, 0x0033, 0x0035, 0x002f, 0x0016, 0x000a, 0x0005, 0x0004, 0x0015, 0x0009}
)

var (
	classicGroups = []Group{X25519, Secp256r1, Secp384r1, Secp521r1}
	modernSchemes = []SignatureScheme{
		0x0804, 0x0403, 0x0807, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0503, 0x0603, 0x0201, 0x0203,
	}
)

// ModernClient is the hello of a current TLS stack, with a post-quantum key share: about 1.5 kB, more than fits one
// segment.
func ModernClient(serverName string) HelloSpec {
	s := SmallModern(serverName)
	s.Name = "modern"
	s.Groups = append([]Group{X25519MLKEM768}, s.Groups...)
	s.KeyShares = []Group{X25519MLKEM768, X25519}
	return s
}

// SmallModern offers the same without the post-quantum group: about 300 octets, one segment. A server that takes
// ModernClient takes it too, so the size is all that a path sees different.
func SmallModern(serverName string) HelloSpec {
	return HelloSpec{
		Name:       "modern-small",
		Versions:   []Version{TLS13, TLS12},
		Suites:     slices.Concat(suites13, suites12[:8], []CipherSuite{0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035}),
		Groups:     classicGroups[:3:3],
		KeyShares:  []Group{X25519},
		Schemes:    modernSchemes,
		ServerName: serverName,
		SessionID:  32, // middlebox compatibility (RFC 8446, appendix D.4)
		Extra: []Extension{
			{extStatusRequest, []byte{1, 0, 0, 0, 0}}, {extExtendedMasterSecret, nil}, {extSessionTicket, nil},
			{extRenegotiationInfo, []byte{0}},
		},
	}
}

// OldDevice is the hello of a copier or scanner of about 2010: TLS 1.0 at the most, RSA key exchange, no extensions,
// below 100 octets.
func OldDevice() HelloSpec {
	return HelloSpec{
		Name:    "old-device",
		Version: TLS10,
		Suites:  []CipherSuite{0x0035, 0x002f, 0x000a, 0x0005, 0x0004, RenegotiationSCSV},
	}
}

// OldSSL2Hello is the hello of a device older still: SSLv2 format, TLS 1.0 at the most.
func OldSSL2Hello() HelloSpec {
	s := OldDevice()
	s.Name, s.Format = "old-device-ssl2", FormatSSL2
	s.SSL2Ciphers = []SSL2Cipher{0x010080, 0x0700c0}
	return s
}

// VersionHello offers one version and nothing newer, with every suite of it that is met. Before TLS 1.3 a hello
// cannot refuse older versions: look at what the ServerHello chose.
func VersionHello(v Version, serverName string) HelloSpec {
	s := HelloSpec{Name: v.String(), Version: min(v, TLS12), ServerName: serverName, Groups: classicGroups}
	switch {
	case v == SSLv2:
		s = OldSSL2Hello()
		s.Name, s.Version, s.Suites = v.String(), SSLv2, nil
	case v == SSLv3:
		s.Format, s.Suites, s.Groups, s.ServerName = FormatSSL3, slices.Clone(suites30), nil, ""
	case v >= TLS13:
		s = SmallModern(serverName)
		s.Name, s.Versions, s.Suites, s.Groups = v.String(), []Version{v}, slices.Clone(suites13), classicGroups
	case v == TLS12:
		s.Suites, s.Schemes = slices.Concat(suites12, suites10), modernSchemes
	default:
		s.Suites = slices.Clone(suites10)
	}
	if v > SSLv2 && v < TLS13 {
		s.Suites = append(s.Suites, RenegotiationSCSV)
	}
	return s
}

// Hello asks for the suites of the family alone.
func (f Family) Hello(serverName string) HelloSpec {
	s := VersionHello(f.Newest, serverName)
	s.Name, s.Suites = f.Name, slices.Clone(f.Suites)
	if f.Newest < TLS13 {
		s.Suites = append(s.Suites, RenegotiationSCSV)
	}
	return s
}
