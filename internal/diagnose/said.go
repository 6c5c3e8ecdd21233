package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A reading is one cause that a kind of statement speaks for.
type reading struct {
	step       cause.Step
	cause      cause.ID
	confidence Confidence
}

// readings says what the statements of other programs mean, by evidence.Said.Kind, the likeliest first. They are what a
// program concluded, not what was seen, so none of them proves anything.
var readings = map[string][]reading{
	evidence.SaidNoStartTLS: {
		{cause.StartTLSOffer, cause.StartTLSNotSupported, Likely}, {cause.StartTLSOffer, cause.StartTLSStripped, Possible},
		{cause.StartTLSOffer, cause.WrongEndpoint, Possible},
	},
	evidence.SaidNoAuth: {
		{cause.Auth, cause.AuthNotOffered, Likely}, {cause.Auth, cause.WrongEndpoint, Possible}, {cause.Auth, cause.TLSRequiredFirst, Possible},
	},
	evidence.SaidAuthMechanism: {{cause.Auth, cause.AuthMechanismMismatch, Likely}, {cause.Auth, cause.BasicAuthRetired, Possible}},
	evidence.SaidAuthFailed: {
		{cause.Auth, cause.AuthBadCredentials, Likely}, {cause.Auth, cause.AuthBlockedByPolicy, Possible}, {cause.Auth, cause.AuthDisabledForMailbox, Possible},
	},
	evidence.SaidTokenRejected: {{cause.Auth, cause.OAuthTokenInvalid, Likely}},
	evidence.SaidTLSVersion:    {{cause.StartTLS, cause.TLSVersionMismatch, Likely}, {cause.StartTLS, cause.TLSCipherMismatch, Possible}},
	evidence.SaidTLSCipher:     {{cause.StartTLS, cause.TLSCipherMismatch, Likely}, {cause.StartTLS, cause.TLSVersionMismatch, Possible}},
	evidence.SaidTLSCut: {
		{cause.StartTLS, cause.HandshakeCut, Likely}, {cause.StartTLS, cause.TLSVersionMismatch, Possible}, {cause.StartTLS, cause.TLSCipherMismatch, Possible},
	},
	evidence.SaidTLSFailed: {
		{cause.StartTLS, cause.Undetermined, Possible}, {cause.StartTLS, cause.TLSVersionMismatch, Possible}, {cause.StartTLS, cause.TLSCipherMismatch, Possible},
		{cause.StartTLS, cause.CertificateUntrusted, Possible}, {cause.StartTLS, cause.HandshakeCut, Possible},
	},
	evidence.SaidTLSMissing:  {{cause.StartTLS, cause.ClientTLSUnavailable, Likely}},
	evidence.SaidCertificate: {{cause.StartTLS, cause.CertificateUntrusted, Possible}, {cause.StartTLS, cause.TLSIntercepted, Possible}},
	evidence.SaidRevocation:  {{cause.StartTLS, cause.RevocationCheckFailed, Likely}},
	evidence.SaidClientCert:  {{cause.StartTLS, cause.ClientCertificateMissing, Likely}},
	evidence.SaidConnectFailed: {
		{cause.Connect, cause.Undetermined, Possible}, {cause.Connect, cause.FirewallBlocksSMTP, Possible}, {cause.Connect, cause.ISPBlocksPort25, Possible},
		{cause.Connect, cause.PortClosed, Possible}, {cause.Connect, cause.DNSNameNotFound, Possible},
	},
	evidence.SaidLoopsBack:      {{cause.Connect, cause.DNSWrongAnswer, Likely}, {cause.Connect, cause.MailLoop, Possible}},
	evidence.SaidMaskedGreeting: {{cause.Banner, cause.BannerRewritten, Likely}, {cause.Banner, cause.SMTPProxyAlters, Possible}},
	evidence.SaidShieldAnswered: {
		{cause.Banner, cause.SecuritySoftwareIntercepts, Likely}, {cause.Connect, cause.FirewallBlocksSMTP, Possible}, {cause.Connect, cause.ISPBlocksPort25, Possible},
	},
	evidence.SaidNameFailed:      {{cause.Connect, cause.DNSNameNotFound, Possible}, {cause.Connect, cause.DNSResolverFailing, Possible}},
	evidence.SaidResolverFailed:  {{cause.Connect, cause.DNSResolverFailing, Likely}, {cause.Connect, cause.DNSNameNotFound, Possible}},
	evidence.SaidTooMany:         {{cause.Connect, cause.Throttled, Likely}},
	evidence.SaidOutOfStep:       {{cause.Mail, cause.ClientProtocolError, Likely}},
	evidence.SaidNotAuthorised:   {{cause.Mail, cause.AuthRequired, Likely}},
	evidence.SaidTooLarge:        {{cause.Mail, cause.MessageTooLarge, Likely}},
	evidence.SaidBadRecipient:    {{cause.Rcpt, cause.RecipientAddressInvalid, Likely}},
	evidence.SaidBadSender:       {{cause.Mail, cause.SenderAddressInvalid, Likely}},
	evidence.SaidNotSMTP:         {{cause.Banner, cause.NotSMTP, Possible}},
	evidence.SaidGreetingTimeout: {{cause.Banner, cause.SMTPBlockedUpstream, Possible}, {cause.Banner, cause.GreetingDelayed, Possible}},
}

// told judges what stands in a trace without being part of the dialogue: statements of the program that wrote it, and replies
// whose command it does not show.
func (s *scene) told() []Finding {
	if s.main == nil {
		return nil
	}
	var found []Finding
	for _, i := range s.main.Said {
		found = append(found, s.saying(i)...)
	}
	for _, i := range s.main.Unasked {
		if !s.refusedBefore(i) {
			found = append(found, s.unplaced(i)...)
		}
	}
	return found
}

// refusedBefore reports whether a command was refused before an event: what a server says after that is its consequence.
func (s *scene) refusedBefore(i int) bool {
	return slices.ContainsFunc(s.main.Trace.Events[:i], func(e evidence.Event) bool {
		return e.Reply != nil && refuses(e.Reply.Reply)
	})
}

// saying reads one statement.
func (s *scene) saying(i int) []Finding {
	said := s.main.Trace.Events[i].Said
	if said.Kind == evidence.SaidReplyWords {
		return s.wordsAlone(i, said.Text)
	}
	if m, ok := provider.SignInError(said.Text); ok {
		return s.matched(i, m, said.Text, true)
	}
	var found []Finding
	for n, r := range readings[said.Kind] {
		why := "%s says: %s"
		if n > 0 {
			why = "%s would say the same of it: %s"
		}
		found = append(found, finding(r.step, r.cause, r.confidence, "", s.ground(i, why, s.program(), quoteLine(said.Text))))
	}
	return found
}

// program names whose words a trace holds.
func (s *scene) program() string {
	if p := s.main.Trace.Program; p != "" {
		return p
	}
	return "the program"
}

// quoteLine shortens a line to what fits a report.
func quoteLine(text string) string {
	const most = 300
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + " ..."
	}
	return text
}

// wordsAlone reads a server's words that have lost their code.
func (s *scene) wordsAlone(i int, text string) []Finding {
	m, ok := provider.MatchText(text, "")
	if !ok {
		return nil
	}
	found := s.matched(i, m, text, true)
	found[0].Confidence = Possible // without a code it may be anybody's sentence
	return found
}

// unplaced reads a reply whose command is not shown: the row of its words tells where such a reply is met.
func (s *scene) unplaced(i int) []Finding {
	r := s.main.ReplyAt(i)
	if !refuses(r.Reply) {
		return nil
	}
	m, ok := provider.MatchReply(r.Reply, "")
	if !ok {
		step := stepAt(s.main, i)
		if step == cause.Banner {
			step = cause.None
		}
		return []Finding{finding(step, cause.Undetermined, Possible,
			"The server refused something, in words that fit nothing we know.", s.ground(i, "%s", r))}
	}
	step := stepOfRow(m)
	if again, ok := provider.MatchReply(r.Reply, step); ok && again.ID == m.ID {
		m = again
	}
	found := s.matched(i, m, r.String(), !m.ByCode)
	if s.rec.Source == evidence.FromCapture && !s.sees().Client {
		found[0].Confidence = Possible // what it answers is not in the capture
	}
	return found
}

// refuses reports whether a reply refuses something; one without a code tells by its enhanced status.
func refuses(r smtp.Reply) bool {
	return r.Transient() || r.Permanent() || r.Code == 0 && r.Enhanced.Class >= 4
}

// stepOfRow is the step where the words of a row are met: that of its cause if the row allows it, else the first it names.
func stepOfRow(m provider.Match) cause.Step {
	usual := cause.None
	if c, ok := cause.Find(m.Cause); ok {
		usual = c.Step
	}
	if len(m.Steps) == 0 || slices.Contains(m.Steps, usual) {
		return usual
	}
	return m.Steps[0]
}

// matched makes findings of a row.
func (s *scene) matched(i int, m provider.Match, text string, words bool) []Finding {
	step := stepOfRow(m)
	why := "the server's own words"
	if !words {
		why = "the code stands for it; the words fit nothing we know"
	}
	c := Possible
	if m.Firm > provider.Possible {
		c = Likely
	}
	f := finding(step, m.Cause, c, m.Meaning, s.ground(i, "%s: %s", quoteLine(text), why))
	f.Actions, f.Links = merge(m.Actions, f.Actions), merge(m.Links, f.Links)
	if m.Cause == cause.Undetermined {
		f.Actions, f.Links = m.Actions, m.Links
	}
	found := []Finding{f}
	for _, id := range m.Also {
		if id != m.Cause && id != cause.Undetermined {
			found = append(found, finding(step, id, Possible, "", s.ground(i, "the same words are used for it: %s", quoteLine(text))))
		}
	}
	return found
}

// toldStep makes the steps agree with a verdict that rests on what was told: the step failed, though no line of the dialogue
// shows it.
func toldStep(steps []StepResult, f Finding) {
	for i := range steps {
		if r := &steps[i]; r.Step == f.Step && (r.Status == NotSeen || r.Status == "" || r.Status == Skipped) && len(f.Because) > 0 {
			r.Status, r.Detail, r.Trace, r.Event = Fail, f.Because[0].Text, f.Because[0].Trace, f.Because[0].Event
		}
	}
}

// withTold adds to the findings about a failed step what was told about that step or one before it.
func (s *scene) withTold(r StepResult, found []Finding) []Finding {
	for _, f := range s.told() {
		if f.Cause != cause.Undetermined && (f.Step == r.Step || f.Step.Before(r.Step)) {
			found = append(found, f)
		}
	}
	return found
}

// onlyTold is the verdict where no step is seen to fail, and something is told. It returns none if nothing is.
func (s *scene) onlyTold(steps []StepResult) []Finding {
	found := rank(s.told())
	if len(found) == 0 {
		return nil
	}
	if found[0].Cause == cause.Undetermined {
		found[0].Summary = fmt.Sprintf("%s failed, and the text does not say why.", upperFirst(string(orNone(found[0].Step))))
	}
	toldStep(steps, found[0])
	return found
}

func orNone(s cause.Step) cause.Step {
	if s == cause.None || s == "" {
		return "something"
	}
	return s
}

// narrator adds to a verdict on a text the line that it rests on, where the fact made of it has lost the words, and whose
// words they are.
func (s *scene) narrator(found []Finding) {
	if s.rec.Source != evidence.FromText || s.main == nil || len(found) == 0 || len(found[0].Because) == 0 {
		return
	}
	because := slices.Clone(found[0].Because)
	if g := because[0]; g.Trace == s.main.Trace.ID && g.Event >= 0 {
		if line := quoteLine(wordsOf(s.main.Trace.Events[g.Event])); line != "" && !strings.Contains(g.Text, line) {
			because = append(because, s.ground(g.Event, "the text says: %s", line))
		}
	}
	if s.main.Trace.Program != "" {
		because = append(because, Ground{Text: "the lines are those of " + s.main.Trace.Program, Event: -1})
	}
	found[0].Because = because
}

// wordsOf is the text that a fact was read from, as far as the event keeps it.
func wordsOf(e evidence.Event) string {
	switch {
	case e.Dialed != nil:
		return e.Dialed.Text
	case e.Lookup != nil:
		return e.Lookup.Text
	case e.Ended != nil:
		return e.Ended.Text
	case e.TLSFailed != nil:
		return e.TLSFailed.Text
	case e.Chain != nil && len(e.Chain.Verified) > 0:
		return e.Chain.Verified[0].Text
	}
	return ""
}
