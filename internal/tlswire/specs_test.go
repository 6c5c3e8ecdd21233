package tlswire

import (
	"slices"
	"testing"
)

// Every hello that can be asked for by name bears that name, and can be written and read again.
func TestSpecNames(t *testing.T) {
	names := SpecNames()
	if sorted := slices.Sorted(slices.Values(names)); len(slices.Compact(sorted)) != len(names) {
		t.Errorf("a name is there twice: %q", names)
	}
	for _, want := range []string{"modern", "modern-small", "old-device", "old-device-ssl2", "SSLv2", "SSLv3", "TLS 1.0", "TLS 1.3", "tls13", "export"} {
		if !slices.Contains(names, want) {
			t.Errorf("%q is not among %q", want, names)
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, ok := SpecByName(name, "mx.example.com")
			if !ok || s.Name != name {
				t.Fatalf("SpecByName gives %q, %v", s.Name, ok)
			}
			octets, err := s.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			var r Reader
			for _, e := range r.Feed(octets) {
				if e.ClientHello != nil {
					return
				}
			}
			t.Errorf("no ClientHello in %x", octets)
		})
	}
}

func TestSpecByUnknownName(t *testing.T) {
	for _, name := range []string{"", "TLS 1.4", "Modern"} {
		if s, ok := SpecByName(name, ""); ok {
			t.Errorf("SpecByName(%q) = %q", name, s.Name)
		}
	}
}
