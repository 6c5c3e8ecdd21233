package diagnose

import (
	"slices"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// aboutClient reports whether it is the client that is judged: the record was made by a server of our own, which has no fault
// and no path worth speaking of before it. What fails is the client's doing, and its own octets prove it.
func (s *scene) aboutClient() bool {
	return s.rec.Source == evidence.FromListen && s.role == evidence.RoleObserved && s.sees().ServerSide
}

// clientRules look for what a client does wrong, or cannot do, in the order of the tree.
var clientRules = []struct {
	step cause.Step
	rule
}{
	{cause.Banner, rule{cause.NotSMTP, clientOfOtherProtocol}},
	{cause.Banner, rule{cause.ImplicitTLSExpected, clientAwaitsGreeting}},
	{cause.Banner, rule{cause.GreetingDelayed, clientLeavesEarly}},
	{cause.EHLO, rule{cause.HELONameRejected, clientName}},
	{cause.EHLO, rule{cause.HELOOnlyClient, clientSaysHELO}},
	{cause.EHLO, rule{cause.ClientProtocolError, clientNeverEndsLine}},
	{cause.StartTLS, rule{cause.ImplicitTLSOnStartTLSPort, clientTLSTooEarly}},
	{cause.StartTLS, rule{cause.TLSVersionMismatch, clientTLSTooOld}},
	{cause.StartTLS, rule{cause.TLSCipherMismatch, clientCiphers}},
	{cause.StartTLS, rule{cause.CertificateExpired, clientRefuses(cause.CertificateExpired)}},
	{cause.StartTLS, rule{cause.CertificateNameMismatch, clientRefuses(cause.CertificateNameMismatch)}},
	{cause.StartTLS, rule{cause.CertificateUntrusted, clientRefuses(cause.CertificateUntrusted)}},
	{cause.StartTLS, rule{cause.RevocationCheckFailed, clientRefuses(cause.RevocationCheckFailed)}},
	{cause.StartTLS, rule{cause.ClientTrustStoreOutdated, clientDistrustsServer}},
	{cause.StartTLS, rule{cause.ClientTLSUnavailable, clientWithoutTLS}},
	{cause.StartTLS, rule{cause.ClientTLSUnavailable, clientStartsNoTLS}},
	{cause.Auth, rule{cause.TLSRequiredFirst, clientSignsInEarly}},
	{cause.Auth, rule{cause.AuthMechanismMismatch, clientMechanism}},
	{cause.Auth, rule{cause.AuthBadCredentials, clientEmptyCredentials}},
	{cause.Auth, rule{cause.OAuthTokenInvalid, clientToken}},
	{cause.Auth, rule{cause.ClientProtocolError, clientResponse}},
	{cause.Auth, rule{cause.Undetermined, clientGivesUpSignIn}},
	{cause.Mail, rule{cause.SenderAddressInvalid, clientSender}},
	{cause.Mail, rule{cause.MessageTooLarge, clientSize}},
	{cause.Mail, rule{cause.AuthRequired, clientWithoutLogin}},
	{cause.Rcpt, rule{cause.RecipientAddressInvalid, clientRecipient}},
	{cause.Data, rule{cause.MessageMalformed, clientMessage}},
	{cause.Data, rule{cause.DataStalls, clientStopsInBody}},
	{cause.Mail, rule{cause.ClientProtocolError, clientOutOfStep}},
	{cause.Mail, rule{cause.ClientProtocolError, clientHurries}},
	{cause.EHLO, rule{cause.ClientProtocolError, clientEndsLinesOddly}},
}

// clientFindings are what the rules say of a client; or else what any conversation of others would be called.
func (s *scene) clientFindings(steps []StepResult) []Finding {
	var found []Finding
	for _, r := range clientRules {
		if got := r.judge(s); got.confidence != "" {
			step := r.step
			if got.step != "" {
				step = got.step
			}
			found = append(found, finding(step, r.cause, got.confidence, got.summary, got.because...))
		}
	}
	if len(found) > 0 {
		return rank(found)
	}
	for _, r := range steps {
		if r.Status == Fail {
			if found := rank(s.refusalFindings(r)); len(found) > 0 {
				return found
			}
			return []Finding{s.undetermined(r)}
		}
	}
	if s.clientSaidNothing() {
		f := finding(cause.None, cause.Undetermined, Possible, "The device opened a connection and said nothing: a test whether the port is open looks like this.")
		if s.main.Ended >= 0 {
			f.Because = []Ground{s.ground(s.main.Ended, "%s", clientEnding(s.main.Ending()))}
		}
		return []Finding{f}
	}
	if v := s.main; s.interrupted() && v.Message.Reply < 0 && v.Quit.Sent < 0 {
		f := finding(cause.None, cause.Undetermined, Possible, "The run was ended while the device was still talking, and nothing had failed: let it finish.")
		f.Because = []Ground{s.ground(v.Ended, "it was ended from here")}
		return []Finding{f}
	}
	return []Finding{s.allPassed(steps)}
}

// interrupted reports whether it was the end of our own run that ended the conversation: what the client did not do, it may have been
// about to do.
func (s *scene) interrupted() bool {
	e := s.main.Ending()
	return e != nil && e.Outcome == evidence.Aborted && e.Why == "interrupt"
}

func (s *scene) clientSaidNothing() bool {
	v := s.main
	return v != nil && len(v.Hellos)+len(v.TLSHellos)+len(v.Others)+len(v.Mails)+len(v.Bytes) == 0 && v.ClientHello < 0 && v.Alert < 0 && v.Quit.Sent < 0
}

func clientEnding(e *evidence.Ended) string {
	after := ""
	if e.Waited > 0 {
		after = " after " + seconds(e.Waited)
	}
	switch e.Outcome {
	case evidence.TimedOut:
		return "the device said nothing for " + seconds(e.Waited)
	case evidence.Reset:
		return "the device reset the connection" + after
	case evidence.Closed:
		return "the device closed the connection" + after
	}
	return ending(e)
}

// newest picks the conversation of a device that counts: the last in which it said something.
func newest(views []*evidence.View) *evidence.View {
	for _, v := range slices.Backward(views) {
		if len(v.Hellos)+len(v.TLSHellos)+len(v.Others)+len(v.Bytes) > 0 || v.ClientHello >= 0 {
			return v
		}
	}
	return views[len(views)-1]
}
