package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

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
		case !g.Complete && len(v.Hellos) == 0 && v.ClientHello < 0 && s.asClient():
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
