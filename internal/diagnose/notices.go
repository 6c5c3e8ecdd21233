package diagnose

import (
	"fmt"
	"slices"

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
