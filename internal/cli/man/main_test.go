package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man")
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	for page, want := range map[string]string{
		"smtptriage.1":         "smtptriage-check(1)",
		"smtptriage-check.1":   `\-\-password\-file`,
		"smtptriage-lab-try.1": "ip-blocklisted",
	} {
		b, err := os.ReadFile(filepath.Join(dir, page))
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		if !strings.Contains(text, ".TH ") || !strings.Contains(text, want) && !strings.Contains(strings.ReplaceAll(text, `\-`, "-"), strings.ReplaceAll(want, `\-`, "-")) {
			t.Errorf("%s has no %q", page, want)
		}
	}
}
