// Package internal_test checks the layout of the packages beside it: imports go down only.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/smtptriage/smtptriage/"

// levels are the packages of the program, by their folder under internal. A package imports those of lower levels, and
// folders of its own. What is added has to be given its level here.
var levels = map[string]int{
	"smtp": 0, "tlswire": 0, "cause": 0,
	"evidence": 1, "provider": 1,
	"trust": 2,
	"probe": 3, "listen": 3, "capture": 3, "diagnose": 3,
	"report": 4,
	"cli":    5,
}

// beside are packages beside the program, and what of it they may import. A fault server that shared more than the grammar
// with the program would agree with its mistakes; its devices, which are clients, write hellos with tlswire as checks do.
var beside = map[string][]string{
	"lab":   {"smtp", "cause", "tlswire"},
	"bench": {"lab", "capture"},
}

// users of packages beside the program; tests may use them everywhere.
var users = map[string][]string{
	"lab": {"cli", "bench"},
}

func TestImportsGoDown(t *testing.T) {
	checked := 0
	walkImports(t, ".", func(file, folder, imported string) {
		checked++
		if problem := judge(folder, imported); problem != "" {
			t.Errorf("%s imports internal/%s: %s", file, imported, problem)
		}
	})
	if checked < 50 {
		t.Errorf("only %d imports found: is this test looking at the right folder?", checked)
	}
}

func TestEveryPackageHasALevel(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		_, level := levels[e.Name()]
		_, apart := beside[e.Name()]
		if e.IsDir() && !level && !apart {
			t.Errorf("internal/%s has no level: give it one in this test", e.Name())
		}
	}
}

// TestArchitecturePage holds the table of packages in docs/architecture.md against the levels.
func TestArchitecturePage(t *testing.T) {
	b, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, level := range levels {
		if row := "\n| " + strconv.Itoa(level) + " | `" + name + "` | "; !strings.Contains(string(b), row) {
			t.Errorf("docs/architecture.md has no row of package %s, level %d", name, level)
		}
	}
}

func TestMainImportsTheCommandLineOnly(t *testing.T) {
	walkImports(t, "../cmd/smtptriage", func(file, _, imported string) {
		if imported != "cli" {
			t.Errorf("%s imports internal/%s, want internal/cli alone", file, imported)
		}
	})
}

// TestJudge makes sure that the rules can fail.
func TestJudge(t *testing.T) {
	for _, tt := range []struct {
		folder, imported string
		ok               bool
	}{
		{"diagnose", "evidence", true},
		{"evidence", "diagnose", false},
		{"diagnose", "probe", false},
		{"smtp", "cause", false},
		{"probe", "probe/dns", true},
		{"report", "probe/dns", true},
		{"lab", "smtp", true},
		{"lab", "evidence", false},
		{"cli", "lab", true},
		{"diagnose", "lab", false},
		{"util", "smtp", false},
		{"cli", "util", false},
	} {
		if got := judge(tt.folder, tt.imported); (got == "") != tt.ok {
			t.Errorf("%s imports %s: got %q, want ok %v", tt.folder, tt.imported, got, tt.ok)
		}
	}
}

// judge says what is wrong with an import, or "".
func judge(folder, imported string) string {
	top, _, _ := strings.Cut(imported, "/")
	if top == folder {
		return ""
	}
	if allowed, ok := beside[folder]; ok {
		if slices.Contains(allowed, top) {
			return ""
		}
		return "it may share no more of the program than " + strings.Join(allowed, ", ")
	}
	from, known := levels[folder]
	if !known {
		return "internal/" + folder + " has no level: give it one in this test"
	}
	if _, ok := beside[top]; ok {
		if slices.Contains(users[top], folder) {
			return ""
		}
		return "only tests, and " + strings.Join(users[top], " and ") + ", may"
	}
	to, known := levels[top]
	switch {
	case !known:
		return "it has no level: give it one in this test"
	case to >= from:
		return "imports go down only, from level " + strconv.Itoa(from) + " to lower ones; that is level " + strconv.Itoa(to)
	}
	return ""
}

// walkImports calls f with every import of the module's own packages, by files that are no tests. folder is the first
// folder under root.
func walkImports(t *testing.T, root string, f func(file, folder, imported string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "testdata":
			return filepath.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		folder, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if ours, ok := strings.CutPrefix(imported, module+"internal/"); ok {
				f(filepath.ToSlash(name), folder, ours)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
