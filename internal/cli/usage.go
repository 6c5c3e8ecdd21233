package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtptriage/smtptriage/internal/provider"
)

// What a value of these kinds looks like, for those that are none.
var flagKinds = map[string]string{
	"int": "a whole number", "int64": "a whole number", "bool": "true or false",
	"duration": "a time with its unit, such as 30s or 2m",
}

// badFlag says what is wrong with a flag in the words of the person who wrote it.
func badFlag(flags *pflag.FlagSet, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(flags, unknown)
	case errors.As(err, &value):
		if kind := flagKinds[value.GetFlag().Value.Type()]; kind != "" {
			return fmt.Errorf("--%s %q: use %s", value.GetFlag().Name, value.GetValue(), kind)
		}
	}
	return err
}

func unknownFlag(flags *pflag.FlagSet, e *pflag.NotExistError) error {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	short := e.GetSpecifiedShortnames()
	switch word, _, _ := strings.Cut(short, "="); {
	case short == "":
		name := "--" + e.GetSpecifiedName()
		return fmt.Errorf("no flag %s%s", name, didYouMean(name, names))
	case slices.Contains(names, "--"+word):
		return fmt.Errorf("no flag -%s: write --%s, with two hyphens", word, word)
	}
	return fmt.Errorf("no flag -%s", e.GetSpecifiedName())
}

// checkEmpty finds flags that were given without a value: a variable of a script that is not set looks so.
func checkEmpty(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		empty := f.Value.String() == ""
		if s, ok := f.Value.(pflag.SliceValue); ok {
			empty = slices.Contains(s.GetSlice(), "")
		}
		if empty && err == nil {
			err = fmt.Errorf("--%s is empty: give it a value, or leave it out", f.Name)
		}
	})
	return err
}

// noSuchCommand is what cobra would say, with where to look.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = 2                       // letters changed, as cobra has it where it makes suggestions itself
	if near := cmd.SuggestionsFor(args[0]); len(near) == 1 { // what is near to several is a slip of none
		hint = fmt.Sprintf(" (did you mean %s?)", near[0])
	}
	return fmt.Errorf("no command %q%s; see %s --help", args[0], hint, cmd.CommandPath())
}

// noArguments is for commands that take flags alone.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%s takes no arguments, and there is %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
}

// didYouMean is the name that the written one is a slip of, or that begins or ends like it, as an end to an error message.
func didYouMean(written string, names []string) string {
	best, ok := provider.Nearest(written, names)
	if !ok {
		best = alike(written, names)
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// alike is the name with the longest beginning or ending in common with the written one.
func alike(written string, names []string) string {
	best, most := "", 4 // fewer characters in common mean nothing
	for _, n := range names {
		common := 0
		for common < min(len(n), len(written)) && n[common] == written[common] {
			common++
		}
		if strings.HasSuffix(n, written) {
			common = len(written)
		}
		if common > most {
			best, most = n, common
		}
	}
	return best
}
