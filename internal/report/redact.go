package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// Redact returns a record in which the customer cannot be recognised: mail addresses, user names, host names and addresses of the
// customer's are replaced, each by the same stand-in wherever it stands. What is a mail service's own stays, because it
// is what the verdict rests on. Octets that could hold a name (raw lines, certificates) are left out.
func Redact(rec *evidence.Record) (*evidence.Record, error) {
	b, err := json.Marshal(rec)
	if err != nil {
		return nil, fmt.Errorf("redacting: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("redacting: %w", err)
	}
	r := newRedactor(rec)
	if b, err = json.Marshal(r.tree("", tree)); err != nil {
		return nil, fmt.Errorf("redacting: %w", err)
	}
	out, err := evidence.Read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("redacting: %w", err)
	}
	return out, nil
}

// A redactor gives stand-ins, each name always the same one.
type redactor struct {
	domains   map[string]string
	users     map[string]string
	addresses map[netip.Addr]netip.Addr
	kept      map[netip.Addr]bool
	counts    map[string]int
	words     *strings.Replacer // host names and user names known beforehand, longest first
}

// Compiled when they are first used: most runs redact nothing.
var (
	mailPattern    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(mailSource) })
	addressPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(addressSource) })
)

const (
	mailSource    = `[\pL\pN.!#$%&'*+/=?^_{|}~-]{1,64}@[\pL\pN-]{1,63}(?:\.[\pL\pN-]{1,63})+`
	addressSource = `(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}`
)

// dropped are keys whose values are octets, or words of a message that was seen.
var dropped = map[string]bool{"raw": true, "der": true, "head": true, "header": true, "attachments": true, "kept": true}

func newRedactor(rec *evidence.Record) *redactor {
	r := &redactor{domains: map[string]string{}, users: map[string]string{}, addresses: map[netip.Addr]netip.Addr{}, kept: map[netip.Addr]bool{}, counts: map[string]int{}}
	for _, server := range provider.ControlResolvers {
		r.kept[netip.MustParseAddrPort(server).Addr()] = true
	}
	pairs := map[string]string{}
	host := func(name string) {
		name = provider.Canonical(name)
		if name == "" || pairs[name] != "" {
			return
		}
		if _, err := netip.ParseAddr(name); err == nil {
			return
		}
		if stand, ok := r.host(name); ok {
			pairs[name] = stand
		}
	}
	walks := append([]evidence.Walk{rec.Target.Walk}, rec.Target.Doors...)
	for i := range rec.Traces {
		t := &rec.Traces[i]
		walks = append(walks, t.Walk)
		if _, _, ok := provider.Classify(t.Walk.Host); ok && t.Address.IsValid() && !t.Sees.ServerSide {
			r.kept[t.Address.Addr()] = true
		}
	}
	for _, w := range walks {
		host(w.Host)
		if w.EHLO != "" && !strings.HasPrefix(w.EHLO, "[") {
			host(w.EHLO)
		}
		for _, a := range append([]string{w.From}, w.To...) {
			if _, domain, ok := strings.Cut(a, "@"); ok {
				host(domain)
			}
		}
		if w.Auth != nil && w.Auth.User != "" && !strings.Contains(w.Auth.User, "@") {
			pairs[w.Auth.User] = r.user(w.Auth.User)
		}
	}
	host(rec.Target.Domain)
	var keys []string
	for k := range pairs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var list []string
	for _, k := range keys {
		list = append(list, k, pairs[k])
	}
	r.words = strings.NewReplacer(list...)
	return r
}

func (r *redactor) next(kind string) int {
	r.counts[kind]++
	return r.counts[kind]
}

// host gives a customer's host name its stand-in. Of a tenant's MX host only the tenant's label goes; a service's own host
// stays.
func (r *redactor) host(name string) (string, bool) {
	if _, d, ok := provider.Classify(name); ok {
		for _, s := range d.Suffixes {
			if label, ok := strings.CutSuffix(name, s); ok {
				return r.domain(label) + s, true
			}
		}
		return "", false
	}
	for _, port := range []int{25, 465, 587} {
		for _, c := range provider.Controls(port, "") {
			if c.Host == name {
				return "", false
			}
		}
	}
	if !strings.Contains(name, ".") {
		return r.domain(name), true
	}
	return r.domain(name) + ".example", true
}

func (r *redactor) domain(name string) string {
	name = strings.ToLower(name)
	if r.domains[name] == "" {
		r.domains[name] = fmt.Sprintf("customer%d", r.next("domain"))
	}
	return r.domains[name]
}

func (r *redactor) user(name string) string {
	name = strings.ToLower(name)
	if r.users[name] == "" {
		r.users[name] = fmt.Sprintf("user%d", r.next("user"))
	}
	return r.users[name]
}

// tree redacts every string of a JSON value.
func (r *redactor) tree(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) { // in order, so that stand-ins are the same every time
			if dropped[k] {
				delete(v, k)
				continue
			}
			v[k] = r.tree(k, v[k])
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.tree(key, v[i])
		}
		return v
	case string:
		switch key {
		case "schema", "started", "start", "at", "not_before", "not_after", "serial", "sha1", "sha256":
			return v
		}
		return r.text(v)
	}
	return v
}

func (r *redactor) text(s string) string {
	s = mailPattern().ReplaceAllStringFunc(s, func(m string) string {
		local, domain, _ := strings.Cut(m, "@")
		if provider.Canonical(domain) == "microsoft.com" { // their delisting address stands in replies
			return m
		}
		stand, ok := r.host(provider.Canonical(domain))
		if !ok {
			stand = domain
		}
		return r.user(local) + "@" + stand
	})
	s = r.words.Replace(s)
	return addressPattern().ReplaceAllStringFunc(s, func(m string) string {
		a, err := netip.ParseAddr(m)
		if err != nil {
			return m
		}
		return r.address(a).String()
	})
}

// address gives an address a stand-in of the same kind: private ones stay private, so that the verdict stays what it was.
func (r *redactor) address(a netip.Addr) netip.Addr {
	if a.IsLoopback() || a.IsUnspecified() || r.kept[a] {
		return a
	}
	if stand, ok := r.addresses[a]; ok {
		return stand
	}
	kind := "198.51.100."
	switch {
	case a.Unmap().Is4() && a.IsPrivate():
		kind = "10.0.0."
	case a.Unmap().Is4():
	case a.IsLinkLocalUnicast():
		kind = "fe80::"
	case a.IsPrivate():
		kind = "fd00::"
	default:
		kind = "2001:db8::"
	}
	n := r.next(kind)
	if strings.HasSuffix(kind, ".") && n > 254 {
		n = 254 // more public addresses than the documentation range has share the last
	}
	text := fmt.Sprintf("%s%d", kind, n)
	if strings.HasSuffix(kind, ":") {
		text = fmt.Sprintf("%s%x", kind, n)
	}
	stand := netip.MustParseAddr(text)
	r.addresses[a] = stand
	return stand
}
