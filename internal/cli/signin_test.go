package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/lab/tenants"
)

// tokenOf makes a token of claims. Nobody checks its signature here.
func tokenOf(t *testing.T, claims map[string]any) string {
	t.Helper()
	b, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(b) + "." + part([]byte("signature"))
}

// TestSignIn gets tokens from a fake of Microsoft's sign-in service, and signs in with them at a lab server.
func TestSignIn(t *testing.T) {
	good := tokenOf(t, map[string]any{"aud": "https://outlook.office365.com", "roles": []string{"SMTP.SendAsApp"}, "exp": time.Now().Add(time.Hour).Unix(), "appid": "app"})
	graph := tokenOf(t, map[string]any{"aud": "https://graph.microsoft.com", "scp": "Mail.Send", "exp": time.Now().Add(time.Hour).Unix(), "upn": "boss@contoso.com"})
	answer := func(token string) string {
		return `{"token_type":"Bearer","expires_in":3599,"access_token":"` + token + `"}`
	}
	refusal := func(code string) string {
		return `{"error":"invalid_client","error_description":"` + code + ` Trace ID: 1-2 Correlation ID: 3-4 Timestamp: 2026-11-23 10:00:00Z"}`
	}
	accounts := func(token string) string { return "account scanner@contoso.com " + token + "\n" }
	const secret = "--client-secret-file {dir}/secret"
	for _, tt := range []struct {
		name, flags, script string
		status              int
		body                string
		want                string
		says                []string
	}{
		{"token", secret, accounts(good), 200, answer(good), "none accepted proven", nil},
		{"device code", "--device-code", accounts(good), 200, answer(good), "none accepted proven", nil},
		{"wrong secret", secret, accounts(good), 401, refusal("AADSTS7000215: Invalid client secret provided."), "auth oauth-token-invalid proven",
			[]string{"Use the secret's value", "issued no token: invalid_client AADSTS7000215", "no token was issued"}},
		{"a service that repeats the secret", secret, accounts(good), 401, `{"error":"invalid_marked-client-secret","error_description":"AADSTS7000215: Invalid client secret Marked-Client-Secret, ` +
			base64.StdEncoding.EncodeToString([]byte("app:marked-client-secret")) + `"}`, "auth oauth-token-invalid proven", []string{"Use the secret's value"}},
		{"policy", secret, accounts(good), 400, refusal("AADSTS53003: Access has been blocked by Conditional Access policies."), "auth auth-blocked-by-policy likely",
			[]string{"Sign-in logs"}},
		{"unknown error", secret, accounts(good), 400, refusal("AADSTS9999999: Something new."), "auth oauth-token-invalid possible", []string{"9999999"}},
		{"no explanation", secret, accounts(good), 503, "busy", "auth oauth-token-invalid possible", []string{"HTTP status 503"}},
		{"a token for Graph", secret, "on CREDENTIALS reply 535 5.7.3 Authentication unsuccessful {tag}\n", 200, answer(graph), "auth oauth-token-invalid likely",
			[]string{"the token is for https://graph.microsoft.com", "neither the scope SMTP.Send nor the role", "the token is of the user boss@contoso.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if strings.HasSuffix(r.URL.Path, "/devicecode") {
					io.WriteString(w, `{"device_code":"d","user_code":"ABCD-EFGH","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":1}`)
					return
				}
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			defer s.Close()
			host := strings.TrimPrefix(s.URL, "https://")
			var errOut bytes.Buffer
			a := &app{in: strings.NewReader(""), out: io.Discard, err: &errOut, signInClient: s.Client()}
			c, err := tenants.Parse(tt.name, fmt.Appendf(nil, "-- want --\nverdict %s\n-- flags --\n--from scanner@contoso.com --user scanner@contoso.com"+
				" --tenant contoso.com --client-id app --sign-in-host %s %s\n-- submission --\n%s-- file/secret --\nmarked-client-secret\n",
				tt.want, host, tt.flags, tt.script))
			if err != nil {
				t.Fatal(err)
			}
			rec, err := tenantCase{c}.run(t.Context(), t.TempDir(), a)
			if err != nil {
				t.Fatal(err)
			}
			d := diagnose.Diagnose(rec)
			if got := fmt.Sprintf("%s %s %s", d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence); got != tt.want {
				t.Errorf("got %s, want %s\n%s", got, tt.want, reportOf(t, rec))
			}
			text := strings.Join(strings.Fields(reportOf(t, rec)), " ")
			for _, want := range append(tt.says, host) {
				if !strings.Contains(text, want) {
					t.Errorf("the report does not say %q\n%s", want, reportOf(t, rec))
				}
			}
			if (tt.flags == "--device-code") != strings.Contains(errOut.String(), "https://microsoft.com/devicelogin in a browser and enter the code ABCD-EFGH") {
				t.Errorf("prompted %q", errOut.String())
			}
			saved := reportAs(t, rec, &output{format: "json"})
			for _, hidden := range []string{"marked-client-secret", "Marked-Client-Secret", base64.StdEncoding.EncodeToString([]byte("app:marked-client-secret"))[8:28], good, graph, strings.Split(good, ".")[1], "ABCD-EFGH"} {
				if strings.Contains(saved, hidden) {
					t.Errorf("%q is in the report", hidden)
				}
			}
			checkAgain(t, rec, &d)
		})
	}
}

func TestSignInFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--user a@example.com --device-code", "needs --tenant and --client-id"},
		{"--user a@example.com --device-code --tenant t", "needs --tenant and --client-id"},
		{"--device-code --tenant t --client-id c", "needs --user"},
		{"--user a@example.com --tenant t --client-id c", "add --device-code"},
		{"--user a@example.com --tenant ../x --client-id c --device-code", "--tenant"},
		{"--user a@example.com --tenant t --client-id c?x --device-code", "--client-id"},
		{"--user a@example.com --tenant t --client-id c --device-code --sign-in-host http://x", "--sign-in-host"},
		{"--user a@example.com --tenant t --client-id c --client-secret-env NO_SUCH_VARIABLE", "is empty or not set"},
		{"--user a@example.com --tenant t --client-id c --client-certificate /nonexistent", "--client-certificate"},
	} {
		o, target, err := caseOptions(append(strings.Fields(tt.args), "127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := quietApp().prepare(o, target); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.args, err, tt.want)
		}
	}
	if _, _, err := caseOptions(strings.Fields("--password-file x --device-code 127.0.0.1:1")); err == nil || !strings.Contains(err.Error(), "exclude each other") {
		t.Errorf("a password and a token: %v", err)
	}
}

// TestSignInAgain: a run that is repeated keeps its token while it is good, and asks no more after a refusal.
func TestSignInAgain(t *testing.T) {
	good := tokenOf(t, map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
	soon := tokenOf(t, map[string]any{"exp": time.Now().Add(time.Minute).Unix()})
	for _, tt := range []struct {
		name, token string
		asked       int
	}{{"good for long", good, 1}, {"about to expire", soon, 2}, {"refused", "", 1}} {
		asked := 0
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.Header().Set("Content-Type", "application/json")
			if tt.token == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprintf(w, `{"token_type":"Bearer","access_token":%q}`, tt.token)
		}))
		a := quietApp()
		a.signInClient = s.Client()
		t.Setenv("SMTPTRIAGE_TEST_CLIENT", "secret")
		o, target, err := caseOptions([]string{"127.0.0.1:1", "--user", "a@example.com", "--tenant", "t", "--client-id", "c",
			"--client-secret-env", "SMTPTRIAGE_TEST_CLIENT", "--sign-in-host", strings.TrimPrefix(s.URL, "https://")})
		if err != nil {
			t.Fatal(err)
		}
		j, err := a.prepare(o, target)
		if err != nil {
			t.Fatal(err)
		}
		a.signIn(t.Context(), j)
		first := j.target.Walk.Auth
		a.signIn(t.Context(), j)
		s.Close()
		if asked != tt.asked {
			t.Errorf("%s: asked %d times, want %d", tt.name, asked, tt.asked)
		}
		if (first == j.target.Walk.Auth) != (tt.asked == 1) {
			t.Errorf("%s: a second token must not change what was recorded with the first", tt.name)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestSignInHostOfTheCloud: which cloud a tenant is in shows in its doors alone, and its tokens come from there.
func TestSignInHostOfTheCloud(t *testing.T) {
	var asked, scope string
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = r.URL.Host
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		scope = r.Form.Get("scope")
		return &http.Response{StatusCode: 400, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found."}`))}, nil
	})}
	for mx, want := range map[string][2]string{
		"contoso.mail.protection.office365.us":           {"login.microsoftonline.us", "https://outlook.office365.us/.default"},
		"contoso-com.mail.protection.partner.outlook.cn": {"login.partner.microsoftonline.cn", "https://partner.outlook.cn/.default"},
		"contoso-com.mail.protection.outlook.com":        {"login.microsoftonline.com", "https://outlook.office365.com/.default"},
	} {
		a := quietApp()
		a.signInClient = client
		c, err := tenants.Parse("cloud", []byte("-- want --\nverdict auth x\n-- flags --\n--from scanner@contoso.com --user scanner@contoso.com --tenant contoso.com --client-id app "+
			"--client-secret-file {dir}/secret\n-- dns --\ncontoso.com MX "+mx+"\n-- file/secret --\nmarked-client-secret\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (tenantCase{c}).run(t.Context(), t.TempDir(), a); err != nil {
			t.Fatal(err)
		}
		if got := [2]string{asked, scope}; got != want {
			t.Errorf("%s: asked %v, want %v", mx, got, want)
		}
	}
}
