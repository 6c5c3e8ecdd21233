package cause

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:generate go test -run ^TestWrite . -update

// A format is one way to print a table of this package.
type format struct {
	name  string
	print func() string
}

var treeFormats = []format{
	{"text", treeText},
	{"markdown", treeMarkdown},
	{"mermaid", treeMermaid},
	{"dot", treeDOT},
}

// TreeFormats are the names that WriteTree knows, the usual one first.
func TreeFormats() []string { return formatNames(treeFormats) }

// WriteTree prints the decision tree: text for a terminal of 80 columns, markdown for a page, mermaid or dot for a picture.
func WriteTree(w io.Writer, name string) error {
	return write(w, "tree", name, treeFormats)
}

// write prints with the format called name, or says which names there are.
func write(w io.Writer, what, name string, known []format) error {
	i := slices.IndexFunc(known, func(f format) bool { return f.name == name })
	if i < 0 {
		return fmt.Errorf("no %s format named %q: use %s", what, name, strings.Join(formatNames(known), ", "))
	}
	_, err := io.WriteString(w, known[i].print())
	return err
}

func formatNames(known []format) []string {
	var names []string
	for _, f := range known {
		names = append(names, f.name)
	}
	return names
}

// treeIntro is how the tree is walked; the written forms begin with it.
const treeIntro = "Walk the steps in order and skip none. The first step that fails is where the cause lies; " +
	"what a later step says then means nothing yet. A step that fails has several possible causes, and an experiment " +
	"that changes one thing at a time tells them apart."
