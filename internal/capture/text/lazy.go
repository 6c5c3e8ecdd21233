package text

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// A lazy is a regular expression that is compiled when it is first used. There are many here, and every command of the
// program would pay for them, when only explain and analyze need them.
type lazy struct {
	source string
	once   sync.Once
	re     *regexp.Regexp
}

// underTest is whether this is a test binary: there a pattern that does not compile must show at once.
var underTest = strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test")

func lazily(source string) *lazy {
	l := &lazy{source: source}
	if underTest {
		l.compiled()
	}
	return l
}

func (l *lazy) compiled() *regexp.Regexp {
	l.once.Do(func() { l.re = regexp.MustCompile(l.source) })
	return l.re
}

func (l *lazy) MatchString(s string) bool            { return l.compiled().MatchString(s) }
func (l *lazy) FindString(s string) string           { return l.compiled().FindString(s) }
func (l *lazy) FindStringIndex(s string) []int       { return l.compiled().FindStringIndex(s) }
func (l *lazy) FindStringSubmatch(s string) []string { return l.compiled().FindStringSubmatch(s) }
func (l *lazy) FindStringSubmatchIndex(s string) []int {
	return l.compiled().FindStringSubmatchIndex(s)
}
func (l *lazy) SubexpNames() []string                { return l.compiled().SubexpNames() }
func (l *lazy) ReplaceAllString(s, by string) string { return l.compiled().ReplaceAllString(s, by) }

func (l *lazy) FindAllStringIndex(s string, n int) [][]int {
	return l.compiled().FindAllStringIndex(s, n)
}

func (l *lazy) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return l.compiled().FindAllStringSubmatchIndex(s, n)
}

func (l *lazy) ReplaceAllStringFunc(s string, by func(string) string) string {
	return l.compiled().ReplaceAllStringFunc(s, by)
}
