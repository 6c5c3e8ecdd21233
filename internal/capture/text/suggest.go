package text

import (
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Suggest is the check command that would settle what a text can't: the walk of its conversation, from the place where it
// failed. It is made to be pasted into a shell, so what stands in it is letters, digits and the few signs that names and
// addresses need; anything else of the text stays out.
func Suggest(w evidence.Walk) string {
	words := []string{"smtptriage", "check"}
	if addressable(w.From) {
		words = append(words, "--from", w.From)
	}
	if len(w.To) > 0 && addressable(w.To[0]) {
		words = append(words, "--to", w.To[0])
	}
	if w.TLS == evidence.ImplicitTLS && w.Port != 465 {
		words = append(words, "--tls", "implicit")
	}
	target := "HOST"
	if nameable(w.Host) {
		target = w.Host
		if strings.Contains(target, ":") {
			target = "[" + target + "]"
		}
	}
	if w.Port > 0 {
		target += ":" + strconv.Itoa(w.Port)
	}
	return strings.Join(append(words, target), " ")
}

// nameable reports whether a host name or address is safe to write into a command.
func nameable(s string) bool {
	return s != "" && len(s) < 254 && s[0] != '-' && strings.Trim(s, letters+".:-") == ""
}

// addressable is the same for a mail address.
func addressable(s string) bool {
	return strings.Count(s, "@") == 1 && len(s) < 320 && s[0] != '-' && strings.Trim(s, letters+"@._+=-") == ""
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
