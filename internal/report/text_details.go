package report

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// resultOf is what an experiment showed, in one sentence.
func resultOf(rec *evidence.Record, d *diagnose.Diagnosis, i int) string {
	if rec.Runs[i].NotPossible != "" {
		return "not possible here: " + rec.Runs[i].NotPossible
	}
	if i < len(d.Results) && d.Results[i] != "" {
		return d.Results[i]
	}
	return "nothing that speaks for or against a cause"
}

// experiments are what was tried to tell the causes apart.
func (p *page) experiments(rec *evidence.Record, d *diagnose.Diagnosis) {
	if len(rec.Runs) == 0 {
		return
	}
	p.heading("What was tried to tell the causes apart")
	for i := range rec.Runs {
		r := &rec.Runs[i]
		name := r.Name
		if r.NotPossible == "" {
			name += parenthesis(duration(r.Took))
		}
		p.text(plain, "  - ", "    ", name+": "+resultOf(rec, d, i))
	}
}

func (p *page) otherCauses(d *diagnose.Diagnosis) {
	if len(d.Findings) < 2 {
		return
	}
	p.heading("What else it could be")
	for _, f := range d.Findings[1:] {
		p.text(plain, "  - ", "    ", fmt.Sprintf("%s (%s, %s): %s", f.Cause, f.Confidence, StepName(f.Step), sentence(f.Summary)))
	}
}

// otherDoors are the paths that were walked beside the one asked about.
func (p *page) otherDoors(d *diagnose.Diagnosis) {
	if len(d.Paths) < 2 || d.Paths[0].Role == evidence.RoleObserved {
		return
	}
	p.heading("Other doors, for comparison")
	for i := range d.Paths[1:] {
		path := &d.Paths[i+1]
		v := &path.Verdict
		p.text(plain, "  - ", "    ", fmt.Sprintf("%s: %s, %s", pathTitle(path), v.Cause, told(v)))
	}
}

func (p *page) patterns(d *diagnose.Diagnosis) {
	if len(d.Patterns) == 0 {
		return
	}
	p.heading("What the comparison shows")
	for _, m := range d.Patterns {
		p.text(plain, "  - ", "    ", m.Title+": "+m.Meaning)
		for _, g := range m.Because {
			p.text(plain, "      ", "      ", g.Text)
		}
	}
}

func (p *page) guidance(rec *evidence.Record, d *diagnose.Diagnosis) {
	p.list("Which way to send", d.Guidance)
	if rec.Source != evidence.FromCheck || !failed(&d.Verdict) {
		return
	}
	var doors []string
	for _, door := range (notes{rec: rec, d: d}).doors() {
		doors = append(doors, fmt.Sprintf("%s reaches %s; it needs %s", door.Name(), door.Reaches, strings.Join(door.Needs, "; ")))
	}
	p.list("What each door needs", doors)
}

// Summary is the verdict on one line: for a list of runs, or a log.
func Summary(d *diagnose.Diagnosis) string {
	v := &d.Verdict
	return Clean(strings.TrimSpace(fmt.Sprintf("%s / %s (%s): %s", v.Step, v.Cause, v.Confidence, v.Summary)))
}
