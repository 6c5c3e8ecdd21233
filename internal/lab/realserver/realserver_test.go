package realserver

import (
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// TestServers starts every server of the table and checks with a client of its own that the server really does what
// its case says: the step that fails, the reply code and the words.
func TestServers(t *testing.T) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, c)
			got := walk(t, s, c.Client)
			if c.Want.Cause == cause.GreetingDelayed {
				if got.greeted < 10*time.Second {
					t.Errorf("greeting after %v, want more than 10 s", got.greeted)
				}
				if got.step != cause.None {
					t.Errorf("failed at %s (%d %s), want a slow greeting alone", got.step, got.code, got.text)
				}
				return
			}
			if got.step != c.Want.Step || got.code != c.Want.Code || !strings.Contains(got.text, c.Want.Says) {
				t.Errorf("got %s: %d %q %v\nwant %s: %d %q", got.step, got.code, got.text, got.err, c.Want.Step, c.Want.Code, c.Want.Says)
			}
			if got.err != nil {
				checkTLS(t, s, got.err)
			}
		})
	}
}

// checkTLS checks that TLS failed with err for the cause that the server's case wants.
func checkTLS(t *testing.T, s *Server, err error) {
	t.Helper()
	var alert *net.OpError
	switch want := s.Case.Want.Cause; want {
	case cause.TLSVersionMismatch:
		unlimited := s.Case.Client
		unlimited.TLSMin, unlimited.TLSMax = "1.0", "1.3"
		if got := walk(t, s, unlimited); got.step != cause.None {
			t.Errorf("with every version of TLS: failed at %s: %v", got.step, got.err)
		}
	case cause.TLSCipherMismatch:
		if !errors.As(err, &alert) || alert.Op != "remote error" {
			t.Errorf("TLS failed with %v, want an alert of the server", err)
		}
	default:
		if got := certificateCause(err); got != want {
			t.Errorf("TLS failed with %v: cause %q, want %q", err, got, want)
		}
	}
}

// certificateCause is the cause behind a certificate that did not verify.
func certificateCause(err error) cause.ID {
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return cause.CertificateNotYetValid
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return cause.CertificateExpired
	case errors.As(err, new(x509.HostnameError)):
		return cause.CertificateNameMismatch
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return cause.CertificateUntrusted
	}
	return ""
}

// TestTable checks what other packages rely on.
func TestTable(t *testing.T) {
	names := make(map[string]bool)
	for _, c := range Cases() {
		if names[c.Name] || !strings.HasPrefix(c.Name, string(c.Software)+"-") {
			t.Errorf("name %q is not unique, or does not begin with the software %q", c.Name, c.Software)
		}
		names[c.Name] = true
		for _, id := range append([]cause.ID{c.Want.Cause}, c.Want.Also...) {
			if _, ok := cause.Find(id); !ok {
				t.Errorf("%s: no cause named %q", c.Name, id)
			}
		}
		if c.About == "" || c.Client.TLS == "" {
			t.Errorf("%s: About and Client.TLS must be set", c.Name)
		}
		if found, ok := Find(c.Name); !ok || found.About != c.About {
			t.Errorf("Find(%q) = %q, %v", c.Name, found.About, ok)
		}
	}
}

func TestCheckArgs(t *testing.T) {
	for _, test := range []struct {
		name   string
		client Client
		want   string
	}{
		{"nothing but a target", Client{TLS: STARTTLS}, "check --ca-file ca.pem --tls starttls 127.0.0.1:25"},
		{"envelope", Client{From: Scanner, To: Office, TLS: NoTLS, EHLO: "copier"},
			"check --ca-file ca.pem --from " + Scanner + " --to " + Office + " --ehlo copier --tls none 127.0.0.1:25"},
		{"sign-in", Client{User: Scanner, Password: Password, TLS: Implicit},
			"check --ca-file ca.pem --user " + Scanner + " --password-file password --tls implicit 127.0.0.1:25"},
		{"no authority, versions, message", Client{TLS: STARTTLS, TLSMin: "1.2", TLSMax: "1.3", DistrustCA: true, Send: true, Size: 100},
			"check --tls starttls --tls-min 1.2 --tls-max 1.3 --send --size 100 127.0.0.1:25"},
	} {
		s := &Server{Case: Case{Client: test.client}, Addr: "127.0.0.1:25", CAFile: "ca.pem", PasswordFile: "password"}
		if got := strings.Join(s.CheckArgs(), " "); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestPolicy(t *testing.T) {
	p := &policy{first: make(map[string]time.Time)}
	start := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	request := map[string]string{"client_address": "192.0.2.1", "sender": Scanner, "recipient": Office}
	other := map[string]string{"client_address": "192.0.2.1", "sender": Scanner, "recipient": Nobody}
	for _, step := range []struct {
		name    string
		request map[string]string
		after   time.Duration
		want    string
	}{
		{"first", request, 0, greylistAction},
		{"too soon", request, greylistDelay - time.Second, greylistAction},
		{"another triple", other, greylistDelay, greylistAction},
		{"late enough", request, greylistDelay, "DUNNO"},
	} {
		if got := p.decide(step.request, start.Add(step.after)); got != step.want {
			t.Errorf("%s: got %q, want %q", step.name, got, step.want)
		}
	}
}
