package provider

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/replies.md")

// TestRepliesPage fails when docs/replies.md is not what the tables say.
func TestRepliesPage(t *testing.T) {
	var b bytes.Buffer
	if err := WriteReplies(&b); err != nil {
		t.Fatal(err)
	}
	for _, r := range Rows() {
		if !strings.Contains(b.String(), "\n### "+r.ID+"\n") {
			t.Errorf("the page lacks %s", r.ID)
		}
	}
	const page = "../../docs/replies.md"
	if *update {
		if err := os.WriteFile(page, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), b.String()); diff != "" {
		t.Errorf("docs/replies.md is stale, run make docs (-page +tables):\n%s", diff)
	}
}
