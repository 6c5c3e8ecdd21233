package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/cause"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CAUSE-ID",
		Short: "Say what a cause means, how it is told apart, and what to do",
		Long: "Say what a cause means, how it is told apart from its neighbours, what to do, and what to tell the ISP, the firewall's " +
			"vendor or the provider.",
		Example: examples("smtptriage explain ip-blocklisted", "what a verdict's cause means"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("explain wants one cause id, got %d; smtptriage causes lists them", len(args))
			}
			return nil
		},
		ValidArgsFunction: completeCauses,
		RunE:              func(_ *cobra.Command, args []string) error { return a.explain(args[0]) },
	}
}

func (a *app) explain(id string) error {
	text := cause.Text(cause.ID(id))
	if text == "" {
		return fmt.Errorf("no cause named %q%s; smtptriage causes lists them", id, didYouMean(id, causeNames()))
	}
	_, err := io.WriteString(a.out, text)
	return err
}

func causeNames() []string {
	var names []string
	for _, c := range cause.All() {
		names = append(names, string(c.ID))
	}
	return names
}

func completeCauses(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return causeNames(), cobra.ShellCompDirectiveNoFileComp
}

// didYouMean is the name that begins or ends like the one that was written, as an end to an error message.
func didYouMean(written string, names []string) string {
	best, most := "", 3 // fewer characters in common mean nothing
	for _, n := range names {
		common := 0
		for common < min(len(n), len(written)) && n[common] == written[common] {
			common++
		}
		if common > most || strings.HasSuffix(n, written) && len(written) > most {
			best, most = n, max(common, len(written))
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}
