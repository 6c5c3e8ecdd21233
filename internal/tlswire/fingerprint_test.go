package tlswire

import "testing"

// The first two examples of the JA3 documentation, and of its Python package.
func TestJA3(t *testing.T) {
	tests := []struct {
		name, text, sum string
		hello           ClientHello
	}{
		{
			"with extensions", "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0",
			"ada70206e40642a3e4461f35503241d5",
			ClientHello{
				Version: TLS10, Suites: []CipherSuite{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4},
				Extensions: []ExtensionID{0, 10, 11}, Groups: []Group{23, 24, 25}, PointFormats: []PointFormat{0},
			},
		},
		{
			"without extensions", "769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6",
			ClientHello{Version: TLS10, Suites: []CipherSuite{4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}},
		},
		{
			"grease is left out", "769,4-5-10-9-100-98-3-6-19-18-99,,,", "de350869b8c85de67a350c8d186f11e6",
			ClientHello{
				Version: TLS10, Suites: []CipherSuite{0x2a2a, 4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99},
				Extensions: []ExtensionID{0xfafa}, Groups: []Group{0x0a0a},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ja3Text(&tt.hello); got != tt.text {
				t.Errorf("got text %s, want %s", got, tt.text)
			}
			if got := ja3(&tt.hello); got != tt.sum {
				t.Errorf("got %s, want %s", got, tt.sum)
			}
		})
	}
}

// The worked example of the JA4 documentation, with GREASE strewn in and in another order.
func chromeLike() ClientHello {
	return ClientHello{
		Version: TLS12, SupportedVersions: []Version{0x6a6a, TLS13, TLS12},
		Suites: []CipherSuite{
			0x8a8a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
			0x009c, 0x009d, 0x002f, 0x0035,
		},
		Extensions: []ExtensionID{
			0x5a5a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
			0xff01, 0x000b, 0x000a, 0xdada, 0x0015,
		},
		SignatureAlgorithms: []SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
	}
}

func TestJA4(t *testing.T) {
	full := chromeLike()
	unsigned := chromeLike()
	unsigned.SignatureAlgorithms = nil
	noSNI := chromeLike()
	noSNI.Extensions = noSNI.Extensions[3:]
	tests := []struct {
		name  string
		hello ClientHello
		alpn  string
		want  string
	}{
		{"worked example", full, "h2", "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"no ALPN value", full, "", "t13d151600_8daaf6152771_e5627efa2ab1"},
		{"empty", ClientHello{Version: TLS10}, "", "t10i000000_000000000000_000000000000"},
		{"SSLv3", ClientHello{Version: SSLv3, Suites: []CipherSuite{5}}, "", "ts3i010000_1ed8eb363bcd_000000000000"},
		// Extensions alone: SHA-256 of "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01".
		{"no signature algorithms", unsigned, "h2", "t13d1516h2_8daaf6152771_6d807ffa2a79"},
		{"no SNI", noSNI, "h2", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ja4(&tt.hello, []byte(tt.alpn))
			if tt.want == "" {
				if got[:4] != "t13i" {
					t.Errorf("got %s, want t13i...", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// The examples of the JA4 documentation for protocol names that are not text.
func TestJA4ALPN(t *testing.T) {
	for _, tt := range []struct{ alpn, want string }{
		{"", "00"}, {"h2", "h2"}, {"http/1.1", "h1"}, {"x", "xx"},
		{"\xab", "ab"}, {"\xab\xcd", "ad"}, {"\x30\xab", "3b"}, {"\x30\x31\xab\xcd", "3d"}, {"\x30\xab\xcd\x31", "01"},
	} {
		if got := ja4ALPN([]byte(tt.alpn)); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.alpn, got, tt.want)
		}
	}
}
