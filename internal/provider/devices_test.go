package provider

import (
	"regexp"
	"slices"
	"testing"
)

func TestDevices(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9-]+$`)
	seen := map[string]bool{}
	for _, d := range Devices() {
		switch {
		case !name.MatchString(d.Name) || d.Name == "list":
			t.Errorf("%q is no name for --like", d.Name)
		case seen[d.Name]:
			t.Errorf("two devices are named %s", d.Name)
		case d.Title == "" || d.Source == "":
			t.Errorf("%s: no title or no source", d.Name)
		case !slices.Contains([]string{"", "starttls", "implicit", "none"}, d.TLS):
			t.Errorf("%s: TLS is %q", d.Name, d.TLS)
		case !slices.Contains([]string{"", "1.0", "1.1", "1.2", "1.3"}, d.TLSMax):
			t.Errorf("%s: TLSMax is %q", d.Name, d.TLSMax)
		case !slices.Contains([]string{"", "PLAIN", "LOGIN"}, d.Mechanism):
			t.Errorf("%s: mechanism %q", d.Name, d.Mechanism)
		case d.RSAOnly && d.TLSMax != "1.2" && d.TLSMax != "1.0":
			t.Errorf("%s: TLS %q has no RSA key exchange", d.Name, d.TLSMax)
		case d.TLS == "none" && (d.TLSMax != "" || d.NoSNI || d.SmallHello || d.RSAOnly):
			t.Errorf("%s: no TLS, and limits of it", d.Name)
		}
		seen[d.Name] = true
		if got, ok := FindDevice(d.Name); !ok || got != d {
			t.Errorf("FindDevice(%q) = %v, %v", d.Name, got, ok)
		}
	}
	if _, ok := FindDevice("no-such-device"); ok {
		t.Error("a device that is not in the table is found")
	}
}
