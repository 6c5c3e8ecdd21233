package text

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
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
	for _, u := range unitsOf(lines) {
		u.read(b)
	}
}

// read makes events of what a unit states.
func (u *unit) read(b *book) {
	if u.talk != nil && u.talk.refused {
		return // the dialogue shows it; the rest repeats it
	}
	lines := unfold(u.lines)
	whole, folded := joined(lines)
	about := u.talk != nil || u.key != "" || mentions(folded, mailContext)
	found := u.findings(lines, folded, about)
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

// findings lists what the lines state, in their order, without what only wraps or repeats it.
func (u *unit) findings(lines []line, folded string, about bool) []finding {
	var out []finding
	size := 0
	for i, l := range lines {
		if size += len(l.text); size > maxUnit || len(out) > maxFindings {
			break
		}
		out = append(out, lineFindings(i, l, folded, about)...)
	}
	if len(out) == 0 && len(lines) <= 40 {
		out = byProperty(lines, folded, about)
	}
	wraps := !slices.ContainsFunc(out, func(f finding) bool { return f.reply != nil || !f.means.weak })
	if wraps && len(lines) <= 40 {
		if words := byWords(lines, about || !notOurs(folded)); len(words) > 0 {
			out = words // they say more than that something failed
		}
	}
	return sift(out)
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
var ownAccount = []string{"winsock error code", "socket error code", "communicating with primary target"}

// phpMailer is how PHPMailer takes a reply apart. It is put together again: code, status, words.
var phpMailer = regexp.MustCompile(`Detail: (.+?) SMTP code: ([245]\d\d)(?: Additional SMTP info: ([245]\.\d+\.\d+))?`)

// lineFindings lists what one line states.
func lineFindings(i int, l line, folded string, about bool) []finding {
	var out []finding
	text := phpMailer.ReplaceAllString(l.text, `Detail: "$2 $3 $1"`)
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
		if m.socket != "" && m.wait == "" {
			m.wait = waitNear(where[:h.start], folded, unknownWait(m.socket))
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
		if !ours || anyWebStatus.MatchString(l.text) || mentions(fold(l.text), harmless) {
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

// sift leaves out what only wraps a finding, what repeats one, and what came of the first thing that broke.
func sift(all []finding) []finding {
	telling := slices.ContainsFunc(all, func(f finding) bool { return f.reply == nil || !f.reply.empty })
	specific := slices.ContainsFunc(all, func(f finding) bool { return f.reply == nil && !f.means.weak && f.means.ok == "" })
	refusal := slices.ContainsFunc(all, func(f finding) bool { return f.reply != nil && f.refuses() && !f.reply.empty })
	best := 0
	for _, f := range all {
		best = max(best, f.weakRank())
	}
	var out []finding
	broke := ""
	for _, f := range all {
		switch {
		case f.reply != nil && f.reply.empty && telling:
			continue
		case f.reply == nil && f.means.weak && (specific || refusal || f.weakRank() < best):
			continue
		case f.reply != nil && slices.ContainsFunc(out, func(o finding) bool { return o.reply != nil && o.sameReply(f) }):
			continue
		case f.reply == nil && slices.ContainsFunc(out, func(o finding) bool { return o.reply == nil && o.means.same(f.means) && f.means.socket == "" }):
			continue
		case f.reply != nil && broke != "":
			continue
		case f.reply == nil && broke != "" && f.class() != broke && f.means.ok == "":
			continue
		}
		out = append(out, f)
		if broke == "" && f.class() != "" {
			broke = f.class()
		}
	}
	return out
}

// weakRank orders what only wraps: that a certificate is wrong says more than that a handshake failed, and that more than that
// a connection did.
func (f finding) weakRank() int {
	switch {
	case f.reply != nil || !f.means.weak || f.means.said == evidence.SaidConnectFailed:
		return 0
	case f.means.said == evidence.SaidTLSFailed:
		return 1
	}
	return 2
}

func (f finding) refuses() bool { return f.reply.code == 0 || f.reply.code >= 400 }

func (f finding) sameReply(o finding) bool {
	a, b := f.reply.reply(), o.reply.reply()
	return a.Code == b.Code && (a.Enhanced == b.Enhanced || b.Enhanced.IsZero())
}

// class is the kind of trouble that a finding tells of; "" for none.
func (f finding) class() string {
	switch {
	case f.reply != nil && f.refuses():
		return "reply"
	case f.reply != nil || f.means.ok != "":
		return ""
	case f.means.socket != "":
		return "socket"
	case f.means.lookup != noLookup:
		return "lookup"
	}
	return "tls"
}

// A writer makes events of findings.
type writer struct {
	talk   *talk
	folded string
}

func (w writer) write(f finding) {
	t, m := w.talk, f.means
	switch {
	case f.reply != nil:
		w.reply(f)
	case m.ok != "":
		if !t.refused && !t.ended {
			w.accepted(f)
		}
	case m.socket != "":
		w.socket(f)
	case m.lookup != noLookup:
		w.lookup(f)
	case m.tls != "":
		t.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: m.tls, Text: clip(f.text)}})
		t.sees.TLS = true
	case m.alert != nil:
		w.alert(f)
	case m.cert != "":
		t.add(evidence.Event{Chain: &evidence.Chain{Verified: []evidence.Verified{{Name: t.host(), Problem: m.cert, Text: clip(f.text)}}}})
		t.sees.TLS = true
	case m.said != "":
		t.said(m.said, f.text, f.n)
	}
}

func (t *talk) host() string {
	var h string
	t.rec.Update(func(tr *evidence.Trace) { h = tr.Walk.Host })
	return h
}

// sentFor records the command that a line says was sent, without what it does not say.
func (w writer) sentFor(verb string) int {
	t := w.talk
	if verb == evidence.Message {
		i := t.rec.Message(0, evidence.Sent{Done: true})
		t.asked(i, verb)
		return i
	}
	words := map[string]string{"MAIL": "MAIL FROM:", "RCPT": "RCPT TO:"}[verb]
	if words == "" {
		words = verb
	}
	i := t.rec.Command(0, []byte(words), smtp.CRLF)
	t.asked(i, verb)
	return i
}

func (w writer) reply(f finding) {
	t := w.talk
	t.flush()
	r := f.reply.reply()
	t.refused = t.refused || f.refuses()
	switch f.verb {
	case "":
		t.rec.Reply(0, r, -1, nil, 0)
		t.markUnasked()
	case waitGreeting:
		t.greeted = true
		t.rec.Reply(0, r, -1, nil, 0)
	default:
		t.rec.Reply(0, r, w.sentFor(f.verb), nil, 0)
	}
	t.pending = nil
}

// accepted records that a log says that the server took the message.
func (w writer) accepted(f finding) {
	t := w.talk
	t.rec.Reply(0, smtp.Reply{Code: 250, Text: []string{clip(f.text)}, Complete: true}, w.sentFor(f.means.ok), nil, 0)
	t.pending = nil
}

func (w writer) socket(f finding) {
	t, m := w.talk, f.means
	if m.wait == dial && !t.spoken && !t.greeted {
		p := placeIn(f.text)
		if !p.addr.IsValid() {
			p.addr = t.address()
		}
		if p.port == 0 {
			p.port = t.port()
		}
		t.sees.Dial = true
		t.add(evidence.Event{Dialed: &evidence.Dialed{Address: netip.AddrPortFrom(p.addr, uint16(p.port)), Outcome: m.socket, Errno: m.errno, Text: clip(f.text)}})
		return
	}
	if t.ended {
		return
	}
	wait := m.wait
	if wait != dial && wait != "" && !t.spoken {
		t.dialed(t.address(), t.port()) // there was a connection, or it could not have ended there
	}
	switch wait {
	case waitHandshake:
		t.sees.TLS = true
		t.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSEnded, Outcome: m.socket, Text: clip(f.text)}})
	case "", waitGreeting, dial:
	default:
		if len(t.pending) == 0 && !t.spoken {
			w.sentFor(wait)
		}
	}
	if wait == dial || wait == "" {
		wait = t.waitingNow()
	}
	t.ended, t.sees.End = true, true
	t.add(evidence.Event{Ended: &evidence.Ended{Outcome: m.socket, Waiting: wait, Errno: m.errno, Text: clip(f.text)}})
}

// waitingNow is what a dialogue waited for when it ended; of a text that shows none, nothing is known.
func (t *talk) waitingNow() string {
	if !t.spoken && !t.connected {
		return ""
	}
	return t.waiting()
}

func (t *talk) address() netip.Addr {
	var a netip.Addr
	t.rec.Update(func(tr *evidence.Trace) { a = tr.Address.Addr() })
	return a
}

func (t *talk) port() int {
	var p int
	t.rec.Update(func(tr *evidence.Trace) { p = tr.Walk.Port })
	return p
}

func (w writer) lookup(f finding) {
	host := placeIn(f.text).host
	if host == "" {
		host = w.talk.host()
	}
	if host != "" {
		w.talk.at(host, netip.Addr{}, 0)
	}
	l := evidence.Lookup{Server: "system", Name: host, Type: "ADDR", Text: clip(f.text)}
	switch f.means.lookup {
	case nameUnknown:
		l.NotFound = true
	case resolverFails:
		l.Outcome = evidence.Failed
	}
	w.talk.sees.Dial = true
	w.talk.add(evidence.Event{Lookup: &l})
	if host != "" {
		return
	}
	if l.NotFound {
		w.talk.said(evidence.SaidNameFailed, f.text, f.n)
	} else {
		w.talk.said(evidence.SaidResolverFailed, f.text, f.n)
	}
}

// alert records an alert. A server's log of one is about its client.
func (w writer) alert(f finding) {
	t := w.talk
	from := evidence.Server
	if t.sees.ServerSide {
		from = evidence.Client
	}
	t.sees.TLS = true
	t.add(evidence.Event{Alert: &evidence.Alert{From: from, Alert: tlswire.Alert{Level: tlswire.Fatal, Description: *f.means.alert}}})
	t.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSAlerted, Text: clip(f.text)}})
}
