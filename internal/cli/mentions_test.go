package cli

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var (
	fencePattern = regexp.MustCompile("(?ms)^ *(```+)[^\n]*\n(.*?)^ *```+ *$")
	spanPattern  = regexp.MustCompile("`([^`]+)`")
	callPattern  = regexp.MustCompile(`(?:^|[\s("/:])smtptriage((?: +[^\s"]+)+)`)
	flagPattern  = regexp.MustCompile(`(?:^|[\s("])(--[a-z][a-z0-9-]+)`)
)

// proseWords follow the program's name where it begins no command line: in sentences, and where it names a table of nft.
var proseWords = []string{"holds", "prints", "report", "test", "in"}

// TestMentionedCommandsExist looks at what texts tell people to type: each command and flag must be there.
func TestMentionedCommandsExist(t *testing.T) {
	pages, err := filepath.Glob("../../*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"../../docs/*.md", "../cause/text/*.md", "../lab/cases/*.md"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(more), err)
		}
		pages = append(pages, more...)
	}
	calls := 0
	for _, page := range pages {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range codeOf(string(b)) {
			calls += checkMentions(t, page, code, strings.HasPrefix(code, "-"))
		}
	}
	if calls < 20 {
		t.Errorf("only %d command lines were found: the search is broken", calls)
	}
}

// TestCommandsInStrings does the same with what the program itself says.
func TestCommandsInStrings(t *testing.T) {
	for _, folder := range []string{".", "../cause", "../diagnose", "../provider", "../report", "../capture/text"} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if text, err := strconv.Unquote(lit.Value); err == nil {
						checkMentions(t, file, text, !foreignTool.MatchString(text))
					}
				}
				return true
			})
		}
	}
}

// foreignTool is text that quotes another program's command line.
var foreignTool = regexp.MustCompile(`\b(swaks|curl|openssl|msmtp|nft|go test|iptables|ping|dig)\b`)

// codeOf returns the inline code and the lines of the code blocks of a Markdown page.
func codeOf(page string) []string {
	var out []string
	for _, m := range fencePattern.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(m[2]) {
			line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), "  #")
			if strings.HasPrefix(line, "smtptriage ") || strings.HasPrefix(line, "go run ./cmd/smtptriage ") {
				out = append(out, line)
			}
		}
	}
	for _, m := range spanPattern.FindAllStringSubmatch(fencePattern.ReplaceAllString(page, ""), -1) {
		out = append(out, strings.Join(strings.Fields(m[1]), " "))
	}
	return out
}

// checkMentions looks at the command lines in a text, and at flags that stand alone if those are ours. It returns the number of the
// former.
func checkMentions(t *testing.T, where, text string, ours bool) (calls int) {
	t.Helper()
	for _, m := range callPattern.FindAllStringSubmatch(text, -1) {
		args := strings.Fields(m[1])
		if slices.Contains(proseWords, args[0]) {
			continue
		}
		calls++
		if err := understood(args); err != nil {
			t.Errorf("%s: %q: %v", where, "smtptriage"+m[1], err)
		}
	}
	if !ours {
		return calls
	}
	for _, m := range flagPattern.FindAllStringSubmatch(text, -1) {
		if flag := strings.TrimPrefix(m[1], "--"); !anyFlag(flag) {
			t.Errorf("%s: %q mentions --%s, which no command has", where, text, flag)
		}
	}
	return calls
}

// understood looks up the command of an argument list, and its flags.
func understood(args []string) error {
	for i := range args {
		args[i] = strings.Trim(args[i], `'".,;:)`)
	}
	cmd, rest, err := Command().Find(args)
	if err != nil {
		return err
	}
	placeholder := len(rest) == 0 || strings.ContainsAny(rest[0][:min(1, len(rest[0]))], "-[") || rest[0] == strings.ToUpper(rest[0])
	if cmd.HasAvailableSubCommands() && !placeholder && !endsSentence(cmd) {
		return fmt.Errorf("no command %q", rest[0])
	}
	cmd.InitDefaultHelpFlag()
	for _, a := range rest {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		switch {
		case strings.HasPrefix(a, "--") && name != "" && cmd.Flags().Lookup(name) == nil:
			return fmt.Errorf("%s has no flag --%s", cmd.CommandPath(), name)
		case strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && len(name) == 1 && cmd.Flags().ShorthandLookup(name) == nil:
			return fmt.Errorf("%s has no flag -%s", cmd.CommandPath(), name)
		}
	}
	return nil
}

// endsSentence reports whether a command, beside having commands below it, does something by itself. Then words after it may be those of
// the sentence that it stands in.
func endsSentence(cmd *cobra.Command) bool {
	own := false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { own = own || f.Name != "help" })
	return own
}

func anyFlag(name string) bool {
	found := name == "help"
	_ = eachCommand(Command(), func(cmd *cobra.Command) error {
		found = found || cmd.Flags().Lookup(name) != nil
		return nil
	})
	return found
}

// TestMentionsAreChecked makes sure that the checks above can fail.
func TestMentionsAreChecked(t *testing.T) {
	for _, bad := range []string{"chekc mail.example.com", "check --form a@example.com mail.example.com", "check -z mail.example.com", "lab tyr x"} {
		if err := understood(strings.Fields(bad)); err == nil {
			t.Errorf("smtptriage %s passes", bad)
		}
	}
	for _, good := range []string{"check --from=a@example.com -4 mail.example.com", "lab try ip-blocklisted", "explain -", "CAUSE"} {
		if err := understood(strings.Fields(good)); err != nil {
			t.Errorf("smtptriage %s: %v", good, err)
		}
	}
	if anyFlag("no-such-flag") || !anyFlag("tls-max") {
		t.Error("flags are not told apart")
	}
	page := "Run `smtptriage\nlisten`:\n\n```sh\n$ smtptriage check a.example.com  # x\nnot ours\n```\n"
	if got := codeOf(page); !slices.Equal(got, []string{"smtptriage check a.example.com", "smtptriage listen"}) {
		t.Errorf("%q", got)
	}
}

// TestLinksLead looks whether each page that a page links to is there.
func TestLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	seen := 0
	for _, folder := range []string{"../..", "../../docs"} {
		pages, err := filepath.Glob(folder + "/*.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range pages {
			b, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllStringSubmatch(spanPattern.ReplaceAllString(string(b), ""), -1) {
				seen++
				if _, err := os.Stat(filepath.Join(folder, m[1])); err != nil {
					t.Errorf("%s links to %s: %v", page, m[1], err)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d links were found: the search is broken", seen)
	}
}
