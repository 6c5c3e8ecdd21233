package lab

import (
	"slices"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
)

func TestCasesAreFoundByName(t *testing.T) {
	cases := Cases()
	if len(cases) < 60 {
		t.Errorf("%d cases, want 60 at least", len(cases))
	}
	for i, c := range cases {
		if got, ok := Find(c.Name); !ok || got.Title != c.Title {
			t.Errorf("Find(%q) = %q, %v; want %q", c.Name, got.Title, ok, c.Title)
		}
		if i > 0 && cases[i-1].Name >= c.Name {
			t.Errorf("%q stands before %q", cases[i-1].Name, c.Name)
		}
	}
	if _, ok := Find("no-such-case"); ok {
		t.Error("found a case that does not exist")
	}
}

// TestEveryCauseHasACase counts the verdict wanted first, not those that are admitted beside it.
func TestEveryCauseHasACase(t *testing.T) {
	shown := make(map[cause.ID]bool)
	for _, c := range Cases() {
		shown[c.Want.Cause] = true
	}
	for _, c := range cause.All() {
		switch reason := Unshown[c.ID]; {
		case shown[c.ID] && reason != "":
			t.Errorf("%s has a case, and is listed as %q", c.ID, reason)
		case !shown[c.ID] && reason == "":
			t.Errorf("%s has neither a case nor a reason in Unshown", c.ID)
		}
	}
	for id := range Unshown {
		if _, ok := cause.Find(id); !ok {
			t.Errorf("Unshown names %q, which is no cause", id)
		}
	}
}

func TestHealthyServersOfSeveralKinds(t *testing.T) {
	kinds := make(map[string]bool)
	for _, c := range Cases() {
		if c.Healthy() {
			kinds[c.Script.personality.name] = true
		}
		if c.Healthy() != (c.Want.Exit == 0) {
			t.Errorf("%s: healthy %v, exit %d", c.Name, c.Healthy(), c.Want.Exit)
		}
	}
	for _, name := range personalityNames() {
		if !kinds[name] {
			t.Errorf("no healthy case of personality %s", name)
		}
	}
}

// Only what is set aside for examples, and the names of the providers' own hosts, may stand in a case.
func TestCasesUseExampleNames(t *testing.T) {
	allowed := []string{"contoso.com", "example.com", "example.net", "example.org", "EXAMPLE.COM", "office365.com", "outlook.com"}
	files, err := caseFiles.ReadDir("cases")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := caseFiles.ReadFile("cases/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.FieldsFunc(string(data), func(r rune) bool { return strings.ContainsRune(" \n<>[]()\"", r) }) {
			_, domain, isAddress := strings.Cut(word, "@")
			if isAddress && strings.Contains(domain, ".") && !slices.Contains(allowed, domain) {
				t.Errorf("%s: address %q", f.Name(), word)
			}
		}
	}
}

func TestSilentCasesSayHowLongToWait(t *testing.T) {
	for _, c := range Cases() {
		quiet := slices.ContainsFunc(c.Script.rules, func(r rule) bool { return r.action == silence })
		if quiet && !slices.Contains(c.Flags, "--timeout") && c.Name != "tls-ssl3-only" {
			t.Errorf("%s: the server falls silent, and the client is not told --timeout", c.Name)
		}
	}
}
