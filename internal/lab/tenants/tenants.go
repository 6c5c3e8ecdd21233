// Package tenants has the cases of customers of Microsoft 365: two doors under the names they have there, a DNS of its own for
// each, and what check must say of it. The tests of package cli try them over a dialer that leads to the doors, those of
// package netlab over a real network.
package tenants

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"
)

// A Case is one tenant. Its file has these sections, each of which may be left out but want:
//
//	want        what check must say, one thing a line: a word, and its arguments; patterns are all that there are
//	flags       of check, one or more a line
//	target      of check; contoso.com
//	dns         records, as in lab cases, before those that every tenant has
//	mx          script of the MX host, after its personality
//	submission  script of smtp.office365.com, after its personality
//	file/NAME   a file that the flags name as {dir}/NAME
type Case struct {
	Name     string
	sections map[string]string
}

// A Door is a host that every tenant has.
type Door struct {
	Section     string // of the case, with its script
	Host        string
	Address     string // HOST:PORT, with the IP address
	Personality string
}

// Doors are the doors that every tenant has.
var Doors = []Door{
	{"mx", "contoso-com.mail.protection.outlook.com", "203.0.113.71:25", "m365-mx"},
	{"submission", "smtp.office365.com", "203.0.113.61:587", "m365-submission"},
}

// SeenAs is the site's public address, as the doors see it.
const SeenAs = "198.51.100.10"

// common is what DNS says of every tenant. A name that a case has records of is the case's alone.
const common = `contoso.com MX contoso-com.mail.protection.outlook.com
contoso.com TXT v=spf1 ip4:198.51.100.0/24 include:spf.protection.outlook.com -all
spf.protection.outlook.com TXT v=spf1 ip4:192.0.2.0/24 -all
contoso-com.mail.protection.outlook.com A 203.0.113.71
smtp.office365.com A 203.0.113.61
10.100.51.198.in-addr.arpa PTR mail.contoso.com
mail.contoso.com A 198.51.100.10
2.0.0.127.zen.spamhaus.org A 127.0.0.2
2.0.0.127.bl.spamcop.net A 127.0.0.2
2.0.0.127.b.barracudacentral.org A 127.0.0.2
`

//go:embed cases/*.txtar
var files embed.FS

// sections are those that a case may have, beside files.
var sections = []string{"want", "flags", "target", "dns", "mx", "submission"}

// Cases lists the cases, sorted by name.
func Cases() ([]Case, error) {
	entries, err := files.ReadDir("cases")
	if err != nil {
		return nil, err
	}
	var all []Case
	for _, e := range entries {
		data, err := files.ReadFile("cases/" + e.Name())
		if err != nil {
			return nil, err
		}
		c, err := Parse(strings.TrimSuffix(e.Name(), ".txtar"), data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all = append(all, c)
	}
	return all, nil
}

// Parse reads one case in txtar form.
func Parse(name string, data []byte) (Case, error) {
	c := Case{name, make(map[string]string)}
	for _, s := range txtar.Parse(data).Files {
		if !slices.Contains(sections, s.Name) && !strings.HasPrefix(s.Name, "file/") {
			return Case{}, fmt.Errorf("section %q is none of a tenant's", s.Name)
		}
		c.sections[s.Name] = string(s.Data)
	}
	if len(c.Wants()) == 0 {
		return Case{}, fmt.Errorf("nothing is wanted")
	}
	return c, nil
}

// Target is what check is given.
func (c Case) Target() string {
	if t := strings.TrimSpace(c.sections["target"]); t != "" {
		return t
	}
	return "contoso.com"
}

// Flags are those of check. {dir} in them is the folder with the case's files.
func (c Case) Flags() []string { return strings.Fields(c.sections["flags"]) }

// Files are the contents of the files that the flags name, by name.
func (c Case) Files() map[string]string {
	named := make(map[string]string)
	for section, data := range c.sections {
		if name, ok := strings.CutPrefix(section, "file/"); ok {
			named[name] = data
		}
	}
	return named
}

// Script is what a lab server at that door plays.
func (c Case) Script(d Door) string {
	return fmt.Sprintf("personality %s\nclient-ip %s\n%s", d.Personality, SeenAs, c.sections[d.Section])
}

// Wants are the lines of what check must say, in words.
func (c Case) Wants() [][]string {
	var wants [][]string
	for line := range strings.Lines(c.sections["want"]) {
		if words := strings.Fields(line); len(words) > 0 {
			wants = append(wants, words)
		}
	}
	return wants
}

// Whole reports whether the case wants patterns and a recommended door, not a verdict alone.
func (c Case) Whole() bool {
	wanted := func(word string) bool {
		return slices.ContainsFunc(c.Wants(), func(w []string) bool { return w[0] == word })
	}
	return wanted("verdict") && wanted("patterns") && wanted("recommended")
}

// DNS is the case's own records and those of every tenant, one a line "NAME KIND [DATA]".
func (c Case) DNS() string {
	own := c.sections["dns"]
	var b strings.Builder
	b.WriteString(own)
	for line := range strings.Lines(common) {
		name, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+own, "\n"+name+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}
