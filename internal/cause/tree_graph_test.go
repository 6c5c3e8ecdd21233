package cause

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A picture is what a test reads back from Mermaid or DOT.
type picture struct {
	boxes  []string
	arrows []arrow
}

var (
	mermaidBox   = regexp.MustCompile(`^  ([a-z_]+)\["([^"]*)"\]:::([a-z]+)$`)
	mermaidArrow = regexp.MustCompile(`^  ([a-z_]+) -->\|([a-z]+)\| ([a-z_]+)$`)
	mermaidClass = regexp.MustCompile(`^  classDef ([a-z]+) [a-z#0-9,:-]+$`)
	entity       = regexp.MustCompile(`#(\w+);`)
)

// mermaidReserved are words that Mermaid takes for its own wherever they stand; a bare "end" breaks the whole picture.
var mermaidReserved = []string{"end", "graph", "flowchart", "subgraph", "style", "class", "click", "default", "direction"}

// readMermaid accepts the part of the flowchart grammar that treeMermaid may use, and nothing else.
func readMermaid(s string) (picture, error) {
	var p picture
	kinds, classes := map[string]bool{}, map[string]bool{}
	for i, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		if i == 0 {
			if line != "flowchart TD" {
				return p, fmt.Errorf("begins with %q", line)
			}
		} else if m := mermaidBox.FindStringSubmatch(line); m != nil {
			p.boxes = append(p.boxes, m[1])
			kinds[m[3]] = true
			label := strings.ReplaceAll(m[2], "<br/>", "")
			if strings.ContainsAny(entity.ReplaceAllString(label, ""), "<>&#`") {
				return p, fmt.Errorf("line %d: raw markup in label %q", i+1, m[2])
			}
		} else if m := mermaidArrow.FindStringSubmatch(line); m != nil {
			p.arrows = append(p.arrows, arrow{m[1], m[3], m[2]})
		} else if m := mermaidClass.FindStringSubmatch(line); m != nil {
			classes[m[1]] = true
		} else {
			return p, fmt.Errorf("line %d: %q", i+1, line)
		}
	}
	for _, name := range append(slices.Collect(maps.Keys(kinds)), p.boxes...) {
		if slices.Contains(mermaidReserved, name) {
			return p, fmt.Errorf("%q is a word of the language", name)
		}
	}
	for k := range kinds {
		if !classes[k] {
			return p, fmt.Errorf("class %s has no definition", k)
		}
	}
	return p, nil
}

var (
	quoted   = regexp.MustCompile(`"(?:[^"\\]|\\["\\l])*"`)
	dotBox   = regexp.MustCompile(`^  ([a-z_]+) \[fillcolor="", label=""\];$`)
	dotArrow = regexp.MustCompile(`^  ([a-z_]+) -> ([a-z_]+) \[label=""\];$`)
	dotOther = regexp.MustCompile(`^(digraph smtptriage \{|  rankdir=TB;|  (node|edge) \[[^"]*("")?[^"]*("")?[^"]*\];|  \{ rank=same; [a-z_]+; [a-z_]+; \}|\})$`)
)

// readDOT accepts the part of the DOT grammar that treeDOT may use. Quoted strings are checked and emptied first, so
// that nothing in a label can pass for syntax.
func readDOT(s string) (picture, error) {
	var p picture
	for i, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		bare := quoted.ReplaceAllString(line, `""`)
		if m := dotBox.FindStringSubmatch(bare); m != nil {
			p.boxes = append(p.boxes, m[1])
		} else if m := dotArrow.FindStringSubmatch(bare); m != nil {
			p.arrows = append(p.arrows, arrow{from: m[1], to: m[2]})
		} else if !dotOther.MatchString(bare) {
			return p, fmt.Errorf("line %d: %q", i+1, line)
		}
	}
	return p, nil
}

func TestPictures(t *testing.T) {
	readers := map[string]func() (picture, error){
		"mermaid": func() (picture, error) { return readMermaid(treeMermaid()) },
		"dot":     func() (picture, error) { return readDOT(treeDOT()) },
	}
	for name, read := range readers {
		t.Run(name, func(t *testing.T) {
			p, err := read()
			if err != nil {
				t.Fatal(err)
			}
			if want := 3*len(Steps) + 4; len(p.boxes) != want || len(p.arrows) != want-1 {
				t.Errorf("%d boxes and %d arrows, want %d and %d", len(p.boxes), len(p.arrows), want, want-1)
			}
			led := map[string]bool{"connect_step": true}
			for _, a := range p.arrows {
				if !slices.Contains(p.boxes, a.from) || !slices.Contains(p.boxes, a.to) {
					t.Errorf("arrow from %s to %s: no such box", a.from, a.to)
				}
				led[a.to] = true
			}
			for _, b := range p.boxes {
				if !led[b] {
					t.Errorf("nothing leads to %s", b)
				}
			}
		})
	}
}

// The readers above must be able to fail, or they prove nothing.
func TestPictureReadersRefuse(t *testing.T) {
	good := treeMermaid()
	for name, bad := range map[string]string{
		"a quote in a label":  strings.Replace(good, "Test: ", `Te"st: `, 1),
		"an open label":       strings.Replace(good, `"]:::step`, "", 1),
		"a tag in a label":    strings.Replace(good, "#lt;", "<", 1),
		"an undefined class":  strings.Replace(good, ":::outcome", ":::finish", 1),
		"a word of Mermaid's": strings.ReplaceAll(good, "outcome", "end"),
		"another first line":  "graph\n" + good,
		"an arrow from space": good + "  --> connect\n",
	} {
		if _, err := readMermaid(bad); err == nil {
			t.Errorf("mermaid: %s was accepted", name)
		}
	}
	good = treeDOT()
	for name, bad := range map[string]string{
		"a quote in a label":     strings.Replace(good, "Test: ", `Te"st: `, 1),
		"an unknown escape":      strings.Replace(good, `\l`, `\q`, 1),
		"an unclosed attribute":  strings.Replace(good, `"];`, `"`, 1),
		"a statement of nothing": good + "what\n",
	} {
		if _, err := readDOT(bad); err == nil {
			t.Errorf("dot: %s was accepted", name)
		}
	}
}

func TestEscapes(t *testing.T) {
	const hostile = `a "b" <c> & #d \e ` + "`f`"
	if got, want := mermaidEscapes.Replace(hostile), `a #quot;b#quot; #lt;c#gt; #amp; #35;d \e #96;f#96;`; got != want {
		t.Errorf("mermaid: got %s, want %s", got, want)
	}
	if got, want := dotLabel([]string{hostile}), `a \"b\" <c> & #d \\e `+"`f`"+`\l`; got != want {
		t.Errorf("dot: got %s, want %s", got, want)
	}
	if got, want := markdownText(`<a> *b* _c_ [d]`), `\<a\> \*b\* \_c\_ \[d\]`; got != want {
		t.Errorf("markdown: got %s, want %s", got, want)
	}
}

func TestWrap(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", "-\n"},
		{"fits", "one two", "- one two\n"},
		{"breaks", "one two three four", "- one two\n  three\n  four\n"},
		{"keeps a long word whole", "a https://example.com/long b", "- a\n  https://example.com/long\n  b\n"},
		{"counts runes, not bytes", "ééé ééé", "- ééé ééé\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := wrap(tt.text, "- ", "  ", 10); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
