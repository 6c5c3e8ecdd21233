package cli

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func jwt(claims string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestReadToken(t *testing.T) {
	for _, tt := range []struct {
		name, token string
		want        evidence.Token
	}{
		{"delegated", jwt(`{"aud":"https://outlook.office.com","scp":"SMTP.Send offline_access","exp":1795000000,"upn":"scanner@contoso.com","appid":"a","tid":"t"}`),
			evidence.Token{Audience: "https://outlook.office.com", Scopes: []string{"SMTP.Send", "offline_access"},
				Expires: time.Unix(1795000000, 0).UTC(), User: "scanner@contoso.com", App: "a", Tenant: "t"}},
		{"application", jwt(`{"aud":["x"],"roles":["SMTP.SendAsApp"],"preferred_username":"p"}`),
			evidence.Token{Audience: "x", Roles: []string{"SMTP.SendAsApp"}, User: "p"}},
		{"opaque", "EwB4A8l6", evidence.Token{Opaque: "it is not a JWT"}},
		{"not base64", "a.%%%.c", evidence.Token{Opaque: "its claims are not base64url"}},
		{"not JSON", "a." + base64.RawURLEncoding.EncodeToString([]byte("hello")) + ".c", evidence.Token{Opaque: "its claims are not what a token has"}},
		{"times", jwt(`{"nbf":1794990000,"exp":1795000000}`), evidence.Token{NotBefore: time.Unix(1794990000, 0).UTC(), Expires: time.Unix(1795000000, 0).UTC()}},
		{"the whole answer", `{"access_token":"a.b.c"}`, evidence.Token{Opaque: "it is JSON, the whole answer of the sign-in service; only the value of access_token is wanted"}},
		{"the end of time", jwt(`{"exp":1e300}`), evidence.Token{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, readToken(tt.token), cmp.Comparer(func(a, b []string) bool { return strings.Join(a, "|") == strings.Join(b, "|") })); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add(jwt(`{"aud":"a","exp":1}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) {
		claims := readToken(s)
		if len(s) > 20 && strings.Contains(claims.Opaque, s) {
			t.Error("it repeats the token")
		}
	})
}

func TestFromEnvironmentOrFlags(t *testing.T) {
	t.Setenv("SMTPTRIAGE_PASSWORD_ENV", "SECRET")
	cmd := Command()
	check, _, err := cmd.Find([]string{"check"})
	if err != nil {
		t.Fatal(err)
	}
	if err := check.ParseFlags([]string{"--password-file", "x"}); err != nil {
		t.Fatal(err)
	}
	if err := fromEnvironment(check.Flags()); err != nil {
		t.Errorf("a flag loses against the environment: %v", err)
	}
	if got := check.Flags().Lookup("password-env").Value.String(); got != "" {
		t.Errorf("--password-env is %q although --password-file is given", got)
	}
}
