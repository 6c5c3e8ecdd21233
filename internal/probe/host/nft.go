package host

import (
	"slices"
	"strings"
)

// parseNFT lists what `nft list ruleset` shows that concerns mail sent from here: rules about its ports in chains that
// outgoing packets pass or that rules lead to, and, in the former, policies and rules that drop whatever comes; and rules
// that drop what mail servers answer, in chains that incoming packets pass. The text
// is read and not the JSON form, because it is what the administrator of the machine knows the rule by.
func parseNFT(text []byte) []string {
	lines := nftLines(string(text))
	sets := nftSets(lines)
	var out []string
	var table, chain string
	outgoing, incoming := false, false
	skipped := false
	for _, l := range lines {
		words := strings.Fields(l)
		switch {
		case len(words) == 0:
		case words[0] == "table" && len(words) > 2:
			table, chain = strings.Join(words[1:3], " "), ""
		case words[0] == "chain" && len(words) > 1:
			chain, outgoing, incoming, skipped = words[1], false, false, false
		case words[0] == "set" || words[0] == "map" || l == "}":
			chain = ""
		case chain == "":
		case words[0] == "type":
			outgoing = strings.Contains(l, "hook output") || strings.Contains(l, "hook postrouting")
			incoming = strings.Contains(l, "hook input") || strings.Contains(l, "hook prerouting")
			skipped = !outgoing // packets that come in, or pass through
			if strings.Contains(l, "hook output") && strings.Contains(l, "policy drop") {
				out = append(out, "nft "+table+" "+chain+": policy drop")
			}
		case !skipped && nftConcerns(words, sets[table], outgoing), incoming && nftDropsAnswers(words, sets[table]):
			out = append(out, "nft "+table+" "+chain+": "+strings.Join(words, " "))
		}
	}
	return out
}

// nftLines splits a ruleset into lines, with lists that go over several lines joined into one.
func nftLines(text string) []string {
	var out []string
	open := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if open != "" {
			line = open + " " + line
			open = ""
		}
		// A block's own line ends with its brace; a list that is not closed has something behind it, or "=" before.
		opened := strings.Count(line, "{") > strings.Count(line, "}")
		if opened && (!strings.HasSuffix(line, "{") || strings.Contains(line, "= {")) && len(line) < maxOutput {
			open = line
			continue
		}
		out = append(out, line)
	}
	return out
}

// nftSets are the elements of named sets, by table and name.
func nftSets(lines []string) map[string]map[string]string {
	sets := map[string]map[string]string{}
	var table, set string
	for _, l := range lines {
		words := strings.Fields(l)
		switch {
		case len(words) > 2 && words[0] == "table":
			table = strings.Join(words[1:3], " ")
			sets[table] = map[string]string{}
		case len(words) > 1 && (words[0] == "set" || words[0] == "map"):
			set = words[1]
		case l == "}":
			set = ""
		case set != "" && len(words) > 1 && words[0] == "elements" && sets[table] != nil:
			sets[table][set] = strings.Join(words[2:], " ")
		}
	}
	return sets
}

// Words of a rule which say that it is not about a TCP connection we would open.
var nftOther = []string{"udp", "icmp", "icmpv6", "ipv6-icmp", "igmp", "sport", "invalid"}

func nftConcerns(words []string, sets map[string]string, outgoing bool) bool {
	if i := slices.Index(words, "dport"); i >= 0 {
		return (i == 0 || words[i-1] != "udp") && nftPorts(words[i+1:], sets).mail()
	}
	return outgoing && nftDrops(words) && !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(nftOther, w) })
}

// nftDropsAnswers reports whether a rule drops what comes from a mail port.
func nftDropsAnswers(words []string, sets map[string]string) bool {
	i := slices.Index(words, "sport")
	return i >= 0 && (i == 0 || words[i-1] != "udp") && nftDrops(words) && nftPorts(words[i+1:], sets).mail()
}

func nftDrops(words []string) bool {
	return slices.Contains(words, "drop") || slices.Contains(words, "reject")
}

// nftPorts reads what comes after "dport": a port, a range, a list, a set's name, or a map of ports to verdicts.
func nftPorts(words []string, sets map[string]string) portList {
	var l portList
	for len(words) > 0 && (words[0] == "!=" || words[0] == "vmap" || words[0] == "==" || words[0] == "map") {
		l.not = l.not || words[0] == "!="
		words = words[1:]
	}
	if len(words) == 0 {
		return l
	}
	switch {
	case strings.HasPrefix(words[0], "@"):
		l.addPorts(nftKeys(sets[words[0][1:]]))
	case strings.HasPrefix(words[0], "{"):
		list, _, _ := strings.Cut(strings.Join(words, " "), "}")
		l.addPorts(nftKeys(list))
	default:
		l.addPorts(words[0])
	}
	return l
}

// nftKeys leaves out what a map's keys lead to.
func nftKeys(list string) string {
	var keys []string
	for _, item := range strings.Split(list, ",") {
		key, _, _ := strings.Cut(item, " : ")
		keys = append(keys, key)
	}
	return strings.Join(keys, ",")
}
