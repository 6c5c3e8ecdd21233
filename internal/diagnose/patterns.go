package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// patternRules look across the paths of a record. Each returns the grounds on which its pattern shows, or none.
var patternRules = []struct {
	id    cause.PatternID
	shows func([]judged) []Ground
}{
	{cause.RecipientFailsAfterTLS, recipientFailsAfterTLS},
	{cause.SubmissionWorksMXFails, submissionWorksMXFails},
	{cause.ConnectorTestPassesDeviceFails, connectorDoorFails},
	{cause.PasswordFitsOneDoor, passwordFitsOneDoor},
	{cause.WorksHereFailsOnDevice, deviceLimitsFail},
	{cause.Port25DeadEverywhere, port25Dead},
	{cause.OneAddressDead, oneAddressDead},
}

// A judged path is a scene and what became of it.
type judged struct {
	*scene
	path Path
}

func (j judged) status(step cause.Step) Status { return j.path.Steps[step.Index()].Status }

// cite is the ground that a step's result gives.
func (j judged) cite(step cause.Step) Ground {
	r := j.path.Steps[step.Index()]
	text := fmt.Sprintf("%s:%d, %s: %s", j.path.Host, j.path.Port, step, r.Status)
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return Ground{Text: text, Trace: r.Trace, Event: r.Event}
}

// citeVerdict is the ground that the path's verdict gives.
func (j judged) citeVerdict() Ground {
	if i := j.path.Verdict.Step.Index(); i >= 0 {
		return j.cite(j.path.Verdict.Step)
	}
	last := cause.Connect
	for _, r := range j.path.Steps {
		if r.Status == Pass || r.Status == Warn {
			last = r.Step
		}
	}
	return j.cite(last)
}

// isMX reports whether the path is an MX: a door that takes mail without sign-in.
func (j judged) isMX() bool {
	if j.known {
		return !j.door.Auth
	}
	return j.walk.Via == evidence.ViaDirectSend || j.walk.Via == evidence.ViaRelay
}

// isSubmission reports whether the path is a submission door.
func (j judged) isSubmission() bool {
	return j.known && j.door.Auth || j.walk.Via == evidence.ViaSubmission
}

// reachesAuth reports whether a submission door works as far as a run without credentials can tell: AUTH is offered inside
// TLS.
func (j judged) reachesAuth() bool {
	mechs, _, ok := j.authOffer()
	return ok && len(mechs) > 0 && j.main.Secured >= 0 && j.status(cause.StartTLS) == Pass
}

// works reports whether nothing failed on the path.
func (j judged) works() bool {
	return j.path.Verdict.Step == cause.None && j.path.Verdict.Cause != cause.Undetermined
}

func patterns(all []judged) []PatternMatch {
	var out []PatternMatch
	for _, r := range patternRules {
		because := r.shows(all)
		if len(because) == 0 {
			continue
		}
		p, _ := cause.FindPattern(r.id)
		out = append(out, PatternMatch{ID: r.id, Title: p.Title, Meaning: strings.Join(p.Meaning, " "), Because: because})
	}
	return out
}

func recipientFailsAfterTLS(all []judged) []Ground {
	for _, j := range all {
		if j.status(cause.StartTLS) == Pass && j.status(cause.Mail) == Pass && j.status(cause.Rcpt) == Fail {
			return []Ground{j.cite(cause.StartTLS), j.cite(cause.Mail), j.cite(cause.Rcpt)}
		}
	}
	return nil
}

func submissionWorksMXFails(all []judged) []Ground {
	i := slices.IndexFunc(all, func(j judged) bool {
		return j.isSubmission() && (j.works() || j.path.Verdict.Cause == cause.AuthRequired) && j.reachesAuth()
	})
	k := slices.IndexFunc(all, func(j judged) bool {
		return j.isMX() && j.path.Verdict.Step != cause.None && j.path.Verdict.Cause != cause.AuthNotOffered
	})
	if i < 0 || k < 0 {
		return nil
	}
	return []Ground{all[i].citeVerdict(), all[k].citeVerdict()}
}

// connectorDoorFails: Microsoft's test can't be run from here; what can be said is that the door it is taken to vouch for
// fails.
func connectorDoorFails(all []judged) []Ground {
	for _, j := range all {
		if j.profile.Name == "microsoft365" && j.isMX() && j.walk.Via == evidence.ViaRelay && j.path.Verdict.Step != cause.None {
			return []Ground{j.citeVerdict()}
		}
		switch j.path.Verdict.Cause {
		case cause.ConnectorMisconfigured, cause.ConnectorRestriction:
			return []Ground{j.citeVerdict()}
		}
	}
	return nil
}

func passwordFitsOneDoor(all []judged) []Ground {
	k := slices.IndexFunc(all, func(j judged) bool { return j.isMX() && j.path.Verdict.Cause == cause.AuthNotOffered })
	if k < 0 {
		return nil
	}
	out := []Ground{all[k].citeVerdict()}
	if i := slices.IndexFunc(all, func(j judged) bool { return j.isSubmission() && j.reachesAuth() }); i >= 0 {
		out = append(out, all[i].cite(cause.Auth))
	}
	return out
}

// deviceLimitsFail: the walk was held like a device and failed; the same walk without the device's limits went through. That walk
// ends with TLS, so of a failure after it nothing is known.
func deviceLimitsFail(all []judged) []Ground {
	for _, j := range all {
		if step := j.path.Verdict.Step; step == cause.None || cause.StartTLS.Before(step) {
			continue
		}
		for _, e := range j.experiments(askUnlimited) {
			for _, v := range e.views {
				if v.Secured >= 0 && len(v.TLSHellos) > 0 {
					if r := v.ReplyAt(evidence.Last(v.TLSHellos).Reply); r != nil && r.Code == 250 {
						return []Ground{j.citeVerdict(), {Text: "without the device's limits the same walk gets through TLS", Trace: v.Trace.ID, Event: v.Secured}}
					}
				}
			}
		}
	}
	return nil
}

func port25Dead(all []judged) []Ground {
	for _, j := range all {
		if j.walk.Port != 25 || j.status(cause.Connect) != Fail {
			continue
		}
		if r := j.reach(); r.portOnly() {
			return append([]Ground{j.cite(cause.Connect)}, merge3(r.deadCtl, r.open, r.alive)...)
		}
	}
	return nil
}

func oneAddressDead(all []judged) []Ground {
	for _, j := range all {
		by, alive := j.outcomes()
		if !alive || len(j.deadFamily(j.dials())) > 0 {
			continue
		}
		for _, o := range []evidence.Outcome{evidence.TimedOut, evidence.Refused, evidence.Unreachable, evidence.Prohibited} {
			for _, d := range by[o] {
				return []Ground{d.ground("%s %s", d.what.Where(), outcome(d.what)), j.cite(cause.Connect)}
			}
		}
	}
	return nil
}

// guidance says which door this site should use, from what was measured, and which of the general pieces of advice apply.
// recommended is the kind of that door, "" if nothing can be said.
func guidance(all []judged) (lines []string, recommended provider.DoorKind) {
	var sub, mx *judged
	for i := range all {
		switch j := &all[i]; {
		case j.isSubmission() && sub == nil:
			sub = j
		case j.isMX() && mx == nil:
			mx = j
		}
	}
	switch {
	case sub != nil && sub.door.Kind == provider.Consumer && signInClosed(sub.path.Verdict.Cause):
		return []string{"A personal account signs in with OAuth alone, and has no other door. A device that can't do that needs a mailbox of an organisation, or another service."}, ""
	case sub != nil && sub.door.Kind == provider.HVE && sub.path.Verdict.Cause == cause.ExternalRecipientBlocked:
		lines = append(lines, "High Volume Email delivers inside the organisation alone. For recipients outside use submission at smtp.office365.com, Azure Communication Services, or a relay connector.")
		d, _ := needs(sub, provider.Submission)
		return append(lines, d), provider.Submission
	case sub != nil && sub.reachesAuth() && !signInClosed(sub.path.Verdict.Cause):
		recommended = provider.Submission
		lines = append(lines, fmt.Sprintf("Measured here: submission at %s port %d is reachable, TLS is in order and sign-in is offered. It is the door to use where the device can sign in.", sub.walk.Host, sub.walk.Port))
	case mx != nil && mx.path.Verdict.Cause == cause.Accepted:
		recommended = provider.DirectSend
		lines = append(lines, fmt.Sprintf("Measured here: %s takes the recipient without sign-in. That door serves recipients of the organisation itself; submission did not work from here, or was not tried.", mx.walk.Host))
	}
	if sub != nil && signInClosed(sub.path.Verdict.Cause) {
		recommended = provider.Relay
		if mx != nil && mx.path.Verdict.Cause == cause.Accepted {
			recommended = provider.DirectSend
		}
		lines = append(lines, "Signing in is closed to this account for now ("+string(sub.path.Verdict.Cause)+"): open it, use OAuth, or send through the MX host with a connector.")
	}
	for _, j := range []*judged{sub, mx} {
		if j == nil || (recommended == provider.Submission) != (j == sub) {
			continue
		}
		kind := recommended
		if j == sub && sub.known {
			kind = sub.door.Kind
		}
		if d, ok := needs(j, kind); ok {
			lines = append(lines, d)
		}
	}
	unproven := slices.ContainsFunc(all, func(j judged) bool { return j.path.Verdict.Cause != cause.Accepted })
	for _, a := range cause.Guidance() {
		if (sub != nil || mx != nil) && unproven {
			lines = append(lines, a.When+": "+a.Text)
		}
	}
	return lines, recommended
}

// signInClosed are the causes by which an account may not sign in however right its password is.
func signInClosed(id cause.ID) bool {
	switch id {
	case cause.AuthDisabledForTenant, cause.AuthDisabledForMailbox, cause.AuthBlockedByPolicy, cause.BasicAuthRetired, cause.SenderLicenseInvalid:
		return true
	}
	return false
}

// needs lists what the recommended door of the same service wants.
func needs(j *judged, kind provider.DoorKind) (string, bool) {
	d, ok := j.profile.DoorIn(j.door.Cloud, kind)
	if !ok || len(d.Needs) == 0 {
		return "", false
	}
	return fmt.Sprintf("%s needs: %s.", upperFirst(d.Name()), strings.Join(d.Needs, "; ")), true
}
