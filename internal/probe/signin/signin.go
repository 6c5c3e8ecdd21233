// Package signin gets an OAuth access token for SMTP from Microsoft's sign-in service, by client credentials or by device code
// (RFC 6749, section 4.4; RFC 8628), and says how that went. The token and the secrets are handed on in memory alone: what is
// recorded names neither.
package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// The flows, as reports name them.
const (
	ClientCredentials = "client-credentials"
	DeviceCode        = "device-code"
)

// DefaultHost is where the worldwide cloud issues tokens.
const DefaultHost = "login.microsoftonline.com"

const (
	requestWait = 30 * time.Second
	deviceWait  = 10 * time.Minute // for a person to sign in elsewhere
	maxText     = 400              // octets of the service's explanation that are kept
)

// A Request says how to get a token. Exactly one of Secret, Certificate and Prompt is given.
type Request struct {
	Host        string // of the sign-in service; "": DefaultHost
	Tenant      string // its id, or one of its domains
	ClientID    string // of the application
	Secret      string
	Certificate *Certificate
	Prompt      func(page, code string) // device code: tells the user where to enter what

	Client *http.Client // nil: one that follows no redirects
}

// resources are the mail services that tokens are for, by sign-in host. Other hosts issue them for the worldwide one
// (office-developer-exchange-docs: authenticate by using OAuth, read 2026-11; those of the national clouds from configurations seen).
var resources = map[string]string{
	"login.microsoftonline.us":         "https://outlook.office365.us",
	"login.partner.microsoftonline.cn": "https://partner.outlook.cn",
	"login.chinacloudapi.cn":           "https://partner.outlook.cn", // its name of before
}

// Resource is the mail service that the token is for.
func (r Request) Resource() string {
	if s, ok := resources[r.host()]; ok {
		return s
	}
	return "https://outlook.office365.com"
}

func (r Request) host() string {
	if r.Host == "" {
		return DefaultHost
	}
	return r.Host
}

// Flow names the way the request goes.
func (r Request) Flow() string {
	if r.Prompt != nil {
		return DeviceCode
	}
	return ClientCredentials
}

// scope is what is asked for: all application permissions, or that of a signed-in user to send.
func (r Request) scope() string {
	if r.Prompt != nil {
		return r.Resource() + "/SMTP.Send"
	}
	return r.Resource() + "/.default"
}

// Token asks for a token. It returns "" if none was issued; then what was seen says why.
func Token(ctx context.Context, r Request) (string, evidence.TokenRequest) {
	seen := evidence.TokenRequest{Flow: r.Flow(), Host: r.host(), Tenant: r.Tenant, App: r.ClientID, Scope: r.scope(), Started: time.Now().UTC()}
	client := r.Client
	if client == nil {
		client = &http.Client{Timeout: requestWait}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // secrets go nowhere else
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &own)
	token, err := r.token(ctx)
	seen.Took = time.Since(seen.Started)
	switch {
	case err != nil:
		describe(&seen, err)
	case token.AccessToken == "":
		seen.Text = "the answer holds no token"
	default:
		seen.Issued = true
		return token.AccessToken, seen
	}
	return "", seen
}

func (r Request) endpoint(name string) string {
	return (&url.URL{Scheme: "https", Host: r.host(), Path: "/" + r.Tenant + "/oauth2/v2.0/" + name}).String()
}

func (r Request) token(ctx context.Context) (*oauth2.Token, error) {
	if r.Prompt != nil {
		return r.byDevice(ctx)
	}
	c := clientcredentials.Config{ClientID: r.ClientID, ClientSecret: r.Secret, TokenURL: r.endpoint("token"),
		Scopes: []string{r.scope()}, AuthStyle: oauth2.AuthStyleInParams}
	if r.Certificate != nil {
		assertion, err := r.Certificate.assertion(r.ClientID, c.TokenURL, time.Now())
		if err != nil {
			return nil, err
		}
		c.EndpointParams = url.Values{
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, // RFC 7523, section 2.2
			"client_assertion":      {assertion},
		}
	}
	return c.Token(ctx)
}

// byDevice shows the user a code, and waits until it was entered elsewhere.
func (r Request) byDevice(ctx context.Context) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, deviceWait)
	defer cancel()
	c := oauth2.Config{ClientID: r.ClientID, Scopes: []string{r.scope()},
		Endpoint: oauth2.Endpoint{DeviceAuthURL: r.endpoint("devicecode"), TokenURL: r.endpoint("token"), AuthStyle: oauth2.AuthStyleInParams}}
	answer, err := c.DeviceAuth(ctx)
	if err != nil {
		return nil, err
	}
	r.Prompt(answer.VerificationURI, answer.UserCode)
	return c.DeviceAccessToken(ctx, answer)
}

// The parts of the service's explanation that are worth keeping, and the lines with ids of the request that are not.
var (
	codeForm  = regexp.MustCompile(`AADSTS([0-9]{4,9})`)
	traceForm = regexp.MustCompile(`(?i)\s*(?:Trace ID|Correlation ID|Timestamp):\s*\S+(?: \S+Z)?`)
)

// describe records why no token was issued.
func describe(seen *evidence.TokenRequest, err error) {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		seen.Text = bounded("the sign-in service could not be asked: " + plainError(err))
		return
	}
	seen.Error = bounded(refused.ErrorCode)
	if refused.Response != nil {
		seen.Status = refused.Response.StatusCode
	}
	text := traceForm.ReplaceAllString(refused.ErrorDescription, "")
	if m := codeForm.FindStringSubmatch(text); m != nil {
		seen.Code, _ = strconv.Atoi(m[1])
	}
	if text == "" {
		text = fmt.Sprintf("the sign-in service answers with HTTP status %d, without an explanation", seen.Status)
	}
	seen.Text = bounded(text)
}

// plainError is an error of the way to the service without the address that was asked for, which names the tenant.
func plainError(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}

func bounded(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + " ..."
	}
	return s
}
