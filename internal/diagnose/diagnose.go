package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Diagnose judges a record.
func Diagnose(rec *evidence.Record) Diagnosis {
	var d Diagnosis
	var all []judged
	for _, s := range scenes(rec) {
		d.Paths = append(d.Paths, s.judge())
		if s.aboutClient() {
			d.Guidance = append(d.Guidance, s.clientDoors()...)
		}
		all = append(all, judged{s, d.Paths[len(d.Paths)-1]})
		if v := s.main; v != nil {
			if a := v.ClientAddress(); a.IsValid() && !d.PublicIP.IsValid() && rec.Source != evidence.FromListen {
				d.PublicIP = a
			}
			d.Codes = append(d.Codes, refusals(v)...)
		}
	}
	if len(d.Paths) == 0 {
		d.Paths = []Path{nothingSeen()}
	}
	failedFirst(d.Paths)
	first := d.Paths[0]
	d.Provider, d.Verdict, d.Findings = first.Provider, first.Verdict, first.Findings
	d.PathMTU = pathMTU(rec, first)
	d.CannotKnow = cannotKnow(rec)
	if rec.Source == evidence.FromCheck {
		d.Patterns = patterns(all)
		d.Guidance, d.Recommended = guidance(all)
		d.Guidance = slices.Concat(misfitGuidance(all), d.Guidance, externalGuidance(all), passwordNotices(all), tokenNotice(all))
	}
	d.Results = results(rec)
	return d
}

// failedFirst moves the first conversation of others that failed to the front: it is what people ask about.
func failedFirst(paths []Path) {
	i := slices.IndexFunc(paths, func(p Path) bool { return p.Role == evidence.RoleObserved && failed(p) })
	// Behind a relay the server's answers come first, and what the client did wrong where they tell less.
	relayed := paths[0].Role == evidence.RoleAsked && (paths[0].Verdict.Cause == cause.Undetermined || i > 0 && tellsMore(paths[i], paths[0]))
	if i > 0 && (relayed || paths[0].Role == evidence.RoleObserved && !failed(paths[0])) {
		p := paths[i]
		copy(paths[1:], paths[:i])
		paths[0] = p
	}
}

// tellsMore reports whether what the client did wrong says more than the server's answers: these refuse nothing, or not as surely,
// and are its consequence at best.
func tellsMore(client, server Path) bool {
	if !failed(server) {
		return server.Verdict.Cause == cause.AcceptedNotProven
	}
	return client.Verdict.Confidence == Proven && server.Verdict.Confidence != Proven && client.Verdict.Step.Index() <= server.Verdict.Step.Index()
}

func failed(p Path) bool {
	return p.Verdict.Step != cause.None
}

func nothingSeen() Path {
	f := finding(cause.None, cause.Undetermined, Possible, "Nothing of a mail conversation was seen.")
	return Path{Steps: unseenSteps(), Verdict: f, Findings: []Finding{f}, Provider: "generic"}
}

// judge walks the tree over one path: the first step that fails is the verdict's, and its rules name the cause.
func (s *scene) judge() Path {
	p := Path{Role: s.role, Via: s.walk.Via, Host: s.walk.Host, Port: s.walk.Port, Provider: s.profile.Name, Steps: s.steps()}
	for _, v := range s.views {
		p.Traces = append(p.Traces, v.Trace.ID)
	}
	if s.main != nil {
		p.Address = s.main.Trace.Address
	}
	p.Findings = s.findings(p.Steps)
	s.narrator(p.Findings)
	p.Verdict = p.Findings[0]
	moveTo(&p, p.Verdict.Step)
	return p
}

// findings names the causes: of the first step that fails; or else of the first that only a common device would stumble
// over; or else that all is well, as far as was asked.
func (s *scene) findings(steps []StepResult) []Finding {
	if s.aboutClient() {
		return s.clientFindings(steps)
	}
	for _, want := range []Status{Fail, Warn} {
		if want == Warn {
			if found := s.onlyTold(steps); len(found) > 0 {
				return found
			}
		}
		for _, r := range steps {
			if r.Status != want {
				continue
			}
			if found := rank(s.weighed(r.Step, s.withTold(r, s.apply(r)))); len(found) > 0 {
				return found
			}
			if want == Fail {
				return []Finding{s.undetermined(r)}
			}
		}
	}
	return []Finding{s.allPassed(steps)}
}

// weighed are findings about a failed step after what the experiments of mail and DNS add to them.
func (s *scene) weighed(step cause.Step, found []Finding) []Finding {
	return s.withSize(s.withRetry(s.withReputation(step, s.withClaims(found))))
}

// A rule looks for one cause and says how firmly the evidence supports it, and why. It returns the zero Finding if it does
// not.
type rule struct {
	cause cause.ID
	judge func(*scene) support
}

// support is how firmly a rule's cause is supported. The zero value is not at all.
type support struct {
	confidence Confidence
	summary    string // "": the cause's own meaning
	because    []Ground
	step       cause.Step // where it was met, if not at the step the rule stands at
}

// The rules of each step, in the order in which equally firm findings are ranked.
var rules = map[cause.Step][]rule{
	cause.Connect:       connectRules,
	cause.Banner:        bannerRules,
	cause.EHLO:          ehloRules,
	cause.StartTLSOffer: offerRules,
	cause.StartTLS:      startTLSRules,
	cause.Auth:          authRules,
	cause.Mail:          mailRules,
	cause.Rcpt:          rcptRules,
	cause.Data:          dataRules,
}

// apply runs the rules of the step that a result is about. What the server itself says in a refusal comes first, because a
// rule reasons from behaviour and a reply has words.
func (s *scene) apply(r StepResult) []Finding {
	found := append(s.refusalFindings(r), s.tokenFindings(r.Step)...)
	for _, rule := range slices.Concat(packetRules[r.Step], rules[r.Step]) {
		if got := rule.judge(s); got.confidence != "" {
			step := r.Step
			if got.step != "" {
				step = got.step
			}
			found = append(found, finding(step, rule.cause, got.confidence, got.summary, got.because...))
		}
	}
	return found
}

// rank orders findings by confidence, and of equally firm ones puts that of an earlier step first, because the later is its
// consequence. It keeps the firmest of each cause, and sees to it that no two are called proven. Beside a proven cause nothing
// else of its step is possible.
func rank(found []Finding) []Finding {
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(b.Confidence.rank()-a.Confidence.rank(), a.Step.Index()-b.Step.Index())
	})
	seen := map[cause.ID]bool{}
	var out []Finding
	for _, f := range found {
		if !seen[f.Cause] {
			seen[f.Cause] = true
			out = append(out, f)
		}
	}
	if len(out) > 1 && out[0].Confidence == Proven && out[1].Confidence == Proven {
		for i := range out {
			if out[i].Confidence == Proven {
				out[i].Confidence = Likely
			}
		}
	}
	if len(out) > 1 && out[0].Confidence == Proven {
		out = slices.DeleteFunc(out, func(f Finding) bool { return f.Confidence == Possible && f.Step == out[0].Step })
	}
	return out
}

// undetermined says what was seen at a step that failed for no reason we know.
func (s *scene) undetermined(r StepResult) Finding {
	f := finding(r.Step, cause.Undetermined, Possible, "The step failed in a way that fits no cause we know: "+r.Detail)
	if r.Trace != "" {
		f.Because = []Ground{{Text: r.Detail, Trace: r.Trace, Event: r.Event}}
	}
	return f
}

// allPassed is the verdict when no step failed.
func (s *scene) allPassed(steps []StepResult) Finding {
	if s.passedThrough() {
		return finding(cause.None, cause.Undetermined, Possible,
			"TLS came up, and was passed through untouched: what was said inside (sign-in, MAIL, RCPT, DATA) can't be known here. Without --passthrough it is seen.",
			s.ground(s.main.ServerHello, "the server answered the ClientHello, and both sides went on in cipher; no handshake failed"))
	}
	last := StepResult{Step: cause.None}
	for _, r := range steps {
		if r.Status == NotSeen && s.asClient() {
			if s.role == evidence.RoleAsked && s.rec.Interrupted != "" {
				return finding(cause.None, cause.Undetermined, Possible, "The run ended before its work was done: "+s.rec.Interrupted+".")
			}
			// Our own conversation: what was asked for and not seen did not happen, and nobody knows why.
			f := finding(cause.None, cause.Undetermined, Possible, "The conversation ended before the step "+string(r.Step)+", and nothing was seen that failed.")
			if s.main != nil && s.main.Ended >= 0 {
				f.Because = []Ground{s.ground(s.main.Ended, "%s", ending(s.main.Ending()))}
			}
			return f
		}
		if r.Status == Pass || r.Status == Warn {
			last = r
		}
	}
	if last.Step == cause.None {
		return finding(cause.None, cause.Undetermined, Possible, "Nothing was seen that failed, and nothing that passed.")
	}
	ground := Ground{Text: last.Detail, Trace: last.Trace, Event: last.Event}
	switch last.Step {
	case cause.Rcpt, cause.Data:
		what := "The server accepted the recipient"
		if last.Step == cause.Data {
			what = "The server accepted the message"
		}
		sure := Proven
		if s.sees().Unverified {
			sure = Likely // lines may be missing
		}
		return finding(cause.None, cause.Accepted, sure, what+"; every step asked for passed.", ground)
	}
	if s.rec.Source == evidence.FromCapture && last.Step == cause.StartTLS && !s.sees().Inside {
		return finding(cause.None, cause.Undetermined, Possible,
			"TLS came up, and what was said inside can't be read from packets: the client's own log, or its TLS keys, would show it.", ground)
	}
	if s.rec.Source == evidence.FromCapture {
		see, e := s.sees(), s.main.Ending()
		switch {
		case !see.Client || !see.Server || !see.TLS:
			return finding(cause.None, cause.Undetermined, Possible, "Octets are missing in the capture, and nothing failed in what is there.", ground)
		case e == nil || e.Outcome == evidence.Aborted && e.By != evidence.Client && e.By != evidence.Server:
			return finding(cause.None, cause.Undetermined, Possible, "Nothing failed as far as the conversation can be followed in the capture, and it was not over then.", ground)
		case s.stopsAtStartTLS():
			return finding(cause.StartTLS, cause.Undetermined, Possible, "The server agreed to STARTTLS, and the client ended the connection.", ground)
		}
	}
	if s.rec.Source == evidence.FromText && s.sees().TLS && s.stopsAtStartTLS() {
		return finding(cause.StartTLS, cause.Undetermined, Possible,
			"The server agreed to STARTTLS, and nothing is shown of what came then: the handshake failed or hung, or the text breaks off here.",
			s.ground(s.main.StartTLS.Reply, "%s", s.main.ReplyAt(s.main.StartTLS.Reply)))
	}
	if (s.rec.Source == evidence.FromText || s.rec.Source == evidence.FromCapture) && last.Step.Before(cause.EHLO) {
		return finding(cause.None, cause.Undetermined, Possible, "What was seen passed, and it ends before anything could fail.", ground)
	}
	return finding(cause.None, cause.AcceptedNotProven, Likely,
		"Every step that was asked for passed, but the conversation ended before RCPT TO, which alone proves acceptance.", ground)
}

// passedThrough reports whether TLS came up on a relay that left it alone: nothing of it is seen but the hellos.
func (s *scene) passedThrough() bool {
	v := s.main
	return s.rec.Source == evidence.FromListen && v != nil && !s.sees().Inside && v.Secured < 0 && v.TLSFailed < 0 && v.ClientHello >= 0 && v.ServerHello >= 0
}

// stopsAtStartTLS reports whether a conversation ends with the server's consent to STARTTLS.
func (s *scene) stopsAtStartTLS() bool {
	v := s.main
	if v == nil || v.StartTLS.Reply < 0 || v.ReplyAt(v.StartTLS.Reply).Code != 220 || v.Secured >= 0 || v.ClientHello >= 0 {
		return false
	}
	return !slices.ContainsFunc(v.Trace.Events[v.StartTLS.Reply+1:], func(e evidence.Event) bool {
		return e.Segments == nil && e.Ended == nil && e.Note == nil && !(e.Sent != nil && e.Sent.Verb == "QUIT")
	})
}

// moveTo makes the steps agree with a verdict that was met at an earlier step than the one that showed it, as when a client's
// HELO is why no TLS could be had.
func moveTo(p *Path, step cause.Step) {
	if step.Index() < 0 {
		return
	}
	for i := range p.Steps {
		r := &p.Steps[i]
		if r.Step == step && (r.Status == Pass || r.Status == Skipped || r.Status == NotSeen) {
			r.Status = Fail
			r.Detail = trimJoin(r.Detail, "what failed later goes back to this")
		}
	}
}

func trimJoin(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// refusals lists the negative replies of a conversation.
func refusals(v *evidence.View) []Code {
	var out []Code
	for i := range v.Trace.Events {
		if r := v.Trace.Events[i].Reply; r != nil && (r.Transient() || r.Permanent()) {
			out = append(out, Code{Step: stepOf(v, i), Reply: &r.Reply, Text: r.String(), Trace: v.Trace.ID, Event: i})
		}
	}
	return out
}

// patience is how long RFC 5321, section 4.5.3.2.1 has a client wait for the greeting.
const patience = 5 * time.Minute

// greetingAwaited is how long the door asked about was silent before we gave up on its greeting; 0 if it was not, or if we waited
// as long as the RFC asks.
func greetingAwaited(rec *evidence.Record) time.Duration {
	for i := range rec.Traces {
		t := &rec.Traces[i]
		if t.Role != evidence.RoleAsked {
			continue
		}
		for j := range t.Events {
			if e := t.Events[j].Ended; e != nil && e.Outcome == evidence.TimedOut && e.Waiting == waitGreeting && e.Waited < patience {
				return e.Waited
			}
		}
	}
	return 0
}

// cannotKnow says what this place can't tell, so that nobody takes the verdict for more than it is.
func cannotKnow(rec *evidence.Record) []string {
	var out []string
	switch rec.Source {
	case evidence.FromCheck:
		out = append(out, "whether the device, in another VLAN or behind another public address, meets the same: run this from the device's own network")
		if rec.Target.Walk.Auth == nil {
			out = append(out, "whether signing in works: no user name and password, or token, was given")
		} else {
			out = append(out, "whether other credentials would work")
		}
		if rec.Target.Walk.From == "" || len(rec.Target.Walk.To) == 0 {
			out = append(out, "whether a recipient is accepted: no --from and --to were given")
		} else if !rec.Target.Walk.Send {
			out = append(out, "whether the message itself is accepted: nothing is sent without --send")
		}
		if waited := greetingAwaited(rec); waited > 0 {
			out = append(out, fmt.Sprintf("whether a greeting comes after more than %s: RFC 5321 gives a server 5 minutes; --timeout 5m --max-time 6m waits them out", seconds(waited)))
		}
		if h := rec.Host; h != nil && h.FirewallRead != "" && h.FirewallRead != "yes" && h.FirewallRead != evidence.FirewallNotAsked {
			out = append(out, "whether this machine's own firewall has a part in it: its rules could not be read ("+h.FirewallRead+")")
		}
		for _, w := range append([]evidence.Walk{rec.Target.Walk}, rec.Target.Doors...) {
			if w.Guess != "" {
				out = append(out, "whether "+w.Host+" is the right door: "+w.Guess)
			}
		}
	case evidence.FromText:
		out = append(out, "what the text does not show: a step without a line was not seen, which does not mean that it worked")
	case evidence.FromCapture:
		out = append(out, "what happened inside TLS, and what was lost before the capture")
	}
	for _, run := range rec.Runs {
		if run.NotPossible != "" {
			out = append(out, run.Name+" "+strconv.Quote(run.Because)+" was not possible: "+run.NotPossible)
		}
	}
	return out
}
