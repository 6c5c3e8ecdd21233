package report

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A Tally counts the conversations of a capture by client, server, step and cause, so that any number of them can be
// summed up in bounded memory.
type Tally struct {
	Files         []string `json:"files"`
	Conversations int      `json:"conversations"`
	Failed        int      `json:"failed"`
	Others        int      `json:"other_connections"` // TCP connections that are no mail
	Notes         []string `json:"notes"`             // about the files: what could not be read, what was compared
	Groups        []*Group `json:"groups"`
	Uncounted     int      `json:"uncounted"` // conversations of groups beyond maxGroups

	index map[groupKey]*Group
}

// A Group is the conversations of one client with one server that ended alike.
type Group struct {
	First      int                 `json:"first"` // number of the first of them: --conversation shows it
	Count      int                 `json:"count"`
	Client     netip.Addr          `json:"client"`
	Server     netip.AddrPort      `json:"server"`
	Host       string              `json:"host"` // the name that the client used, as far as it was seen
	Step       cause.Step          `json:"step"`
	Cause      cause.ID            `json:"cause"`
	Confidence diagnose.Confidence `json:"confidence"`
	Summary    string              `json:"summary"` // of the first of them
}

type groupKey struct {
	client     netip.Addr
	server     netip.AddrPort
	step       cause.Step
	cause      cause.ID
	confidence diagnose.Confidence
}

// maxGroups bounds what a capture of a whole network can make of a summary.
const maxGroups = 5000

// Add counts one conversation, and reports whether it is the first of its group.
func (t *Tally) Add(number int, tr *evidence.Trace, v *diagnose.Finding) bool {
	t.Conversations++
	if failed(v) {
		t.Failed++
	}
	k := groupKey{tr.Local.Addr(), tr.Address, v.Step, v.Cause, v.Confidence}
	if g := t.index[k]; g != nil {
		g.Count++
		return false
	}
	if len(t.Groups) == maxGroups {
		t.Uncounted++
		return false
	}
	g := &Group{First: number, Count: 1, Client: k.client, Server: k.server, Step: v.Step, Cause: v.Cause, Confidence: v.Confidence, Summary: v.Summary}
	if h := tr.Walk.Host; h != tr.Address.Addr().String() {
		g.Host = h
	}
	if t.index == nil {
		t.index = map[groupKey]*Group{}
	}
	t.index[k] = g
	t.Groups = append(t.Groups, g)
	return true
}

// sort puts what failed first, in the order of the tree, and the largest groups of a cause before the others.
func (t *Tally) sort() {
	slices.SortStableFunc(t.Groups, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), b.Count-a.Count, a.First-b.First)
	})
}

func place(g *Group) int {
	if g.Step == cause.None {
		return len(cause.Steps)
	}
	return g.Step.Index()
}

// Text prints the summary for a person.
func (t *Tally) Text(w io.Writer, o Options) error {
	t.sort()
	p := &page{o: o}
	p.text(plain, "", "", fmt.Sprintf("%s in %s, %d of them failed; %s.", count(int64(t.Conversations), "mail conversation"),
		strings.Join(t.Files, " and "), t.Failed, count(int64(t.Others), "other TCP connection")))
	p.blank()
	const outcome = 4 // the column that a narrow table begins a second line with
	rows := [][]string{{"no.", "times", "client", "server", "step", "cause", "sure?"}}
	for _, g := range t.Groups[:min(len(t.Groups), maxRows)] {
		server := g.Server.String()
		if g.Host != "" {
			server = fmt.Sprintf("%s:%d", g.Host, g.Server.Port())
		}
		rows = append(rows, []string{strconv.Itoa(g.First), strconv.Itoa(g.Count), addressText(g.Client), server, string(g.Step), string(g.Cause), string(g.Confidence)})
	}
	p.folded(rows, outcome)
	if more := len(t.Groups) - maxRows; more > 0 {
		p.text(plain, "  ", "  ", fmt.Sprintf("and %d more rows, which --format json lists", more))
	}
	p.list("About the files", t.Notes)
	if len(t.Groups) > 0 {
		p.blank()
		p.text(plain, "", "", fmt.Sprintf("See one of them whole: smtptriage analyze --conversation %d %s", t.Groups[0].First, strings.Join(t.Files, " ")))
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// table prints rows in columns that are as wide as their widest cell. Cells are not wrapped: addresses are to be copied whole.
func (p *page) table(rows [][]string) { p.folded(rows, len(rows[0])) }

// folded is a table whose columns from the one called second on stand on a line of their own below each row, if they do not
// fit beside the others.
func (p *page) folded(rows [][]string, second int) {
	width := make([]int, len(rows[0]))
	total := 0
	for i := range width {
		for _, r := range rows {
			width[i] = max(width[i], len(Clean(r[i])))
		}
		total += 2 + width[i]
	}
	if total <= p.o.width() {
		second = len(width)
	}
	const indent = "       "
	for n, r := range rows {
		var line strings.Builder
		for i, cell := range r {
			if i == second {
				p.row(n, line.String())
				line.Reset()
				line.WriteString(indent)
			}
			line.WriteString("  " + pad(Clean(cell), width[i]))
		}
		p.row(n, line.String())
	}
}

// row prints a line of the row of a table; row 0 is its head.
func (p *page) row(n int, line string) {
	c := plain
	if n == 0 {
		c = dim
	}
	p.b.WriteString(p.paint(c, strings.TrimRight(line, " ")) + "\n")
}

// JSON prints the report of those conversations that the record holds, with the summary of all under "capture".
func (t *Tally) JSON(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis) error {
	t.sort()
	t.Notes, t.Files = some(t.Notes), some(t.Files)
	if t.Groups == nil {
		t.Groups = []*Group{}
	}
	return writeDocument(w, struct {
		Document
		Capture *Tally `json:"capture"`
	}{NewDocument(rec, d), t})
}
