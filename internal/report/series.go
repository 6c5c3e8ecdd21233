package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
)

// run is one run of a check that was repeated, in the JSON report.
type run struct {
	Number  int        `json:"number"`
	Started string     `json:"started"` // RFC 3339
	TookMS  int64      `json:"took_ms"`
	Address string     `json:"address"` // "" if none could be walked to
	Step    cause.Step `json:"step"`
	Cause   cause.ID   `json:"cause"`

	Confidence diagnose.Confidence `json:"confidence"`
	Counted    bool                `json:"counted"` // false: the user ended it before it had a verdict
}

// repeated is what the runs of a repeated check have in common.
type repeated struct {
	Steadiness diagnose.Steadiness `json:"steadiness"`
	Summary    string              `json:"summary"`
	Runs       int                 `json:"runs"` // those that count
	Failed     int                 `json:"failed"`
	Addresses  []repeatedAddress   `json:"addresses"`
	Shown      int                 `json:"shown"` // number of the run that the rest of the report is about
}

type repeatedAddress struct {
	Address string `json:"address"`
	Runs    int    `json:"runs"`
	Failed  int    `json:"failed"`
}

// addSeries puts a series into a document about its typical run.
func (doc *Document) addSeries(s *diagnose.Series) {
	if s == nil {
		return
	}
	doc.Repeated = &repeated{s.Steadiness, s.Summary, s.Runs, s.Failed, []repeatedAddress{}, s.Typical + 1}
	for _, a := range s.Addresses {
		doc.Repeated.Addresses = append(doc.Repeated.Addresses, repeatedAddress{addressText(a.Address), a.Runs, a.Failed})
	}
	for i := range s.Rounds {
		j := &s.Rounds[i]
		v := &j.Diagnosis.Verdict
		doc.Runs = append(doc.Runs, run{i + 1, stamp(j.Record.Started), j.Record.Took.Milliseconds(), addressText(j.Address()), v.Step, v.Cause,
			v.Confidence, !j.CutShort})
	}
}

// SeriesJSON writes the report on a repeated check for programs: that of the typical run, with all runs.
func SeriesJSON(w io.Writer, s *diagnose.Series) error {
	rec, d := s.Shown()
	doc := NewDocument(rec, &d)
	doc.addSeries(s)
	return writeDocument(w, doc)
}

// SeriesText writes the report on a repeated check for a person: what the runs have in common, a table of them, and the report on
// the typical one.
func SeriesText(w io.Writer, s *diagnose.Series, o Options) error {
	p := &page{o: o}
	p.painted(plain, "", "", seriesPaint(s), s.Summary)
	p.blank()
	p.runs(s)
	p.blank()
	p.text(plain, "", "", fmt.Sprintf("The report on run %d, which stands for the others:", s.Typical+1))
	p.blank()
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return err
	}
	rec, d := s.Shown()
	return Text(w, rec, &d, o)
}

// SeriesTable writes the table of the runs alone.
func SeriesTable(w io.Writer, s *diagnose.Series) error {
	p := &page{}
	p.text(plain, "", "", s.Summary)
	p.blank()
	p.runs(s)
	_, err := io.WriteString(w, p.b.String())
	return err
}

func seriesPaint(s *diagnose.Series) paint {
	switch {
	case s.Steadiness == diagnose.TooFew:
		return yellow
	case s.Failed == 0:
		return green
	}
	return red
}

// runs lists the runs, and then the addresses if there are several.
func (p *page) runs(s *diagnose.Series) {
	rows := [][]string{{"run", "time (UTC)", "address", "step", "cause", "sure?", "took"}}
	skip := max(0, len(s.Rounds)-maxRows)
	for i := skip; i < len(s.Rounds); i++ {
		rows = append(rows, runRow(i+1, &s.Rounds[i]))
	}
	if skip > 0 {
		p.text(plain, "  ", "  ", fmt.Sprintf("The last %d runs; --format json lists the %d before them too.", maxRows, skip))
	}
	p.table(rows)
	if len(s.Addresses) < 2 {
		return
	}
	rows = [][]string{{"address", "runs", "failed"}}
	for _, a := range s.Addresses {
		rows = append(rows, []string{addressOrNone(addressText(a.Address)), strconv.Itoa(a.Runs), strconv.Itoa(a.Failed)})
	}
	p.blank()
	p.table(rows)
}

func runRow(number int, j *diagnose.JudgedRound) []string {
	v := &j.Diagnosis.Verdict
	row := []string{strconv.Itoa(number), j.Record.Started.UTC().Format("15:04:05"), addressOrNone(addressText(j.Address())), string(v.Step), string(v.Cause),
		string(v.Confidence), duration(j.Record.Took.Round(time.Millisecond))}
	if j.CutShort {
		row[3], row[4], row[5] = "-", "ended by the user", "-"
	}
	return row
}

func addressOrNone(a string) string {
	if a == "" {
		return "none"
	}
	return a
}

// RunLine says in one line how a run of a repeated check went, for whoever watches.
func RunLine(number int, j *diagnose.JudgedRound) string {
	return Clean("run "+strings.Join(runRow(number, j), "  ")) + "\n"
}
