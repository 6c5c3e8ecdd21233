package host

import (
	"strconv"
	"strings"
)

// mailPorts are those whose rules are worth showing.
var mailPorts = []int{25, 465, 587, 2525}

// Bounds of what is shown of a firewall.
const (
	maxRules = 50
	maxRule  = 300 // octets of one
)

// bounded cuts a list of rules to what a report can show, and says what it cut.
func bounded(rules []string) []string {
	over := len(rules) - maxRules
	rules = rules[:min(len(rules), maxRules)]
	for i, r := range rules {
		rules[i] = clip(r)
	}
	if over > 0 {
		rules = append(rules, "and "+strconv.Itoa(over)+" more")
	}
	return rules
}

func clip(s string) string {
	s = strings.ToValidUTF8(s, "?")
	if len(s) <= maxRule {
		return s
	}
	return strings.ToValidUTF8(s[:maxRule], "") + " ..."
}

// A portList is what a rule says of the destination port.
type portList struct {
	not    bool
	ranges [][2]int
}

// mail reports whether the list takes in one of mailPorts.
func (l portList) mail() bool {
	for _, p := range mailPorts {
		if l.has(p) != l.not {
			return true
		}
	}
	return false
}

func (l portList) has(port int) bool {
	for _, r := range l.ranges {
		if r[0] <= port && port <= r[1] {
			return true
		}
	}
	return false
}

// addPorts reads ports and ranges like "25", "25-30", "25:30" out of a list with commas. What is no port, such as the
// address in an nft concatenation, is passed over.
func (l *portList) addPorts(text string) {
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", {}\t", r) }) {
		from, to, isRange := strings.Cut(strings.Replace(item, ":", "-", 1), "-")
		low, err := strconv.Atoi(from)
		if err != nil {
			continue
		}
		high := low
		if isRange && to != "" {
			if high, err = strconv.Atoi(to); err != nil {
				continue
			}
		}
		l.ranges = append(l.ranges, [2]int{low, high})
	}
}
