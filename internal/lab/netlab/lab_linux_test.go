package netlab

import (
	"os"
	"testing"

	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// TestLabCleansUp: nothing of a lab is left, even of one that fails to start, or whose process was killed.
func TestLabCleansUp(t *testing.T) {
	require.LinuxRoot(t)
	if err := Unavailable(); err != nil {
		require.Missing(t, "%v", err)
	}
	c, _ := Find("healthy")
	l, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	broken := c
	broken.Commands = at(Gateway, "false")
	next := prefix(os.Getpid(), labs.Load()+1)
	if failed, err := Start(t.Context(), broken); err == nil {
		failed.Close()
		t.Fatal("a lab whose fault can't be made starts")
	}
	for _, prefix := range []string{l.prefix, next} {
		for _, node := range nodes {
			if _, err := os.Stat("/run/netns/" + prefix + string(node)); err == nil {
				t.Errorf("%s%s is left", prefix, node)
			}
		}
	}
}

func TestLabNamesTellTheirProcess(t *testing.T) {
	l := &Lab{prefix: prefix(4711, 3)}
	m := labName.FindStringSubmatch(l.ns(Gateway).name)
	if m == nil || m[1] != "4711" {
		t.Errorf("%q: read as %q, want process 4711", l.ns(Gateway).name, m)
	}
	if labName.MatchString("lab-gw") || labName.MatchString("probe4031-18-dev") {
		t.Error("namespaces of others are taken for ours")
	}
}
