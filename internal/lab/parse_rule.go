package lab

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// readRule reads "on [before-tls|after-tls] EVENT[#N] [matching GLOB] [larger-than N] ACTION ...".
func readRule(s *Script, st statement) error {
	rest := st.rest
	next := func() string {
		word, after, _ := strings.Cut(rest, " ")
		rest = strings.TrimLeft(after, " ")
		return word
	}
	var r rule
	word := next()
	switch word {
	case "before-tls":
		r.phase, word = plainPhase, next()
	case "after-tls":
		r.phase, word = tlsPhase, next()
	}
	if err := r.readEvent(word); err != nil {
		return err
	}
	word = next()
	for ; word == "matching" || word == "larger-than"; word = next() {
		if err := r.readCondition(word, next()); err != nil {
			return err
		}
	}
	parse, ok := actions[word]
	if !ok {
		return fmt.Errorf("unknown action %q: want one of %s", word, strings.Join(actionNames(), ", "))
	}
	a, err := parse(rest, st.block)
	if err != nil {
		return fmt.Errorf("%s: %w", word, err)
	}
	r.action = a
	s.rules = append(s.rules, r)
	return nil
}

func (r *rule) readEvent(word string) error {
	name, nth, counted := strings.Cut(word, "#")
	r.event = Event(name)
	if !slices.Contains(events, r.event) {
		return fmt.Errorf("unknown event %q", name)
	}
	if !counted {
		return nil
	}
	n, err := strconv.Atoi(nth)
	if err != nil || n < 1 {
		return fmt.Errorf("%q: want a count from 1 after #", word)
	}
	r.nth = n
	return nil
}

func (r *rule) readCondition(word, value string) error {
	if word == "matching" {
		r.matching = value
		_, err := path.Match(value, "")
		return err
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || r.event != Handshake {
		return fmt.Errorf("larger-than %q: want a number of octets, with event %s", value, Handshake)
	}
	r.larger = n
	return nil
}

// actions are what a rule can do, by the word that says it.
var actions = map[string]func(rest string, block []string) (action, error){
	"reply":        parseReply,
	"send":         parseSend,
	"drip":         parseDrip,
	"delay":        parseDelay,
	"repeat":       parseRepeat,
	"garbage":      parseGarbage,
	"alert":        parseAlert,
	"server-hello": parseServerHello,
	"default":      bare(useDefault{}),
	"nothing":      bare(nothing{}),
	"close":        bare(orderly),
	"cut":          bare(cut),
	"reset":        bare(reset),
	"silence":      bare(silence),
}

func actionNames() []string { return sortedKeys(actions) }

func bare(a action) func(string, []string) (action, error) {
	return func(rest string, block []string) (action, error) {
		if rest != "" || block != nil {
			return nil, fmt.Errorf("takes no argument, got %q", rest)
		}
		return a, nil
	}
}

func parseReply(rest string, block []string) (action, error) {
	lines := block
	if rest != "" {
		lines = append([]string{rest}, block...)
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("no text")
	}
	return reply(lines), nil
}

func parseSend(rest string, _ []string) (action, error) {
	words, err := splitWords(rest)
	if err != nil || len(words) != 1 {
		return nil, fmt.Errorf("want one quoted string, got %s", rest)
	}
	return send(words[0]), nil
}

func parseDrip(rest string, _ []string) (action, error) {
	every, text, _ := strings.Cut(rest, " ")
	d, err := parseDuration(every)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, fmt.Errorf("want DURATION TEXT, one octet each DURATION")
	}
	return drip{d, text + "\r\n"}, nil
}

func parseDelay(rest string, _ []string) (action, error) {
	d, err := parseDuration(rest)
	return delay(d), err
}

func parseDuration(word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil || d <= 0 || d > time.Hour {
		return 0, fmt.Errorf("%q: want a time such as 12s, one hour at most", word)
	}
	return d, nil
}

func parseRepeat(rest string, _ []string) (action, error) {
	words, err := splitWords(rest)
	if err != nil || len(words) != 2 || words[1] == "" {
		return nil, fmt.Errorf("want N|endless and a quoted string, got %s", rest)
	}
	if words[0] == "endless" {
		return repeat{text: words[1]}, nil
	}
	n, err := strconv.Atoi(words[0])
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%q: want a count or endless", words[0])
	}
	return repeat{n, words[1]}, nil
}

func parseGarbage(rest string, _ []string) (action, error) {
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > 1<<24 {
		return nil, fmt.Errorf("%q: want a number of octets", rest)
	}
	return garbage(n), nil
}
