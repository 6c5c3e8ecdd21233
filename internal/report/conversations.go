package report

import (
	"fmt"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// maxRows is how many conversations of others the summary lists.
const maxRows = 200

// conversations lists the conversations of others, if there are several: what each was about and how it ended. The report
// below is about the first of them.
func (p *page) conversations(rec *evidence.Record, d *diagnose.Diagnosis) {
	if len(d.Paths) < 2 || d.Paths[0].Role != evidence.RoleObserved {
		return
	}
	p.text(plain, "", "", fmt.Sprintf("%d conversations; the report below is about the first of this list.", len(d.Paths)))
	p.blank()
	for i := range d.Paths[:min(len(d.Paths), maxRows)] {
		path := &d.Paths[i]
		where := ""
		if len(path.Traces) > 0 {
			if t := rec.Trace(path.Traces[0]); t != nil {
				where = t.Origin
			}
		}
		v := &path.Verdict
		p.text(plain, fmt.Sprintf("  %3d. ", i+1), "       ", fmt.Sprintf("%s / %s%s: %s", v.Step, v.Cause, parenthesis(where), pathTitle(path)))
	}
	if more := len(d.Paths) - maxRows; more > 0 {
		p.text(plain, "       ", "       ", fmt.Sprintf("and %d more, which --format json lists", more))
	}
	p.blank()
}
