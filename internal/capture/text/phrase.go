package text

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A phrase is what a program says when one thing happened. Words are in the form of fold: small letters, blanks for
// underscores. "…" stands for up to 300 octets of anything. A digit at an end of the words must be the number's end.
type phrase struct {
	words string
	means meaning
}

// A meaning is the fact that a phrase states. One of its fields is set, apart from the flags.
type meaning struct {
	socket evidence.Outcome          // a connection, or the attempt at one, fared so; in which wait, the words around tell
	wait   string                    // with socket: the wait, where the phrase itself tells; or dial, or reading
	errno  string                    // with socket: its name
	lookup lookup                    // a name could not be looked up
	tls    evidence.TLSFailure       // a handshake failed so
	alert  *tlswire.AlertDescription // a TLS alert came
	cert   evidence.CertProblem      // a certificate did not verify
	said   string                    // nothing of the wire: a kind of evidence.Said
	ok     string                    // the server took what was asked: the verb

	weak    bool // a wrapper: only worth something if nothing else is said
	inReply bool // stands in the words of a reply, and is looked for there
}

// A lookup says how a look-up of a name failed.
type lookup int

const (
	noLookup lookup = iota
	nameUnknown
	resolverFails
)

// same reports whether two phrases state one fact.
func (m meaning) same(o meaning) bool {
	if (m.alert == nil) != (o.alert == nil) || m.alert != nil && *m.alert != *o.alert {
		return false
	}
	return m.socket == o.socket && m.wait == o.wait && m.lookup == o.lookup && m.tls == o.tls && m.cert == o.cert && m.said == o.said && m.ok == o.ok
}

// Shorthands for the tables.
func socket(o evidence.Outcome, errno string) meaning { return meaning{socket: o, errno: errno} }
func waiting(o evidence.Outcome, wait string) meaning { return meaning{socket: o, wait: wait} }
func said(kind string) meaning                        { return meaning{said: kind} }
func cert(p evidence.CertProblem) meaning             { return meaning{cert: p} }
func alert(d tlswire.AlertDescription) meaning        { return meaning{alert: &d} }
func weak(m meaning) meaning                          { m.weak = true; return m }

var notTLS = meaning{tls: evidence.TLSNotTLS}

// fold makes text plain for phrases: small letters, blanks for underscores and runs of blanks, plain quotes.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	blank := true
	for _, r := range s {
		switch {
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case r == '_', r == '\t', r == 0xa0, r == '\n':
			r = ' '
		case r == '\u2018', r == '\u2019', r == '`', r == '\u00b4':
			r = '\''
		case r == '\u201c', r == '\u201d':
			r = '"'
		case r >= 0x80:
			r = unicode.ToLower(r)
		}
		if r == ' ' {
			if !blank {
				b.WriteByte(' ')
			}
			blank = true
			continue
		}
		blank = false
		b.WriteRune(r)
	}
	return b.String()
}

// A hit is a phrase that stands in a line, and where in its folded form.
type hit struct {
	place      int // of the phrase in the tables
	start, end int
}

// A phraseIndex finds phrases by the first octets of their words.
type phraseIndex struct {
	all    []phrase
	byHead map[[headLen]byte][]int
}

// headLen is how many octets phrases are found by; each begins with at least as many.
const headLen = 3

var index = sync.OnceValue(func() phraseIndex {
	x := phraseIndex{byHead: map[[headLen]byte][]int{}}
	for _, table := range tables {
		for _, p := range table {
			head := [headLen]byte([]byte(p.words[:headLen]))
			x.byHead[head] = append(x.byHead[head], len(x.all))
			x.all = append(x.all, p)
		}
	}
	return x
})

// hits finds the phrases that stand in folded text, each where it stands first, in the order of the tables. Only those are
// looked for that stand in replies, or only the others.
func (x phraseIndex) hits(s string, inReply bool) []hit {
	var out []hit
	for i := 0; i+headLen <= len(s); i++ {
		for _, n := range x.byHead[[headLen]byte([]byte(s[i:i+headLen]))] {
			if x.all[n].means.inReply != inReply || slices.ContainsFunc(out, func(h hit) bool { return h.place == n }) {
				continue
			}
			if end := x.all[n].fits(s, i); end > 0 {
				out = append(out, hit{n, i, end})
			}
		}
	}
	slices.SortFunc(out, func(a, b hit) int { return a.place - b.place })
	return out
}

// wildcard bounds what "…" can stand for.
const wildcard = 300

// fits returns where the words end if they stand at i, or -1.
func (p phrase) fits(s string, i int) int {
	rest, at := p.words, i
	for first := true; ; first = false {
		part, more, again := strings.Cut(rest, "…")
		begin := at
		if first {
			if !strings.HasPrefix(s[at:], part) {
				return -1
			}
		} else {
			window := s[at:]
			if len(window) > wildcard {
				window = window[:wildcard]
			}
			j := strings.Index(window, part)
			if j < 0 {
				return -1
			}
			begin += j
		}
		end := begin + len(part)
		if part != "" && (digit(part[0]) && begin > 0 && digit(s[begin-1]) || digit(part[len(part)-1]) && end < len(s) && digit(s[end])) {
			return -1
		}
		at, rest = end, more
		if !again {
			break
		}
	}
	if bareNumber(p.words) && !calledError(s[:i]) {
		return -1
	}
	return at
}

func bareNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// errorWords are said before the number of an error, in the languages that Windows is often met in.
var errorWords = []string{"err", "code", "socket", "wsa", "winsock", "#", "fehler", "exception", "шибк", "エラー", "错误", "błąd", "hata", "fout", "codice", "código", "fel ", "chyba", "exit"}

// calledError reports whether what stands before a number says that it is an error's: else a process id would be one.
func calledError(before string) bool {
	if len(before) > 60 {
		before = before[len(before)-60:]
	}
	for _, w := range errorWords {
		if strings.Contains(before, w) {
			return true
		}
	}
	return false
}

// tables are all phrases, those that say more before those that say less.
var tables = [][]phrase{clientPhrases, certificatePhrases, tlsPhrases, alertPhrases, lookupPhrases, serverLogPhrases, socketPhrases, localisedPhrases, wrapperPhrases}
