package report

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// pictureMarks are the signs within the knots of the picture; a colour alone would not print.
var pictureMarks = map[diagnose.Status]string{diagnose.Pass: "✓", diagnose.Warn: "!", diagnose.Fail: "✗"}

// picture draws the tree of a path as SVG: one knot a step, the verdict beside the one where it was met.
func picture(p *diagnose.Path) template.HTML {
	const row, left, width = 34, 20, 420
	var b strings.Builder
	height := row*len(p.Steps) + 10
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="The steps of the walk">`, width, height, width, height)
	fmt.Fprintf(&b, `<line class="rail" x1="%d" y1="20" x2="%d" y2="%d"/>`, left, left, height-25)
	for i, s := range p.Steps {
		y := 20 + i*row
		class := map[diagnose.Status]string{diagnose.Pass: "pass", diagnose.Fail: "fail", diagnose.Warn: "warn"}[s.Status]
		fmt.Fprintf(&b, `<circle class="node %s" cx="%d" cy="%d" r="11"/>`, class, left, y)
		if m := pictureMarks[s.Status]; m != "" {
			fmt.Fprintf(&b, `<text class="mark" x="%d" y="%d">%s</text>`, left, y+5, m)
		}
		name := StepName(s.Step)
		if s.Number > 0 {
			name = fmt.Sprintf("%d %s", s.Number, name)
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`, left+22, y+5, svgText(name))
		note := ""
		switch {
		case s.Step == p.Verdict.Step && p.Verdict.Step != cause.None:
			note = fmt.Sprintf("%s (%s)", p.Verdict.Cause, p.Verdict.Confidence)
		case s.Status == diagnose.Pass && s.Took > 0:
			note = duration(s.Took.Round(time.Millisecond))
		case s.Status != diagnose.Pass:
			note = string(s.Status)
		}
		fmt.Fprintf(&b, `<text class="small" x="%d" y="%d">%s</text>`, left+170, y+5, svgText(note))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String())
}

func svgText(s string) string { return template.HTMLEscapeString(Clean(s)) }

// timeline draws how long each wait of a conversation took. Empty if its times are worth nothing.
func timeline(t *evidence.Trace) template.HTML {
	if !t.Sees.Timing || len(t.Events) == 0 {
		return ""
	}
	total := t.Events[len(t.Events)-1].At
	if total <= 0 {
		return ""
	}
	type span struct {
		name     string
		from, to time.Duration
	}
	var spans []span
	last := time.Duration(0)
	add := func(name string, to time.Duration) {
		if to > last {
			spans = append(spans, span{name, last, to})
		}
		last = max(last, to)
	}
	for i := range t.Events {
		switch e := &t.Events[i]; {
		case e.Dialed != nil:
			add("connect", e.At)
		case e.Reply != nil && e.Reply.To < 0:
			add("greeting", e.At)
		case e.Reply != nil:
			name := t.Events[e.Reply.To].Sent.Verb
			if name == "" {
				name = "AUTH"
			}
			add(name, e.At)
		case e.Secured != nil, e.TLSFailed != nil:
			add("TLS handshake", e.At)
		case e.Ended != nil && e.Ended.Waiting != "":
			add("waiting for "+e.Ended.Waiting, e.At)
		}
	}
	if len(spans) > 24 {
		spans = spans[:24]
	}
	if len(spans) == 0 {
		return ""
	}
	const row, left, width = 22, 140, 480
	var b strings.Builder
	height := row*len(spans) + 24
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="How long each wait took">`, width, height, width, height)
	scale := float64(width-left-90) / float64(total)
	for i, s := range spans {
		y := i * row
		x := left + int(float64(s.from)*scale)
		w := max(2, int(float64(s.to-s.from)*scale))
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text><rect class="bar" x="%d" y="%d" width="%d" height="12" rx="2"/><text class="small" x="%d" y="%d">%s</text>`,
			y+15, svgText(s.name), x, y+5, w, x+w+5, y+15, svgText(duration((s.to - s.from).Round(time.Millisecond))))
	}
	fmt.Fprintf(&b, `<line class="axis" x1="%d" y1="%d" x2="%d" y2="%d"/><text class="small" x="%d" y="%d">0</text><text class="small" x="%d" y="%d">%s</text></svg>`,
		left, height-18, width-90, height-18, left, height-4, width-110, height-4, svgText(duration(total.Round(time.Millisecond))))
	return template.HTML(b.String())
}
