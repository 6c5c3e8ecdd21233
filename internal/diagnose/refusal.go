package diagnose

import (
	"fmt"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// refusalFindings names the cause that a server gives in its own words, if the step failed by a reply.
func (s *scene) refusalFindings(r StepResult) []Finding {
	if s.main == nil || r.Trace != s.main.Trace.ID || r.Event < 0 {
		return nil
	}
	rep := s.main.ReplyAt(r.Event)
	if rep == nil {
		return nil
	}
	m, ok := provider.MatchReply(rep.Reply, r.Step)
	if !ok {
		return nil
	}
	m = s.outsider(m, rep)
	if m.Cause == cause.Undetermined {
		f := finding(r.Step, cause.Undetermined, Possible, m.Meaning, s.ground(r.Event, "%s", rep))
		f.Actions, f.Links = m.Actions, m.Links
		return []Finding{f}
	}
	if m.Cause == cause.AuthBadCredentials && s.withToken() {
		// The same words answer a token and a password.
		m.Cause, m.Meaning, m.Actions = cause.OAuthTokenInvalid, "", nil
	}
	why := "the server's own words"
	if m.ByCode {
		why = "the code stands for it; the words fit nothing we know"
	}
	if whole := rep.Reply.String(); m.End > m.Start && m.End <= len(whole) {
		why += fmt.Sprintf(" (%q)", whole[m.Start:m.End])
	}
	quote := rep.String()
	f := finding(r.Step, m.Cause, s.weigh(m), m.Meaning, s.ground(r.Event, "%s: %s", quote, why))
	if len(m.Actions) < enoughActions {
		m.Actions = merge(m.Actions, f.Actions)
	}
	f.Actions = m.Actions[:min(maxActions, len(m.Actions))]
	f.Links = merge(m.Links, f.Links)
	found := []Finding{f}
	for _, id := range m.Also {
		if id != m.Cause && id != cause.Undetermined {
			found = append(found, finding(r.Step, id, Possible, "", s.ground(r.Event, "the same words are used for it: %s", quote)))
		}
	}
	return found
}

// enoughActions are as many as leave the cause's general ones out: they say the same in other words.
const enoughActions = 3

// maxActions is how many actions a finding lists: nobody works through more.
const maxActions = 7

// weigh turns the firmness of a row into confidence. A server that names the cause proves it only if it is certain that the
// server spoke: in a conversation of our own, under TLS with a certificate that verifies.
func (s *scene) weigh(m provider.Match) Confidence {
	switch {
	case m.Firm == provider.Possible:
		return Possible
	case m.Firm == provider.Names && m.Verified && s.authentic():
		return Proven
	}
	return Likely
}

// authentic reports whether the main conversation was certainly with the server itself.
func (s *scene) authentic() bool {
	if !s.asClient() || s.main == nil || s.main.Secured < 0 || s.main.Chain < 0 {
		return false
	}
	for _, v := range s.main.Trace.Events[s.main.Chain].Chain.Verified {
		if v.Problem == evidence.CertOK && v.Roots != "" {
			return true
		}
	}
	return false
}

// merge appends what is not yet there.
func merge(a, b []string) []string {
	out := append([]string(nil), a...)
	for _, s := range b {
		dup := false
		for _, have := range out {
			dup = dup || have == s
		}
		if !dup {
			out = append(out, s)
		}
	}
	return out
}
