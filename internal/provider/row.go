package provider

import (
	"regexp"
	"strings"
	"sync"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// A Row says what one kind of reply means. Its words are matched, not its code alone: one code stands for many things, and
// client libraries eat codes.
type Row struct {
	ID       string       // stable: reports cite it
	Service  string       // whose words these are: "microsoft365", "exchange", "postfix", "generic" ...
	Code     int          // the usual reply code; 0 if there is no usual one
	Status   string       // the usual enhanced status, or a range: "5.7.57", "5.7.606-649"
	Pattern  string       // RE2, matched without regard to case over folded text (see Match); "" for rows found by code alone
	Steps    []cause.Step // where it is met; empty for any step
	NDR      bool         // met in a non-delivery report, from a server further on, and there may be no session to look at
	Cause    cause.ID     // what it means
	At       []AtStep     // what it means instead at some steps
	Also     []cause.ID   // what the same words can mean too
	Firm     Firmness     // how firmly the words name the cause
	Meaning  string       // one sentence
	Actions  []string     // what to do, the likeliest cure first
	Links    []string
	Retry    bool // sending the same again later can succeed
	Verified bool // the words or the code were seen in a source; otherwise they are known from experience alone
	Sources  []Source
}

// An AtStep is another reading of a row's words at a step.
type AtStep struct {
	Step  cause.Step
	Cause cause.ID
}

// Firmness is how firmly words speak for a cause. What the evidence as a whole proves is not decided here.
type Firmness int

const (
	Possible Firmness = iota // the words fit it, and other causes as well
	Suggests                 // the words are mostly said for it
	Names                    // the server itself names the cause
)

func (f Firmness) String() string { return [...]string{"possible", "suggests", "names"}[f] }

// Rows lists every row in the order in which they are tried: the first that fits wins, so the special stand before the general.
// Tables of one service stand together; what its words share with others comes after both.
func Rows() []Row { return allRows() }

var allRows = sync.OnceValue(func() []Row {
	var rows []Row
	for _, t := range tables {
		rows = append(rows, t.rows...)
	}
	return rows
})

// RowByID finds a row.
func RowByID(id string) (Row, bool) {
	for _, r := range allRows() {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}

// A matcher is a row's pattern made ready.
type matcher struct {
	re    *regexp.Regexp
	words []string // one of these must stand in the text; none: any text will do
}

// find returns where the pattern fits, or nil.
func (m matcher) find(text string) []int {
	if m.re == nil || !holdsAny(text, m.words) {
		return nil
	}
	return m.re.FindStringIndex(text)
}

// matchers are those of the rows, in the order of allRows; one without a pattern never fits. They are made at the first
// match: most runs of the program read no reply.
var matchers = sync.OnceValue(func() []matcher {
	rows := allRows()
	ms := make([]matcher, len(rows))
	for i, r := range rows {
		if r.Pattern != "" {
			ms[i] = matcher{pattern(r.Pattern), literalsOf(lowerPattern(r.Pattern))}
		}
	}
	return ms
})

var patterns sync.Map // string -> *regexp.Regexp

// pattern compiles a pattern of this package's tables once. They are matched against lower-case text, which lets the
// regexp package look for their literal beginnings; so their own letters are made small here, escapes apart.
func pattern(p string) *regexp.Regexp {
	if re, ok := patterns.Load(p); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(lowerPattern(p))
	patterns.Store(p, re)
	return re
}

// lowerPattern makes the letters of a pattern small, but not those of escapes (\S, \D, \B).
func lowerPattern(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '\\' && i+1 < len(p):
			b.WriteByte(c)
			i++
			c = p[i]
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}
