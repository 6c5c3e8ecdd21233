package text

import (
	"cmp"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// A finding is something that a line states: a reply that it quotes, or a phrase.
type finding struct {
	line       int // index in the unit
	start, end int // in the folded line
	reply      *quote
	verb       string // of the reply
	means      meaning
	n          int // number of the line in the text
	text       string
}

// statements reads the lines that are no dialogue.
func statements(b *book, rest []stray) {
	lines := make([]stray, 0, len(rest))
	for _, l := range rest {
		for _, u := range appendUnescaped(nil, l.line) {
			lines = append(lines, stray{u, l.talk})
		}
	}
	for _, u := range unitsOf(rewrapped(lines)) {
		u.read(b)
	}
}

// read makes events of what a unit states.
func (u *unit) read(b *book) {
	if u.talk != nil && u.talk.refused {
		return // the dialogue shows it; the rest repeats it
	}
	lines := unfold(u.lines)
	for i := range lines {
		lines[i].text = faq.ReplaceAllString(lines[i].text, "")
	}
	whole, folded := joined(lines)
	about := u.talk != nil || u.key != "" || mentions(folded, mailContext) || sayOnlyMailServers(whole)
	found := u.findings(lines, folded, about)
	if u.shows() {
		// That the program calls it a failure to connect says no more than that it failed.
		found = slices.DeleteFunc(found, func(f finding) bool { return f.means.said == evidence.SaidConnectFailed })
	}
	if len(found) == 0 {
		return
	}
	who, _ := clientOf(whole)
	t := u.talk
	if t == nil {
		t = b.open("", who.name, lines[0].n)
		t.sees.ServerSide = who.server
		p := placeIn(whole)
		t.at(p.host, p.addr, p.port)
		people(t, whole)
		if strings.Contains(whole, "ssl://") || strings.Contains(whole, "smtps://") {
			t.tlsMode(evidence.ImplicitTLS)
		}
	} else {
		t.flush()
		p := placeIn(whole)
		t.at(p.host, p.addr, p.port)
		if name := t.program(); name == "" {
			t.rec.Update(func(tr *evidence.Trace) { tr.Program = who.name })
		}
	}
	w := writer{talk: t, folded: folded}
	for _, f := range found {
		w.write(f)
	}
}

func (t *talk) program() string {
	var name string
	t.rec.Update(func(tr *evidence.Trace) { name = tr.Program })
	return name
}

// joined is the text of the lines, as it is and folded, in at most maxUnit octets.
func joined(lines []line) (whole, folded string) {
	var b strings.Builder
	for _, l := range lines {
		if b.Len()+len(l.text) > maxUnit {
			break
		}
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String(), fold(b.String())
}

// maxFindings bounds what is looked for in one unit: the first thing that broke is among the first.
const maxFindings = 200

// sayOnlyMailServers reports whether a text holds words by which a mail server is known, though no word in it is about mail
// and a link in it looks like the web's.
func sayOnlyMailServers(whole string) bool {
	const distinct = 20 // octets; fewer are said by anybody, unless the text begins with them, as with a status
	m, ok := provider.MatchText(whole, "")
	return ok && m.Firm >= provider.Suggests && m.Verified && m.Service != "generic" && (m.Start == 0 || m.End-m.Start >= distinct)
}

// findings lists what the lines state, in their order, without what only wraps or repeats it.
func (u *unit) findings(lines []line, folded string, about bool) []finding {
	var out []finding
	size := 0
	for i, l := range lines {
		if size += len(l.text); size > maxUnit || len(out) > maxFindings {
			break
		}
		out = append(out, u.lineFindings(i, l, folded, about)...)
	}
	if len(out) == 0 && len(lines) <= 40 {
		out = byProperty(lines, folded, about)
	}
	wraps := !slices.ContainsFunc(out, func(f finding) bool {
		return f.reply != nil || !f.means.weak || f.means.said == evidence.SaidCertificate
	})
	if wraps && len(lines) <= 40 {
		if words := byWords(lines, about || !notOurs(folded)); len(words) > 0 {
			out = words // they say more than that something failed
		}
	}
	return sift(cutEarly(out, folded))
}

// prefixLen is the length of what a log wrote before the line's own words.
func prefixLen(s string) int {
	rest := s
	for range 4 {
		cut, ok := cutPrefix(rest)
		if !ok {
			break
		}
		rest = cut
	}
	return len(s) - len(rest)
}

// ownAccount stands in what looks like a reply, and is a server's own account of a connection that it could not make.
var ownAccount = []string{"winsock error code", "communicating with primary target"}

// phpMailer is how PHPMailer takes a reply apart. It is put together again: code, status, words.
var phpMailer = lazily(`Detail: (.+?) SMTP code: ([245]\d\d)(?: Additional SMTP info: ([245]\.\d+\.\d+))?`)

// shows reports whether the unit stands in a dialogue, which shows how far it came.
func (u *unit) shows() bool { return u.talk != nil && (u.talk.spoken || u.talk.connected) }

// waitNear is the wait that a socket error belongs to: the dialogue shows it, or the words around the error tell.
func (u *unit) waitNear(before, around string, o evidence.Outcome) string {
	if !u.shows() {
		return waitNear(before, around, unknownWait(o))
	}
	if wait := waitNear(before, "", ""); wait == dial || wait == waitHandshake {
		return wait
	}
	return ""
}

// readNear is the wait of a read that failed. Programs say "could not connect" of it too, when the greeting was what they read.
func (u *unit) readNear(before, around string) string {
	wait := u.waitNear(before, around, evidence.Closed)
	if u.talk == nil && (wait == dial || wait == "") {
		return waitGreeting
	}
	return wait
}

// faq are what MailKit appends to every failed handshake: all that it could have been, none of which was seen.
var faq = lazily(`(?i)(?:\d\. )?(?:The server is using a self-signed certificate which cannot be verified|` +
	`The local system is missing a Root or Intermediate certificate needed to verify the server's certificate|` +
	`The certificate presented by the server is expired or invalid|` +
	`A Certificate Authority CRL server for one or more of the certificates in the chain is temporarily unavailable|` +
	`The set of SSL/TLS protocols supported by the client and server do not match)\.?`)

// inner is a reply of Exchange's front end around the one that its back end got, or of its sending side around that of the next
// server, which says more. What the sending side says of itself in that place (451 4.4.0) does not.
var inner = lazily(`(?:[245]\d\d [245]\.\d+\.\d+ (?:Proxy session setup failed on Frontend with '|Primary target IP address responded with: "))+([245]\d\d )|` +
	`[45]\d\d [45]\.\d+\.\d+ Cannot connect to remote server \[Message=((?:421|5\d\d) )`)

// lineFindings lists what one line states.
func (u *unit) lineFindings(i int, l line, folded string, about bool) []finding {
	if fetching.MatchString(l.text) {
		return nil
	}
	var out []finding
	text := phpMailer.ReplaceAllString(l.text, `Detail: "$2 $3 $1"`)
	text = inner.ReplaceAllString(text, "'$1$2")
	masked := []byte(text)
	off := prefixLen(text)
	for _, q := range quotes(text[off:], about) {
		if !q.certain && !about && notOurs(folded) {
			continue
		}
		q.start, q.end = q.start+off, q.end+off
		if mentions(fold(q.text), ownAccount) {
			continue // the sending server's own words, in the form of a reply
		}
		before, after := fold(text[:q.start]), fold(text[q.end:min(len(text), q.end+120)])
		out = append(out, finding{line: i, start: q.start, end: q.end, reply: &q, verb: verbNear(after, before, folded), n: l.n, text: text})
		for j := q.start; j < q.end; j++ {
			masked[j] = ' '
		}
	}
	plain := fold(string(masked))
	var taken [][2]int
	ours := (about || !notOurs(plain)) && !mentions(plain, harmless)
	all := index()
	for _, h := range append(all.hits(plain, false), all.hits(fold(text), true)...) {
		if !ours || slices.ContainsFunc(taken, func(t [2]int) bool { return h.start < t[1] && t[0] < h.end }) {
			continue
		}
		taken = append(taken, [2]int{h.start, h.end})
		m := all.all[h.place].means
		where := plain
		if m.inReply {
			where = fold(text)
		}
		if m.wait == reading {
			m.wait = u.readNear(where[:h.start], folded)
		}
		if m.socket != "" && m.wait == "" {
			m.wait = u.waitNear(where[:h.start], folded, m.socket)
		}
		if m.socket == evidence.Refused || m.socket == evidence.Unreachable || m.socket == evidence.NoRoute {
			m.wait = dial
		}
		out = append(out, finding{line: i, start: at(text, where, h.start), end: h.end, means: m, n: l.n, text: text})
	}
	slices.SortStableFunc(out, func(a, b finding) int { return cmp.Compare(a.start, b.start) })
	return out
}

// at is about where in the text an offset of its folded form is: the replies in it are blanks there, and blanks fold.
func at(text, folded string, i int) int {
	word := folded[i:min(len(folded), i+6)]
	if j := strings.Index(strings.ToLower(strings.ReplaceAll(text, "_", " ")), word); j >= 0 {
		return j
	}
	return i
}

func unknownWait(o evidence.Outcome) string {
	if o == evidence.TimedOut {
		return dial
	}
	return ""
}

// byProperty finds a reply whose code stands as a number of its own, its words in another place or nowhere.
func byProperty(lines []line, folded string, about bool) []finding {
	if !about {
		return nil
	}
	for i, l := range lines {
		if m := asProperty.FindStringSubmatchIndex(l.text); m != nil {
			q := quote{start: m[2], end: m[3], text: l.text[m[2]:m[3]]}
			q.code = codeOf(q.text)
			return []finding{{line: i, start: m[2], end: m[3], reply: &q, verb: verbNear("", fold(l.text[:m[2]]), folded), n: l.n, text: l.text}}
		}
	}
	return nil
}

// byWords finds a reply by its words alone, the code having been lost on the way.
func byWords(lines []line, ours bool) []finding {
	for i, l := range lines {
		if !ours || anyWebStatus.MatchString(l.text) || fetching.MatchString(l.text) || mentions(fold(l.text), harmless) {
			continue
		}
		m, ok := provider.MatchText(l.text, "")
		if !ok || m.Firm < provider.Suggests || m.End-m.Start < 8 {
			continue
		}
		return []finding{{line: i, start: m.Start, end: m.End, means: said(evidence.SaidReplyWords), n: l.n, text: l.text}}
	}
	return nil
}
