package signin

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A service is a fake of Microsoft's sign-in service: it answers each form that is posted.
func service(t *testing.T, answer func(path string, form url.Values) (status int, body string)) (host string, client *http.Client) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		status, body := answer(r.URL.Path, r.PostForm)
		w.Header().Set("Content-Type", "application/json")
		if status == http.StatusTemporaryRedirect {
			w.Header().Set("Location", body)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "https://"), s.Client()
}

const issued = `{"token_type":"Bearer","expires_in":3599,"access_token":"issued-token"}`

func TestClientSecret(t *testing.T) {
	var got url.Values
	host, client := service(t, func(path string, form url.Values) (int, string) {
		if path != "/contoso.com/oauth2/v2.0/token" {
			t.Errorf("asked %s", path)
		}
		got = form
		return 200, issued
	})
	token, seen := Token(t.Context(), Request{Host: host, Tenant: "contoso.com", ClientID: "app", Secret: "marked-secret", Client: client})
	if token != "issued-token" || !seen.Issued || seen.Flow != ClientCredentials || seen.Text != "" {
		t.Errorf("got %q, %+v", token, seen)
	}
	for k, want := range map[string]string{"grant_type": "client_credentials", "client_id": "app", "client_secret": "marked-secret",
		"scope": "https://outlook.office365.com/.default"} {
		if got.Get(k) != want {
			t.Errorf("%s is %q, want %q", k, got.Get(k), want)
		}
	}
	b, _ := json.Marshal(seen)
	if strings.Contains(string(b), "marked-secret") || strings.Contains(string(b), "issued-token") {
		t.Errorf("a secret is in what is recorded: %s", b)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		status     int
		code       int
		errorCode  string
		text       string
	}{
		{"AADSTS", `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID. Trace ID: 6b1a Correlation ID: 77c2 Timestamp: 2026-11-23 10:00:00Z"}`,
			401, 7000215, "invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."},
		{"no JSON", "<html>busy</html>", 503, 0, "", "the sign-in service answers with HTTP status 503, without an explanation"},
		{"no token", `{"token_type":"Bearer"}`, 200, 0, "", "could not be asked"},
		{"a redirect", "https://192.0.2.1/", 307, 0, "", "HTTP status 307"},
	} {
		host, client := service(t, func(string, url.Values) (int, string) { return tt.status, tt.body })
		token, seen := Token(t.Context(), Request{Host: host, Tenant: "t", ClientID: "app", Secret: "s", Client: client})
		if token != "" || seen.Issued || seen.Code != tt.code || seen.Error != tt.errorCode || !strings.Contains(seen.Text, tt.text) {
			t.Errorf("%s: got %q, %+v", tt.name, token, seen)
		}
	}
}

func TestUnreachable(t *testing.T) {
	_, seen := Token(t.Context(), Request{Host: "127.0.0.1:1", Tenant: "contoso.com", ClientID: "app", Secret: "s"})
	if seen.Issued || !strings.Contains(seen.Text, "could not be asked") || strings.Contains(seen.Text, "contoso") {
		t.Errorf("got %+v", seen)
	}
}

func TestDeviceCode(t *testing.T) {
	asked := 0
	host, client := service(t, func(path string, form url.Values) (int, string) {
		if strings.HasSuffix(path, "/devicecode") {
			if form.Get("scope") != "https://outlook.office365.com/SMTP.Send" || form.Get("client_secret") != "" {
				t.Errorf("asked with %v", form)
			}
			return 200, `{"device_code":"dev","user_code":"ABCD-EFGH","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":1}`
		}
		if asked++; asked == 1 {
			return 400, `{"error":"authorization_pending","error_description":"AADSTS70016: OAuth 2.0 device flow error. Authorization is pending."}`
		}
		return 200, issued
	})
	var page, code string
	token, seen := Token(t.Context(), Request{Host: host, Tenant: "t", ClientID: "app", Client: client, Prompt: func(p, c string) { page, code = p, c }})
	if token != "issued-token" || seen.Flow != DeviceCode || page != "https://microsoft.com/devicelogin" || code != "ABCD-EFGH" || asked != 2 {
		t.Errorf("got %q, %+v, prompted %q %q, asked %d times", token, seen, page, code, asked)
	}
	b, _ := json.Marshal(seen)
	if strings.Contains(string(b), "ABCD") || strings.Contains(string(b), `"dev"`) {
		t.Errorf("the code is in what is recorded: %s", b)
	}
}

// TestDeviceCodeRefused: nobody entered the code, somebody said no, or the run was ended meanwhile.
func TestDeviceCodeRefused(t *testing.T) {
	for reason, text := range map[string]string{"expired_token": "AADSTS70020: The code has expired.", "authorization_declined": "AADSTS70017: The user declined.", "ended": ""} {
		ctx, cancel := context.WithCancel(t.Context())
		host, client := service(t, func(path string, _ url.Values) (int, string) {
			switch {
			case strings.HasSuffix(path, "/devicecode"):
				return 200, `{"device_code":"dev","user_code":"ABCD-EFGH","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":1}`
			case reason == "ended":
				cancel()
				return 400, `{"error":"authorization_pending"}`
			}
			return 400, `{"error":"` + reason + `","error_description":"` + text + `"}`
		})
		began := time.Now()
		token, seen := Token(ctx, Request{Host: host, Tenant: "t", ClientID: "app", Client: client, Prompt: func(string, string) {}})
		if token != "" || seen.Issued || reason != "ended" && seen.Error != reason || !strings.Contains(seen.Text, text) || time.Since(began) > 10*time.Second {
			t.Errorf("%s: %q, %+v after %v", reason, token, seen, time.Since(began))
		}
		cancel()
	}
}

func newCertificate(t *testing.T) (pemData []byte, key *rsa.PrivateKey, der []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "scan app"}, NotAfter: time.Now().Add(time.Hour)}
	if der, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pemData = append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	return pemData, key, der
}

func TestClientCertificate(t *testing.T) {
	pemData, key, der := newCertificate(t)
	c, err := ParseCertificate(pemData)
	if err != nil {
		t.Fatal(err)
	}
	var form url.Values
	host, client := service(t, func(_ string, f url.Values) (int, string) { form = f; return 200, issued })
	if token, seen := Token(t.Context(), Request{Host: host, Tenant: "t", ClientID: "app", Certificate: c, Client: client}); token == "" {
		t.Fatalf("no token: %+v", seen)
	}
	parts := strings.Split(form.Get("client_assertion"), ".")
	if len(parts) != 3 || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Get("client_secret") != "" {
		t.Fatalf("asked with %v", form)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if err := rsa.VerifyPSS(&key.PublicKey, crypto.SHA256, sum[:], signature, nil); err != nil {
		t.Errorf("the signature: %v", err)
	}
	var head, claims map[string]any
	for i, v := range []*map[string]any{&head, &claims} {
		b, _ := base64.RawURLEncoding.DecodeString(parts[i])
		if err := json.Unmarshal(b, v); err != nil {
			t.Fatal(err)
		}
	}
	thumb := sha256.Sum256(der)
	if head["alg"] != "PS256" || head["x5t#S256"] != base64.RawURLEncoding.EncodeToString(thumb[:]) {
		t.Errorf("header %v", head)
	}
	if claims["aud"] != "https://"+host+"/t/oauth2/v2.0/token" || claims["iss"] != "app" || claims["sub"] != "app" || claims["jti"] == "" {
		t.Errorf("claims %v", claims)
	}
}

func TestParseCertificate(t *testing.T) {
	pemData, _, _ := newCertificate(t)
	other, _, _ := newCertificate(t)
	certificate := pemData[strings.Index(string(pemData), "-----BEGIN CERTIFICATE"):]
	otherKey := other[:strings.Index(string(other), "-----BEGIN CERTIFICATE")]
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "no certificate"},
		"no key":         {certificate, "no private key"},
		"no certificate": {otherKey, "no certificate"},
		"of two pairs":   {append(append([]byte{}, otherKey...), certificate...), "not that of its first certificate"},
	} {
		if _, err := ParseCertificate(tt.data); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestResource(t *testing.T) {
	for host, want := range map[string]string{"": "https://outlook.office365.com", "login.microsoftonline.us": "https://outlook.office365.us"} {
		if got := (Request{Host: host}).Resource(); got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
	}
}
