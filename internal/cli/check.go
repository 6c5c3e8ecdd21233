package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/probe"
	"github.com/smtptriage/smtptriage/internal/probe/signin"
)

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [flags] TARGET",
		Short: "Walk to a mail server and find the first step that fails",
		Long: "Hold a real SMTP conversation with TARGET, find the first step that fails and name the cause. Without --send no message " +
			"is sent; without --from the walk stops before MAIL FROM.\n\n" +
			"TARGET is a domain, address@domain, a host, host:port, an IP address, or [IPv6]:port. The doors of a domain are found in DNS: " +
			"its MX and, where the service is known, its submission host. The one that fits the flags is asked about (submission with " +
			"credentials, else the MX; --via decides), the others are walked beside it, never with credentials. An address is the sender " +
			"too, unless --from is given. A bare name is a domain if it has MX records, and a host otherwise; with a port, or with " +
			"--via host, it is a host.\n\nEvery flag can come from the environment too: --tls-min " +
			"from SMTPTRIAGE_TLS_MIN, and so on; the command line wins.\n\n" +
			"Exit status: 0 every step asked for passed; 1 a step failed and a cause is named; 2 wrong usage, nothing was sent; " +
			"3 could not run, or undetermined.",
		Example: examples(
			"smtptriage check mail.example.com", "as far as TLS, on port 25",
			"smtptriage check --from scanner@contoso.com --to office@contoso.com contoso.com", "all doors of a domain, side by side",
			"smtptriage check --from scanner@example.com --to office@example.com example-com.mail.protection.outlook.com",
			"as far as the recipient; nothing is sent",
			"smtptriage check --user scanner@example.com --from scanner@example.com smtp.office365.com:587",
			"with a sign-in; asks for the password",
			"smtptriage check --like old-copier --from scanner@example.com mail.example.com", "as an old copier would; --like list shows the kinds",
			"smtptriage check --repeat 20 --every 30s mail.example.com", "a fault that comes and goes",
			"smtptriage check --evidence printer.json --format json mail.example.com", "for a script, and for later"),
		Args: func(cmd *cobra.Command, args []string) error {
			if o.like == listDevices {
				return nil
			}
			return oneTarget(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.like == listDevices {
				return a.listDevices()
			}
			return a.check(cmd.Context(), &o, args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

func oneTarget(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return fmt.Errorf("no target: write a host, such as %s mail.example.com", cmd.CommandPath())
	case 1:
		return nil
	}
	return fmt.Errorf("%d targets, %q and %q: give one", len(args), args[0], args[1])
}

// check runs one check. Everything that can be wrong with the input is found before anything is sent.
func (a *app) check(ctx context.Context, o *checkOptions, target string) error {
	j, err := a.prepare(o, target)
	if err != nil {
		return err
	}
	if o.repeat.asked() {
		return a.finish(a.repeat(ctx, j, o.repeat), &o.output)
	}
	return a.finish(a.run(ctx, j), &o.output)
}

// A job is a check that is ready to run.
type job struct {
	target  evidence.Target
	prober  probe.Prober
	plan    probe.Planner
	request *signin.Request // for a token; nil: none is wanted
	verbose bool
}

// prepare checks the flags, reads the files that they name and opens those that will be written.
func (a *app) prepare(o *checkOptions, target string) (*job, error) {
	t, err := o.goal(target)
	if err != nil {
		return nil, err
	}
	j := &job{target: t, verbose: o.verbose, plan: diagnose.Next}
	j.prober = probe.Prober{Tool: tool(), MaxTime: o.maxTime, Bind: o.bind, Resolvers: o.resolvers}
	if t.Domain != "" {
		j.prober.Doors = diagnose.Doors
	}
	if o.noExperiments {
		j.plan = nil
	}
	if j.prober.Roots, err = readRoots(o.caFile); err != nil {
		return nil, err
	}
	if err := a.credentials(o, j); err != nil {
		return nil, err
	}
	return j, o.output.open()
}

// credentials reads what the job signs in with.
func (a *app) credentials(o *checkOptions, j *job) (err error) {
	if o.user == "" {
		return nil
	}
	j.target.Walk.Auth = &evidence.Auth{User: o.user, OAuth: o.tokenFile != "" || o.signIn.wanted(), Mechanism: o.mechanism()}
	if o.signIn.wanted() {
		j.request, err = a.request(&o.signIn, j.target.Walk.Host)
		return err
	}
	secret, err := a.secret(o)
	if err != nil {
		return err
	}
	if o.tokenFile != "" {
		secret = strings.TrimSpace(bearerPrefix.ReplaceAllString(secret, "")) // as it stands in a header
	}
	j.prober.Secret = func() string { return secret }
	if o.tokenFile != "" {
		claims := readToken(secret)
		j.target.Walk.Auth.Token = &claims
	}
	return nil
}

var bearerPrefix = regexp.MustCompile(`^(?i:\s*(?:Authorization:\s*)?Bearer\s+)`)

// readRoots reads the certificates of a PEM file; no file is no pool.
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	b, err := readSmall(file)
	if err != nil {
		return nil, fmt.Errorf("--ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("--ca-file %s: no certificate in it; it must be PEM, with BEGIN CERTIFICATE", file)
	}
	return pool, nil
}

// maxPEM is the largest file of certificates that is read, in octets; that of all public authorities has a quarter of a million.
const maxPEM = 16 << 20

// readSmall reads a file that people keep certificates in.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if len(b) > maxPEM {
		return nil, fmt.Errorf("%s is larger than %d MiB", name, maxPEM>>20)
	}
	return b, err
}

// run makes the check, and shows on standard error how it goes.
func (a *app) run(ctx context.Context, j *job) *evidence.Record {
	a.signIn(ctx, j)
	watch := a.watcher(j)
	j.prober.Observe = watch.observe
	rec := j.prober.Run(ctx, j.target, j.plan)
	rec.Contacted = append(rec.Contacted, signInContact(j)...)
	watch.end()
	return rec
}
