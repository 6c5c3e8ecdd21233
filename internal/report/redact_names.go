package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// namesIn lists what a record names: domains and hosts first that were asked for, because the others are often below them, then
// people, then what DNS and certificates tell.
func namesIn(rec *evidence.Record) (hosts, people []string) {
	var found []string
	address := func(a string) {
		local, domain, ok := cutLast(a, "@")
		if !ok {
			return
		}
		hosts = append(hosts, domain)
		people = append(people, a, local)
	}
	hosts = append(hosts, rec.Target.Domain)
	address(rec.Target.External)
	walks := append([]evidence.Walk{rec.Target.Walk}, rec.Target.Doors...)
	for i := range rec.Traces {
		walks = append(walks, rec.Traces[i].Walk)
	}
	for _, w := range walks {
		for _, a := range append([]string{w.From}, w.To...) {
			address(a)
		}
		found = append(found, w.Host, w.EHLO)
		if w.Auth != nil {
			people = append(people, w.Auth.User)
			people = append(people, strings.Split(w.Auth.User, `\`)...) // DOMAIN\user
			address(w.Auth.User)
			if w.Auth.Token != nil {
				people = append(people, w.Auth.Token.User)
				address(w.Auth.Token.User)
			}
			if w.Auth.Asked != nil {
				found = append(found, w.Auth.Asked.Tenant)
			}
		}
	}
	for i := range rec.Traces {
		for j := range rec.Traces[i].Events {
			found = append(found, namesSeen(&rec.Traces[i].Events[j])...)
		}
	}
	// The domain of several names comes before them, so that they stay below it.
	slices.SortStableFunc(found, func(a, b string) int { return cmp.Compare(strings.Count(a, "."), strings.Count(b, ".")) })
	return append(hosts, found...), people
}

// spfNames are the domains that an SPF record leads to (RFC 7208, section 12).
var spfNames = regexp.MustCompile(`(?i)\b(?:include|redirect|exists|a|mx|ptr|exp)[:=]([^\s/]+)`)

// namesOfClients are the forms in which servers name the client that they refuse: beside its address, or by what it said.
var namesOfClients = regexp.MustCompile(`([\pL\pN.-]+\.\pL[\pL\pN-]*) ?\[[0-9A-Fa-f.:]+\]|\[[0-9A-Fa-f.:]+\] \(([\pL\pN.-]+)\)|(?i:helo|ehlo)[=:( ]+<?([\pL\pN.-]+\.\pL[\pL\pN-]*)`)

// namesSeen are the host names in one event: what a name leads to, who greets, whose certificate it is.
func namesSeen(e *evidence.Event) []string {
	var out []string
	switch {
	case e.Lookup != nil:
		out = append(out, e.Lookup.Name)
		for _, rr := range e.Lookup.Answers {
			out = append(out, rr.Name)
			switch rr.Type {
			case "PTR", "CNAME", "NS":
				out = append(out, rr.Data)
			case "MX", "SRV":
				out = append(out, rr.Data[strings.LastIndexByte(rr.Data, ' ')+1:])
			case "TXT":
				for _, m := range spfNames.FindAllStringSubmatch(rr.Data, -1) {
					out = append(out, m[1])
				}
			}
		}
	case e.Reply != nil && len(e.Reply.Text) > 0 && !e.Reply.Positive():
		for _, m := range namesOfClients.FindAllStringSubmatch(e.Reply.Joined(), -1) {
			out = append(out, m[1:]...)
		}
	case e.Reply != nil && len(e.Reply.Text) > 0:
		if first, _, _ := strings.Cut(e.Reply.Text[0], " "); strings.Contains(first, ".") && !public(first) {
			out = append(out, first)
		}
	case e.Sent != nil && (e.Sent.Verb == "EHLO" || e.Sent.Verb == "HELO"):
		_, name, _ := strings.Cut(e.Sent.Line, " ")
		out = append(out, name)
	case e.Chain != nil:
		for _, c := range e.Chain.Certificates {
			for _, name := range append([]string{c.Common}, c.DNSNames...) {
				if !public(name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

// public reports whether a server that names itself so is a service's own: which of its servers it was is for its support to know.
func public(name string) bool {
	_, ok := provider.Public(name)
	return ok
}

// cutLast cuts at the last separator: a quoted local part can hold others.
func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// hostName has a letter in its last label: other dotted words are versions and statuses.
var hostName = regexp.MustCompile(`^(?:[\pL\pN_-]{1,63}\.)*[\pN_-]*\pL[\pL\pN_-]*$`)

// learn notes the stand-in of a host name, in all its spellings.
func (r *redactor) learn(name string) {
	name = strings.TrimPrefix(provider.Canonical(name), "*.")
	if !hostName.MatchString(name) || reversed(name) || generic[name] {
		return
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return
	}
	stand, ok := r.host(name)
	if !ok {
		return
	}
	r.pairs[name] = stand
	for _, spell := range []func(string) (string, error){idna.ToASCII, idna.ToUnicode} {
		if other, err := spell(name); err == nil {
			r.pairs[strings.ToLower(other)] = stand
		}
	}
	if shared, ok := provider.Public(name); ok {
		// The tenant's label alone names the customer too.
		if label := strings.TrimSuffix(name, shared); len(label) > 3 && !generic[label] {
			r.pairs[label] = r.domain(label)
		}
	}
}

// organisations lists the names of people and firms in the certificates of a chain: in that of a server which is no service's own,
// and in those of an authority that browsers do not know and that is no inspection product.
func organisations(c *evidence.Chain) []string {
	browsersKnow := slices.ContainsFunc(c.Verified, func(v evidence.Verified) bool { return v.Roots == "mozilla" && v.Problem == evidence.CertOK })
	var out []string
	add := func(name string) {
		if diagnose.Inspector(name) != "" {
			return
		}
		for _, m := range attributes.FindAllStringSubmatch(name, -1) {
			if isHost := strings.Contains(m[1], ".") && hostName.MatchString(strings.TrimPrefix(m[1], "*.")); len(m[1]) > 3 && !isHost {
				out = append(out, m[1], strings.ReplaceAll(m[1], `\`, ""))
			}
		}
	}
	for i, cert := range c.Certificates {
		if i == 0 && !public(strings.TrimPrefix(cert.Common, "*.")) || i > 0 && !browsersKnow {
			add(cert.Subject)
		}
		if !browsersKnow {
			add(cert.Issuer)
		}
	}
	return out
}

// attributes are those of a distinguished name that name somebody (RFC 4514).
var attributes = regexp.MustCompile(`(?:^|,|\+)(?:CN|O|OU|L|ST|STREET|SERIALNUMBER)=((?:[^,+\\]|\\.)+)`)

// learnOrganisation notes the stand-in of a firm, a place or an authority of its own.
func (r *redactor) learnOrganisation(name string) {
	name = strings.ToLower(name)
	if r.pairs[name] == "" && !generic[name] {
		r.pairs[name] = fmt.Sprintf("organisation%d", r.next("organisation"))
	}
}

// learnPerson notes the stand-in of a mail address, a user name or a local part.
func (r *redactor) learnPerson(name string) {
	name = strings.ToLower(name)
	if local, domain, ok := cutLast(name, "@"); ok {
		if stand, ok := r.host(provider.Canonical(domain)); ok {
			r.pairs[name] = r.user(local) + "@" + stand
		}
		return
	}
	if len(name) > 2 && !generic[name] {
		r.pairs[name] = r.user(name)
	}
}

// generic are words that name nobody, and that stand in every dialogue and report: as a user's or a host's name they stay.
var generic = func() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(`mail smtp smtps smtpd mx relay auth connect banner ehlo helo starttls rcpt data quit rset noop none from server client
		localhost localdomain host user users name admin administrator root postmaster info test office support service system message address domain
		sender recipient device tls ssl dns tcp esmtp login plain submission microsoft outlook exchange google local lan home`) {
		all[w] = true
	}
	return all
}()

// known are the names that were learnt, as one expression, the longest first.
func (r *redactor) known() *regexp.Regexp {
	names := make([]string, 0, len(r.pairs))
	for n := range r.pairs {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for i := range names {
		names[i] = regexp.QuoteMeta(names[i])
	}
	return regexp.MustCompile(`(?i)` + strings.Join(names, "|"))
}

// replaceNames puts stand-ins for the names that stand in a text as words. A name of one label is one only where prose allows it.
func (r *redactor) replaceNames(s string, prose bool) string {
	if len(r.pairs) == 0 {
		return s
	}
	var b strings.Builder
	last := 0
	for _, at := range r.words.FindAllStringIndex(s, -1) {
		name := strings.ToLower(s[at[0]:at[1]])
		dotted := strings.ContainsAny(name, ".@")
		if !dotted && !prose || !alone(s, at[0], at[1], dotted) {
			continue
		}
		stand, ok := r.pairs[name]
		if !ok {
			continue // a letter whose small form is another's
		}
		b.WriteString(s[last:at[0]])
		b.WriteString(stand)
		last = at[1]
	}
	b.WriteString(s[last:])
	return b.String()
}

// alone reports whether what stands between two places of a text is a name by itself, and no part of a longer word. Dots may
// surround a dotted name: labels are before it, a sentence ends after it.
func alone(s string, from, to int, dotted bool) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	part := func(c rune) bool {
		return unicode.IsLetter(c) || unicode.IsNumber(c) || c == '-' || !dotted && (c == '.' || c == '_')
	}
	if !dotted && after == '.' { // the end of a sentence
		next, _ := utf8.DecodeRuneInString(s[to+1:])
		return !part(before) && (next == utf8.RuneError || unicode.IsSpace(next))
	}
	return !part(before) && !part(after)
}
