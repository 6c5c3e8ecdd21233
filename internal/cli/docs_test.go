package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/lab"
)

var update = flag.Bool("update", false, "rewrite docs/commands.md and the example in README.md")

// TestPages keeps the page of the commands as the program prints it. Those of the tree and the causes are package cause's.
func TestPages(t *testing.T) {
	var b strings.Builder
	if err := writeCommands(&b); err != nil {
		t.Fatal(err)
	}
	compare(t, "../../docs/commands.md", b.String())
}

// writeCommands prints the help of every command as a page.
func writeCommands(w io.Writer) error {
	fmt.Fprint(w, "# The commands\n\n<!-- Printed from the commands themselves; edit internal/cli, not this page. -->\n\n")
	fmt.Fprint(w, "Every flag can come from the environment too: `--tls-min` from `SMTPTRIAGE_TLS_MIN`, and so on.\n")
	return eachCommand(Command(), func(cmd *cobra.Command) error {
		cmd.InitDefaultHelpFlag()
		var help strings.Builder
		cmd.SetOut(&help)
		if err := cmd.Help(); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\n## %s\n\n```\n%s```\n", cmd.CommandPath(), help.String())
		return err
	})
}

func eachCommand(cmd *cobra.Command, f func(*cobra.Command) error) error {
	if cmd.Name() == "completion" || cmd.Name() == "help" {
		return nil
	}
	if err := f(cmd); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if err := eachCommand(sub, f); err != nil {
			return err
		}
	}
	return nil
}

func compare(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), want); d != "" {
		t.Errorf("%s is stale; make docs rewrites it (-there +printed)\n%s", file, d)
	}
}

// What differs from run to run, and how the README has it.
var changing = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`(127\.0\.0\.1)( port |:)\d{5}`), "${1}${2}40225"},
	{regexp.MustCompile(`\(at \d\.\d{3}s\)`), "(at 0.015s)"},
	{regexp.MustCompile(`(ready at) [^\[]+\[`), "$1 [...] ["},
	{regexp.MustCompile(`\[08DE[0-9A-F]+\]`), "[08DE002A9F3C5D12]"},
}

// TestReadme keeps the README's example as "lab try" really prints it, down to the tree.
func TestReadme(t *testing.T) {
	c, ok := lab.Find("ip-blocklisted")
	if !ok {
		t.Fatal("no such case")
	}
	rec, err := tryLabCase(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	text := reportOf(t, rec)
	tree := strings.Index(text, "\nWhat the comparison shows")
	if tree < 0 {
		tree = strings.Index(text, "\nThe conversation")
	}
	text = text[:tree]
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.as)
	}
	const begin, end = "$ go run ./cmd/smtptriage lab try ip-blocklisted\n", "```\n"
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md has no example that begins with %q", begin)
	}
	compare(t, "../../README.md", before+begin+text+end+after)
}
