package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// passwordNotices is what the service announced about signing in with a password, where one is used or the door would ask for one,
// with date and source: plans like these move, and old dates stay on the web.
func passwordNotices(all []judged) []string {
	for _, j := range all {
		if !j.usesPassword() {
			continue
		}
		kind := j.door.Kind
		if !j.known || !j.door.Auth {
			kind = provider.Submission
		}
		if n, ok := j.profile.PasswordNotice(kind); ok {
			return []string{fmt.Sprintf("Passwords at %s, as announced on %s: %s Source: %s.", j.profile.Title, n.Said, n.What, n.Source)}
		}
	}
	return nil
}

// usesPassword reports whether the path signs in with a user name and a password.
func (s *scene) usesPassword() bool {
	if s.walk.Auth != nil {
		return !s.walk.Auth.OAuth
	}
	return s.main != nil && slices.ContainsFunc(s.main.Auths, func(evidence.Exchange) bool { return !s.withToken() })
}

// tokenNotice is what the token tells of itself, read without asking anybody, and what of it does not fit.
func tokenNotice(all []judged) []string {
	for _, j := range all {
		if j.walk.Auth == nil || j.walk.Auth.Token == nil {
			continue
		}
		t := j.walk.Auth.Token
		if t.Opaque != "" {
			return []string{"The token could not be read: " + t.Opaque + "."}
		}
		said := []string{"for " + cmp.Or(t.Audience, "no named audience")}
		if permits := slices.Concat(t.Scopes, t.Roles); len(permits) > 0 {
			said = append(said, "permits "+strings.Join(permits, " "))
		}
		if t.User != "" {
			said = append(said, "of the user "+t.User)
		}
		if !t.Expires.IsZero() {
			said = append(said, "good until "+t.Expires.UTC().Format("2006-01-02 15:04 MST"))
		}
		line := "The token, as it says of itself: " + strings.Join(said, ", ") + "."
		for _, g := range tokenGrounds(j.scene) {
			line += " But " + g.Text + "."
		}
		return []string{line}
	}
	return nil
}
