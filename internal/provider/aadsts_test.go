package provider

import (
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
)

func TestSignInErrors(t *testing.T) {
	for _, tt := range []struct {
		text, row string
		cause     cause.ID
	}{
		{"AADSTS7000215: Invalid client secret provided.", "aadsts-7000215", cause.OAuthTokenInvalid},
		{"invalid_client: AADSTS700016: Application with identifier 'x' was not found", "aadsts-700016", cause.OAuthTokenInvalid},
		{"AADSTS50076: Due to a configuration change, you must use multi-factor authentication", "aadsts-50076", cause.AuthBlockedByPolicy},
		{"AADSTS50126: Error validating credentials", "aadsts-50126", cause.AuthBadCredentials},
		{"AADSTS53003: Access has been blocked by Conditional Access policies.", "aadsts-53003", cause.AuthBlockedByPolicy},
		{"AADSTS530032: blocked", "aadsts-530032", cause.AuthBlockedByPolicy}, // not 53003
		{"AADSTS9999999: something new", "aadsts-other", cause.OAuthTokenInvalid},
	} {
		m, ok := MatchText(tt.text, cause.Auth)
		if !ok || m.Row.ID != tt.row || m.Cause != tt.cause {
			t.Errorf("%s: got %s / %s", tt.text, m.Row.ID, m.Cause)
		}
	}
	if m, ok := SignInError("could not sign in: aadsts50126: wrong"); !ok || m.ID != "aadsts-50126" {
		t.Errorf("got %s, %v", m.ID, ok)
	}
	if m, ok := SignInError("535 5.7.3 Authentication unsuccessful"); ok {
		t.Errorf("a reply of a mail server is taken for %s", m.ID)
	}
	seen := map[int]bool{}
	for _, e := range aadstsErrors {
		if seen[e.code] {
			t.Errorf("%d stands twice", e.code)
		}
		seen[e.code] = true
	}
}
