package cause

import (
	"bytes"
	"strings"
	"testing"
)

func TestWriteCatalogue(t *testing.T) {
	for name, file := range map[string]string{
		"text":     "testdata/causes.txt",
		"markdown": "../../docs/causes.md",
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteCatalogue(&b, name); err != nil {
				t.Fatal(err)
			}
			golden(t, file, b.Bytes())
			for _, c := range All() {
				if !strings.Contains(b.String(), string(c.ID)) {
					t.Errorf("%s is missing", c.ID)
				}
			}
		})
	}
	checkWidth(t, catalogueText())
}

func TestWriteCatalogueUnknownFormat(t *testing.T) {
	err := WriteCatalogue(new(bytes.Buffer), "dot")
	const want = `no catalogue format named "dot": use text, markdown`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Every link from one page of docs to a cause must find its heading.
func TestPagesLinkToCauses(t *testing.T) {
	page := catalogueMarkdown()
	for _, c := range All() {
		if !strings.Contains(page, "\n### "+string(c.ID)+"\n") {
			t.Errorf("causes.md has no heading for %s", c.ID)
		}
		if !strings.Contains(treeMarkdown(), "(causes.md#"+string(c.ID)+")") {
			t.Errorf("decision-tree.md has no link to %s", c.ID)
		}
	}
}
