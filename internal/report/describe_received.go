package report

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// describeSignIn tells what a client gave to sign in, of which nothing but lengths is known.
func describeSignIn(a *evidence.SignIn) string {
	s := "sign-in with " + orWord(a.Mechanism, "no mechanism")
	if a.UserLen > 0 {
		s += ", user name of " + count(int64(a.UserLen), "octet")
	}
	if a.SecretLen > 0 {
		s += ", secret of " + count(int64(a.SecretLen), "octet")
	}
	switch a.Repeat {
	case evidence.RepeatSame:
		s += ", the same as before"
	case evidence.RepeatChanged:
		s += ", another than before"
	}
	if !a.InTLS {
		s += ", readable on the network"
	}
	return joined("; ", s, a.Malformed)
}

func orWord(s, none string) string {
	if s == "" {
		return none
	}
	return s
}

// shownHeader are the header fields that one line has room for.
var shownHeader = []string{"from:", "subject:"}

// describeMail tells what a message consisted of.
func describeMail(m *evidence.Mail) string {
	parts := []string{fmt.Sprintf("message of %s in %s", count(m.Bytes, "octet"), count(m.Lines, "line"))}
	for _, f := range m.Header {
		for _, name := range shownHeader {
			if strings.HasPrefix(strings.ToLower(f), name) {
				parts = append(parts, f)
			}
		}
	}
	for _, a := range m.Attachments {
		parts = append(parts, fmt.Sprintf("attached %s (%s, %s)", orWord(a.Name, "without a name"), a.Type, count(a.Bytes, "octet")))
	}
	if len(m.Missing) > 0 {
		parts = append(parts, "no "+strings.Join(m.Missing, ", no "))
	}
	if m.BareLF > 0 {
		parts = append(parts, count(m.BareLF, "line")+" ended by LF alone")
	}
	if m.Kept != "" {
		parts = append(parts, "kept in "+m.Kept)
	}
	return strings.Join(parts, "; ")
}
