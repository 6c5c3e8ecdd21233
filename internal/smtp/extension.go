package smtp

import (
	"slices"
	"strconv"
	"strings"
)

// A Keyword is one line of an EHLO reply after the first: a service extension and its parameters
// (RFC 5321, section 4.1.1.1).
type Keyword struct {
	Name   string   `json:"name"` // upper case
	Params []string `json:"params,omitempty"`
}

// Extensions are the keywords of an EHLO reply, in the order they came.
type Extensions []Keyword

// ParseExtensions reads the keywords of an EHLO reply. "AUTH=LOGIN PLAIN", as old servers write it, counts as AUTH.
func ParseExtensions(r Reply) Extensions {
	var x Extensions
	if len(r.Text) == 0 {
		return nil
	}
	for _, t := range r.Text[1:] {
		f := strings.Fields(t)
		if len(f) == 0 {
			continue
		}
		name := strings.ToUpper(f[0])
		if mech, ok := strings.CutPrefix(name, "AUTH="); ok {
			name, f = "AUTH", append([]string{"AUTH", mech}, f[1:]...)
		}
		x = append(x, Keyword{name, f[1:]})
	}
	return x
}

// Has reports whether the keyword was offered.
func (x Extensions) Has(name string) bool {
	return slices.ContainsFunc(x, func(k Keyword) bool { return k.Name == name })
}

// Params returns the parameters of all lines with that keyword.
func (x Extensions) Params(name string) []string {
	var p []string
	for _, k := range x {
		if k.Name == name {
			p = append(p, k.Params...)
		}
	}
	return p
}

// Auth returns the mechanisms offered, upper case, each once.
func (x Extensions) Auth() []string {
	var m []string
	for _, p := range x.Params("AUTH") {
		if p = strings.ToUpper(p); !slices.Contains(m, p) {
			m = append(m, p)
		}
	}
	return m
}

// Size returns the limit announced in octets (RFC 1870); 0 if there is none, or no number.
func (x Extensions) Size() int64 {
	for _, p := range x.Params("SIZE") {
		if n, err := strconv.ParseInt(p, 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 0
}

// Masked returns the keywords that look overwritten in place by a firewall: runs of X, as Cisco's SMTP fixup
// leaves them ("XXXXXXXA", "XXXXXXXXXXX"), or of asterisks. "XCLIENT", "XFORWARD" and "X-EXPS" are real ones.
func (x Extensions) Masked() []string {
	var m []string
	for _, k := range x {
		if masked(k.Name) {
			m = append(m, k.Name)
		}
	}
	return m
}

func masked(name string) bool {
	return len(name) >= 4 && (strings.Count(name, "X") >= len(name)-1 || strings.Trim(name, "*") == "")
}
