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
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return evidence.Token{Opaque: "it is not a JWT"}
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return evidence.Token{Opaque: "its claims are not base64url"}
	}
	var c struct {
		Audience audience `json:"aud"`
		Scopes   string   `json:"scp"`
		Roles    []string `json:"roles"`
		Expires  float64  `json:"exp"`
		UPN      string   `json:"upn"`
		Name     string   `json:"preferred_username"`
		Unique   string   `json:"unique_name"`
		App      string   `json:"appid"`
		Tenant   string   `json:"tid"`
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
	// Beyond these bounds JSON cannot hold the time, and no token lives that long.
	if c.Expires > 0 && c.Expires < 1<<37 {
		t.Expires = time.Unix(int64(c.Expires), 0).UTC()
	}
	return t
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
