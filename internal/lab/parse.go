package lab

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A statement is one line of a script with the indented lines below it.
type statement struct {
	line  int    // in its section, from 0
	word  string // the directive
	rest  string // what follows it, blanks around it removed
	block []string
}

// args splits the rest of the statement into words.
func (st statement) args() ([]string, error) { return splitWords(st.rest) }

// parseScript reads the server section of a case.
func parseScript(src source) (Script, error) {
	var s Script
	statements, err := split(src)
	if err != nil {
		return Script{}, err
	}
	for _, st := range statements {
		read, ok := directives[st.word]
		if !ok {
			return Script{}, src.errorf(st.line, "unknown directive %q", st.word)
		}
		if err := read(&s, st); err != nil {
			return Script{}, src.errorf(st.line, "%s: %v", st.word, err)
		}
	}
	if err := s.tls.check(); err != nil {
		return Script{}, src.errorf(0, "tls: %v", err)
	}
	return s, nil
}

// split puts the lines of a script together to statements.
func split(src source) ([]statement, error) {
	var out []statement
	for i, line := range src.lines() {
		if blankOrComment(line) {
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if len(out) == 0 {
				return nil, src.errorf(i, "an indented line belongs to the line above it, and there is none")
			}
			last := &out[len(out)-1]
			last.block = append(last.block, strings.TrimSpace(line))
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		out = append(out, statement{line: i, word: word, rest: strings.TrimSpace(rest)})
	}
	return out, nil
}

// directives are the words a line of a script can begin with.
var directives = map[string]func(*Script, statement) error{
	"personality":  readPersonality,
	"host":         oneWord(func(s *Script, w string) error { s.host = w; return nil }),
	"client-ip":    oneWord(readClientIP),
	"on":           readRule,
	"after-sent":   readWireFault,
	"after-got":    readWireFault,
	"starttls":     oneWord(readStartTLS),
	"implicit-tls": flag(func(s *Script) { s.tls.implicit = true }),
	"tls":          readTLS,
	"auth":         readMechanisms,
	"account":      readAccount,
	"with":         func(s *Script, st statement) error { s.with = append(s.with, st.rest); return needRest(st) },
	"without":      func(s *Script, st statement) error { s.without = append(s.without, st.rest); return needRest(st) },
	"keywords":     readKeywords,
	"size":         oneWord(readSize),
	"line-end":     oneWord(readLineEnd),
	"pieces":       oneWord(readPieces),
	"closed":       flag(func(s *Script) { s.closed = true }),
	"no-answer":    flag(func(s *Script) { s.noAnswer = true }),
}

func flag(set func(*Script)) func(*Script, statement) error {
	return func(s *Script, st statement) error {
		if st.rest != "" || st.block != nil {
			return fmt.Errorf("takes no argument, got %q", st.rest)
		}
		set(s)
		return nil
	}
}

func oneWord(read func(*Script, string) error) func(*Script, statement) error {
	return func(s *Script, st statement) error {
		if st.rest == "" || strings.ContainsAny(st.rest, " \t") {
			return fmt.Errorf("want one word, got %q", st.rest)
		}
		return read(s, st.rest)
	}
}

func needRest(st statement) error {
	if st.rest == "" {
		return fmt.Errorf("nothing given")
	}
	return nil
}

func readPersonality(s *Script, st statement) error {
	for i := range personalities {
		if personalities[i].name == st.rest {
			s.personality = &personalities[i]
			return nil
		}
	}
	return fmt.Errorf("none named %q: want one of %s", st.rest, strings.Join(personalityNames(), ", "))
}

func readClientIP(s *Script, word string) error {
	if _, err := netip.ParseAddr(word); err != nil {
		return fmt.Errorf("%q is not an IP address", word)
	}
	s.clientIP = word
	return nil
}

func readMechanisms(s *Script, st statement) error {
	if st.rest == "off" {
		s.mechanisms = []string{}
		return nil
	}
	s.mechanisms = strings.Fields(strings.ToUpper(st.rest))
	return needRest(st)
}

func readAccount(s *Script, st statement) error {
	args, err := st.args()
	if err != nil {
		return err
	}
	if len(args) != 2 {
		return fmt.Errorf("want USER PASSWORD, got %d words", len(args))
	}
	s.accounts = append(s.accounts, account{args[0], args[1]})
	return nil
}

func readKeywords(s *Script, st statement) error {
	s.keywords = append([]string{}, st.block...)
	if st.rest != "" {
		return fmt.Errorf("want one keyword a line, indented, below")
	}
	return nil
}

func readSize(s *Script, word string) (err error) {
	if s.size, err = strconv.ParseInt(word, 10, 63); err != nil || s.size < 1 {
		return fmt.Errorf("%q is not a number of octets", word)
	}
	return nil
}

func readLineEnd(s *Script, word string) error {
	ends := map[string]string{"crlf": "\r\n", "lf": "\n", "cr": "\r"}
	end, ok := ends[word]
	if !ok {
		return fmt.Errorf("%q: want crlf, lf or cr", word)
	}
	s.eol = end
	return nil
}

func readPieces(s *Script, word string) (err error) {
	if s.piece, err = strconv.Atoi(word); err != nil || s.piece < 1 {
		return fmt.Errorf("%q is not a number of octets", word)
	}
	return nil
}

// readWireFault reads "after-sent N close|reset|silence" and "after-got N ...".
func readWireFault(s *Script, st statement) error {
	f := strings.Fields(st.rest)
	if len(f) != 2 {
		return fmt.Errorf("want OCTETS close|cut|reset|silence, got %q", st.rest)
	}
	n, err := strconv.ParseInt(f[0], 10, 63)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a number of octets", f[0])
	}
	how := cutKind(f[1])
	if !slices.Contains(cutKinds, how) {
		return fmt.Errorf("%q: want close, cut, reset or silence", f[1])
	}
	s.wire = append(s.wire, wireFault{st.word == "after-sent", n, how})
	return nil
}
