package diagnose

import (
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

var authRules = []rule{
	{cause.SMTPRedirected, foreignServer},
	{cause.AuthNotOffered, authNotOffered},
	{cause.AuthMechanismMismatch, noMechanism},
	{cause.AuthBadCredentials, badCredentials},
	{cause.OAuthTokenInvalid, badToken},
}

// authOffer is the list that AUTH is taken from: the one inside TLS if there is TLS.
func (s *scene) authOffer() (mechs []string, at int, ok bool) {
	if s.main == nil {
		return nil, -1, false
	}
	inside := s.main.Secured >= 0
	list := s.main.Hellos
	if inside {
		list = s.main.TLSHellos
	}
	x, ok := s.main.Offered(inside)
	return x.Auth(), evidence.Last(list).Reply, ok
}

func authNotOffered(s *scene) support {
	mechs, at, ok := s.authOffer()
	if !ok || len(mechs) > 0 {
		return support{}
	}
	got := support{confidence: Likely, because: []Ground{s.ground(at, "the reply to EHLO was seen whole, and AUTH is not in it")}}
	if s.known && !s.door.Auth {
		got.summary = s.walk.Host + " is an MX host, which never offers AUTH: credentials are of no use here."
		got.because = append(got.because, Ground{Text: "an MX host of " + s.profile.Title + " never offers AUTH", Event: -1})
	}
	return got
}

func noMechanism(s *scene) support {
	mechs, at, ok := s.authOffer()
	if s.walk.Auth == nil || !ok || len(mechs) == 0 || firstShared(mechs, s.walk.Auth) != "" {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(at, "offered: %s; none of them fits the credentials given", strings.Join(mechs, " "))}}
}

// finalAuth is the last reply of the sign-in, if it is a refusal of what was given.
func (s *scene) finalAuth() (r *evidence.Reply, at int) {
	if s.main == nil || len(s.main.Auths) == 0 {
		return nil, -1
	}
	x := evidence.Last(s.main.Auths)
	if rep := s.reply(x); rep != nil && rep.Code == 535 {
		return rep, x.Reply
	}
	return nil, -1
}

func (s *scene) withToken() bool {
	if s.walk.Auth != nil {
		return s.walk.Auth.OAuth
	}
	if s.main == nil || len(s.main.Auths) == 0 {
		return false
	}
	line := strings.ToUpper(s.main.SentAt(evidence.Last(s.main.Auths).Sent).Line)
	return strings.Contains(line, "XOAUTH2") || strings.Contains(line, "OAUTHBEARER")
}

func badCredentials(s *scene) support {
	r, at := s.finalAuth()
	if r == nil || s.withToken() {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(at, "the user name or password was refused: %s", r)}}
}

func badToken(s *scene) support {
	r, at := s.finalAuth()
	if r == nil || !s.withToken() {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(at, "the token was refused: %s", r)}}
}

// exchangeOnline is the id of the application Office 365 Exchange Online, which tokens of the second form name as their audience in
// every cloud.
const exchangeOnline = "00000002-0000-0ff1-ce00-000000000000"

// smtpAudiences are the audiences of tokens that Exchange Online takes for SMTP
// (office-developer-exchange-docs, how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth, read 2026-11); those of the
// national clouds from configurations seen.
var smtpAudiences = map[provider.Cloud][]string{
	provider.Worldwide: {"https://outlook.office365.com", "https://outlook.office.com"},
	provider.GCCHigh:   {"https://outlook.office365.us"},
	provider.DoD:       {"https://outlook-dod.office365.us", "https://outlook.office365.us"},
	provider.China:     {"https://partner.outlook.cn"},
}

func audiencesOf(c provider.Cloud) []string {
	if list := smtpAudiences[c]; list != nil {
		return list
	}
	return smtpAudiences[provider.Worldwide]
}

// tokenGrounds is what the token's own claims say against it.
func tokenGrounds(s *scene) []Ground {
	t := s.walk.Auth.Token
	var out []Ground
	add := func(text string) { out = append(out, Ground{Text: text, Event: -1}) }
	if t.Opaque != "" {
		add("the token could not be read: " + t.Opaque)
		return out
	}
	if !t.Expires.IsZero() && s.rec.Started.After(t.Expires) {
		add("the token expired at " + t.Expires.UTC().Format("2006-01-02 15:04 MST"))
	}
	if s.rec.Started.Before(t.NotBefore) {
		add("the token holds from " + t.NotBefore.UTC().Format("2006-01-02 15:04 MST") + " on only; see whether the clocks are right")
	}
	if s.profile.Name == "microsoft365" && t.Audience != "" && !s.goodAudience(t.Audience) {
		add("the token is for " + t.Audience + ", not for " + strings.TrimPrefix(audiencesOf(s.door.Cloud)[0], "https://"))
	}
	if s.profile.Name == "microsoft365" && !hasSMTPPermission(t) {
		add("the token has neither the scope SMTP.Send nor the role SMTP.SendAsApp")
	}
	if t.User != "" && !strings.EqualFold(t.User, s.walk.Auth.User) {
		add("the token is of the user " + t.User + ", the sign-in names " + s.walk.Auth.User)
	}
	return out
}

func (s *scene) goodAudience(aud string) bool {
	aud = strings.ToLower(strings.TrimSuffix(aud, "/"))
	return aud == exchangeOnline || slices.Contains(audiencesOf(s.door.Cloud), aud)
}

func hasSMTPPermission(t *evidence.Token) bool {
	for _, p := range append(append([]string(nil), t.Scopes...), t.Roles...) {
		if strings.EqualFold(p, "SMTP.Send") || strings.EqualFold(p, "SMTP.SendAsApp") || strings.HasSuffix(strings.ToLower(p), "/smtp.send") {
			return true
		}
	}
	return false
}
