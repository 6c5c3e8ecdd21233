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

	"golang.org/x/net/idna"

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
	hosts     map[string]string // first labels of hosts
	ids       map[string]string // fingerprints, serial numbers, GUIDs
	addresses map[netip.Addr]netip.Addr
	kept      map[netip.Addr]bool
	counts    map[string]int
	pairs     map[string]string // names known beforehand, in small letters, and what stands for them
	words     *regexp.Regexp    // these names
}

// Compiled when they are first used: most runs redact nothing.
var (
	mailPattern     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(mailSource) })
	addressPattern  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(addressSource) })
	reversedPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(reversedSource) })
	dashedPattern   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(dashedSource) })
	guidPattern     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(guidSource) })
)

const (
	mailSource    = `[\pL\pN.!#$%&'*+/=?^_{|}~-]{1,64}@[\pL\pN-]{1,63}(?:\.[\pL\pN-]{1,63})+`
	addressSource = `(?:[0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}`
	// An address as the head of a DNS name, its parts turned round (RFC 1035, section 3.5; RFC 3596, section 2.5; RFC 5782).
	reversedSource = `\b((?:[0-9]{1,3}\.){4}|(?:[0-9A-Fa-f]\.){32})([A-Za-z])`
	dashedSource   = `[0-9]{1,3}(?:-[0-9]{1,3}){3}` // within names that ISPs give
	guidSource     = `\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b`
)

// dropped are keys whose values are octets, words of a message that was seen, or names of files.
var dropped = map[string]bool{"raw": true, "der": true, "head": true, "header": true, "attachments": true, "kept": true,
	"first": true, "second": true, "here": true, "there": true, "ocsp": true, "crl": true}

// fixed are keys whose values are words of ours, of SMTP, TLS or DNS, or times: no name is among them.
var fixed = map[string]bool{"schema": true, "started": true, "start": true, "at": true, "not_before": true, "not_after": true, "expires": true,
	"step": true, "until": true, "role": true, "kind": true, "via": true, "source": true, "outcome": true, "errno": true, "rcode": true, "type": true,
	"proto": true, "types": true, "eol": true, "mechanism": true, "flow": true, "verb": true, "problem": true, "roots": true, "how": true, "version": true,
	"suite": true, "group": true, "waiting_for": true, "tells": true, "tls": true, "os": true, "id": true, "trace": true, "enhanced": true, "traces": true, "like": true}

// identifying are keys of numbers by which a certificate can be found in public logs.
var identifying = map[string]bool{"serial": true, "sha1": true, "sha256": true}

func newRedactor(rec *evidence.Record) *redactor {
	r := &redactor{domains: map[string]string{}, users: map[string]string{}, hosts: map[string]string{}, ids: map[string]string{},
		addresses: map[netip.Addr]netip.Addr{}, kept: map[netip.Addr]bool{}, counts: map[string]int{}, pairs: map[string]string{}}
	for _, server := range provider.ControlResolvers {
		r.kept[netip.MustParseAddrPort(server).Addr()] = true
	}
	for i := range rec.Traces {
		t := &rec.Traces[i]
		if _, _, ok := provider.Classify(t.Walk.Host); ok && t.Address.IsValid() && !t.Sees.ServerSide {
			r.kept[t.Address.Addr()] = true
		}
	}
	hosts, people := namesIn(rec)
	for _, h := range hosts {
		r.learn(h)
	}
	for _, p := range people {
		r.learnPerson(p)
	}
	for i := range rec.Traces {
		for j := range rec.Traces[i].Events {
			if c := rec.Traces[i].Events[j].Chain; c != nil {
				for _, o := range organisations(c) {
					r.learnOrganisation(o)
				}
			}
		}
	}
	r.words = r.known()
	return r
}

func (r *redactor) next(kind string) int {
	r.counts[kind]++
	return r.counts[kind]
}

// host gives a customer's host name its stand-in. Of a tenant's MX host only the tenant's label goes; a service's own host
// stays. What is below a domain of the customer's stays below it.
func (r *redactor) host(name string) (string, bool) {
	if ascii, err := idna.ToASCII(name); err == nil {
		name = strings.ToLower(ascii)
	}
	if shared, ok := provider.Public(name); ok {
		label := strings.TrimSuffix(name, shared)
		if label == name || label == "" {
			return "", false
		}
		for {
			first, rest, more := strings.Cut(label, ".")
			if !more || !telling.MatchString(first) {
				return strings.TrimSuffix(name, label+shared) + r.domain(label) + shared, true
			}
			label = rest
		}
	}
	if r.domains[name] != "" || !strings.Contains(name, ".") {
		return r.standing(name), true
	}
	for at := strings.IndexByte(name, '.'); at >= 0; {
		if parent := name[at+1:]; r.domains[parent] != "" {
			return r.labels(name[:at]) + "." + r.standing(parent), true
		}
		next := strings.IndexByte(name[at+1:], '.')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return r.standing(name), true
}

func (r *redactor) standing(name string) string {
	if !strings.Contains(name, ".") {
		return r.domain(name)
	}
	return r.domain(name) + ".example"
}

// telling are labels that the verdict goes by, and that every domain has.
var telling = regexp.MustCompile(`^(?:_[a-z0-9_-]+|selector[12]|autodiscover|enterpriseregistration|enterpriseenrollment|mta-sts|lyncdiscover|sip|mail|smtp|mx|www)$`)

// labels hides the labels of a host, but those that every domain has.
func (r *redactor) labels(s string) string {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		if telling.MatchString(p) {
			continue
		}
		if r.hosts[p] == "" {
			r.hosts[p] = fmt.Sprintf("host%d", r.next("host"))
		}
		parts[i] = r.hosts[p]
	}
	return strings.Join(parts, ".")
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
		switch {
		case identifying[key]:
			return r.identity(v)
		case fixed[key]:
			return v
		}
		return r.text(v)
	}
	return v
}

func (r *redactor) text(s string) string {
	s = r.replaceNames(s, true)
	s = mailPattern().ReplaceAllStringFunc(s, func(m string) string {
		local, domain, _ := strings.Cut(m, "@")
		domain = provider.Canonical(domain)
		if domain == "microsoft.com" || r.isStandIn(domain) { // their delisting address stands in replies
			return m
		}
		stand, ok := r.host(domain)
		if !ok {
			stand = domain
		}
		return r.user(local) + "@" + stand
	})
	s = guidPattern().ReplaceAllStringFunc(s, func(m string) string {
		id := r.identity(strings.ToLower(m))
		return "00000000-0000-0000-0000-" + id[len(id)-12:]
	})
	var held []string // reversed addresses and the like, which the next expression would take for addresses
	hold := func(text string) string {
		held = append(held, text)
		return fmt.Sprintf("\x00%d\x00", len(held)-1)
	}
	s = reversedPattern().ReplaceAllStringFunc(s, func(m string) string {
		head := m[:len(m)-2]
		if a, ok := fromReversed(head); ok {
			head = toReversed(r.address(a))
		}
		return hold(head+".") + m[len(m)-1:]
	})
	s = dashedPattern().ReplaceAllStringFunc(s, func(m string) string {
		if a, err := netip.ParseAddr(strings.ReplaceAll(m, "-", ".")); err == nil {
			return strings.ReplaceAll(r.address(a).String(), ".", "-")
		}
		return m
	})
	s = addressPattern().ReplaceAllStringFunc(s, func(m string) string {
		a, err := netip.ParseAddr(m)
		if err != nil {
			return m
		}
		return r.address(a).String()
	})
	for i, h := range held {
		s = strings.Replace(s, fmt.Sprintf("\x00%d\x00", i), h, 1)
	}
	return s
}

// isStandIn reports whether a domain is one of ours already.
func (r *redactor) isStandIn(domain string) bool {
	for _, s := range r.domains {
		if domain == s+".example" || strings.HasSuffix(domain, "."+s+".example") || strings.HasPrefix(domain, s+".") {
			return true
		}
	}
	return false
}

// identity is the stand-in of a number that identifies something, of the same length and in the same digits.
func (r *redactor) identity(s string) string {
	if s == "" {
		return ""
	}
	if r.ids[s] == "" {
		r.ids[s] = fmt.Sprintf("%0*x", max(len(s), 12), r.next("id"))
	}
	return r.ids[s]
}

// reversed reports whether a name begins with an address turned round.
func reversed(name string) bool {
	return reversedPattern().MatchString(name)
}

// fromReversed reads the parts of an address turned round, without the dot at their end.
func fromReversed(head string) (netip.Addr, bool) {
	parts := strings.Split(head, ".")
	slices.Reverse(parts)
	text := strings.Join(parts, ".")
	if len(parts) == 32 {
		text = ""
		for i, p := range parts {
			if i > 0 && i%4 == 0 {
				text += ":"
			}
			text += p
		}
	}
	a, err := netip.ParseAddr(text)
	return a, err == nil
}

// toReversed writes an address as the head of a DNS name.
func toReversed(a netip.Addr) string {
	var parts []string
	if a = a.Unmap(); a.Is4() {
		parts = strings.Split(a.String(), ".")
	} else {
		for _, c := range strings.ReplaceAll(a.StringExpanded(), ":", "") {
			parts = append(parts, string(c))
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".")
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
