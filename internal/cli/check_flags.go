package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// checkOptions are the flags of check as they were written.
type checkOptions struct {
	from     string
	to       []string
	external string
	via      string
	port     int
	ehlo     string
	helo     bool

	tls, tlsMin, tlsMax string
	caFile              string
	noSNI               bool

	like   string                 // kind of device
	device provider.Device        // that kind, when it was found
	given  func(flag string) bool // whether a flag was written; nil: none was

	user, passwordFile, passwordEnv, tokenFile string
	signIn                                     signInOptions
	insecure, authInClear                      bool

	send bool
	size int64

	resolvers     []string
	bind          string
	ipv4, ipv6    bool
	noExperiments bool
	noControls    bool
	controls      []string
	timeout       time.Duration
	maxTime       time.Duration

	repeat  repetition
	verbose bool
	output  output
}

// The words that flags take.
var (
	vias        = []evidence.Via{evidence.ViaAuto, evidence.ViaSubmission, evidence.ViaDirectSend, evidence.ViaRelay, evidence.ViaHost}
	tlsModes    = []evidence.TLSMode{evidence.StartTLS, evidence.ImplicitTLS, evidence.NoTLS}
	tlsVersions = []string{"1.0", "1.1", "1.2", "1.3"}
)

// The limits of a test message: beyond what any service takes it proves nothing more.
const maxSize = 256 << 20

func (o *checkOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.given = f.Changed
	f.StringVar(&o.from, "from", "", "sender `ADDRESS`; without it the walk stops before MAIL FROM")
	f.StringArrayVar(&o.to, "to", nil, "recipient `ADDRESS`, repeatable (default: that of --from)")
	f.StringVar(&o.external, "external-to", "", "recipient `ADDRESS` of somebody else, tried in a walk of its own: does the door relay? Nothing is sent")
	f.StringVar(&o.via, "via", string(evidence.ViaAuto), "the door meant: "+oneOf(vias))
	f.IntVar(&o.port, "port", 0, "port, where TARGET has none (default: 587 for submission hosts, 465 with --tls implicit, else 25)")
	f.StringVar(&o.ehlo, "ehlo", "", "`NAME` to give with EHLO (default: this machine's)")
	f.BoolVar(&o.helo, "helo", false, "say HELO, as some devices do")
	f.StringVar(&o.user, "user", "", "sign in as `NAME`; the password is asked for unless one of the next three is given")
	f.StringVar(&o.passwordFile, "password-file", "", "`FILE` whose first line is the password; - is standard input")
	f.StringVar(&o.passwordEnv, "password-env", "", "environment `VARIABLE` that holds the password")
	f.StringVar(&o.tokenFile, "oauth-token-file", "", "`FILE` with an OAuth access token, to sign in with instead of a password")
	o.signIn.addFlags(cmd)
	f.StringVar(&o.tls, "tls", "", oneOf(tlsModes)+" (default: implicit on port 465, else starttls)")
	f.StringVar(&o.tlsMin, "tls-min", "", "lowest TLS `VERSION` to take, "+oneOf(tlsVersions)+" (default 1.0)")
	f.StringVar(&o.tlsMax, "tls-max", "", "highest TLS `VERSION` to offer (default 1.3)")
	f.StringVar(&o.caFile, "ca-file", "", "PEM `FILE` of authorities to trust beside the system's")
	f.BoolVar(&o.noSNI, "no-sni", false, "do not name the server in the TLS handshake, as old devices do")
	o.addLikeFlag(cmd)
	f.BoolVar(&o.send, "send", false, "really send a small test message")
	f.Int64Var(&o.size, "size", 0, "`BYTES` that the test message is filled up to")
	f.StringArrayVar(&o.resolvers, "resolver", nil, "ask this resolver, `IP[:PORT]`, repeatable (default: the system's)")
	f.StringVar(&o.bind, "bind", "", "connect from this local `ADDRESS` or interface")
	f.BoolVarP(&o.ipv4, "ipv4", "4", false, "use IPv4 only")
	f.BoolVarP(&o.ipv6, "ipv6", "6", false, "use IPv6 only")
	f.BoolVar(&o.noExperiments, "no-experiments", false, "only the walk: nothing is tried to tell causes apart")
	f.BoolVar(&o.noControls, "no-controls", false, "contact no host but the target's own, not even to compare, and ask DNS nothing about reputation")
	f.StringArrayVar(&o.controls, "control", nil, "compare with this `HOST` too, which is known to work, on the same port; repeatable")
	f.DurationVar(&o.timeout, "timeout", 0, "longest single wait, such as 30s (default: as long as RFC 5321 asks, within --max-time)")
	f.DurationVar(&o.maxTime, "max-time", 0, "longest run (default 1m30s)")
	o.repeat.addFlags(f)
	f.BoolVar(&o.insecure, "insecure", false, "sign in even if the certificate does not verify")
	f.BoolVar(&o.authInClear, "allow-plaintext-auth", false, "sign in even without TLS: anyone on the path can read the password")
	f.StringVar(&o.output.evidence, "evidence", "", "save everything that was seen in this `FILE`")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show each event on standard error as it happens")
	o.output.addFlags(cmd)
}

func oneOf[T ~string](words []T) string {
	var s []string
	for _, w := range words {
		s = append(s, string(w))
	}
	return strings.Join(s[:len(s)-1], ", ") + " or " + s[len(s)-1]
}

// goal checks the flags and makes the target of them. If it may be a domain, its walk is as open as the flags leave it, for
// diagnose.Doors to fill in.
func (o *checkOptions) goal(input string) (evidence.Target, error) {
	e, err := parseTarget(input)
	if err != nil {
		return evidence.Target{}, err
	}
	if e.address != "" && o.from == "" {
		o.from = e.address
	}
	w, err := o.walk(e)
	if err != nil {
		return evidence.Target{}, err
	}
	t := evidence.Target{Input: input, Walk: w, External: o.external, Controls: o.controls, NoControls: o.noControls}
	if e.asDomain(evidence.Via(o.via), o.port) {
		t.Domain = e.host
		t.Walk.Via, t.Walk.Port, t.Walk.TLS = evidence.Via(o.via), o.port, evidence.TLSMode(o.tls)
		if e.address != "" {
			t.Walk.Host = ""
		}
	}
	return t, nil
}

// walk checks the flags and makes the walk of them. It reads no file and sends nothing.
func (o *checkOptions) walk(e endpoint) (evidence.Walk, error) {
	for _, check := range []func() error{o.checkWords, o.checkLike, o.checkEnvelope, o.checkGreeting, o.checkTLS, o.checkAuth, o.checkNetwork, o.checkControls, o.checkRepeat} {
		if err := check(); err != nil {
			return evidence.Walk{}, err
		}
	}
	if o.port != 0 && e.port != 0 && o.port != e.port {
		return evidence.Walk{}, fmt.Errorf("two ports: %d in the target and --port %d; give one", e.port, o.port)
	}
	w := evidence.Walk{
		Via: door(evidence.Via(o.via), e.host), Host: e.host, Port: cmp.Or(e.port, o.port), Wait: o.timeout,
		TLS: evidence.TLSMode(o.tls), TLSMin: o.tlsMin, TLSMax: o.tlsMax, NoSNI: o.noSNI, EHLO: o.ehlo, HELO: o.helo,
		SmallTLS: o.device.SmallHello, RSAOnly: o.device.RSAOnly, Like: o.device.Name, Insecure: o.insecure, InClear: o.authInClear, From: o.from, To: o.to, Send: o.send, Size: o.size,
	}
	if w.Port == 0 {
		w.Port = defaultPort(w.Via, w.TLS, w.Host)
	}
	if w.TLS == "" {
		w.TLS = defaultTLS(w.Port)
	}
	if len(w.To) == 0 && w.From != "" {
		w.To = []string{w.From}
	}
	var err error
	w.Family, err = o.family(w.Host)
	return w, err
}

func defaultTLS(port int) evidence.TLSMode {
	if port == portSubmissions {
		return evidence.ImplicitTLS
	}
	return evidence.StartTLS
}

// checkWords looks at flags that take one of a few words, or a number in a range.
func (o *checkOptions) checkWords() error {
	switch {
	case !slices.Contains(vias, evidence.Via(o.via)):
		return fmt.Errorf("--via %q: use %s", o.via, oneOf(vias))
	case o.port < 0 || o.port > 65535 || o.port == 0 && o.wrote("port"):
		return fmt.Errorf("--port %d: use a number from 1 to 65535", o.port)
	case o.timeout < 0 || o.timeout == 0 && o.wrote("timeout"):
		return fmt.Errorf("--timeout %v: use a time above zero, such as 30s", o.timeout)
	case o.maxTime < 0 || o.maxTime == 0 && o.wrote("max-time"):
		return fmt.Errorf("--max-time %v: use a time above zero, such as 2m", o.maxTime)
	case o.size < 0 || o.size > maxSize:
		return fmt.Errorf("--size %d: use a number of bytes up to %d", o.size, maxSize)
	}
	return nil
}

func (o *checkOptions) checkEnvelope() (err error) {
	if o.from, err = address("--from", o.from); err != nil {
		return err
	}
	if o.external, err = address("--external-to", o.external); err != nil {
		return err
	}
	for i := range o.to {
		if o.to[i], err = address("--to", o.to[i]); err != nil {
			return err
		}
		if o.to[i] == "" {
			return errors.New("--to is empty; write local-part@domain")
		}
	}
	switch {
	case o.send && o.from == "":
		return errors.New("--send needs --from: a message has a sender")
	case o.external != "" && o.from == "":
		return errors.New("--external-to needs --from: RCPT TO comes after MAIL FROM")
	case len(o.to) > 0 && o.from == "":
		return errors.New("--to needs --from: RCPT TO comes after MAIL FROM")
	case o.size != 0 && !o.send:
		return errors.New("--size is the size of the test message: it needs --send")
	}
	return nil
}

// address reads the address of a flag.
func address(flag, s string) (string, error) {
	if s == "" {
		return "", nil
	}
	a, err := smtp.ParseAddress(s)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	return a.String(), nil
}

func (o *checkOptions) checkGreeting() error {
	if o.ehlo == "" {
		return nil
	}
	if err := smtp.CheckHELOName(o.ehlo); err != nil {
		return fmt.Errorf("--ehlo: %w", err)
	}
	return nil
}

func (o *checkOptions) checkTLS() error {
	if o.tls != "" && !slices.Contains(tlsModes, evidence.TLSMode(o.tls)) {
		return fmt.Errorf("--tls %q: use %s", o.tls, oneOf(tlsModes))
	}
	for _, f := range []struct{ flag, version string }{{"--tls-min", o.tlsMin}, {"--tls-max", o.tlsMax}} {
		if f.version != "" && !slices.Contains(tlsVersions, f.version) {
			return fmt.Errorf("%s %q: use %s", f.flag, f.version, oneOf(tlsVersions))
		}
	}
	if o.tlsMin != "" && o.tlsMax != "" && o.tlsMin > o.tlsMax {
		return fmt.Errorf("--tls-min %s is above --tls-max %s", o.tlsMin, o.tlsMax)
	}
	if o.tls == string(evidence.NoTLS) {
		switch {
		case o.tlsMin != "" || o.tlsMax != "":
			return errors.New("--tls none and a TLS version contradict each other: leave one out")
		case o.noSNI:
			return errors.New("--tls none and --no-sni contradict each other: leave one out")
		}
	}
	return nil
}

func (o *checkOptions) checkAuth() error {
	if err := o.signIn.check(); err != nil {
		return err
	}
	secret := cmp.Or(o.passwordFile, o.passwordEnv, o.tokenFile)
	switch {
	case o.user == "" && (secret != "" || o.signIn.wanted()):
		return errors.New("a password or token needs --user: whose is it?")
	case o.user == "":
		return nil
	case strings.ContainsAny(o.user, "\x00\r\n\x01"):
		return fmt.Errorf("--user %q: control characters are not allowed", o.user)
	case o.helo:
		return errors.New("--helo and --user contradict each other: only EHLO tells whether sign-in is possible")
	case o.tls == string(evidence.NoTLS) && !o.authInClear:
		return errors.New("--user with --tls none would show the password to the network; add --allow-plaintext-auth if that is meant")
	}
	return nil
}
