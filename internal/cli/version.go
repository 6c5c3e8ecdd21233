package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// version is set by the linker for a release; otherwise the module's own is used.
var version string

// tool is how records and reports name this program.
func tool() evidence.Tool {
	v := version
	if info, ok := debug.ReadBuildInfo(); ok && v == "" {
		v = info.Main.Version
	}
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	return evidence.Tool{Name: "smtptriage", Version: v}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			t := tool()
			_, err := fmt.Fprintf(a.out, "%s %s (%s, %s/%s)\n", t.Name, t.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
