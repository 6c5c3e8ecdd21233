package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// The names of the waits, as Ended.Waiting has them. They are shared with the sources that fill in a record.
const (
	waitGreeting  = "greeting"
	waitHandshake = "handshake"
)

// deviceWait is how long common devices wait for a greeting before they give up (facts of the field: copiers 10 to 30 s).
const deviceWait = 10 * time.Second

// steps works out what became of each of the nine steps of a path.
func (s *scene) steps() []StepResult {
	out := []StepResult{s.connectStep(), s.bannerStep(), s.ehloStep(), s.offerStep(), s.startTLSStep(), s.authStep(),
		s.mailStep(), s.rcptStep(), s.dataStep()}
	failed := false
	for i := range out {
		r := &out[i]
		r.Number = number(r.Step)
		if failed && (r.Status == NotSeen || r.Status == "") && s.asClient() {
			r.Status = NotReached
		}
		if r.Status == Fail {
			failed = true
		}
		if r.Status == "" {
			r.Status = NotSeen
		}
		if r.Trace == "" {
			r.Event = -1
		}
	}
	return out
}

func unseenSteps() []StepResult {
	var out []StepResult
	for _, st := range cause.Steps {
		out = append(out, StepResult{Number: number(st), Step: st, Status: NotSeen, Event: -1})
	}
	return out
}

// result makes a step's result from an event of the main conversation.
func (s *scene) result(step cause.Step, st Status, event int, detail string, args ...any) StepResult {
	r := StepResult{Step: step, Status: st, Detail: fmt.Sprintf(detail, args...), Event: event}
	if s.main != nil && event >= 0 {
		e := &s.main.Trace.Events[event]
		r.Trace, r.At, r.Took = s.main.Trace.ID, e.At, e.Took
	}
	return r
}

// exchanged is the result of a step that one exchange decides.
func (s *scene) exchanged(step cause.Step, x evidence.Exchange, want func(smtp.Reply) bool) StepResult {
	rep := s.reply(x)
	if rep == nil {
		if x.Sent < 0 {
			return StepResult{Step: step}
		}
		return s.brokenOff(step, x.Sent)
	}
	st := Fail
	if want(rep.Reply) {
		st = Pass
	}
	r := s.result(step, st, x.Reply, "%s", rep)
	r.Took, _ = s.main.Took(x)
	return r
}

// brokenOff is the result of a step whose command was sent and never answered.
func (s *scene) brokenOff(step cause.Step, sent int) StepResult {
	verb := s.main.SentAt(sent).Verb
	e := s.main.Ending()
	if i := s.babble(sent); i >= 0 {
		return s.result(step, Fail, i, "the answer to %s is no reply, but %d other octets", verb, s.main.Trace.Events[i].Bytes.Count)
	}
	if e == nil || e.Outcome == evidence.Aborted {
		return s.result(step, NotSeen, sent, "%s was sent; no reply was seen", verb)
	}
	if i := s.parting(sent); i >= 0 {
		return s.result(step, Fail, i, "%s", s.main.ReplyAt(i))
	}
	return s.result(step, Fail, s.main.Ended, "no reply to %s: %s", verb, ending(e))
}

// babble finds the first octets outside the dialogue that a server sent after a command, if the conversation was given up
// because of them, or in waiting for what might follow them; -1 if it was not.
func (s *scene) babble(sent int) int {
	e := s.main.Ending()
	if e == nil || e.Outcome != evidence.TimedOut && (e.Outcome != evidence.Aborted || e.Why != "garbage" && e.Why != "limit") {
		return -1
	}
	for _, i := range s.main.Bytes {
		if i > sent && s.main.Trace.Events[i].Bytes.From == evidence.Server {
			return i
		}
	}
	return -1
}

// parting finds the reply that a server gave unasked after an event, as the 421 before it closes.
func (s *scene) parting(after int) int {
	for _, i := range s.main.Unasked {
		if i > after {
			if r := s.main.ReplyAt(i); r.Transient() || r.Permanent() {
				return i
			}
		}
	}
	return -1
}

// ending describes how a connection ended, for a person.
func ending(e *evidence.Ended) string {
	who := "the connection was"
	if e.By == evidence.Server {
		who = "the far end"
	}
	after := ""
	if e.Waited > 0 {
		after = " after " + seconds(e.Waited)
	}
	switch e.Outcome {
	case evidence.TimedOut:
		if e.Waited == 0 {
			return "silence"
		}
		return "silence for " + seconds(e.Waited)
	case evidence.Closed:
		if who == "the far end" {
			return who + " closed the connection" + after
		}
		return who + " closed" + after
	case evidence.Reset:
		return "the connection was reset" + after
	case evidence.Aborted:
		return "we ended it (" + e.Why + ")"
	}
	return strings.TrimSpace(string(e.Outcome) + " " + e.Text)
}

// seconds writes a duration as people say it.
func seconds(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 100*time.Second:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// stepOf says which step a reply belongs to.
func stepOf(v *evidence.View, i int) cause.Step {
	if i == v.Greeting {
		return cause.Banner
	}
	to := v.Trace.Events[i].Reply.To
	if to < 0 {
		return stepAt(v, i)
	}
	step, ok := verbSteps[v.SentAt(to).Verb]
	switch {
	case !ok:
		return stepAt(v, i)
	case step == cause.EHLO && v.Secured >= 0 && to > v.Secured && v.StartTLS.Sent >= 0:
		return cause.StartTLS // the second EHLO is step 5's
	}
	return step
}

// verbSteps are the steps of the commands; "" is a continuation of AUTH.
var verbSteps = map[string]cause.Step{
	"EHLO": cause.EHLO, "HELO": cause.EHLO, "STARTTLS": cause.StartTLS, "AUTH": cause.Auth, "": cause.Auth, "MAIL": cause.Mail,
	"RCPT": cause.Rcpt, "DATA": cause.Data, "BDAT": cause.Data, evidence.Message: cause.Data,
}

// stepAt is the step that a conversation had come to at an event: that of the last command before it.
func stepAt(v *evidence.View, i int) cause.Step {
	for j := i - 1; j >= 0; j-- {
		if s := v.Trace.Events[j].Sent; s != nil {
			if step, ok := verbSteps[s.Verb]; ok {
				return step
			}
		}
	}
	return cause.Banner
}

func number(st cause.Step) int {
	n, _ := cause.NodeOf(st)
	return n.Number
}
