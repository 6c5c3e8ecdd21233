package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestExperimentsAreDescribed compares the experiments with the table of docs/architecture.md.
func TestExperimentsAreDescribed(t *testing.T) {
	b, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "| experiment | asked at | what it is |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if !ok {
		t.Fatal("docs/architecture.md has no table of experiments")
	}
	described := map[string]bool{}
	for row := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			described[m[1]] = true
		}
	}
	names := experimentNames(t)
	for name := range names {
		if !described[name] {
			t.Errorf("the experiment %s is not in the table", name)
		}
	}
	for name := range described {
		if !names[name] {
			t.Errorf("the table has %s, which is no experiment", name)
		}
	}
}

// experimentNames are the values of the constants that begin with ask.
func experimentNames(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.ValueSpec); ok && len(s.Values) == 1 && strings.HasPrefix(s.Names[0].Name, "ask") {
				if lit, ok := s.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					name, _ := strconv.Unquote(lit.Value)
					names[name] = true
				}
			}
			return true
		})
	}
	if len(names) < 20 {
		t.Fatalf("only %d experiments were found", len(names))
	}
	return names
}
