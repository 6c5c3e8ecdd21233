package report

import (
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
)

// stepNames are the steps as people call them.
var stepNames = map[cause.Step]string{
	cause.Connect:       "Connect",
	cause.Banner:        "Banner",
	cause.EHLO:          "EHLO",
	cause.StartTLSOffer: "STARTTLS offered",
	cause.StartTLS:      "TLS handshake",
	cause.Auth:          "Sign-in",
	cause.Mail:          "MAIL FROM",
	cause.Rcpt:          "RCPT TO",
	cause.Data:          "DATA",
}

// StepName is a step as people call it.
func StepName(s cause.Step) string {
	if n, ok := stepNames[s]; ok {
		return n
	}
	return string(s)
}

// A mark is how a status is shown: a word that makes sense alone, a picture where the console has it, a colour.
type mark struct {
	word, picture string
	color         paint
}

var marks = map[diagnose.Status]mark{
	diagnose.Pass:       {"ok", "✓", green},
	diagnose.Warn:       {"WARN", "!", yellow},
	diagnose.Fail:       {"FAIL", "✗", red},
	diagnose.NotReached: {"--", "·", dim},
	diagnose.Skipped:    {"--", "·", dim},
	diagnose.NotSeen:    {"?", "?", dim},
}

// defaultDetails are what is said of a step that has no detail of its own.
var defaultDetails = map[diagnose.Status]string{
	diagnose.NotReached: "not reached",
	diagnose.Skipped:    "not asked for",
	diagnose.NotSeen:    "not seen",
}

// confidenceWords say what a confidence means.
var confidenceWords = map[diagnose.Confidence]string{
	diagnose.Proven:   "what was seen leaves no other cause standing",
	diagnose.Likely:   "it fits clearly better than any other cause",
	diagnose.Possible: "it fits, but other causes fit as well",
}
