package diagnose

import (
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// TestTokenNotice: what a token says of itself is told whether or not the door was reached, and compared with what SMTP needs.
func TestTokenNotice(t *testing.T) {
	good := evidence.Token{Audience: "https://outlook.office365.com/", Scopes: []string{"SMTP.Send"}, User: submit.Auth.User}
	with := func(change func(*evidence.Token)) evidence.Token {
		c := good
		change(&c)
		return c
	}
	for _, tt := range []struct {
		name, host string
		token      evidence.Token
		but        string // "": nothing against it
	}{
		{"good", "", good, ""},
		{"an application's", "", with(func(c *evidence.Token) { c.Scopes, c.Roles, c.User = nil, []string{"SMTP.SendAsApp"}, "" }), ""},
		{"of the second form", "", with(func(c *evidence.Token) { c.Audience = "00000002-0000-0ff1-ce00-000000000000" }), ""},
		{"for Graph", "", with(func(c *evidence.Token) { c.Audience = "https://graph.microsoft.com" }), "not for outlook.office365.com"},
		{"for another cloud", "", with(func(c *evidence.Token) { c.Audience = "https://outlook.office365.us" }), "not for outlook.office365.com"},
		{"in that cloud", "smtp.office365.us", with(func(c *evidence.Token) { c.Audience = "https://outlook.office365.us" }), ""},
		{"for mail of Graph", "", with(func(c *evidence.Token) { c.Scopes = []string{"Mail.Send"} }), "neither the scope SMTP.Send nor"},
		{"of somebody else", "", with(func(c *evidence.Token) { c.User = "boss@contoso.com" }), "of the user boss@contoso.com, the sign-in names"},
		{"expired", "", with(func(c *evidence.Token) { c.Expires = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }), "expired at 2020-01-01"},
		{"not yet valid", "", with(func(c *evidence.Token) { c.NotBefore = time.Date(2090, 1, 1, 0, 0, 0, 0, time.UTC) }), "holds from 2090-01-01"},
		{"opaque", "", evidence.Token{Opaque: "it is not a JWT"}, "could not be read: it is not a JWT"},
	} {
		w := submit
		if tt.host != "" {
			w.Host = tt.host
		}
		auth := *submit.Auth
		auth.OAuth, auth.Token = true, &tt.token
		w.Auth = &auth
		rec := recordWith(t, w, dropped)
		rec.Started = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
		d := Diagnose(rec)
		said := strings.Join(d.Guidance, "\n")
		if !strings.Contains(said, "The token") || !strings.Contains(said, tt.but) || tt.but == "" && strings.Contains(said, "But ") {
			t.Errorf("%s: want %q in\n%s", tt.name, tt.but, said)
		}
	}
}
