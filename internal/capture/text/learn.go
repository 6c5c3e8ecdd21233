package text

import (
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// Programs that nobody has told us of mark their lines in ways of their own. What stands before the lines tells: one beginning
// stands before replies alone, another before commands alone.

// maxLead is how long what stands before a line of a dialogue may be.
const maxLead = 100

// maxLearn is how many lines are looked at to learn.
const maxLearn = 20_000

// lead takes a line apart at the first place from which on it is a reply or a command.
func lead(text string) (speech, bool) {
	for i := 1; i < len(text) && i <= maxLead; i++ {
		if strings.IndexByte(" \t:>]|)\"'", text[i-1]) < 0 || strings.IndexByte("2345EHLMRDBSAQNVXehlmrdbsaqnvx", text[i]) < 0 {
			continue
		}
		if shapeOf(text[i:]) == neither {
			continue
		}
		s := strings.TrimRight(text[i:], "\"'")
		key, loose := keyBefore(text[:i])
		return speech{sign: pattern(text[:i]), key: key, loose: loose, text: s}, true
	}
	return speech{}, false
}

// pattern is what the beginnings of lines have in common: numbers and names of conversations differ.
func pattern(s string) string {
	if m := looseKey.FindStringSubmatchIndex(s); m != nil {
		s = s[:m[2]] + s[m[3]:]
	}
	var b strings.Builder
	for i := range len(s) {
		switch {
		case !digit(s[i]):
			b.WriteByte(s[i])
		case i == 0 || !digit(s[i-1]):
			b.WriteByte('0')
		}
	}
	return strings.TrimSpace(b.String())
}

// learn finds whose lines have which beginning; nil if that cannot be told, because no two of them make a dialogue.
func learn(lines []line) map[string]evidence.Side {
	votes := map[string][2]int{} // replies, commands
	verbs := map[string]bool{}
	for _, l := range lines[:min(len(lines), maxLearn)] {
		sp, ok := lead(l.text)
		if !ok {
			continue
		}
		v := votes[sp.sign]
		if shapeOf(sp.text) == reply {
			v[0]++
		} else {
			v[1]++
			verbs[smtp.ParseCommand([]byte(sp.text)).Verb] = true
		}
		votes[sp.sign] = v
	}
	sides := map[string]evidence.Side{}
	replies, commands := 0, 0
	for sign, v := range votes {
		switch {
		case v[0] > 1 && v[1] == 0:
			sides[sign] = evidence.Server
			replies += v[0]
		case v[1] > 1 && v[0] == 0:
			sides[sign] = evidence.Client
			commands += v[1]
		}
	}
	if replies == 0 || commands == 0 || len(verbs) < 2 {
		return nil
	}
	return sides
}
