package lab

import (
	"fmt"
	"strconv"
	"strings"
)

// splitWords splits a line at blanks. A word that begins with a double quote is a Go string literal.
func splitWords(line string) ([]string, error) {
	var words []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return words, nil
		}
		word, rest, err := cutWord(line)
		if err != nil {
			return nil, err
		}
		words, line = append(words, word), rest
	}
}

// cutWord takes the first word off a line that does not begin with a blank.
func cutWord(line string) (word, rest string, err error) {
	if line[0] != '"' {
		if i := strings.IndexAny(line, " \t"); i >= 0 {
			return line[:i], line[i:], nil
		}
		return line, "", nil
	}
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return "", "", fmt.Errorf("%s: not a quoted string", line)
	}
	word, err = strconv.Unquote(quoted)
	if err != nil {
		return "", "", fmt.Errorf("%s: not a quoted string", quoted)
	}
	return word, line[len(quoted):], nil
}
