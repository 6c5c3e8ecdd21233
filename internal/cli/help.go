package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// Help begins with examples: they answer most questions.
const helpTemplate = `{{with .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{if .HasExample}}Examples:
{{.Example}}

{{end}}{{with .Long}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

const usageTemplate = `Usage:{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND

Commands:{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 79 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

More about a command: {{.CommandPath}} COMMAND --help{{end}}
`

func styleHelp(root *cobra.Command) {
	root.SetHelpTemplate(helpTemplate)
	root.SetUsageTemplate(usageTemplate)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	completion, _, _ := root.Find([]string{"completion"})
	completion.Args = noSuchCommand
	completion.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	wrapLong(root)
}

// wrapLong breaks the descriptions of all commands for 80 columns.
func wrapLong(cmd *cobra.Command) {
	var paragraphs []string
	for p := range strings.SplitSeq(cmd.Long, "\n\n") {
		if !strings.Contains(p, "\n") {
			p = fold(p, 79)
		}
		paragraphs = append(paragraphs, p)
	}
	cmd.Long = strings.Join(paragraphs, "\n\n")
	for _, sub := range cmd.Commands() {
		wrapLong(sub)
	}
}

// fold breaks text at blanks.
func fold(s string, width int) string {
	var b strings.Builder
	n := 0
	for _, word := range strings.Fields(s) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}

// examples lays out pairs of a command line and what it does.
func examples(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString("  # " + pairs[i+1] + "\n  " + pairs[i] + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
