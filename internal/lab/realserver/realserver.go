// Package realserver runs Postfix, Exim and OpenSMTPD for tests and measurements: each with a configuration folder and
// certificates of its own, on a loopback address of its own, in a process namespace that goes when the test goes.
//
// It holds a table of cases, each a way to set up a server and a way to use it, with the step and the cause that must
// be named. It does not know how they are told apart, and speaks no SMTP beyond what a case needs before its client
// comes. Servers run on Linux alone, as root; elsewhere tests that ask for one are skipped with the reason.
package realserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/lab/require"
)

// Software is the program that serves a case.
type Software string

// The servers, as Debian packages them.
const (
	Postfix   Software = "postfix"
	Exim      Software = "exim"
	OpenSMTPD Software = "opensmtpd"
)

// A Case is a server set up in one way, what a client does there, and what must be said of it.
type Case struct {
	Name     string // unique; begins with the software
	About    string // one line: how the server is set up
	Software Software
	Slow     bool // takes more than ten seconds, because slowness is the fault

	Client Client
	Want   Want

	config config
}

// A Client is what the client of a case does. The fields are those of the command line of smtptriage check.
type Client struct {
	From, To       string
	User, Password string // no sign-in when empty
	EHLO           string // the name to greet with; "": any fully qualified name
	TLS            TLS
	TLSMin, TLSMax string // "1.0" to "1.3"; "": no limit asked for
	DistrustCA     bool   // the client does not know the certificate authority of the lab
	Send           bool   // go on to DATA with a small message
	Size           int    // of that message in bytes; 0: whatever it has
}

// TLS is how a client gets to TLS.
type TLS string

// The ways, named as the values of --tls.
const (
	STARTTLS TLS = "starttls"
	Implicit TLS = "implicit"
	NoTLS    TLS = "none"
)

// Want is what must come of a case.
type Want struct {
	Step  cause.Step
	Cause cause.ID
	Also  []cause.ID // causes that are right too, where the server's words do not tell them apart

	Code int    // of the reply that fails the step; 0 when none does: all passed, or TLS failed
	Says string // words of that reply
}

// Passed reports whether every step asked for must pass.
func (w Want) Passed() bool { return w.Step == cause.None }

// Cases are all cases, grouped by software. The slice is the caller's.
func Cases() []Case {
	var all []Case
	for _, table := range [][]Case{postfixCases, eximCases, opensmtpdCases} {
		all = append(all, table...)
	}
	return all
}

// Find looks a case up by its name.
func Find(name string) (Case, bool) {
	for _, c := range Cases() {
		if c.Name == name {
			return c, true
		}
	}
	return Case{}, false
}

// A Server is a running server.
type Server struct {
	Case   Case
	Addr   string // Host:Port
	Host   string // an address in 127.0.0.0/8; the certificate is for it and for Name
	Port   int
	CAFile string // PEM certificate of the authority that issued the server's

	PasswordFile string // holds the password of the case's client; "" when it does not sign in

	dir  string
	stop []func()
}

// Name is what the servers call themselves.
const Name = "mail.example.com"

// A MissingError says what this machine lacks to run a server.
type MissingError struct{ What string }

func (e *MissingError) Error() string { return e.What }

// Start runs the server of c until the test ends. It skips the test where this machine lacks the server (or fails it,
// see package require), and fails it when the server does not come up.
func Start(t testing.TB, c Case) *Server {
	t.Helper()
	dir := t.TempDir()
	// Servers give up root, and must still reach their files: the folder above is private to root.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatalf("opening the folder of %s: %v", c.Name, err)
	}
	s, err := Launch(t.Context(), dir, c)
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		require.Missing(t, "%s: %v", c.Name, missing)
	}
	if err != nil {
		t.Fatalf("starting %s: %v", c.Name, err)
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", c.Name, s.Log())
		}
	})
	return s
}

// Launch runs the server of c with all its files in dir, an empty folder that every user can enter, and returns when
// it listens. The error is a *MissingError where this machine lacks something.
func Launch(ctx context.Context, dir string, c Case) (*Server, error) {
	prepare, ok := softwares[c.Software]
	if !ok {
		return nil, fmt.Errorf("no software named %q", c.Software)
	}
	if err := supported(); err != nil {
		return nil, err
	}
	s := &Server{Case: c, dir: dir}
	if err := s.launch(ctx, prepare); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// LaunchNamed is Launch by the name of a case, for package netlab, which does not know this one: it returns the
// server's address, its authority in PEM, and what stops it.
func LaunchNamed(ctx context.Context, dir, name string) (addr string, ca []byte, stop func(), err error) {
	c, ok := Find(name)
	if !ok {
		return "", nil, nil, fmt.Errorf("no case named %q", name)
	}
	s, err := Launch(ctx, dir, c)
	if err != nil {
		return "", nil, nil, err
	}
	if ca, err = os.ReadFile(s.CAFile); err != nil {
		s.Stop()
		return "", nil, nil, err
	}
	return s.Addr, ca, s.Stop, nil
}

func (s *Server) launch(ctx context.Context, prepare preparer) error {
	if err := s.chooseAddress(); err != nil {
		return err
	}
	if err := s.writeCertificates(s.Case.config.certificate); err != nil {
		return err
	}
	if err := s.writePassword(); err != nil {
		return err
	}
	if s.Case.config.greylist {
		if err := s.servePolicy(); err != nil {
			return err
		}
	}
	script, err := prepare(s)
	if err != nil {
		return err
	}
	if err := s.run(ctx, script); err != nil {
		return fmt.Errorf("%w\n%s", err, s.Log())
	}
	return s.converseEarlier(s.Case.config.earlier)
}

func (s *Server) writePassword() error {
	if s.Case.Client.User == "" {
		return nil
	}
	s.PasswordFile = s.path("password")
	return os.WriteFile(s.PasswordFile, []byte(s.Case.Client.Password+"\n"), 0o600)
}

// Stop ends the server and every process it started. It may be called again.
func (s *Server) Stop() {
	for len(s.stop) > 0 {
		last := len(s.stop) - 1
		s.stop[last]()
		s.stop = s.stop[:last]
	}
}

// Log is what the server has logged so far, and what it printed.
func (s *Server) Log() string {
	var log []byte
	for _, name := range []string{"output", "log/maillog", "log/mainlog", "log/rejectlog", "log/paniclog"} {
		if b, err := os.ReadFile(s.path(name)); err == nil {
			log = append(log, b...)
		}
	}
	return string(log)
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }
