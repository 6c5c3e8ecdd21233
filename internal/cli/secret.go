package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxSecret is the longest password or token that is read: tokens with many claims run to some thousand octets.
const maxSecret = 64 << 10

// secret gets the password or token from where the flags say, or asks for it. It never comes from a flag's own value, which
// others on the machine can read.
func (a *app) secret(o *checkOptions) (string, error) {
	switch {
	case o.tokenFile != "":
		return a.secretFile("token", o.tokenFile)
	case o.passwordFile != "":
		return a.secretFile("password", o.passwordFile)
	case o.passwordEnv != "":
		s := os.Getenv(o.passwordEnv)
		if s == "" {
			return "", fmt.Errorf("--password-env %s: that variable is empty or not set", o.passwordEnv)
		}
		return checkSecret("the variable "+o.passwordEnv, s)
	}
	return a.askPassword(o.user)
}

// secretFile reads the first line of a file; - is standard input.
func (a *app) secretFile(what, name string) (string, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", fmt.Errorf("reading the %s: %w", what, err)
		}
		defer f.Close()
		r = f
	}
	line, err := bufio.NewReader(io.LimitReader(r, maxSecret+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	switch {
	case len(line) > maxSecret:
		return "", fmt.Errorf("reading the %s: the first line of %s is longer than %d octets", what, name, maxSecret)
	case strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff"):
		return "", fmt.Errorf("reading the %s: %s is UTF-16 text, as old PowerShell writes it; save it as UTF-8", what, name)
	}
	line = strings.TrimPrefix(line, "\ufeff") // Notepad begins UTF-8 text with it
	return checkSecret("the "+what+" file "+name, strings.TrimRight(line, "\r\n"))
}

func (a *app) askPassword(user string) (string, error) {
	f := terminal(a.in)
	if f == nil {
		return "", errors.New("--user needs a password, and there is no terminal to ask on: give --password-file, --password-env or --oauth-token-file")
	}
	fmt.Fprintf(a.err, "Password of %s: ", user)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return checkSecret("what was typed", string(b))
}

// checkSecret refuses what no mechanism can carry (RFC 4616, section 2, has no NUL).
func checkSecret(where, s string) (string, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("no password: %s is empty", where)
	case strings.ContainsRune(s, 0):
		return "", fmt.Errorf("no password: %s holds a NUL", where)
	}
	return s, nil
}
