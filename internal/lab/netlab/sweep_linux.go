package netlab

import (
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

// labName is how the namespaces of a lab are called, by the process that made it.
var labName = regexp.MustCompile(`^stlab([0-9]+)-[0-9]+-[a-z]+$`)

// sweep removes, once, the labs of processes that are gone: one that was killed could not clean up.
var sweep = sync.OnceFunc(func() {
	entries, err := os.ReadDir("/run/netns")
	if err != nil {
		return // there are none yet
	}
	for _, e := range entries {
		m := labName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if _, err := os.Stat(filepath.Join("/proc", m[1])); os.IsNotExist(err) {
			_ = namespace{e.Name()}.remove() // another process may be sweeping too
		}
	}
})
