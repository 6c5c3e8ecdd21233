package smtp

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A Command is one command line as a client wrote it.
type Command struct {
	Verb string // upper case, "MAIL" and "RCPT" without their second word; "" for an empty line
	Args string // what follows the verb, blanks around it removed
	Line string // as it came
}

// The longest verb that is looked for; anything longer is noise.
const maxVerb = 32

// ParseCommand splits a command line. It never fails: what is no command has an odd verb.
func ParseCommand(line []byte) Command {
	s := string(line)
	verb, args, _ := strings.Cut(strings.TrimLeft(s, " \t"), " ")
	if len(verb) > maxVerb || !utf8.ValidString(verb) {
		verb = "?"
	}
	return Command{strings.ToUpper(strings.TrimSpace(verb)), strings.TrimSpace(args), s}
}

// CutPath takes the path from the arguments of MAIL ("FROM:<a@b> SIZE=1") or RCPT ("TO:<c@d>"), and returns the
// parameters after it. It accepts a blank after the colon and a path without brackets, as devices send them; ok is false
// if there is no FROM: or TO: at all.
func CutPath(args string) (path string, params []string, ok bool) {
	word, rest, found := strings.Cut(args, ":")
	if w := strings.ToUpper(strings.TrimSpace(word)); !found || w != "FROM" && w != "TO" {
		return "", nil, false
	}
	rest = strings.TrimLeft(rest, " ")
	if strings.HasPrefix(rest, "<") {
		if end := pathEnd(rest); end > 0 {
			return rest[1:end], strings.Fields(rest[end+1:]), true
		}
	}
	f := strings.Fields(rest)
	if len(f) == 0 {
		return "", nil, true
	}
	return strings.Trim(f[0], "<>"), f[1:], true
}

// pathEnd is the index of the bracket that closes the path, quotes respected; -1 if none does.
func pathEnd(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return -1
}

// Masked is what stands in a record in place of a secret.
const Masked = "[masked]"

// MaskAuth returns an AUTH command line without its initial response, and the commands by which clients of POP3, FTP and IMAP
// sign in without what follows them: they turn up on mail ports. secret reports whether something was taken out. Every other
// line comes back as it is.
func MaskAuth(line string) (masked string, secret bool) {
	f := strings.Fields(line)
	switch {
	case len(f) > 2 && strings.EqualFold(f[0], "AUTH"), len(f) > 2 && foreignSignIn[strings.ToUpper(f[1])]: // IMAP has a tag before it
		return f[0] + " " + f[1] + " " + Masked, true
	case len(f) > 1 && foreignSignIn[strings.ToUpper(f[0])]:
		return f[0] + " " + Masked, true
	}
	return line, false
}

// foreignSignIn are the commands that bring a password in other protocols (RFC 1939, 959, 9051).
var foreignSignIn = map[string]bool{"PASS": true, "APOP": true, "LOGIN": true, "AUTHENTICATE": true}

// DotStuff doubles a dot at the start of each line (RFC 5321, section 4.5.2). The message must use CRLF.
func DotStuff(msg []byte) []byte {
	if bytes.HasPrefix(msg, []byte(".")) {
		msg = append([]byte("."), msg...)
	}
	return bytes.ReplaceAll(msg, []byte("\r\n."), []byte("\r\n.."))
}
