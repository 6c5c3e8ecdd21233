package lab

import (
	"testing"
)

func TestCasesParse(t *testing.T) {
	cases := Cases()
	if len(cases) < 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		if got, ok := Find(c.Name); !ok || got.Title != c.Title {
			t.Errorf("Find(%q) = %q, %v; want %q", c.Name, got.Title, ok, c.Title)
		}
	}
}
