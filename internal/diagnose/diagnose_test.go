package diagnose

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

var (
	plain  = evidence.Walk{Via: evidence.ViaHost, Host: "mx.example.com", Port: 25, From: "a@example.com", To: []string{"b@example.com"}}
	tenant = evidence.Walk{Via: evidence.ViaDirectSend, Host: "contoso-com.mail.protection.outlook.com", Port: 25, From: "a@contoso.com", To: []string{"b@contoso.com"}}
	submit = evidence.Walk{Via: evidence.ViaSubmission, Host: "smtp.office365.com", Port: 587, From: "a@contoso.com", To: []string{"b@contoso.com"},
		Auth: &evidence.Auth{User: "a@contoso.com"}}
)

func with(w evidence.Walk, f func(*evidence.Walk)) evidence.Walk {
	f(&w)
	return w
}

// Parts of conversations.
const (
	greets = `
		dial connected
		S: 220 mx.example.com ESMTP
		C: EHLO host.example.net
		S: 250-mx.example.com Hello [198.51.100.7]
		S: 250-PIPELINING
		S: 250 STARTTLS
		`
	secured = greets + `
		C: STARTTLS
		S: 220 2.0.0 go ahead
		hello 300
		server-hello TLS 1.3
		tls TLS 1.3
		cert ok CN=Public CA
		C: EHLO host.example.net
		S: 250-mx.example.com Hello [198.51.100.7]
		S: 250-PIPELINING
		S: 250 AUTH LOGIN XOAUTH2
		`
	tlsBegins = greets + `
		C: STARTTLS
		S: 220 2.0.0 go ahead
		hello 300
		`
	m365Greets = `
		dial connected
		S: 220 AM0EUR02FT012.mail.protection.outlook.com Microsoft ESMTP MAIL Service ready at Fri, 20 Nov 2026 09:00:00 +0000
		C: EHLO host.example.net
		S: 250-AM0EUR02FT012.mail.protection.outlook.com Hello [198.51.100.7]
		S: 250-SIZE 157286400
		S: 250-PIPELINING
		S: 250-DSN
		S: 250-ENHANCEDSTATUSCODES
		`
)

// A verdictCase is a conversation and what must be said of it. An empty conf leaves the confidence open.
type verdictCase struct {
	name   string
	walk   evidence.Walk
	script string
	step   cause.Step
	cause  cause.ID
	conf   Confidence
}

func TestVerdict(t *testing.T) {
	checkVerdicts(t, []verdictCase{
		{"accepted", plain, secured + "C: MAIL FROM:<a@example.com>\nS: 250 2.1.0 ok\nC: RCPT TO:<b@example.com>\nS: 250 2.1.5 ok\nC: QUIT\nS: 221 bye\nend aborted",
			cause.None, cause.Accepted, Proven},
		{"stopped before RCPT", with(plain, func(w *evidence.Walk) { w.From, w.To = "", nil }), secured + "C: QUIT\nS: 221 bye\nend aborted",
			cause.None, cause.AcceptedNotProven, Likely},

		{"silent port", plain, "wait 20s\ndial timeout", cause.Connect, cause.FirewallBlocksSMTP, Possible},
		{"refused far away", plain, "dial refused", cause.Connect, cause.FirewallBlocksSMTP, Possible},
		{"refused on this machine", plain, "dial refused 127.0.0.1:25", cause.Connect, cause.PortClosed, Likely},
		{"no route", plain, "dial no-route", cause.Connect, cause.RoutingOrNAT, Likely},
		{"own rules", plain, "dial prohibited 203.0.113.25:25 EPERM", cause.Connect, cause.FirewallBlocksSMTP, Likely},
		{"submission port of an MX", with(tenant, func(w *evidence.Walk) { w.Port = 587 }), "wait 20s\ndial timeout 203.0.113.25:587", cause.Connect, cause.WrongEndpoint, Likely},

		{"closed before the greeting", plain, "dial connected\nend closed greeting", cause.Banner, cause.MiddleboxTerminates, Possible},
		{"silence before the greeting", plain, "dial connected\nwait 60s\nend timeout greeting", cause.Banner, cause.SMTPBlockedUpstream, Possible},
		{"465 in plain text", with(plain, func(w *evidence.Walk) { w.Port = 465 }), "dial connected\nwait 60s\nend timeout greeting", cause.Banner, cause.ImplicitTLSExpected, Likely},
		{"HTTP answers", plain, "dial connected\nbytes http HTTP/1.1 400 Bad Request\nend closed greeting", cause.Banner, cause.NotSMTP, Likely},
		{"noise, until we gave up", plain, "dial connected\nbytes other \x19\x89abcdef\nend aborted", cause.Banner, cause.NotSMTP, Likely},
		{"FTP greets with 220 too", plain, "dial connected\nS: 220 (vsFTPd 3.0.3)\nC: EHLO x\nS: 530 Please login with USER and PASS.\nC: HELO x\nS: 530 Please login with USER and PASS.", cause.Banner, cause.NotSMTP, Likely},
		{"we gave up for no reason seen", plain, "dial connected\nS: 220 mx\nend aborted", cause.None, cause.Undetermined, Possible},
		{"refused by greeting", plain, "dial connected\nS: 554 mx.example.com no service for you\nend closed", cause.Banner, cause.ServerRefusesService, Likely},
		{"greeting masked, nothing else wrong", plain, strings.Replace(secured, "220 mx.example.com ESMTP", "220 **************", 1) +
			"C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok", cause.Banner, cause.BannerRewritten, Likely},
		{"late greeting, nothing else wrong", plain, strings.Replace(secured, "S: 220 mx", "wait 14s\nS: 220 mx", 1) +
			"C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok", cause.Banner, cause.GreetingDelayed, Likely},

		{"cut after EHLO", plain, "dial connected\nS: 220 mx\nC: EHLO x\nend reset EHLO", cause.EHLO, cause.ConnectionCutAfterEHLO, Likely},
		{"EHLO unknown, HELO known", plain, "dial connected\nS: 220 mx\nC: EHLO x\nS: 500 unknown\nC: HELO x\nS: 250 mx", cause.EHLO, cause.SMTPProxyAlters, Possible},
		{"name refused", plain, "dial connected\nS: 220 mx\nC: EHLO x_y\nS: 501 5.5.4 Invalid domain name", cause.EHLO, cause.HELONameRejected, ""},
		{"TLS before EHLO", plain, "dial connected\nS: 220 mx\nC: EHLO x\nS: 530 5.7.0 Must issue a STARTTLS command first", cause.EHLO, cause.TLSRequiredFirst, Likely},
		{"HELO-only device", with(plain, func(w *evidence.Walk) { w.HELO, w.TLS = true, evidence.NoTLS }), "dial connected\nS: 220 mx\nC: HELO x\nS: 250 mx\nC: MAIL FROM:<a@example.com>\nS: 530 5.7.0 Must issue a STARTTLS command first",
			cause.EHLO, cause.HELOOnlyClient, Likely},

		{"STARTTLS not offered", plain, "dial connected\nS: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250 SIZE", cause.StartTLSOffer, cause.StartTLSStripped, Possible},
		{"STARTTLS overwritten", plain, "dial connected\nS: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250 XXXXXXXA", cause.StartTLSOffer, cause.StartTLSStripped, Likely},
		{"STARTTLS missing at Microsoft", tenant, m365Greets + "S: 250 8BITMIME", cause.StartTLSOffer, cause.StartTLSStripped, Likely},

		{"STARTTLS refused", plain, greets + "C: STARTTLS\nS: 454 4.7.0 TLS not available due to local problem", cause.StartTLS, cause.StartTLSRefused, Likely},
		{"protocol_version", plain, tlsBegins + "alert protocol_version\ntls-failed server-alert", cause.StartTLS, cause.TLSVersionMismatch, Likely},
		{"handshake_failure", plain, tlsBegins + "alert handshake_failure\ntls-failed server-alert", cause.StartTLS, cause.TLSCipherMismatch, Likely},
		{"certificate_required", plain, tlsBegins + "alert certificate_required\ntls-failed server-alert", cause.StartTLS, cause.ClientCertificateMissing, Likely},
		{"certificate_required in TLS 1.3", plain, tlsBegins + "tls TLS 1.3\ncert ok CN=x\nC: EHLO x\nalert certificate_required\nend failed EHLO", cause.StartTLS, cause.ClientCertificateMissing, Likely},
		{"reset at ClientHello", plain, tlsBegins + "tls-failed ended reset 0\nend reset handshake", cause.StartTLS, cause.HandshakeCut, Likely},
		{"silence at ClientHello", plain, tlsBegins + "wait 30s\ntls-failed ended timeout 0\nend timeout handshake", cause.StartTLS, cause.PathMTUBlackhole, Possible},
		{"TLS first on a plain port", with(plain, func(w *evidence.Walk) { w.TLS = evidence.ImplicitTLS; w.Port = 587 }),
			"dial connected\nhello 300\nbytes smtp 220 mx.example.com ESMTP\ntls-failed not-tls", cause.StartTLS, cause.ImplicitTLSOnStartTLSPort, Proven},
		{"expired", plain, strings.Replace(secured, "cert ok", "cert expired", 1), cause.StartTLS, cause.CertificateExpired, Likely},
		{"expired by the server's clock too", tenant, m365Greets + "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nhello 300\ntls TLS 1.3\ncert expired CN=x\n", cause.StartTLS, cause.CertificateExpired, Proven},
		{"other names", plain, strings.Replace(secured, "cert ok", "cert name-mismatch", 1), cause.StartTLS, cause.CertificateNameMismatch, Likely},
		{"own CA", plain, strings.Replace(secured, "cert ok CN=Public CA", "cert unknown-authority CN=Example Private CA", 1), cause.StartTLS, cause.CertificateUntrusted, Likely},
		{"inspection product", plain, strings.Replace(secured, "cert ok CN=Public CA", "cert unknown-authority CN=FortiGate CA", 1), cause.StartTLS, cause.TLSIntercepted, Likely},
		{"private CA at Microsoft", tenant, m365Greets + "S: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nhello 300\ntls TLS 1.3\ncert unknown-authority CN=Corp Root\n", cause.StartTLS, cause.TLSIntercepted, Likely},
		{"we ended the handshake", plain, tlsBegins + "tls-failed ended aborted 0 interrupted\nend aborted handshake", cause.None, cause.Undetermined, Possible},
		{"cut after TLS", plain, tlsBegins + "tls TLS 1.3\ncert ok CN=x\nC: EHLO x\nend closed EHLO", cause.StartTLS, cause.EHLOAfterTLSFails, Likely},

		{"no AUTH at an MX", with(tenant, func(w *evidence.Walk) { w.Auth = submit.Auth }), m365MX, cause.Auth, cause.AuthNotOffered, Likely},
		{"no mechanism", with(plain, func(w *evidence.Walk) { w.Auth = submit.Auth }), strings.Replace(secured, "AUTH LOGIN XOAUTH2", "AUTH GSSAPI", 1), cause.Auth, cause.AuthMechanismMismatch, Likely},
		{"bad password", submit, m365Submission + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: dQ==\nS: 334 UGFzc3dvcmQ6\nC: cA==\nS: 535 5.7.3 Authentication unsuccessful [AM0 2026]", cause.Auth, cause.AuthBadCredentials, ""},

		{"not signed in", with(submit, func(w *evidence.Walk) { w.Auth = nil }), m365Submission + "C: MAIL FROM:<a@contoso.com>\nS: 530 5.7.57 Client not authenticated to send mail.", cause.Mail, cause.AuthRequired, ""},
		{"nothing known fits", plain, secured + "C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nend closed RCPT", cause.Rcpt, cause.Undetermined, Possible},
		{"upload dies", with(plain, func(w *evidence.Walk) { w.Send = true }), secured + "C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: .\nend reset MESSAGE",
			cause.Data, cause.DataStalls, Likely},
	})
}

func checkVerdicts(t *testing.T, cases []verdictCase) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			rec := record(tt.walk, play(t, "t1", evidence.RoleAsked, tt.walk, tt.script))
			d := Diagnose(rec)
			got := d.Verdict
			if got.Step != tt.step || got.Cause != tt.cause || tt.conf != "" && got.Confidence != tt.conf {
				t.Errorf("got %s / %s (%s), want %s / %s (%s)\n%+v", got.Step, got.Cause, got.Confidence, tt.step, tt.cause, tt.conf, d.Findings)
			}
			checkDiagnosis(t, rec, d)
		})
	}
}

// checkDiagnosis holds what must be true of every diagnosis.
func checkDiagnosis(t *testing.T, rec *evidence.Record, d Diagnosis) {
	t.Helper()
	for _, p := range d.Paths {
		if len(p.Steps) != len(cause.Steps) {
			t.Errorf("%d steps, want %d", len(p.Steps), len(cause.Steps))
		}
		for i, r := range p.Steps {
			if r.Step != cause.Steps[i] || r.Status == "" {
				t.Errorf("step %d is %s with status %q", i, r.Step, r.Status)
			}
		}
		for _, f := range p.Findings {
			if f.Summary == "" || f.Confidence == "" {
				t.Errorf("%s has summary %q, confidence %q", f.Cause, f.Summary, f.Confidence)
			}
			if len(f.Because) == 0 && f.Cause != cause.Undetermined {
				t.Errorf("%s is a guess: it cites nothing", f.Cause)
			}
			for _, g := range f.Because {
				if g.Trace == "" {
					continue
				}
				tr := rec.Trace(g.Trace)
				if tr == nil || g.Event < 0 || g.Event >= len(tr.Events) {
					t.Errorf("%s cites event %d of trace %q, which is not there", f.Cause, g.Event, g.Trace)
				}
			}
		}
	}
	proven := 0
	for _, f := range d.Findings {
		if f.Confidence == Proven {
			proven++
		}
	}
	if proven > 1 {
		t.Errorf("%d causes are called proven", proven)
	}
}

func TestLookups(t *testing.T) {
	look := func(l evidence.Lookup) evidence.Trace {
		l.Server, l.Name, l.Type = "system", plain.Host, "ADDR"
		return evidence.Trace{ID: "t0", Role: evidence.RoleLookup, Sees: evidence.SeesAll, Events: []evidence.Event{{Lookup: &l}}}
	}
	for _, tt := range []struct {
		name string
		l    evidence.Lookup
		want cause.ID
	}{
		{"not found", evidence.Lookup{NotFound: true}, cause.DNSNameNotFound},
		{"NXDOMAIN", evidence.Lookup{RCode: "NXDOMAIN"}, cause.DNSNameNotFound},
		{"time-out", evidence.Lookup{Outcome: evidence.TimedOut}, cause.DNSResolverFailing},
		{"SERVFAIL", evidence.Lookup{RCode: "SERVFAIL"}, cause.DNSResolverFailing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := record(plain, look(tt.l))
			d := Diagnose(rec)
			if d.Verdict.Step != cause.Connect || d.Verdict.Cause != tt.want {
				t.Errorf("got %s / %s, want connect / %s", d.Verdict.Step, d.Verdict.Cause, tt.want)
			}
			checkDiagnosis(t, rec, d)
		})
	}
}

func TestWrongAnswer(t *testing.T) {
	l := evidence.Lookup{Server: "system", Name: tenant.Host, Type: "ADDR", Answers: []evidence.RR{{Type: "A", Data: "10.0.0.1"}}}
	rec := record(tenant, evidence.Trace{ID: "t0", Role: evidence.RoleLookup, Events: []evidence.Event{{Lookup: &l}}},
		play(t, "t1", evidence.RoleAsked, tenant, "wait 20s\ndial timeout 10.0.0.1:25"))
	if d := Diagnose(rec); d.Verdict.Cause != cause.DNSWrongAnswer {
		t.Errorf("got %s, want dns-wrong-answer", d.Verdict.Cause)
	}
}

func TestIPv6Dead(t *testing.T) {
	good := "C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok"
	rec := record(plain, play(t, "t1", evidence.RoleAsked, plain, "wait 10s\ndial timeout [2001:db8::25]:25"), play(t, "t2", evidence.RoleAsked, plain, secured+good))
	d := Diagnose(rec)
	if d.Verdict.Step != cause.Connect || d.Verdict.Cause != cause.IPv6PathBroken || d.ExitStatus() != 1 {
		t.Errorf("got %s / %s, status %d", d.Verdict.Step, d.Verdict.Cause, d.ExitStatus())
	}
	// Without IPv6 here at all, a host with AAAA records is nothing to worry about.
	rec = record(plain, play(t, "t1", evidence.RoleAsked, plain, "dial no-route [2001:db8::25]:25"), play(t, "t2", evidence.RoleAsked, plain, secured+good))
	if d := Diagnose(rec); d.Verdict.Cause != cause.Accepted {
		t.Errorf("without IPv6: got %s, want accepted", d.Verdict.Cause)
	}
}

func TestPathsAndPublicAddress(t *testing.T) {
	rec := record(plain, play(t, "t1", evidence.RoleAsked, plain, secured), play(t, "t2", evidence.RoleControl, tenant, "wait 9s\ndial timeout"))
	d := Diagnose(rec)
	if len(d.Paths) != 2 || d.Paths[0].Host != plain.Host || d.Paths[1].Verdict.Cause != cause.FirewallBlocksSMTP {
		t.Errorf("paths: %+v", d.Paths)
	}
	if d.PublicIP != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("public address %v", d.PublicIP)
	}
}

func TestNothing(t *testing.T) {
	rec := &evidence.Record{Source: evidence.FromText}
	d := Diagnose(rec)
	if d.Verdict.Cause != cause.Undetermined || d.ExitStatus() != 3 {
		t.Errorf("got %s, status %d; want undetermined, 3", d.Verdict.Cause, d.ExitStatus())
	}
}
