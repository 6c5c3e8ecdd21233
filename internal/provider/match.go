package provider

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A Match is a row that fits a reply, read at the step where the reply was met.
type Match struct {
	Row
	Cause      cause.ID // the row's reading at the step asked about
	Firm       Firmness // never more than the row's own; less where the code alone spoke
	Start, End int      // the words that fitted, as offsets in the text given; equal if the code alone did
	ByCode     bool     // no words fitted: the bare code or enhanced status did
}

// MatchText finds the first row whose words stand in text: a reply's text with or without its code, or a message that quotes
// one. The step is where the reply was met, or "" if that is not known. Line ends, blanks, quotes and capitals do not
// matter, nor does a code repeated within a folded reply.
func MatchText(text string, step cause.Step) (Match, bool) {
	f := fold(text)
	if inner := serverWords(f.text); inner > 0 {
		if m, ok := f.first(inner, step); ok {
			return m, true
		}
	}
	return f.first(0, step)
}

// MatchAll finds every row whose words stand in text, in the rows' order: for a reader who wants to see what else fits.
func MatchAll(text string, step cause.Step) []Match {
	f := fold(text)
	var all []Match
	for i := range matchers() {
		if m, ok := f.row(i, 0, step); ok {
			all = append(all, m)
		}
	}
	return all
}

// first is the first row that fits the text from an offset on.
func (f folded) first(from int, step cause.Step) (Match, bool) {
	for i := range matchers() {
		if m, ok := f.row(i, from, step); ok {
			return m, true
		}
	}
	return Match{}, false
}

// row matches one row against the text from an offset on.
func (f folded) row(i, from int, step cause.Step) (Match, bool) {
	loc := matchers()[i].find(f.text[from:])
	if loc == nil {
		return Match{}, false
	}
	m := read(allRows()[i], step)
	m.Start, m.End = f.span(from+loc[0], from+loc[1])
	return m, true
}

// quoting are the words with which .NET leads from its own sentence to the server's, in some of its languages. Its own
// sentence is made from the reply code alone, and misleads: "Mailbox unavailable", "the client was not authenticated".
var quoting = regexp.MustCompile(`(?:server response (?:was|is)|serverantwort (?:war|lautete?)|réponse du serveur (?:était|a été)|respuesta del servidor (?:fue|es)|risposta del server[^:]{0,10}|serverreactie (?:was|is)|resposta do servidor (?:foi|era)) ?: ?`)

// serverWords is where the server's own words begin in a folded text that quotes them; 0 if it quotes none.
func serverWords(text string) int {
	all := quoting.FindAllStringIndex(text, 4)
	if len(all) == 0 || all[len(all)-1][1] >= len(text) {
		return 0
	}
	return all[len(all)-1][1]
}

// MatchReply finds the row of a reply: by its words, or else by its code and enhanced status alone. The offsets are in
// r.String(). A positive or intermediate reply has no row.
func MatchReply(r smtp.Reply, step cause.Step) (Match, bool) {
	if r.Positive() || r.Intermediate() {
		return Match{}, false
	}
	if m, ok := MatchText(r.String(), step); ok {
		return m, true
	}
	return LookUp(r.Code, r.Enhanced, step)
}

// MetAfter reports whether replies are known that stand for a cause at a step after the given one.
func MetAfter(id cause.ID, step cause.Step) bool {
	return slices.ContainsFunc(allRows(), func(r Row) bool {
		late := func(s cause.Step) bool { return step.Before(s) }
		return (r.Cause == id || slices.Contains(r.Also, id)) && slices.ContainsFunc(r.Steps, late) ||
			slices.ContainsFunc(r.At, func(a AtStep) bool { return a.Cause == id && late(a.Step) })
	})
}

// LookUp finds what a bare code or enhanced status stands for when there are no words, or none that a row knows: "550 5.7.64"
// out of a log. The row that carries the enhanced status wins, else its registered meaning (RFC 3463 and its updates), else the
// reply code's at that step (RFC 5321, section 4.2.3). It never speaks more firmly than Suggests, and where rows of one status
// differ in their cause, it is Possible and names the others.
func LookUp(code int, st smtp.EnhancedStatus, step cause.Step) (Match, bool) {
	if !st.IsZero() {
		if m, ok := lookUpStatus(st, step); ok {
			return m, true
		}
	}
	for _, r := range bareCodes {
		if (r.Code == code || r.Code < 10 && r.Code == code/100) && (len(r.Steps) == 0 || slices.Contains(r.Steps, step)) {
			return byCode(r, step, Possible), true
		}
	}
	return Match{}, false
}

func lookUpStatus(st smtp.EnhancedStatus, step cause.Step) (Match, bool) {
	rows := rowsOfStatus(st)
	var causes []cause.ID
	for _, r := range rows {
		if !slices.Contains(causes, r.Cause) {
			causes = append(causes, r.Cause)
		}
	}
	// What the registry says of a detail that rows disagree on is worth more than any one of them.
	if len(causes) != 1 {
		for _, r := range bareStatuses {
			if statusFits(r.Status, st) {
				return byCode(r, step, Possible), true
			}
		}
	}
	if len(rows) == 0 {
		return Match{}, false
	}
	m := byCode(rows[len(rows)-1], step, Suggests) // the general one stands last
	if len(causes) > 1 {
		m.Firm = Possible
		m.Also = slices.Clone(m.Also)
		for _, id := range causes {
			if id != m.Cause && !slices.Contains(m.Also, id) {
				m.Also = append(m.Also, id)
			}
		}
	}
	return m, true
}

// rowsOfStatus are the rows that carry exactly that status, or else those whose range holds it.
func rowsOfStatus(st smtp.EnhancedStatus) []Row {
	var exact, ranged []Row
	for _, r := range allRows() {
		switch {
		case r.Status == st.String():
			exact = append(exact, r)
		case statusFits(r.Status, st):
			ranged = append(ranged, r)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return ranged
}

func byCode(r Row, step cause.Step, limit Firmness) Match {
	m := read(r, step)
	m.Firm = min(m.Firm, limit)
	m.ByCode = true
	return m
}

// read is a row as it is to be understood at a step.
func read(r Row, step cause.Step) Match {
	m := Match{Row: r, Cause: r.Cause, Firm: r.Firm}
	for _, a := range r.At {
		if a.Step == step {
			m.Cause = a.Cause
		}
	}
	if len(r.Also) > 0 {
		m.Firm = min(m.Firm, Suggests)
	}
	return m
}

// statusFits reports whether a row's status ("5.7.57", "5.7.606-649", "x.1.8" for either class) covers st.
func statusFits(status string, st smtp.EnhancedStatus) bool {
	parts := strings.Split(status, ".")
	if len(parts) != 3 {
		return false
	}
	if parts[0] != "x" && parts[0] != strconv.Itoa(st.Class) || parts[1] != strconv.Itoa(st.Subject) {
		return false
	}
	low, high, ranged := strings.Cut(parts[2], "-")
	if !ranged {
		return low == strconv.Itoa(st.Detail)
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	return err1 == nil && err2 == nil && from <= st.Detail && st.Detail <= to
}
