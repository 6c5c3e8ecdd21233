package tlswire

import (
	"crypto/tls"
	"encoding"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Every name reads back to its code point; so do code points without a name, and all of one octet.
func TestNamesRoundTrip(t *testing.T) {
	type text interface {
		encoding.TextMarshaler
		fmt.Stringer
	}
	check := func(t *testing.T, in text, out encoding.TextUnmarshaler, back func() text) {
		t.Helper()
		b, _ := in.MarshalText()
		if err := out.UnmarshalText(b); err != nil || back() != in || string(b) != in.String() {
			t.Fatalf("%q: got %v, error %v", b, back(), err)
		}
	}
	var v Version
	var c CipherSuite
	var g Group
	var s SignatureScheme
	var e ExtensionID
	for id := range 1 << 16 {
		check(t, Version(id), &v, func() text { return v })
		check(t, CipherSuite(id), &c, func() text { return c })
		check(t, Group(id), &g, func() text { return g })
		check(t, SignatureScheme(id), &s, func() text { return s })
		check(t, ExtensionID(id), &e, func() text { return e })
	}
	var p PointFormat
	var m Compression
	var l AlertLevel
	var d AlertDescription
	for id := range 1 << 8 {
		check(t, PointFormat(id), &p, func() text { return p })
		check(t, Compression(id), &m, func() text { return m })
		check(t, AlertLevel(id), &l, func() text { return l })
		check(t, AlertDescription(id), &d, func() text { return d })
	}
	var k SSL2Cipher
	for _, id := range []SSL2Cipher{0x010080, 0x0700c0, 0xffffff} {
		check(t, id, &k, func() text { return k })
	}
}

func TestNamesAreThoseOfCryptoTLS(t *testing.T) {
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if got := CipherSuite(s.ID).String(); got != s.Name {
			t.Errorf("got %s, want %s", got, s.Name)
		}
	}
	for _, g := range []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.X25519} {
		if got := Group(g).String(); !strings.EqualFold(got, g.String()) {
			t.Errorf("got %s, want %s", got, g)
		}
	}
}

func TestWrongNames(t *testing.T) {
	var v Version
	var d AlertDescription
	var p PointFormat
	for _, err := range []error{
		v.UnmarshalText([]byte("TLS 1.4")), v.UnmarshalText([]byte("0x12345")), v.UnmarshalText(nil),
		d.UnmarshalText([]byte("alert(256)")), d.UnmarshalText([]byte("alert(")), d.UnmarshalText([]byte("boom")),
		p.UnmarshalText([]byte("0x0100")),
	} {
		if err == nil {
			t.Error("a wrong name was taken")
		}
	}
}

func TestUnknownAndGREASENames(t *testing.T) {
	for _, tt := range []struct {
		in   fmt.Stringer
		want string
	}{
		{CipherSuite(0x1a1a), "GREASE 0x1A1A"}, {CipherSuite(0xbeef), "0xBEEF"}, {Group(0xfafa), "GREASE 0xFAFA"},
		{Version(0x0305), "0x0305"}, {TLS13, "TLS 1.3"}, {SSLv3, "SSLv3"}, {AlertDescription(200), "alert(200)"},
		{AlertProtocolVersion, "protocol_version"}, {ContentType(99), "content(99)"}, {HandshakeType(99), "handshake(99)"},
		{Alert{Fatal, AlertUnknownCA, false}, "fatal unknown_ca (48)"}, {Alert{Warning, 200, false}, "warning alert(200)"},
		{Alert{Encrypted: true}, "encrypted alert"},
	} {
		if got := tt.in.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestKeyExchangeOfSuites(t *testing.T) {
	for _, tt := range []struct {
		suite CipherSuite
		want  string
	}{
		{0xc02f, "ECDHE_RSA"}, {0x009e, "DHE_RSA"}, {0x0035, "RSA"}, {0x0003, "RSA_EXPORT"}, {0x0014, "DHE_RSA_EXPORT"},
		{0x1301, ""}, {RenegotiationSCSV, ""}, {0xbeef, ""},
	} {
		if got := tt.suite.KeyExchange(); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.suite, got, tt.want)
		}
	}
}

// A sweep asks each question once, by suites that bear the family's name.
func TestFamilies(t *testing.T) {
	asked := map[CipherSuite]string{}
	for _, f := range Families {
		for _, c := range f.Suites {
			if other, twice := asked[c]; twice {
				t.Errorf("%s is in %s and %s", c, other, f.Name)
			}
			asked[c] = f.Name
			if !c.Known() {
				t.Errorf("%s has %s, which has no name", f.Name, c)
			}
		}
	}
	for _, tt := range []struct {
		family, must, mustNot string
	}{
		{"aead-ecdhe-rsa", "ECDHE_RSA_WITH_AES", "CBC"}, {"aead-ecdhe-ecdsa", "ECDHE_ECDSA_WITH_AES", "CBC"},
		{"chacha20-ecdhe", "CHACHA20", "DRAFT"}, {"aead-dhe", "TLS_DHE_RSA", "CBC"}, {"cbc-ecdhe-rsa", "CBC", "ECDSA"},
		{"cbc-ecdhe-ecdsa", "CBC", "ECDHE_RSA"}, {"cbc-dhe", "TLS_DHE_RSA", "GCM"}, {"aead-rsa", "TLS_RSA_WITH_AES", "CBC"},
		{"cbc-rsa", "TLS_RSA_WITH_AES", "GCM"}, {"3des", "3DES", "EXPORT"}, {"rc4", "RC4_128", "EXPORT"},
		{"des", "WITH_DES_CBC_SHA", "EXPORT"}, {"export", "EXPORT", "3DES"}, {"tls13", "TLS_", "WITH"},
	} {
		i := slices.IndexFunc(Families, func(f Family) bool { return f.Name == tt.family })
		if i < 0 {
			t.Fatalf("no family %s", tt.family)
		}
		for _, c := range Families[i].Suites {
			if name := c.String(); !strings.Contains(name, tt.must) || strings.Contains(name, tt.mustNot) {
				t.Errorf("%s has %s", tt.family, name)
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"mail.example.com", "mail.example.com"}, {"Müller & Söhne", "Müller & Söhne"},
		{"a\x00b\x1b[2J\r\n", `a\x00b\x1b[2J\r\n`}, {"\xff\xfe", `\xff\xfe`},
		{"exe\u202etxt", `exe\u202etxt`}, {strings.Repeat("x", 300), strings.Repeat("x", 256) + "..."},
	} {
		if got := printable(tt.in); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}
