package cli

import (
	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/cause"
)

func (a *app) causesCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "causes",
		Short: "List every cause that can be named",
		Long:  "List every cause that a verdict can name, by the step where it is usually met.",
		Example: examples("smtptriage causes", "list them",
			"smtptriage explain starttls-stripped", "read about one"),
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return cause.WriteCatalogue(a.out, format) },
	}
	formatFlag(cmd, &format, cause.CatalogueFormats())
	return cmd
}
