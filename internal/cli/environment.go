package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"
)

const environmentPrefix = "SMTPTRIAGE_"

// exclusive are flags of which only one can be given: one is a choice against the others.
var exclusive = [][]string{
	{"ipv4", "ipv6"},
	{"password-file", "password-env", "oauth-token-file", "client-secret-file", "client-secret-env", "client-certificate", "device-code"},
}

// variable is the environment variable of a flag: SMTPTRIAGE_TLS_MIN for --tls-min.
func variable(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment gives flags that are not on the command line the value of their variable. An empty one counts as none, and
// so does one that the command line decides against.
func fromEnvironment(flags *pflag.FlagSet) (err error) {
	if err := checkEmpty(flags); err != nil {
		return err
	}
	given := map[string]bool{}
	flags.Visit(func(f *pflag.Flag) { given[f.Name] = true })
	flags.VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f.Name))
		if value == "" || err != nil || f.Name == "help" || given[f.Name] || decidedAgainst(f.Name, given) {
			return
		}
		if setErr := flags.Set(f.Name, value); setErr != nil {
			err = fmt.Errorf("environment variable %s: %w", variable(f.Name), badFlag(flags, setErr))
		}
	})
	if err != nil {
		return err
	}
	return checkExclusive(flags)
}

func decidedAgainst(name string, given map[string]bool) bool {
	for _, group := range exclusive {
		other, member := false, false
		for _, f := range group {
			other = other || given[f]
			member = member || f == name
		}
		if other && member {
			return true
		}
	}
	return false
}

func checkExclusive(flags *pflag.FlagSet) error {
	for _, group := range exclusive {
		var set []string
		for _, name := range group {
			if f := flags.Lookup(name); f != nil && f.Changed && f.Value.String() != "false" {
				set = append(set, "--"+name)
			}
		}
		if len(set) > 1 {
			return fmt.Errorf("%s exclude each other: give one of them", strings.Join(set, " and "))
		}
	}
	return nil
}
