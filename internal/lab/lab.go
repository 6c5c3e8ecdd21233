// Package lab is an SMTP server that misbehaves on purpose, and the cases that say how: one fault each, with the verdict
// a careful reader of the conversation must come to. It serves people (training, trying out a device) and tests.
//
// It shares the grammar of package smtp and the ids of package cause with the program, and no more: a fault server built
// on the program's own server would agree with its mistakes. What one machine's loopback cannot show (a path with
// firewalls, NAT, small MTU) is left to netlab; see Unshown.
//
// A case is a txtar file in cases/. README.md in that folder explains its sections and the script language.
package lab

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed cases/*.txtar
var caseFiles embed.FS

// Cases lists the embedded cases, sorted by name. The slice is the caller's.
func Cases() []Case { return slices.Clone(embedded()) }

// Find looks an embedded case up by its name.
func Find(name string) (Case, bool) {
	for _, c := range embedded() {
		if c.Name == name {
			return c, true
		}
	}
	return Case{}, false
}

// embedded parses the cases once. A case that does not parse is a mistake in this package, which its tests find.
var embedded = sync.OnceValue(func() []Case {
	names, err := fs.Glob(caseFiles, "cases/*.txtar")
	if err != nil {
		panic(err)
	}
	cases := make([]Case, 0, len(names))
	for _, file := range names {
		data, err := caseFiles.ReadFile(file)
		if err != nil {
			panic(err)
		}
		c, err := ParseCase(file, data)
		if err != nil {
			panic(fmt.Sprintf("embedded case: %v", err))
		}
		cases = append(cases, c)
	}
	slices.SortFunc(cases, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return cases
})

// caseName is the name of the case in a file: "ip-blocklisted" for cases/ip-blocklisted.txtar.
func caseName(file string) string { return strings.TrimSuffix(path.Base(file), ".txtar") }
