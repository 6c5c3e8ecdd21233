package lab

import (
	"slices"
	"strconv"
	"strings"
)

// keywords are the EHLO keywords the server gives now, each with its parameters.
func (s *session) keywords() []string {
	p, sc := s.script.personality, s.script
	list := slices.Clone(p.keywords)
	if sc.keywords != nil {
		list = slices.Clone(sc.keywords)
	}
	list = slices.DeleteFunc(list, s.hidden)
	if mechanisms := s.mechanisms(); len(mechanisms) > 0 && !slices.ContainsFunc(list, isKeyword("AUTH")) {
		list = slices.Insert(list, p.authPlace(list), "AUTH "+strings.Join(mechanisms, " "))
	}
	for i, keyword := range list {
		if isKeyword("SIZE")(keyword) && sc.size > 0 {
			list[i] = "SIZE " + strconv.FormatInt(sc.size, 10)
		}
	}
	return append(list, sc.with...)
}

// hidden reports whether a keyword is left out: by the script, or because it makes no sense now.
func (s *session) hidden(keyword string) bool {
	for _, without := range s.script.without {
		if isKeyword(without)(keyword) {
			return true
		}
	}
	switch {
	case isKeyword("STARTTLS")(keyword):
		return s.tls != nil || s.script.tls.stripped || s.script.tls.off
	case isKeyword("AUTH")(keyword):
		return len(s.mechanisms()) == 0
	}
	return false
}

// authPlace is where AUTH stands in the list: where STARTTLS stood, as Exchange has it, or last.
func (p *personality) authPlace(list []string) int {
	before := slices.Index(p.keywords, "STARTTLS")
	for i, keyword := range list {
		if slices.Index(p.keywords, keyword) > before {
			return i
		}
	}
	return len(list)
}

func isKeyword(name string) func(string) bool {
	return func(keyword string) bool {
		first, _, _ := strings.Cut(keyword, " ")
		return strings.EqualFold(first, name)
	}
}

// sizeLimit is the largest message the server takes, 0 if it says nothing of it.
func (s *session) sizeLimit() int64 {
	if s.script.size > 0 {
		return s.script.size
	}
	for _, keyword := range s.script.personality.keywords {
		if value, ok := strings.CutPrefix(keyword, "SIZE "); ok {
			n, _ := strconv.ParseInt(value, 10, 63) // the personalities' own figures
			return n
		}
	}
	return 0
}
