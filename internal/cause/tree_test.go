package cause

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite the golden files and the pages in docs")

func TestNodesFollowTheSteps(t *testing.T) {
	nodes := Nodes()
	if len(nodes) != len(Steps) {
		t.Fatalf("%d nodes, want %d", len(nodes), len(Steps))
	}
	number := 0
	for i, n := range nodes {
		if n.Step != Steps[i] {
			t.Errorf("node %d is %s, want %s", i, n.Step, Steps[i])
		}
		want := 0
		if n.Step != Auth {
			number++
			want = number
		}
		if n.Number != want {
			t.Errorf("%s has number %d, want %d", n.Step, n.Number, want)
		}
		if got, ok := NodeOf(n.Step); !ok || got.Title != n.Title {
			t.Errorf("NodeOf(%s) = %q, %v", n.Step, got.Title, ok)
		}
		for name, lines := range map[string][]string{"tests": n.Tests, "expected": n.Expected, "told apart": n.ToldApart, "actions": n.Actions} {
			if len(lines) == 0 {
				t.Errorf("%s has no %s", n.Step, name)
			}
		}
	}
	if _, ok := NodeOf(None); ok {
		t.Error("None has a node")
	}
}

func TestEveryCauseHasOnePlace(t *testing.T) {
	places := map[ID]int{}
	var order []ID
	for _, n := range Nodes() {
		for _, c := range n.Causes() {
			if c.Step != n.Step {
				t.Errorf("%s of step %s stands at %s", c.ID, c.Step, n.Step)
			}
			places[c.ID]++
			order = append(order, c.ID)
		}
		for _, id := range n.Also {
			c, ok := Find(id)
			if !ok || c.Step == n.Step {
				t.Errorf("%s also meets %s, which is unknown or its own", n.Step, id)
			}
		}
	}
	for _, c := range Outcomes() {
		places[c.ID]++
		order = append(order, c.ID)
	}
	var want []ID
	for _, c := range All() {
		want = append(want, c.ID)
		if places[c.ID] != 1 {
			t.Errorf("%s stands at %d places, want 1", c.ID, places[c.ID])
		}
	}
	if !slices.Equal(order, want) {
		t.Errorf("causes of the nodes in order %v, want the catalogue's", order)
	}
}

func TestMeaningsAreOneShortLine(t *testing.T) {
	seen := map[string]ID{}
	for _, c := range All() {
		if c.Meaning == "" || utf8.RuneCountInString(c.Meaning) > 120 || hasControl(c.Meaning) {
			t.Errorf("%s: meaning %q is empty, longer than 120 characters or has control characters", c.ID, c.Meaning)
		}
		if other, ok := seen[c.Meaning]; ok {
			t.Errorf("%s and %s have the same meaning", c.ID, other)
		}
		seen[c.Meaning] = c.ID
	}
}

func TestAdviceIsComplete(t *testing.T) {
	for _, p := range Patterns() {
		if got, ok := FindPattern(p.ID); !ok || got.Title != p.Title || p.Title == "" || len(p.Meaning) == 0 {
			t.Errorf("pattern %q: found %v, title %q, %d meanings", p.ID, ok, p.Title, len(p.Meaning))
		}
	}
	for _, a := range Guidance() {
		if got, ok := FindAdvice(a.ID); !ok || got != a || a.When == "" || a.Text == "" {
			t.Errorf("advice %q: found %v, %+v", a.ID, ok, a)
		}
	}
	if _, ok := FindPattern("no-such-pattern"); ok {
		t.Error("found a pattern that does not exist")
	}
	if _, ok := FindAdvice("no-such-advice"); ok {
		t.Error("found advice that does not exist")
	}
	want := []string{"transcript", "public_ip", "error_codes", "message_trace", "path_mtu"}
	var got []string
	for _, a := range Artifacts() {
		got = append(got, a.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("artifacts %v, want %v", got, want)
	}
}

func TestWriteTree(t *testing.T) {
	for name, file := range map[string]string{
		"text":     "testdata/tree.txt",
		"mermaid":  "testdata/tree.mmd",
		"dot":      "testdata/tree.dot",
		"markdown": "../../docs/decision-tree.md",
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := WriteTree(&b, name); err != nil {
				t.Fatal(err)
			}
			golden(t, file, b.Bytes())
		})
	}
}

func TestWriteTreeUnknownFormat(t *testing.T) {
	var b bytes.Buffer
	err := WriteTree(&b, "svg")
	const want = `no tree format named "svg": use text, markdown, mermaid, dot`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if b.Len() > 0 {
		t.Errorf("wrote %q", b.String())
	}
	if got := strings.Join(TreeFormats(), " "); got != "text markdown mermaid dot" {
		t.Errorf("TreeFormats = %s", got)
	}
}

func TestTreeTextFitsTheConsole(t *testing.T) {
	checkWidth(t, treeText())
}

func checkWidth(t *testing.T, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) > columns || hasControl(line) || strings.TrimRight(line, " ") != line {
			t.Errorf("line %d is too wide, ends in a blank or has control characters: %q", i+1, line)
		}
	}
}

// hasControl reports control characters, which no table and no text has a use for.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == utf8.RuneError })
}

// golden compares got with the file, or writes it there with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale at line %d: run go test ./internal/cause -update and read the difference", file, firstDifference(got, want))
	}
}

func firstDifference(a, b []byte) int {
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range x {
		if i >= len(y) || !bytes.Equal(x[i], y[i]) {
			return i + 1
		}
	}
	return len(x)
}
