package host

import (
	"slices"
	"strings"
)

// parseIPTables lists what iptables-save or ip6tables-save shows that concerns mail, as parseNFT does.
func parseIPTables(program string, text []byte) []string {
	var out []string
	table := ""
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch {
		case strings.HasPrefix(words[0], "*"):
			table = words[0][1:]
		case words[0] == ":OUTPUT" && len(words) > 1 && words[1] == "DROP":
			out = append(out, program+" "+table+": OUTPUT policy DROP")
		case words[0] == "-A" && len(words) > 2 && iptablesConcerns(words):
			out = append(out, program+" "+table+": "+strings.Join(words[1:], " "))
		}
	}
	return out
}

// Chains of packets that come in, or pass through.
var iptablesOther = []string{"INPUT", "FORWARD", "PREROUTING"}

func iptablesConcerns(words []string) bool {
	drops := option(words, "-j") == "DROP" || option(words, "-j") == "REJECT"
	if slices.Contains(iptablesOther, words[1]) {
		mail, named := iptablesPorts(words, "--sport")
		return words[1] != "FORWARD" && drops && named && mail // what mail servers answer
	}
	if mail, named := iptablesPorts(words, "--dport"); named {
		return mail
	}
	protocol := option(words, "-p")
	return words[1] == "OUTPUT" && drops &&
		(protocol == "" || protocol == "tcp" || protocol == "all") &&
		!slices.Contains(words, "--sport") && !slices.Contains(words, "INVALID")
}

// iptablesPorts reports whether a rule names ports by that flag, or its plural, and whether one of them is TCP's for mail.
func iptablesPorts(words []string, flag string) (mail, named bool) {
	i := slices.IndexFunc(words, func(w string) bool { return w == flag || w == flag+"s" })
	if i < 0 {
		return false, false
	}
	l := portList{not: words[i-1] == "!"}
	if i+1 < len(words) {
		l.addPorts(words[i+1])
	}
	return l.mail() && option(words, "-p") != "udp", true
}

// option is the word after a flag, or "".
func option(words []string, flag string) string {
	if i := slices.Index(words, flag); i >= 0 && i+1 < len(words) {
		return words[i+1]
	}
	return ""
}
