package diagnose

import (
	"fmt"
	"slices"
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
		if failed && (r.Status == NotSeen || r.Status == "") && s.rec.Source == evidence.FromCheck {
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
	if e == nil || e.Outcome == evidence.Aborted {
		return s.result(step, NotSeen, sent, "%s was sent; no reply was seen", verb)
	}
	if i := s.parting(sent); i >= 0 {
		return s.result(step, Fail, i, "%s", s.main.ReplyAt(i))
	}
	return s.result(step, Fail, s.main.Ended, "no reply to %s: %s", verb, ending(e))
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

func (s *scene) connectStep() StepResult {
	dials := s.dials()
	if s.main != nil && s.main.Connected() {
		r := s.result(cause.Connect, Pass, max(s.main.Dialed, 0), "connected")
		if d := s.main.Dialed; d >= 0 {
			r.Detail = "connected to " + s.main.Trace.Events[d].Dialed.Where()
		}
		if s.main.Dialed < 0 {
			// What came over the connection shows that it was there.
			r.Detail, r.Took, r.At = "the connection opened", 0, 0
		}
		if dead := s.deadFamily(dials); len(dead) > 0 {
			r.Status = Warn
			r.Detail += "; every IPv6 address is dead"
		}
		return r
	}
	if len(dials) > 0 && !slices.ContainsFunc(dials, func(d fact[*evidence.Dialed]) bool { return d.what.Outcome != evidence.Aborted }) {
		return StepResult{Step: cause.Connect, Status: NotSeen, Detail: "given up before anything had answered"}
	}
	if len(dials) > 0 {
		last := dials[len(dials)-1]
		var tried []string
		for _, d := range dials {
			tried = append(tried, fmt.Sprintf("%s %s", d.what.Where(), outcome(d.what)))
		}
		return StepResult{Step: cause.Connect, Status: Fail, Detail: strings.Join(tried, "; "), Trace: last.trace.ID, Event: last.index,
			At: last.trace.Events[last.index].At, Took: last.trace.Events[last.index].Took}
	}
	for _, l := range s.lookups {
		if len(l.what.Addresses()) == 0 && l.what.Type != "MX" {
			return StepResult{Step: cause.Connect, Status: Fail, Detail: lookupOutcome(l.what), Trace: l.trace.ID, Event: l.index, At: l.trace.Events[l.index].At}
		}
	}
	if l, ok := s.nowhere(); ok {
		return StepResult{Step: cause.Connect, Status: Fail, Detail: s.nowhereDetail(l.what),
			Trace: l.trace.ID, Event: l.index, At: l.trace.Events[l.index].At}
	}
	return StepResult{Step: cause.Connect}
}

// outcome describes a dial that failed.
func outcome(d *evidence.Dialed) string {
	text := map[evidence.Outcome]string{
		evidence.Refused: "refused the connection", evidence.TimedOut: "did not answer", evidence.Unreachable: "is unreachable",
		evidence.Prohibited: "is administratively prohibited", evidence.NoRoute: "has no route from here", evidence.Reset: "reset the connection",
		evidence.Connected: "connected", evidence.Aborted: "was given up",
	}[d.Outcome]
	if text == "" {
		text = "failed: " + d.Text
	}
	if d.Outcome == evidence.TimedOut && d.Waited > 0 {
		text += " within " + seconds(d.Waited)
	}
	if d.Offender != nil {
		text += fmt.Sprintf(", says %s (ICMP type %d code %d)", d.Offender.From, d.Offender.Type, d.Offender.Code)
	}
	return text
}

func lookupOutcome(l *evidence.Lookup) string {
	who := l.Server
	if who == "system" {
		who = "this machine's resolver"
	}
	switch {
	case l.RCode != "" && l.RCode != "NOERROR":
		return fmt.Sprintf("%s answers %s for %s", who, l.RCode, l.Name)
	case l.NotFound:
		return fmt.Sprintf("%s knows no address of %s", who, l.Name)
	case l.Outcome == evidence.TimedOut:
		return fmt.Sprintf("%s does not answer about %s", who, l.Name)
	case l.RCode == "NOERROR":
		return fmt.Sprintf("%s has no %s record, says %s", l.Name, l.Type, who)
	}
	return fmt.Sprintf("%s could not look up %s: %s", who, l.Name, l.Text)
}

// deadFamily returns the IPv6 dials if all of them failed while an IPv4 one lives and this host has IPv6 at all.
func (s *scene) deadFamily(dials []fact[*evidence.Dialed]) []fact[*evidence.Dialed] {
	var six []fact[*evidence.Dialed]
	alive4 := false
	for _, d := range dials {
		switch {
		case d.what.Address.Addr().Unmap().Is4():
			alive4 = alive4 || d.what.Outcome == evidence.Connected
		case d.what.Outcome == evidence.Connected, d.what.Outcome == evidence.NoRoute, d.what.Outcome == evidence.Aborted:
			return nil
		default:
			six = append(six, d)
		}
	}
	if !alive4 {
		return nil
	}
	return six
}

func (s *scene) bannerStep() StepResult {
	v := s.main
	if v == nil || !v.Connected() {
		return StepResult{Step: cause.Banner}
	}
	if g := v.ReplyAt(v.Greeting); g != nil {
		r := s.result(cause.Banner, Pass, v.Greeting, "%s", g)
		r.Took = s.greetingTook()
		switch {
		case g.Code != 220:
			r.Status = Fail
		case !g.Complete && len(v.Hellos) == 0 && v.ClientHello < 0 && s.rec.Source == evidence.FromCheck:
			r.Status = Fail
			r.Detail = "the greeting began and did not end: " + r.Detail
		case r.Took > deviceWait:
			r.Status = Warn
			r.Detail += fmt.Sprintf(" (after %s)", seconds(r.Took))
		case maskedGreeting(g.Reply), s.foreignGreeting(g.Reply):
			r.Status = Warn
		}
		return r
	}
	if s.implicit() && v.Secured < 0 {
		return StepResult{Step: cause.Banner} // the handshake comes first, and failed
	}
	if len(v.Bytes) > 0 && len(v.Hellos) == 0 && v.ClientHello < 0 {
		b := v.Bytes[0]
		return s.result(cause.Banner, Fail, b, "no SMTP greeting, but %s", octets(v.Trace.Events[b].Bytes))
	}
	if e := v.Ending(); e != nil && (e.Waiting == waitGreeting || e.Waiting == "" && len(v.Hellos) == 0 && v.ClientHello < 0) {
		if e.Outcome == evidence.Aborted {
			return s.result(cause.Banner, NotSeen, v.Ended, "no greeting was seen before the run ended")
		}
		return s.result(cause.Banner, Fail, v.Ended, "no greeting: %s", ending(e))
	}
	return StepResult{Step: cause.Banner}
}

func octets(b *evidence.Bytes) string {
	if b.Looks != "" {
		return fmt.Sprintf("%d octets that look like %s", b.Count, b.Looks)
	}
	return fmt.Sprintf("%d octets", b.Count)
}

// hellos are the EHLO and HELO exchanges that step 3 is about: those before STARTTLS, or the only ones under implicit TLS.
func (s *scene) hellos() []evidence.Exchange {
	if s.implicit() {
		return s.main.TLSHellos
	}
	return s.main.Hellos
}

func (s *scene) ehloStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.EHLO}
	}
	list := s.hellos()
	if len(list) == 0 {
		return StepResult{Step: cause.EHLO}
	}
	first, last := list[0], list[len(list)-1]
	r := s.exchanged(cause.EHLO, last, func(r smtp.Reply) bool { return r.Code == 250 })
	if rep := s.reply(last); rep != nil && r.Status == Pass {
		r.Detail = summariseHello(v.SentAt(last.Sent), rep)
		if x, ok := v.Offered(v.Secured >= 0 && s.implicit()); ok && len(x.Masked()) > 0 {
			r.Status = Warn
			r.Detail += "; masked: " + strings.Join(x.Masked(), " ")
		}
		if !rep.Complete {
			r.Status = Fail
			r.Detail = "the reply to EHLO broke off"
		}
	}
	if first != last && r.Status == Pass && v.SentAt(first.Sent).Verb == "EHLO" && v.SentAt(last.Sent).Verb == "HELO" {
		if rep := s.reply(first); rep != nil && !rep.Positive() {
			return s.result(cause.EHLO, Fail, first.Reply, "EHLO is refused (%s), HELO is accepted", rep)
		}
	}
	return r
}

// summariseHello is the reply to EHLO in one line.
func summariseHello(sent *evidence.Sent, rep *evidence.Reply) string {
	if sent.Verb == "HELO" {
		return "HELO: " + rep.String()
	}
	var names []string
	for _, k := range smtp.ParseExtensions(rep.Reply) {
		names = append(names, k.Name)
	}
	if len(names) == 0 {
		return "EHLO accepted, no keywords"
	}
	return "EHLO accepted: " + strings.Join(names, " ")
}

func (s *scene) offerStep() StepResult {
	v := s.main
	if s.walk.TLS == evidence.NoTLS || v != nil && s.implicit() {
		return StepResult{Step: cause.StartTLSOffer, Status: Skipped, Detail: "this door does not use STARTTLS"}
	}
	if v == nil {
		return StepResult{Step: cause.StartTLSOffer}
	}
	x, ok := v.Offered(false)
	if !ok {
		if v.StartTLS.Reply >= 0 && v.ReplyAt(v.StartTLS.Reply).Code == 220 {
			return s.result(cause.StartTLSOffer, Pass, v.StartTLS.Reply, "STARTTLS was accepted")
		}
		return StepResult{Step: cause.StartTLSOffer}
	}
	at := evidence.Last(v.Hellos).Reply
	if x.Has("STARTTLS") {
		return s.result(cause.StartTLSOffer, Pass, at, "STARTTLS is offered")
	}
	if s.rec.Source != evidence.FromCheck && (v.StartTLS.Sent >= 0 || len(v.Auths) > 0 || len(v.Mails) > 0) {
		// A client of others that asked anyway, or that needs no TLS, did not fail here.
		return s.result(cause.StartTLSOffer, Skipped, at, "STARTTLS is not offered, and the conversation went on without it")
	}
	return s.result(cause.StartTLSOffer, Fail, at, "STARTTLS is not offered")
}

func (s *scene) mailWorked() bool {
	rep := s.reply(evidence.Last(s.main.Mails))
	return rep != nil && rep.Positive()
}

func (s *scene) startTLSStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.StartTLS}
	}
	if s.walk.TLS == evidence.NoTLS {
		return StepResult{Step: cause.StartTLS, Status: Skipped, Detail: "not asked for (--tls none)"}
	}
	if rep := s.reply(v.StartTLS); rep != nil && rep.Code != 220 {
		return s.result(cause.StartTLS, Fail, v.StartTLS.Reply, "STARTTLS is answered %s", rep)
	}
	if v.StartTLS.Sent >= 0 && v.StartTLS.Reply < 0 && v.ClientHello < 0 && v.Secured < 0 {
		return s.brokenOff(cause.StartTLS, v.StartTLS.Sent)
	}
	if v.TLSFailed >= 0 {
		return s.result(cause.StartTLS, Fail, v.TLSFailed, "%s", s.handshakeFailure())
	}
	if v.Secured < 0 {
		if v.ClientHello >= 0 && s.brokeIn(waitHandshake) {
			return s.result(cause.StartTLS, Fail, v.Ended, "the handshake broke off: %s", ending(v.Ending()))
		}
		if p := s.certProblem(); p.what.Problem != evidence.CertOK {
			return s.result(cause.StartTLS, Fail, v.Chain, "the certificate does not verify: %s", certText(p.what))
		}
		return StepResult{Step: cause.StartTLS}
	}
	sec := v.Trace.Events[v.Secured].Secured
	r := s.result(cause.StartTLS, Pass, v.Secured, "%s, %s", sec.Version, sec.Suite)
	if p := s.certProblem(); p.what.Problem != evidence.CertOK {
		return s.result(cause.StartTLS, Fail, v.Chain, "%s, but the certificate does not verify: %s", sec.Version, certText(p.what))
	}
	if v.Chain >= 0 && len(v.Trace.Events[v.Chain].Chain.Verified) > 0 {
		r.Detail += ", certificate verified"
	}
	if !s.implicit() {
		if f := s.afterTLS(); f.Status == Fail {
			return f
		}
	}
	return r
}

// afterTLS is the second EHLO, which belongs to step 5.
func (s *scene) afterTLS() StepResult {
	v := s.main
	x := evidence.Last(v.TLSHellos)
	if x.Sent < 0 {
		if e := v.Ending(); e != nil && e.Outcome != evidence.Aborted && len(v.Mails) == 0 && len(v.Auths) == 0 && s.sees().Inside {
			if i := s.parting(v.Secured); i >= 0 {
				return s.result(cause.StartTLS, Fail, i, "after TLS: %s", v.ReplyAt(i))
			}
			return s.result(cause.StartTLS, Fail, v.Ended, "TLS was up, then %s", ending(e))
		}
		return StepResult{Step: cause.StartTLS}
	}
	r := s.exchanged(cause.StartTLS, x, func(r smtp.Reply) bool { return r.Code == 250 })
	r.Detail = "EHLO after TLS: " + r.Detail
	return r
}

func (s *scene) authStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.Auth}
	}
	if len(v.Auths) > 0 {
		r := s.exchanged(cause.Auth, evidence.Last(v.Auths), func(r smtp.Reply) bool { return r.Code == 235 })
		if rep := s.reply(evidence.Last(v.Auths)); rep != nil && rep.Intermediate() {
			if e := v.Ending(); e != nil && e.Outcome != evidence.Aborted {
				return s.result(cause.Auth, Fail, v.Ended, "signing in broke off: %s", ending(e))
			}
			r.Status = NotSeen
		}
		return r
	}
	inside := v.Secured >= 0
	x, ok := v.Offered(inside)
	at := evidence.Last(v.Hellos).Reply
	if inside {
		at = evidence.Last(v.TLSHellos).Reply
	}
	switch {
	case s.walk.Auth != nil && ok:
		if mechs := x.Auth(); len(mechs) > 0 {
			if slices.Contains([]string{"LOGIN", "PLAIN", "XOAUTH2"}, firstShared(mechs, s.walk.Auth)) {
				// A mechanism was there, and it was not used: an earlier step forbade it.
				return s.result(cause.Auth, NotReached, at, "offered: %s; not tried, because TLS is not in order", strings.Join(mechs, " "))
			}
			return s.result(cause.Auth, Fail, at, "offered: %s; none of them can be used with these credentials", strings.Join(mechs, " "))
		}
		if s.walk.TLS != evidence.NoTLS && !inside {
			return StepResult{Step: cause.Auth}
		}
		return s.result(cause.Auth, Fail, at, "AUTH is not offered")
	case s.walk.Auth != nil:
		return StepResult{Step: cause.Auth}
	case ok && len(x.Auth()) > 0:
		return s.result(cause.Auth, Skipped, at, "offered: %s; no credentials were given", strings.Join(x.Auth(), " "))
	case ok && inside && s.known && s.door.Auth && s.rec.Source == evidence.FromCheck:
		return s.result(cause.Auth, Fail, at, "AUTH is not offered, though this door always does")
	case s.rec.Source == evidence.FromCheck:
		return StepResult{Step: cause.Auth, Status: Skipped, Detail: "no credentials were given"}
	}
	return StepResult{Step: cause.Auth}
}

// firstShared is the first mechanism that fits the kind of secret, or "".
func firstShared(offered []string, a *evidence.Auth) string {
	want := []string{"LOGIN", "PLAIN"}
	if a.OAuth {
		want = []string{"XOAUTH2"}
	}
	if a.Mechanism != "" {
		want = []string{strings.ToUpper(a.Mechanism)}
	}
	for _, m := range want {
		if slices.Contains(offered, m) {
			return m
		}
	}
	return ""
}

func (s *scene) mailStep() StepResult {
	v := s.main
	if v == nil {
		return StepResult{Step: cause.Mail}
	}
	if len(v.Mails) == 0 {
		if s.rec.Source == evidence.FromCheck && s.walk.From == "" {
			return StepResult{Step: cause.Mail, Status: Skipped, Detail: "no --from was given"}
		}
		return StepResult{Step: cause.Mail}
	}
	return s.exchanged(cause.Mail, evidence.Last(v.Mails), smtp.Reply.Positive)
}

func (s *scene) rcptStep() StepResult {
	v := s.main
	if v == nil || len(v.Rcpts) == 0 {
		if s.rec.Source == evidence.FromCheck && (s.walk.From == "" || len(s.walk.To) == 0) {
			return StepResult{Step: cause.Rcpt, Status: Skipped, Detail: "no recipient was given"}
		}
		return StepResult{Step: cause.Rcpt}
	}
	if mail := s.reply(evidence.Last(v.Mails)); mail != nil && !mail.Positive() {
		return StepResult{Step: cause.Rcpt} // with PIPELINING it was sent all the same, and what it says means nothing
	}
	var last StepResult
	for _, x := range v.Rcpts {
		r := s.exchanged(cause.Rcpt, x, smtp.Reply.Positive)
		if r.Status == Fail {
			return r
		}
		last = r
	}
	return last
}

func (s *scene) dataStep() StepResult {
	v := s.main
	if r, ok := s.insideStalled(); ok {
		return r
	}
	if v == nil || v.Data.Sent < 0 && v.Message.Sent < 0 {
		if s.rec.Source == evidence.FromCheck && !s.walk.Send {
			return StepResult{Step: cause.Data, Status: Skipped, Detail: "nothing is sent without --send"}
		}
		return StepResult{Step: cause.Data}
	}
	if v.Message.Sent >= 0 {
		return s.exchanged(cause.Data, v.Message, smtp.Reply.Positive)
	}
	r := s.exchanged(cause.Data, v.Data, smtp.Reply.Intermediate)
	if r.Status == Pass {
		if e := v.Ending(); e != nil && e.Outcome != evidence.Aborted {
			return s.result(cause.Data, Fail, v.Ended, "the message was on its way: %s", ending(e))
		}
		r.Status = NotSeen
	}
	return r
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
	switch s := v.SentAt(to); s.Verb {
	case "EHLO", "HELO":
		if v.Secured >= 0 && to > v.Secured && v.StartTLS.Sent >= 0 {
			return cause.StartTLS
		}
		return cause.EHLO
	case "STARTTLS":
		return cause.StartTLS
	case "AUTH", "":
		return cause.Auth
	case "MAIL":
		return cause.Mail
	case "RCPT":
		return cause.Rcpt
	case "DATA", "BDAT", evidence.Message:
		return cause.Data
	}
	return stepAt(v, i)
}

// stepAt is the step that a conversation had come to at an event: that of the last command before it.
func stepAt(v *evidence.View, i int) cause.Step {
	for j := i - 1; j >= 0; j-- {
		if s := v.Trace.Events[j].Sent; s != nil {
			switch s.Verb {
			case "EHLO", "HELO":
				return cause.EHLO
			case "STARTTLS":
				return cause.StartTLS
			case "AUTH", "":
				return cause.Auth
			case "MAIL":
				return cause.Mail
			case "RCPT":
				return cause.Rcpt
			case "DATA", "BDAT", evidence.Message:
				return cause.Data
			}
		}
	}
	return cause.Banner
}

func number(st cause.Step) int {
	n, _ := cause.NodeOf(st)
	return n.Number
}
