package devices_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/devices"
	"github.com/smtptriage/smtptriage/internal/listen"
)

func listenOn(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// TestDevices lets every device talk to a server that listens, and looks at what is said of it.
func TestDevices(t *testing.T) {
	authority, err := listen.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	seen := map[string]bool{}
	for _, d := range devices.All() {
		if seen[d.Name] {
			t.Errorf("two devices are named %s", d.Name)
		}
		seen[d.Name] = true
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			rec := hear(t, d, authority, roots)
			got := diagnose.Diagnose(rec)
			v := got.Verdict
			if v.Step != d.Step || v.Cause != d.Cause {
				t.Errorf("verdict %s / %s (%s), want %s / %s\n%s%s", v.Step, v.Cause, v.Confidence, d.Step, d.Cause, v.Summary, dump(rec))
			}
			if len(v.Because) == 0 && v.Step != "none" {
				t.Error("the verdict rests on nothing")
			}
			t.Logf("%-24s %-9s %-30s %-8s %s", d.Name, v.Step, v.Cause, v.Confidence, d.About)
			noSecrets(t, rec)
		})
	}
	if len(seen) < 20 {
		t.Errorf("%d devices, want 20 and more", len(seen))
	}
}

// TestDoors looks at what a device is told about the doors it can use.
func TestDoors(t *testing.T) {
	authority, err := listen.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Certificate())
	for name, want := range map[string][2]string{ // client submission, Direct Send
		"good-starttls":       {"yes: TLS 1.3 and a sign-in with LOGIN", "yes"},
		"good-direct-send":    {"not shown", "yes"},
		"helo-only":           {"never EHLO", "not shown"},
		"ssl-on-587":          {"set it to STARTTLS", "switch encryption off"},
		"tls10":               {"newer than TLS 1.0", "only with its encryption off"},
		"cram-md5-only":       {"CRAM-MD5", "not shown"},
		"distrusts-authority": {"refuses the certificate", "not shown"},
		"no-tls":              {"does not use the STARTTLS", "not shown"},
		"browser":             {},
		"good-implicit":       {"Microsoft 365 has no port for that", "set it to port 25"},
		"waits-on-465":        {"none of Microsoft 365's", "not shown"},
		"rc4-only":            {"no cipher suite in common", "only with its encryption off"},
		"auth-before-tls":     {"signs in before TLS", "not shown"},
		"no-password":         {"its sign-in is empty", "not shown"},
		"nameless-helo":       {"is refused", "is refused"},
		"bare-lf":             {"yes", "its message is refused"},
		"tls11":               {"smtp-legacy.office365.com", "only with its encryption off"},
	} {
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(devices.All(), func(d devices.Device) bool { return d.Name == name })
			got := diagnose.Diagnose(hear(t, devices.All()[i], authority, roots)).Guidance
			if want[0] == "" {
				if len(got) > 0 {
					t.Errorf("it is told of doors: %q", got)
				}
				return
			}
			if len(got) != 4 || !strings.Contains(got[0], want[0]) || !strings.Contains(got[2], want[1]) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// With its TLS passed through, a device that refuses the certificate refuses that of the server itself.
func TestDistrustsServer(t *testing.T) {
	c, ok := lab.Find("healthy-m365-submission")
	if !ok {
		t.Fatal("no such case")
	}
	r, err := lab.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	records := make(chan *evidence.Record, 1)
	srv := &listen.Server{Forward: &listen.Forward{Host: r.Host, Port: r.Port, Passthrough: true}, Done: func(rec *evidence.Record) { records <- rec }}
	ln := listenOn(t)
	go srv.Serve(ctx, ln, listen.Port{Number: 587})
	i := slices.IndexFunc(devices.All(), func(d devices.Device) bool { return d.Name == "distrusts-in-tls12" })
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := devices.All()[i].Play(ctx, conn, x509.NewCertPool()); err != nil {
		t.Fatal(err)
	}
	select {
	case rec := <-records:
		if v := diagnose.Diagnose(rec).Verdict; v.Cause != "client-trust-store-outdated" {
			t.Errorf("got %s / %s, want client-trust-store-outdated\n%s", v.Step, v.Cause, dump(rec))
		}
	case <-ctx.Done():
		t.Fatal("no record came")
	}
}

// hear records what a device says to a server.
func hear(t *testing.T, d devices.Device, authority *listen.Authority, roots *x509.CertPool) *evidence.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	records := make(chan *evidence.Record, 1)
	srv := &listen.Server{Authority: authority, Certificate: listen.CertificateKind(d.Certificate),
		Done: func(r *evidence.Record) { records <- r }}
	if d.Generic {
		srv.As = listen.Generic
	}
	ln := listenOn(t)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln, listen.Port{Number: d.Port, Implicit: d.Port == 465}) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Play(ctx, conn, roots); err != nil {
		t.Fatal(err)
	}
	select {
	case rec := <-records:
		cancel()
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		return rec
	case <-ctx.Done():
		t.Fatal("no record came")
		return nil
	}
}

// noSecrets looks for the passwords and the token of the scripts, as they are and as they travel.
func noSecrets(t *testing.T, rec *evidence.Record) {
	t.Helper()
	var b bytes.Buffer
	if err := evidence.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"lab-password", "lab-token", "lab-p", "AHNjYW5uZXJA", "dXNlcj1zY2Fub", base64.StdEncoding.EncodeToString([]byte("lab-password"))} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("the record holds %q", secret)
		}
	}
}

func dump(rec *evidence.Record) string {
	var b strings.Builder
	for _, tr := range rec.Traces {
		for i, e := range tr.Events {
			switch {
			case e.Sent != nil:
				fmt.Fprintf(&b, "\n%d C: %s %s", i, e.Sent.Verb, e.Sent.Line)
			case e.Reply != nil:
				fmt.Fprintf(&b, "\n%d S: %s (to %d)", i, e.Reply, e.Reply.To)
			case e.Ended != nil:
				fmt.Fprintf(&b, "\n%d ended %+v", i, *e.Ended)
			case e.TLSFailed != nil:
				fmt.Fprintf(&b, "\n%d tls failed %+v", i, *e.TLSFailed)
			case e.Alert != nil:
				fmt.Fprintf(&b, "\n%d alert %+v", i, *e.Alert)
			case e.Bytes != nil:
				fmt.Fprintf(&b, "\n%d bytes %q %s", i, e.Bytes.Head, e.Bytes.Looks)
			case e.Mail != nil:
				fmt.Fprintf(&b, "\n%d mail %+v", i, *e.Mail)
			case e.SignIn != nil:
				fmt.Fprintf(&b, "\n%d sign-in %+v", i, *e.SignIn)
			case e.ClientHello != nil:
				fmt.Fprintf(&b, "\n%d hello %s %s", i, e.ClientHello.Format, e.ClientHello.MaxVersion())
			case e.Secured != nil:
				fmt.Fprintf(&b, "\n%d secured %+v", i, *e.Secured)
			}
		}
	}
	return b.String()
}
