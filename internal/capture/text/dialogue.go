package text

import (
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A stray is a line that is no part of a dialogue, and the conversation it stands in or after, if any.
type stray struct {
	line
	talk *talk
}

// dialogues finds the conversations that a text shows line by line, and returns the lines that belong to none.
func dialogues(b *book, lines []line) []stray {
	if rest, ok := protocolLog(b, lines); ok {
		return rest
	}
	r := newReader(b, lines)
	if !r.any() {
		// A dialogue may be packed in one string of JSON.
		lines = unescaped(lines)
		if r = newReader(b, lines); !r.any() {
			return strays(lines)
		}
	}
	for _, l := range lines {
		r.read(l)
	}
	r.adopt()
	for _, t := range b.talks {
		// People at a terminal stop where TLS begins; a program would say how it went on.
		t.sees.TLS = t.sees.TLS || !r.raw && t.begin && !t.secured
	}
	return r.rest
}

// adopt gives the lines before the only dialogue to it: programs that write errors to another stream than the dialogue have
// them first in a file.
func (r *reader) adopt() {
	if len(r.book.talks) != 1 {
		return
	}
	for i := range r.rest {
		if r.rest[i].talk == nil {
			r.rest[i].talk = r.book.talks[0]
		}
	}
}

func strays(lines []line) []stray {
	out := make([]stray, len(lines))
	for i, l := range lines {
		out[i] = stray{line: l}
	}
	return out
}

// A reader reads dialogues. Who says the lines with a mark it knows from the marks themselves, or from what the lines with
// them say.
type reader struct {
	book    *book
	sides   map[string]evidence.Side // of each mark in use
	raw     bool                     // there are lines without marks: a terminal's, such as of telnet
	rawOnly evidence.Side            // with marks: the side whose lines have none, as in the output of mail -v
	cur     *talk
	byMark  bool // the line before had a mark
	rest    []stray
	program string
	pend    place // where the next conversation goes, as far as it was said
	learned bool  // the marks are none that are known
	names   bool  // loose keys name conversations
}

// speak takes a line of the dialogue apart.
func (r *reader) speak(text string) (speech, bool) {
	if r.learned {
		return lead(text)
	}
	return speak(text)
}

// newReader looks through the lines once, to see whether there is a dialogue in them and how it is marked.
func newReader(b *book, lines []line) *reader {
	r := &reader{book: b, sides: map[string]evidence.Side{}}
	votes := map[string][2]int{} // replies, commands
	rawReplies, rawCommands, connects, opens := 0, 0, 0, 0
	for _, l := range lines {
		if sp, ok := speak(l.text); ok {
			v := votes[sp.sign]
			switch shapeOf(sp.text) {
			case reply:
				v[0]++
			case command:
				v[1]++
			case neither:
				if strings.Contains(sp.text, "EHLO ") {
					v[1]++
				}
			}
			votes[sp.sign] = v
			continue
		}
		switch shapeOf(strings.TrimSpace(l.text)) {
		case reply:
			rawReplies++
		case command:
			rawCommands++
		case neither:
			if c, ok := connecting(l.text); ok {
				connects++
				if c.open {
					opens++
				}
			}
		}
	}
	replies, commands, mixed := 0, 0, false
	for _, m := range append(marks, infixes...) {
		sign := strings.TrimSpace(m.sign)
		v, ok := votes[sign]
		switch {
		case !ok || v[0]+v[1] == 0:
			continue
		case m.side == "" && v[0] > 1 && v[1] > 1: // it stands before both sides' lines
			mixed = true
		case m.side == evidence.Client && v[1] >= v[0], m.side == "" && v[1] > v[0]:
			r.sides[sign] = evidence.Client
			commands += v[1]
		case m.side == evidence.Server && v[0] >= v[1], m.side == "" && v[0] > v[1]:
			r.sides[sign] = evidence.Server
			replies += v[0]
		}
		delete(votes, sign)
	}
	if len(r.sides) > 0 && replies+commands < 2 && rawReplies+rawCommands+connects == 0 {
		clear(r.sides) // one marked line is a quotation, no dialogue
	}
	switch {
	case len(r.sides) == 0:
		r.raw = opens > 0 || rawReplies > 0 && (rawCommands > 0 || connects > 0)
	case replies == 0 && rawReplies > 0:
		r.rawOnly = evidence.Server
	case commands == 0 && rawCommands > 0:
		r.rawOnly = evidence.Client
	}
	if mixed || !r.any() {
		if sides := learn(lines); sides != nil {
			r.sides, r.raw, r.rawOnly, r.learned = sides, false, "", true
		}
	}
	r.names = r.any() && r.named(lines)
	return r
}

// named reports whether what the lines call their sessions are names of conversations: of which each has several lines.
func (r *reader) named(lines []line) bool {
	seen, n := map[string]bool{}, 0
	for _, l := range lines {
		if sp, ok := r.speak(l.text); ok && sp.loose {
			seen[sp.key] = true
			n++
		}
	}
	return n >= 3*len(seen)
}

// any reports whether there is a dialogue at all.
func (r *reader) any() bool { return len(r.sides) > 0 || r.raw }

// read takes the next line.
func (r *reader) read(l line) {
	if sp, ok := r.speak(l.text); ok {
		if side, used := r.sides[sp.sign]; used {
			if sp.side = side; sp.loose && !r.names {
				sp.key = ""
			}
			if r.spoken(l, sp) {
				r.byMark = true
				return
			}
		}
	}
	if r.unmarked(l) {
		return
	}
	r.byMark = r.byMark && strings.TrimSpace(l.text) == ""
	if at, ok := connecting(l.text); ok {
		r.connect(l, at)
		return
	}
	if r.cur != nil && closing(r.cur, l.text) {
		return
	}
	r.rest = append(r.rest, stray{l, r.cur})
}

// spoken reads a marked line. It reports false for one that turns out to be no part of a dialogue.
func (r *reader) spoken(l line, sp speech) bool {
	if sp.side == evidence.Server {
		first, _, _ := strings.Cut(sp.text, "\n")
		if !isReplyLine(first) {
			return strings.HasPrefix(sp.text, "retcode")
		}
		t := r.talk(sp.key, first, l.n)
		for _, s := range strings.Split(sp.text, "\n") {
			if isReplyLine(s) {
				t.server(s)
			}
		}
		return true
	}
	t := r.talk(sp.key, "", l.n)
	switch {
	case strings.ContainsFunc(sp.text, func(c rune) bool { return c < ' ' && c != '\t' }) && strings.Contains(sp.text, "EHLO "):
		// Something put octets of its own before the command: it is one line to the server.
		t.client(sp.text[strings.Index(sp.text, "EHLO "):])
		t.add(evidence.Event{Note: &evidence.Note{Text: "other octets were sent before this command"}})
	case strings.Contains(sp.text, "\n"):
		for _, s := range strings.Split(sp.text, "\n") {
			t.client(s)
		}
	default:
		t.client(strings.TrimRight(sp.text, "\r"))
	}
	return true
}

// unmarked reads a line without a mark: of a dialogue that has none, of the side that has none, or the rest of a reply
// whose first line alone was marked.
func (r *reader) unmarked(l line) bool {
	s := strings.TrimRight(l.text, " \t\r")
	sh := shapeOf(strings.TrimLeft(s, " \t"))
	if !r.raw {
		rest := r.byMark && r.cur != nil && sh == reply && (r.cur.parser.Started() || len(r.cur.pending) > 0)
		if !rest && !(sh == reply && r.rawOnly == evidence.Server) && !(sh == command && r.rawOnly == evidence.Client) {
			return false
		}
	}
	s = strings.TrimLeft(s, " \t")
	switch {
	case sh == reply && (r.cur == nil || !r.cur.data || r.cur.body > 0):
		r.talk("", s, l.n).server(s)
	case sh == command && (r.cur == nil || !r.cur.data):
		r.talk("", "", l.n).client(s)
	case r.raw && r.cur != nil && r.cur.data:
		r.cur.client(strings.TrimRight(l.text, "\r"))
	case r.raw && r.cur != nil && r.cur.auth >= 0 && len(r.cur.pending) == 0 && oneWord(s):
		r.cur.client(s)
	default:
		return false
	}
	return true
}

// oneWord reports whether a line can be a client's answer to a 334: one word, or the note that one was taken out.
func oneWord(s string) bool {
	return s != "" && (!strings.Contains(s, " ") || strings.HasPrefix(s, "[") || strings.HasPrefix(s, "<"))
}

// talk finds the conversation that a line belongs to. A greeting begins a new one, unless the last has not had its own.
func (r *reader) talk(key, replyLine string, n int) *talk {
	if key != "" {
		if t, ok := r.book.byKey[key]; ok {
			r.cur = t
		} else if r.cur == nil || r.cur.spoken {
			r.begin(key, n)
		} else {
			r.book.byKey[key] = r.cur
		}
		return r.cur
	}
	fresh := strings.HasPrefix(replyLine, "220") && r.cur != nil && r.cur.spoken && !r.cur.parser.Started() && len(r.cur.pending) == 0 && !r.cur.begin
	if r.cur == nil || fresh {
		r.begin("", n)
	}
	return r.cur
}

func (r *reader) begin(key string, n int) {
	r.cur = r.book.open(key, r.program, n)
	r.cur.at(r.pend.host, r.pend.addr, r.pend.port)
	r.cur.tried = r.pend != place{}
	r.pend = place{}
}

// greetedBefore reports whether a line tells that the current connection opened, after its greeting: JavaMail has them so.
func (r *reader) greetedBefore(c connection) bool {
	return c.open && r.cur != nil && r.cur.greeted && !r.cur.connected && r.cur.sent < 0
}

// connect reads a line about opening the connection.
func (r *reader) connect(l line, c connection) {
	if !r.greetedBefore(c) && (r.cur == nil || r.cur.spoken || r.cur.connected && c.open) {
		if !c.open && r.cur == nil {
			r.pend.merge(c.place)
			r.rest = append(r.rest, stray{l, nil})
			return
		}
		if r.cur == nil || r.cur.spoken {
			r.begin("", l.n)
		}
	}
	r.cur.at(c.host, c.addr, c.port)
	if c.open {
		r.cur.dialed(c.addr, c.port)
		// s_client shows what follows the handshake's beginning, unless its octets are shown.
		r.cur.begin = r.cur.begin || strings.HasPrefix(l.text, "CONNECTED(") && len(r.sides) == 0
	} else {
		r.rest = append(r.rest, stray{l, r.cur})
	}
}
