package cli

import (
	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/cause"
)

func (a *app) treeCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "tree",
		Short: "Print the decision tree",
		Long:  "Print the decision tree: what is tried at each step, what should come back, which causes a failure has, what tells them apart and what to do.",
		Example: examples("smtptriage tree", "read it in the terminal",
			"smtptriage tree --format dot | dot -Tsvg > tree.svg", "make a picture of it"),
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return cause.WriteTree(a.out, format) },
	}
	formatFlag(cmd, &format, cause.TreeFormats())
	return cmd
}
