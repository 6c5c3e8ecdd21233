package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// noToken is the request for a token that the sign-in service did not fulfil; nil if there was none.
func (s *scene) noToken() *evidence.TokenRequest {
	if s.walk.Auth == nil || s.walk.Auth.Asked == nil || s.walk.Auth.Asked.Issued {
		return nil
	}
	return s.walk.Auth.Asked
}

// tokenFindings names the cause for which no token was issued, by the sign-in service's own words.
func (s *scene) tokenFindings(step cause.Step) []Finding {
	asked := s.noToken()
	if asked == nil || step != cause.Auth {
		return nil
	}
	g := Ground{Text: fmt.Sprintf("%s issued no token: %s", asked.Host, strings.TrimSpace(asked.Error+" "+asked.Text)), Event: -1}
	m, ok := provider.MatchText(asked.Text, cause.Auth)
	if asked.Status == 0 || !ok {
		f := finding(cause.Auth, cause.OAuthTokenInvalid, Possible, "There is no token to sign in with: "+asked.Text+".", g)
		if asked.Status == 0 {
			f.Actions = merge([]string{"See that " + asked.Host + " can be reached from here on port 443, through the proxy if there is one."}, f.Actions)
		}
		return []Finding{f}
	}
	c := Likely
	if m.Firm == provider.Names && m.Verified {
		c = Proven // its certificate was verified, and it names the reason itself
	} else if m.Firm == provider.Possible {
		c = Possible
	}
	f := finding(cause.Auth, m.Cause, c, "No token was issued. "+m.Meaning, g)
	f.Actions, f.Links = merge(m.Actions, f.Actions), merge(m.Links, f.Links)
	f.Actions = f.Actions[:min(maxActions, len(f.Actions))]
	return []Finding{f}
}

// withClaims adds what the token says of itself to a finding that it was refused.
func (s *scene) withClaims(found []Finding) []Finding {
	if s.walk.Auth == nil || s.walk.Auth.Token == nil {
		return found
	}
	for i := range found {
		if f := &found[i]; f.Cause == cause.OAuthTokenInvalid {
			f.Because = append(slices.Clone(f.Because), tokenGrounds(s)...)
		}
	}
	return found
}
