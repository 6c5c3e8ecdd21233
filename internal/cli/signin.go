package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/probe/signin"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/report"
)

// signInOptions are the flags that get a token from Microsoft's sign-in service.
type signInOptions struct {
	tenant, clientID, host                 string
	secretFile, secretEnv, certificateFile string
	deviceCode                             bool
}

func (o *signInOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.tenant, "tenant", "", "get a token from this Microsoft 365 `TENANT`: its id, or one of its domains")
	f.StringVar(&o.clientID, "client-id", "", "`ID` of the application that the token is for")
	f.StringVar(&o.secretFile, "client-secret-file", "", "`FILE` whose first line is the application's secret; - is standard input")
	f.StringVar(&o.secretEnv, "client-secret-env", "", "environment `VARIABLE` that holds the application's secret")
	f.StringVar(&o.certificateFile, "client-certificate", "", "PEM `FILE` with the application's certificate and private key")
	f.BoolVar(&o.deviceCode, "device-code", false, "sign in yourself, in a browser, with a code that is shown here")
	f.StringVar(&o.host, "sign-in-host", "", "`HOST` that issues tokens (default: that of the target's cloud)")
}

// wanted reports whether a token is to be got.
func (o *signInOptions) wanted() bool {
	return o.deviceCode || cmp.Or(o.secretFile, o.secretEnv, o.certificateFile) != ""
}

var (
	tenantForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,250}$`)
	clientForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
	hostForm   = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)
)

func (o *signInOptions) check() error {
	switch {
	case !o.wanted() && cmp.Or(o.tenant, o.clientID, o.host) != "":
		return errors.New("--tenant and --client-id get a token: add --device-code, --client-secret-file, --client-secret-env or --client-certificate")
	case !o.wanted():
		return nil
	case o.tenant == "" || o.clientID == "":
		return errors.New("getting a token needs --tenant and --client-id: whose application asks?")
	case !tenantForm.MatchString(o.tenant):
		return fmt.Errorf("--tenant %q: write its id, or one of its domains", o.tenant)
	case !clientForm.MatchString(o.clientID):
		return fmt.Errorf("--client-id %q: write the application's id, such as 00000000-0000-0000-0000-000000000000", o.clientID)
	case o.host != "" && !hostForm.MatchString(o.host):
		return fmt.Errorf("--sign-in-host %q: write a host, such as %s", o.host, signin.DefaultHost)
	}
	return nil
}

// request reads the secret or certificate, and makes the request for a token. Nothing is sent yet.
func (a *app) request(o *signInOptions, target string) (*signin.Request, error) {
	r := &signin.Request{Host: cmp.Or(o.host, signInHost(target)), Tenant: o.tenant, ClientID: o.clientID, Client: a.signInClient}
	var err error
	switch {
	case o.deviceCode:
		r.Prompt = func(page, code string) {
			fmt.Fprintf(a.err, "To sign in, open %s in a browser and enter the code %s\n", report.Clean(page), report.Clean(code))
		}
	case o.certificateFile != "":
		var data []byte
		if data, err = readSmall(o.certificateFile); err == nil {
			r.Certificate, err = signin.ParseCertificate(data)
		}
		if err != nil {
			return nil, fmt.Errorf("--client-certificate %s: %w", o.certificateFile, err)
		}
	case o.secretFile != "":
		r.Secret, err = a.secretFile("client secret", o.secretFile)
	default:
		if r.Secret = os.Getenv(o.secretEnv); r.Secret == "" {
			return nil, fmt.Errorf("--client-secret-env %s: that variable is empty or not set", o.secretEnv)
		}
	}
	return r, err
}

// signInHost is where tokens for a host come from; "" leaves it to the request.
func signInHost(host string) string {
	_, d, _ := provider.Classify(host)
	return d.SignIn
}

// signIn gets the token of a job, and notes how that went. Without one the walk goes on as far as it can without a sign-in. A job
// that is run again keeps its token while it is good, and does not ask again after a refusal.
func (a *app) signIn(ctx context.Context, j *job) {
	if j.request == nil {
		return
	}
	auth := *j.target.Walk.Auth // records of earlier runs keep theirs
	if auth.Asked != nil && (!auth.Asked.Issued || stillGood(auth.Token, time.Now())) {
		return
	}
	if j.request.Host == "" && j.target.Domain != "" {
		j.request.Host = signInHost(j.prober.FindDoors(ctx, j.target).Walk.Host) // the cloud shows in the doors alone
	}
	token, seen := signin.Token(ctx, *j.request)
	scrub := new(evidence.Scrubber)
	scrub.Add(auth.User, j.request.Secret)
	seen.Text, seen.Error = scrub.Clean(seen.Text), scrub.Clean(seen.Error)
	auth.Asked = &seen
	j.target.Walk.Auth = &auth
	if token == "" {
		return
	}
	claims := readToken(token)
	auth.Token = &claims
	j.prober.Secret = func() string { return token }
}

// stillGood reports whether a token holds for another run, as far as it tells.
func stillGood(t *evidence.Token, now time.Time) bool {
	const oneRun = 5 * time.Minute
	return t == nil || t.Expires.IsZero() || now.Add(oneRun).Before(t.Expires)
}

// signInContact is the sign-in service's host and port, for the list of all that a run contacted.
func signInContact(j *job) []string {
	if j.request == nil || j.target.Walk.Auth.Asked == nil {
		return nil
	}
	host := j.target.Walk.Auth.Asked.Host
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "443")
	}
	return []string{host}
}
