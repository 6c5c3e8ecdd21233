package diagnose

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// The names of the experiments with sender and recipients. They sign in as the walk does, and none sends a message.
const (
	askRetry    = "retry"              // the same once more, after the wait that the server asks for
	askSize     = "size-limit"         // another size declared at MAIL FROM (RFC 1870)
	askExternal = "external-recipient" // the outside recipient that the user gave
)

// maxSizeTries bounds how often a size is declared to find the limit.
const maxSizeTries = 6

// askEnvelope asks for what tells more about a refused sender or recipient.
func (s *scene) askEnvelope(step cause.Step, found []Finding) []evidence.Experiment {
	if s.role != evidence.RoleAsked || s.main == nil {
		return nil
	}
	out := s.askExternalRecipient()
	if w := s.retryAfter(step); w > 0 {
		out = append(out, evidence.Experiment{Name: askRetry, Because: "whether the same is taken after the wait that the server asks for",
			Tells: []cause.ID{cause.Greylisted, cause.Throttled}, Slow: true, After: w, Walk: s.envelope(cause.Rcpt, nil)})
	}
	if slices.ContainsFunc(found, func(f Finding) bool { return f.Cause == cause.MessageTooLarge }) {
		if n := s.nextSize(); n > 0 {
			out = append(out, evidence.Experiment{Name: askSize, Because: "which size the server takes; only declared, nothing is sent",
				Tells: []cause.ID{cause.MessageTooLarge}, Walk: s.envelope(cause.Mail, func(w *evidence.Walk) { w.Declare = n })})
		}
	}
	return out
}

// envelope is the walk with its sign-in, sender and recipients, up to a step, without a message.
func (s *scene) envelope(until cause.Step, change func(*evidence.Walk)) *evidence.Walk {
	return s.variation(until, replyWait, func(w *evidence.Walk) {
		w.Auth, w.From, w.To = s.walk.Auth, s.walk.From, slices.Clone(s.walk.To)
		if change != nil {
			change(w)
		}
	})
}

// askExternalRecipient tries the outside recipient in a walk of its own, once the door's own ones were asked about. It is asked for
// only if the user gave it.
func (s *scene) askExternalRecipient() []evidence.Experiment {
	to := s.rec.Target.External
	if s.role != evidence.RoleAsked || s.main == nil || to == "" || s.walk.From == "" || len(s.main.Mails) == 0 || evidence.Last(s.main.Mails).Reply < 0 {
		return nil
	}
	return []evidence.Experiment{{Name: askExternal, Because: "whether this door relays to recipients of others, or takes mail for its own only",
		Tells: []cause.ID{cause.ExternalRecipientBlocked}, Walk: s.envelope(cause.Rcpt, func(w *evidence.Walk) { w.To = []string{to} })}}
}

// retryAfter is the wait that the server asks for in a transient refusal of sender or recipient; 0 if it names none.
func (s *scene) retryAfter(step cause.Step) time.Duration {
	if step != cause.Mail && step != cause.Rcpt {
		return 0
	}
	for _, list := range [][]evidence.Exchange{s.main.Mails, s.main.Rcpts} {
		for _, x := range list {
			if r := s.reply(x); r != nil && r.Transient() {
				if w, ok := provider.RetryAfter(r.Joined()); ok {
					return w
				}
			}
		}
	}
	return 0
}

// taken is how an experiment's envelope fared: at is the reply that decides; ok is false if it did not come so far.
func taken(v *evidence.View) (accepted bool, at int, ok bool) {
	x := evidence.Last(v.Mails)
	accepted = true
	for _, x := range append([]evidence.Exchange{x}, v.Rcpts...) {
		r := v.ReplyAt(x.Reply)
		if r == nil {
			return false, -1, false
		}
		if at = x.Reply; !r.Positive() {
			return false, at, true
		}
	}
	return accepted, at, true
}

// withRetry says how the second try went. That it passes proves greylisting; it never hides it.
func (s *scene) withRetry(found []Finding) []Finding {
	for _, e := range s.experiments(askRetry) {
		for _, v := range e.views {
			accepted, at, ok := taken(v)
			if !ok {
				continue
			}
			for i := range found {
				f := &found[i]
				if f.Cause != cause.Greylisted && f.Cause != cause.Throttled && f.Cause != cause.ServerTemporaryFailure {
					continue
				}
				f.Because = slices.Clone(f.Because)
				g := Ground{Text: "tried once more after " + seconds(e.run.After) + ", as the server asks, it is refused again: " + v.ReplyAt(at).String(), Trace: v.Trace.ID, Event: at}
				if accepted {
					g.Text = "tried once more after " + seconds(e.run.After) + ", as the server asks, it is taken; a device that does not try again loses the mail"
				}
				f.Because = append(f.Because, g)
				if accepted && f.Cause == cause.Greylisted {
					f.Confidence = Proven
				}
			}
		}
	}
	return found
}

// A sizing is what is known of a door's size limit from sizes that were declared to it.
type sizing struct {
	good, bad     int64 // the largest size taken, the smallest refused; 0: none
	goodAt, badAt Ground
	tries         int
}

// declaredSizes sums up the sizes declared in the walk and in experiments.
func (s *scene) declaredSizes() sizing {
	var z sizing
	views := []*evidence.View{s.main}
	for _, e := range s.experiments(askSize) {
		z.tries += len(e.views)
		views = append(views, e.views...)
	}
	for _, v := range views {
		x := evidence.Last(v.Mails)
		sent, r := v.SentAt(x.Sent), v.ReplyAt(x.Reply)
		n := declared(sent)
		if r == nil || n == 0 {
			continue
		}
		g := Ground{Text: r.String(), Trace: v.Trace.ID, Event: x.Reply}
		switch {
		case r.Positive() && n > z.good:
			z.good, z.goodAt = n, g
		case tooLarge(r) && (z.bad == 0 || n < z.bad):
			z.bad, z.badAt = n, g
		}
	}
	return z
}

func tooLarge(r *evidence.Reply) bool {
	return r.Code == 552 || r.Enhanced.Subject == 3 && r.Enhanced.Detail == 4
}

// declared is the SIZE of a MAIL command; 0 if it has none.
func declared(sent *evidence.Sent) int64 {
	if sent == nil {
		return 0
	}
	_, after, ok := strings.Cut(strings.ToUpper(sent.Line), " SIZE=")
	if !ok {
		return 0
	}
	digits, _, _ := strings.Cut(after, " ")
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// nextSize is the size to declare next: what the server announced, and then the middle of what is open; 0 when the limit is known
// within a tenth, or enough was tried.
func (s *scene) nextSize() int64 {
	z := s.declaredSizes()
	switch {
	case z.bad == 0 || z.tries >= maxSizeTries || z.bad-z.good <= max(z.bad/10, 1):
		return 0
	case z.good == 0:
		if x, ok := s.main.Offered(s.main.Secured >= 0); ok && x.Size() > 0 && x.Size() < z.bad {
			return x.Size()
		}
	}
	return z.good + (z.bad-z.good)/2
}

// withSize says what the limit is, as far as it was found.
func (s *scene) withSize(found []Finding) []Finding {
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Cause == cause.MessageTooLarge })
	if i < 0 || len(s.experiments(askSize)) == 0 {
		return found
	}
	z := s.declaredSizes()
	found[i].Because = slices.Clone(found[i].Because)
	if z.good > 0 {
		g := z.goodAt
		g.Text = "a message of " + octetsText(z.good) + ", declared only, is taken: " + g.Text
		found[i].Because = append(found[i].Because, g)
	}
	if z.bad > 0 {
		g := z.badAt
		g.Text = "one of " + octetsText(z.bad) + " is refused: " + g.Text
		found[i].Because = append(found[i].Because, g)
	}
	return found
}

func octetsText(n int64) string { return strconv.FormatInt(n, 10) + " octets" }

// externalGuidance says whether the door asked about relays, if an outside recipient was tried.
func externalGuidance(all []judged) []string {
	for _, j := range all {
		for _, e := range j.experiments(askExternal) {
			for _, v := range e.views {
				accepted, at, ok := taken(v)
				if j.role != evidence.RoleAsked || !ok {
					continue
				}
				if accepted {
					return []string{"Measured here: " + j.walk.Host + " takes a recipient outside the organisation too, so it relays for this client."}
				}
				return []string{"Measured here: " + j.walk.Host + " refuses a recipient outside the organisation (" + quoteLine(v.ReplyAt(at).String()) +
					"), so it is good for recipients of the organisation alone."}
			}
		}
	}
	return nil
}
