package tenants

import (
	"strings"
	"testing"
)

func TestCases(t *testing.T) {
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 30 {
		t.Errorf("%d cases, want 30 at least", len(cases))
	}
	for _, c := range cases {
		if w := c.Wants()[0]; w[0] != "verdict" || len(w) < 3 {
			t.Errorf("%s: wants %q first, not a verdict", c.Name, w)
		}
		for name := range c.Files() {
			if !strings.Contains(strings.Join(c.Flags(), " "), "{dir}/"+name) {
				t.Errorf("%s: no flag names the file %s", c.Name, name)
			}
		}
	}
}

func TestParse(t *testing.T) {
	c, err := Parse("own", []byte("-- want --\nverdict none accepted\n-- dns --\ncontoso.com MX .\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Target(); got != "contoso.com" {
		t.Errorf("target %q, want contoso.com", got)
	}
	if got := "\n" + c.DNS(); strings.Count(got, "\ncontoso.com ") != 1 || !strings.Contains(got, "\nmail.contoso.com A ") {
		t.Errorf("a name with records of the case has others too, or the rest is missing:\n%s", got)
	}
	for _, bad := range []string{"-- flags --\n--send\n", "-- want --\nverdict none accepted\n-- mxx --\n"} {
		if _, err := Parse("bad", []byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
