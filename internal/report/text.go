package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Text writes the report for a person: the verdict in plain words, why, what to do, then the walk and the details.
func Text(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis, o Options) error {
	p := &page{o: o}
	p.conversations(rec, d)
	p.verdict(rec, d)
	if len(d.Paths) > 0 {
		p.heading("The walk: " + pathTitle(&d.Paths[0]))
		p.tree(&d.Paths[0])
	}
	p.experiments(rec, d)
	p.otherCauses(d)
	p.otherDoors(d)
	p.patterns(d)
	p.conversation(rec, d)
	p.guidance(rec, d)
	p.list("More about it", d.Verdict.Links)
	p.list("What this run cannot know", d.CannotKnow)
	p.colophon(rec, d)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// shownActions are as many as anybody tries before reading on; they come the likeliest first.
const shownActions = 5

// verdict is what a tired reader needs; the rest of the report is proof.
func (p *page) verdict(rec *evidence.Record, d *diagnose.Diagnosis) {
	v := &d.Verdict
	color, head := headline(rec, d)
	p.painted(plain, "", "", color, head)
	p.blank()
	p.text(plain, "  ", "  ", told(v))
	if rec.Interrupted != "" && !strings.Contains(v.Summary, rec.Interrupted) {
		p.text(plain, "  ", "  ", "The run ended before its work was done ("+rec.Interrupted+"): this is what was seen until then.")
	}
	p.blank()
	sure := string(v.Confidence)
	if words := confidenceWords[v.Confidence]; words != "" && failed(v) {
		sure += ": " + words
	}
	p.text(dim, "  Cause  ", "         ", string(v.Cause))
	p.text(dim, "  Sure?  ", "         ", sure)
	p.grounds(rec, "Why", v.Because, tracesOf(d))
	if len(v.Actions) > 0 {
		p.heading("What to do")
		for i, a := range v.Actions[:min(len(v.Actions), shownActions)] {
			n := strconv.Itoa(i + 1)
			p.text(bold, "  "+n+". ", strings.Repeat(" ", 4+len(n)), a)
		}
		if len(v.Actions) > shownActions {
			p.text(dim, "  ", "  ", "More, and what to tell whom: smtptriage explain "+string(v.Cause))
		}
	}
}

// sentence ends a text with a full stop, if nothing ends it yet.
func sentence(s string) string {
	if s == "" || strings.ContainsRune(".!?:", rune(s[len(s)-1])) {
		return s
	}
	return s + "."
}

// told is what is wrong, in one sentence that claims no more than is known.
func told(v *diagnose.Finding) string {
	if failed(v) && v.Confidence == diagnose.Possible {
		return "Possibly: " + sentence(v.Summary)
	}
	return sentence(v.Summary)
}

// headline says in one line how the walk went.
func headline(rec *evidence.Record, d *diagnose.Diagnosis) (paint, string) {
	v := &d.Verdict
	switch v.Cause {
	case cause.Accepted:
		return green, "PASSED: every step that was asked for works."
	case cause.AcceptedNotProven:
		return green, "PASSED AS FAR AS TRIED: no step failed, but that mail is accepted is not proven."
	case cause.Undetermined:
		if s, ok := firstFailed(d); ok {
			return yellow, "NOT DETERMINED: " + stepPhrase(s) + " fails, and no known cause fits."
		}
		if rec.Interrupted != "" {
			return yellow, "NOT DETERMINED: the run ended before its work was done."
		}
		return yellow, "NOT DETERMINED: what was seen fits no known cause."
	}
	if s, ok := firstFailed(d); !ok || s.Step != v.Step {
		return yellow, "WARNING: " + stepPhrase(stepOf(d, v.Step)) + " works here, but not for every device."
	}
	return red, "FAILED: " + stepPhrase(stepOf(d, v.Step)) + " fails."
}

// failed reports whether a finding names a fault.
func failed(f *diagnose.Finding) bool {
	return f.Cause != cause.Accepted && f.Cause != cause.AcceptedNotProven && f.Cause != cause.Undetermined
}

func firstFailed(d *diagnose.Diagnosis) (diagnose.StepResult, bool) {
	if len(d.Paths) > 0 {
		for _, s := range d.Paths[0].Steps {
			if s.Status == diagnose.Fail {
				return s, true
			}
		}
	}
	return diagnose.StepResult{}, false
}

func stepOf(d *diagnose.Diagnosis, step cause.Step) diagnose.StepResult {
	if len(d.Paths) > 0 {
		for _, s := range d.Paths[0].Steps {
			if s.Step == step {
				return s
			}
		}
	}
	return diagnose.StepResult{Step: step}
}

// stepPhrase is "step 7, RCPT TO," without the comma at its end.
func stepPhrase(s diagnose.StepResult) string {
	if s.Number == 0 {
		return "the step " + StepName(s.Step)
	}
	return fmt.Sprintf("step %d (%s)", s.Number, StepName(s.Step))
}

// grounds lists reasons, each with the time at which the transcript has it.
func (p *page) grounds(rec *evidence.Record, title string, list []diagnose.Ground, own []string) {
	if len(list) == 0 {
		return
	}
	p.heading(title)
	for _, g := range list {
		p.text(plain, "  - ", "    ", g.Text+parenthesis(whereSeen(rec, g, own)))
	}
}

// whereSeen is the place of a ground in the transcripts: "at 0.231 s", with the trace if it is not the first of own.
func whereSeen(rec *evidence.Record, g diagnose.Ground, own []string) string {
	t := rec.Trace(g.Trace)
	if t == nil || g.Event < 0 || g.Event >= len(t.Events) || !t.Sees.Timing {
		return ""
	}
	at := "at " + clock(t.Events[g.Event].At, true) + "s"
	if len(own) > 0 && own[0] == g.Trace {
		return at
	}
	return g.Trace + " " + at
}

func tracesOf(d *diagnose.Diagnosis) []string {
	if len(d.Paths) == 0 {
		return nil
	}
	return d.Paths[0].Traces
}

func (p *page) list(title string, list []string) {
	if len(list) > 0 {
		p.heading(title)
		p.items(list)
	}
}

// conversation shows the part of the transcript that matters.
func (p *page) conversation(rec *evidence.Record, d *diagnose.Diagnosis) {
	t := shownTrace(rec, d)
	if t == nil || len(t.Events) == 0 {
		return
	}
	p.heading("The conversation: " + joined(" ", t.ID, traceTitle(t)))
	all, at, cut := excerpt(lines(t))
	for i, l := range all {
		if i == at {
			p.text(dim, "            ", "            ", count(int64(cut), "line")+" left out; --evidence saves them all")
		}
		prefix := fmt.Sprintf("%9s %s ", clock(l.at, t.Sees.Timing), l.who)
		p.painted(dim, prefix, strings.Repeat(" ", len(prefix)), speakers[l.who], l.text)
	}
}

var speakers = map[string]paint{"C:": cyan, "--": dim}

// shownTrace is the trace of the path asked about that the verdict rests on, or else that path's last.
func shownTrace(rec *evidence.Record, d *diagnose.Diagnosis) *evidence.Trace {
	own := tracesOf(d)
	for _, g := range d.Verdict.Because {
		for _, id := range own {
			if t := rec.Trace(id); id == g.Trace && t != nil && t.Role != evidence.RoleLookup {
				return t
			}
		}
	}
	if len(own) > 0 {
		return rec.Trace(own[len(own)-1])
	}
	return nil
}

// colophon is what a reader of the saved report asks last: when, by what, from where, and who was contacted.
func (p *page) colophon(rec *evidence.Record, d *diagnose.Diagnosis) {
	p.heading("About this run")
	when := "time not known"
	if !rec.Started.IsZero() {
		when = rec.Started.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	if rec.Took > 0 {
		when += ", took " + duration(rec.Took.Round(time.Millisecond))
	}
	p.fact("when", when)
	if d.PublicIP.IsValid() {
		p.fact("seen as", d.PublicIP.String()+" (the address the server saw)")
	}
	if m := d.PathMTU; m != nil {
		p.fact("path MTU", fmt.Sprintf("to the server %s, from it %s", orUnknown(m.ToServer), orUnknown(m.FromServer)))
	}
	if len(rec.Contacted) > 0 {
		p.fact("contacted", strings.Join(rec.Contacted, ", "))
	}
	p.fact("service", d.Provider)
	p.fact("by", joined(" ", rec.Tool.Name, rec.Tool.Version))
}

func (p *page) fact(name, value string) {
	p.text(dim, "  "+pad(name, 11), strings.Repeat(" ", 13), value)
}

func orUnknown(n int) string {
	if n == 0 {
		return "not measured"
	}
	return strconv.Itoa(n)
}
