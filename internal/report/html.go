package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

//go:embed assets/report.html
var htmlSource string

//go:embed assets/report.css
var htmlStyle string

// htmlTemplate is parsed when it is first used: other reports start without it.
var htmlTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Parse(htmlSource))
})

// htmlPage is what the template shows. All its strings are clean; the template escapes them.
type htmlPage struct {
	CSS                                                    template.CSS
	Title, Tone, Summary, Problem, Cause, Confidence, Sure string
	Letter                                                 *htmlLetter
	Because, Actions, Others, RuledOut, Patterns, Guidance []string
	Paths                                                  []htmlPath
	Timeline                                               template.HTML
	Experiments                                            []htmlExperiment
	Doors                                                  []htmlDoor
	TraceHelp, CannotKnow, Links                           []string
	Transcripts                                            []htmlTranscript
	Facts                                                  []htmlFact
}

type htmlLetter struct{ Title, Text string }

type htmlPath struct {
	Title   string
	Picture template.HTML
	Steps   []htmlStep
}

type htmlStep struct{ Name, Status, Detail string }

type htmlExperiment struct{ Name, Because, Result string }

type htmlDoor struct {
	Name, Reaches string
	Needs         []string
}

type htmlTranscript struct {
	Title, Text string
	Open        bool
}

type htmlFact struct{ Name, Value string }

// maxTranscripts is how many conversations the page holds in full; the evidence file has all.
const maxTranscripts = 60

// HTML writes one page that needs nothing but itself: no script, no outside request, light and dark, for screen and paper.
func HTML(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, to Reader) error {
	n := notes{rec: rec, d: d, to: to}
	v := &d.Verdict
	color, head := headline(rec, d)
	page := htmlPage{
		CSS: template.CSS(htmlStyle), Title: Clean(head), Tone: tones[color], Summary: Clean(told(v)), Problem: Clean(n.problem()),
		Cause: string(v.Cause), Confidence: string(v.Confidence), Actions: cleaned(v.Actions), RuledOut: cleaned(n.ruledOut()),
		Guidance: cleaned(d.Guidance), TraceHelp: cleaned(n.traceHelp()), CannotKnow: cleaned(d.CannotKnow), Links: cleaned(v.Links),
	}
	if failed(v) {
		page.Sure = confidenceWords[v.Confidence]
	}
	if to != ForAnyone {
		text, _ := letter(d, to)
		page.Letter = &htmlLetter{readerTitles[to], Clean(text)}
	}
	for _, g := range v.Because {
		page.Because = append(page.Because, Clean(g.Text+parenthesis(whereSeen(rec, g, tracesOf(d)))))
	}
	for _, f := range d.Findings[min(1, len(d.Findings)):] {
		page.Others = append(page.Others, Clean(fmt.Sprintf("%s (%s): %s", f.Cause, f.Confidence, sentence(f.Summary))))
	}
	for _, p := range d.Patterns {
		page.Patterns = append(page.Patterns, Clean(p.Title+": "+p.Meaning))
	}
	for i := range d.Paths {
		page.Paths = append(page.Paths, newHTMLPath(&d.Paths[i]))
	}
	for i := range rec.Runs {
		page.Experiments = append(page.Experiments, htmlExperiment{Clean(rec.Runs[i].Name), Clean(rec.Runs[i].Because), Clean(resultOf(rec, d, i))})
	}
	for _, door := range n.doors() {
		page.Doors = append(page.Doors, htmlDoor{door.Name(), door.Reaches, door.Needs})
	}
	if t := shownTrace(rec, d); t != nil {
		page.Timeline = timeline(t)
	}
	page.Transcripts = htmlTranscripts(rec, d)
	page.Facts = htmlFacts(n)
	return htmlTemplate().Execute(w, page)
}

var tones = map[paint]string{red: "bad", yellow: "warn", green: "ok"}

func cleaned(list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, Clean(s))
	}
	return out
}

func newHTMLPath(p *diagnose.Path) htmlPath {
	h := htmlPath{Title: Clean(pathTitle(p)), Picture: picture(p)}
	for _, s := range p.Steps {
		name := StepName(s.Step)
		if s.Number > 0 {
			name = fmt.Sprintf("%d. %s", s.Number, name)
		}
		detail := s.Detail
		if detail == "" {
			detail = defaultDetails[s.Status]
		}
		h.Steps = append(h.Steps, htmlStep{name, string(s.Status), Clean(detail)})
	}
	return h
}

// htmlTranscripts holds the conversation that matters first, and open; the others folded.
func htmlTranscripts(rec *evidence.Record, d *diagnose.Diagnosis) []htmlTranscript {
	var out []htmlTranscript
	shown := shownTrace(rec, d)
	add := func(t *evidence.Trace, open bool) {
		title, text, _ := strings.Cut(Transcript(t), "\n")
		out = append(out, htmlTranscript{title, text, open})
	}
	if shown != nil {
		add(shown, true)
	}
	for i := range rec.Traces {
		if t := &rec.Traces[i]; t != shown && len(out) < maxTranscripts {
			add(t, false)
		}
	}
	return out
}

func htmlFacts(n notes) []htmlFact {
	var f []htmlFact
	add := func(name, value string) {
		if value != "" {
			f = append(f, htmlFact{name, Clean(value)})
		}
	}
	if !n.rec.Started.IsZero() {
		add("When", n.rec.Started.UTC().Format("2006-01-02 15:04:05 UTC")+", took "+duration(n.rec.Took.Round(time.Millisecond)))
	}
	if n.d.PublicIP.IsValid() {
		add("Public address, as the server saw it", n.d.PublicIP.String())
	}
	for _, c := range n.d.Codes {
		add("Refused at "+StepName(c.Step), c.Text)
	}
	if m := n.d.PathMTU; m != nil {
		add("Path MTU", fmt.Sprintf("to the server %s, from it %s", orUnknown(m.ToServer), orUnknown(m.FromServer)))
	}
	add("Service", n.d.Provider)
	add("Contacted", strings.Join(n.rec.Contacted, ", "))
	add("Interrupted", n.rec.Interrupted)
	add("By", joined(" ", n.rec.Tool.Name, n.rec.Tool.Version))
	return f
}
