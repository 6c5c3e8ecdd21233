package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// readToken reads the claims of an access token that matter for SMTP. The token is a JWT (RFC 7519) if it can be read at all;
// nothing is verified, and of the token itself nothing is kept.
func readToken(token string) evidence.Token {
	if strings.HasPrefix(token, "{") {
		return evidence.Token{Opaque: "it is JSON, the whole answer of the sign-in service; only the value of access_token is wanted"}
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return evidence.Token{Opaque: "it is not a JWT"}
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return evidence.Token{Opaque: "its claims are not base64url"}
	}
	var c struct {
		Audience  audience `json:"aud"`
		Scopes    string   `json:"scp"`
		Roles     []string `json:"roles"`
		Expires   float64  `json:"exp"`
		NotBefore float64  `json:"nbf"`
		UPN       string   `json:"upn"`
		Name      string   `json:"preferred_username"`
		Unique    string   `json:"unique_name"`
		App       string   `json:"appid"`
		Tenant    string   `json:"tid"`
	}
	if json.Unmarshal(b, &c) != nil {
		return evidence.Token{Opaque: "its claims are not what a token has"}
	}
	t := evidence.Token{Audience: string(c.Audience), Scopes: strings.Fields(c.Scopes), Roles: c.Roles, App: c.App, Tenant: c.Tenant}
	for _, user := range []string{c.Unique, c.Name, c.UPN} {
		if user != "" {
			t.User = user
		}
	}
	t.NotBefore, t.Expires = numericDate(c.NotBefore), numericDate(c.Expires)
	return t
}

// numericDate is a time as tokens have it (RFC 7519, section 2); zero if there is none. Beyond these bounds JSON cannot hold the
// time, and no token lives that long.
func numericDate(seconds float64) time.Time {
	if seconds <= 0 || seconds >= 1<<37 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}

// An audience is one text, or a list of them, of which SMTP tokens have one (RFC 7519, section 4.1.3).
type audience string

func (a *audience) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*a = audience(strings.Join(list, " "))
		return nil
	}
	return json.Unmarshal(b, (*string)(a))
}
