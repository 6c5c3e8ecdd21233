package diagnose

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

func onPort(p int) func(*evidence.Walk)    { return func(w *evidence.Walk) { w.Port = p } }
func onHost(h string) func(*evidence.Walk) { return func(w *evidence.Walk) { w.Host = h } }

const dropped = "wait 10s\ndial timeout"

// Routes, as traceroutes see them: the server is five hops away.
const (
	openWay = `hop 1 443 time-exceeded 10.1.0.1
		hop 2 443 time-exceeded 198.51.100.1
		hop 3 443 time-exceeded 198.51.100.9
		hop 4 443 connected 203.0.113.25`
	atThisHost = "hop 1 25 silent\nhop 2 25 silent\nhop 3 25 silent"
	atGateway  = "hop 1 25 time-exceeded 10.1.0.1\nhop 2 25 silent\nhop 3 25 silent\nhop 4 25 silent"
	atISP      = "hop 1 25 time-exceeded 10.1.0.1\nhop 2 25 time-exceeded 198.51.100.1\nhop 3 25 silent\nhop 4 25 silent"
	atServer   = "hop 1 25 time-exceeded 10.1.0.1\nhop 2 25 time-exceeded 198.51.100.1\nhop 3 25 time-exceeded 198.51.100.9\nhop 4 25 silent"
	gatewayRST = "hop 1 25 time-exceeded 10.1.0.1\nhop 2 25 refused"
	serverRST  = "hop 1 25 time-exceeded 10.1.0.1\nhop 2 25 time-exceeded 198.51.100.1\nhop 3 25 time-exceeded 198.51.100.9\nhop 4 25 refused"
)

func TestConnectToldApart(t *testing.T) {
	others := func(trace string) []test {
		return []test{
			{askOtherPort, onPort(443), "dial connected 203.0.113.25:443"},
			{askControl, onHost("gmail-smtp-in.l.google.com"), dropped},
			{askAnything, onPort(443), "dial connected 192.0.2.1:443"},
			{askTraceroute, nil, trace},
			{askTraceOpen, onPort(443), openWay},
		}
	}
	for _, tt := range []struct {
		name   string
		walk   evidence.Walk
		script string
		tests  []test
		cause  cause.ID
		conf   Confidence
	}{
		{"dropped on this machine", plain, dropped, others(atThisHost), cause.FirewallBlocksSMTP, Likely},
		{"dropped at the gateway", plain, dropped, others(atGateway), cause.FirewallBlocksSMTP, Likely},
		{"dropped at the ISP", plain, dropped, others(atISP), cause.ISPBlocksPort25, Likely},
		{"reset by the gateway", plain, "dial refused", others(gatewayRST), cause.FirewallBlocksSMTP, Likely},
		{"reset by the server", plain, "dial refused", slices.Concat([]test{{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx"}}, others(serverRST)[3:]), cause.PortClosed, Likely},
		{"dropped by the server's side alone", plain, dropped, []test{
			{askOtherPort, onPort(443), "dial connected 203.0.113.25:443"},
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx.google.com"},
			{askTraceroute, nil, atServer}, {askTraceOpen, onPort(443), openWay},
		}, cause.PortClosed, Likely},
		{"dropped by the last router, for every host", plain, dropped, others(atServer), cause.ISPBlocksPort25, Likely},
		{"reset by the last router, for every host", plain, "dial refused", others(serverRST), cause.ISPBlocksPort25, Likely},
		{"dropped before the server, nothing known of others", plain, dropped, []test{
			{askOtherPort, onPort(443), "dial connected 203.0.113.25:443"},
			{askTraceroute, nil, atServer}, {askTraceOpen, onPort(443), openWay},
		}, cause.ISPBlocksPort25, Possible},
		{"dropped at the gateway, for one host", plain, dropped, []test{
			{askOtherPort, onPort(443), "dial connected 203.0.113.25:443"},
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx.google.com"},
			{askTraceroute, nil, atGateway}, {askTraceOpen, onPort(443), openWay},
		}, cause.FirewallBlocksSMTP, Likely},
		{"no packet to one host passes the gateway", plain, dropped, []test{
			{askOtherPort, onPort(443), dropped},
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx.google.com"},
			{askTraceroute, nil, atGateway},
		}, cause.FirewallBlocksSMTP, Possible},
		{"reset by the site's second firewall", plain, "dial refused",
			others("hop 1 25 time-exceeded 10.1.0.1\nhop 2 25 time-exceeded 10.255.0.1\nhop 3 25 refused"), cause.FirewallBlocksSMTP, Likely},
		{"reset as soon as it is up, at this host alone", plain, "dial reset", []test{
			{askOtherPort, onPort(443), "dial connected 203.0.113.25:443"},
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx.google.com"},
		}, cause.PortClosed, Likely},
		{"reset as soon as it is up, nothing known of others", plain, "dial reset", nil, cause.PortClosed, Possible},
		{"nothing works", plain, dropped, []test{
			{askOtherPort, onPort(443), dropped}, {askOtherPort, onPort(587), dropped},
			{askControl, onHost("gmail-smtp-in.l.google.com"), dropped}, {askAnything, onPort(443), dropped},
		}, cause.RoutingOrNAT, Likely},
		{"one port everywhere, no traceroute", plain, dropped, others("")[:3], cause.FirewallBlocksSMTP, Possible},
		{"587 everywhere, no traceroute", with(plain, onPort(587)), dropped, others("")[:3], cause.FirewallBlocksSMTP, Likely},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := recordWith(t, tt.walk, tt.script, tt.tests...)
			d := Diagnose(rec)
			if d.Verdict.Step != cause.Connect || d.Verdict.Cause != tt.cause || d.Verdict.Confidence != tt.conf {
				t.Errorf("got %s / %s (%s), want connect / %s (%s)\n%+v", d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence, tt.cause, tt.conf, d.Findings)
			}
			checkDiagnosis(t, rec, d)
		})
	}
}

func TestNamesToldApart(t *testing.T) {
	public := provider.ControlResolvers[0]
	for _, tt := range []struct {
		name, own, control string
		cause              cause.ID
		conf               Confidence
	}{
		{"nobody knows it", "lookup 10.1.0.1:53 NXDOMAIN", "lookup " + public + " NXDOMAIN", cause.DNSNameNotFound, Proven},
		{"the site's resolver fails", "lookup 10.1.0.1:53 SERVFAIL", "lookup " + public + " NOERROR 203.0.113.25", cause.DNSResolverFailing, Proven},
		{"no resolver answers", "lookup 10.1.0.1:53 timeout", "lookup " + public + " timeout", cause.DNSResolverFailing, Possible},
		{"the site's resolver hides it", "lookup 10.1.0.1:53 NXDOMAIN", "lookup " + public + " NOERROR 203.0.113.25", cause.DNSWrongAnswer, Likely},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := record(plain, play(t, "t0", evidence.RoleLookup, plain, tt.own), play(t, "e1.1", evidence.RoleExperiment, plain, tt.control))
			d := Diagnose(rec)
			if d.Verdict.Cause != tt.cause || d.Verdict.Confidence != tt.conf {
				t.Errorf("got %s (%s), want %s (%s)\n%+v", d.Verdict.Cause, d.Verdict.Confidence, tt.cause, tt.conf, d.Findings)
			}
			checkDiagnosis(t, rec, d)
		})
	}
}

func TestConversationToldApart(t *testing.T) {
	const (
		cutAtHello = tlsBegins + "wait 30s\ntls-failed ended timeout 0\nend timeout handshake"
		dripping   = tlsBegins + "wait 30s\ntls-failed ended timeout 30\nend timeout handshake"
		through    = tlsBegins + "tls TLS 1.3\ncert ok CN=Public CA"
		noSTARTTLS = "dial connected\nS: 220 mx\nC: EHLO x\nS: 250-mx\nS: 250 SIZE"
	)
	for _, tt := range []struct {
		name   string
		walk   evidence.Walk
		script string
		tests  []test
		step   cause.Step
		cause  cause.ID
		conf   Confidence
	}{
		{"STARTTLS stripped", plain, noSTARTTLS, []test{{askAnyway, nil, noSTARTTLS + "\nC: STARTTLS\nS: 220 go"}}, cause.StartTLSOffer, cause.StartTLSStripped, Proven},
		{"STARTTLS not there", plain, noSTARTTLS, []test{{askAnyway, nil, noSTARTTLS + "\nC: STARTTLS\nS: 502 5.5.1 not implemented"}}, cause.StartTLSOffer, cause.StartTLSNotSupported, Likely},
		{"STARTTLS missing everywhere", plain, noSTARTTLS, []test{{askControl, onHost("gmail-smtp-in.l.google.com"), noSTARTTLS}}, cause.StartTLSOffer, cause.StartTLSStripped, Likely},

		{"MTU hole", plain, cutAtHello, []test{{askClamped, nil, through}, {askUnclamped, nil, cutAtHello}, {askClamped, nil, through}, {askUnclamped, nil, cutAtHello}},
			cause.StartTLS, cause.PathMTUBlackhole, Proven},
		{"one lost packet is no MTU hole", plain, cutAtHello, []test{{askClamped, nil, through}, {askUnclamped, nil, cutAtHello}, {askClamped, nil, through}, {askUnclamped, nil, through}},
			cause.StartTLS, cause.PathMTUBlackhole, Possible},
		{"only large hellos fail", plain, strings.Replace(cutAtHello, "hello 300", "hello 1523", 1),
			[]test{{askClamped, nil, cutAtHello}, {askUnclamped, nil, cutAtHello}, {askSmallHello, nil, through}}, cause.StartTLS, cause.ClientHelloTooLarge, Proven},
		{"the name is filtered", plain, tlsBegins + "tls-failed ended reset 0\nend reset handshake",
			[]test{{askNoSNI, nil, through}, {askUnclamped, nil, cutAtHello}, {askClamped, nil, cutAtHello}, {askSmallHello, nil, cutAtHello}}, cause.StartTLS, cause.HandshakeCut, Proven},
		{"silence after the hello, whatever its size", plain, cutAtHello,
			[]test{{askUnclamped, nil, cutAtHello}, {askClamped, nil, cutAtHello}, {askSmallHello, nil, cutAtHello}}, cause.StartTLS, cause.HandshakeCut, Likely},
		{"an answer that drips is slow, and not cut", plain, dripping,
			[]test{{askUnclamped, nil, dripping}, {askClamped, nil, dripping}, {askSmallHello, nil, dripping}}, cause.StartTLS, cause.HandshakeCut, Possible},
		{"the name is refused by an alert", plain, tlsBegins + "alert unrecognized_name\ntls-failed server-alert", []test{{askNoSNI, nil, through}}, cause.StartTLS, cause.HandshakeCut, Likely},
		{"the name is refused by an alert, nothing tried", plain, tlsBegins + "alert unrecognized_name\ntls-failed server-alert", nil, cause.StartTLS, cause.HandshakeCut, Possible},
		{"cut for want of a suite", plain, tlsBegins + "tls-failed ended reset 0\nend reset handshake", []test{
			{askCiphers, func(w *evidence.Walk) { w.Like = "aead-dhe" }, tlsBegins + "server-hello TLS 1.2"},
			{askCiphers, func(w *evidence.Walk) { w.Like = "aead-rsa" }, tlsBegins + "tls-failed ended reset 0\nend reset handshake"}}, cause.StartTLS, cause.TLSCipherMismatch, Proven},
		{"cut whatever the suites", plain, tlsBegins + "tls-failed ended reset 0\nend reset handshake", []test{
			{askCiphers, func(w *evidence.Walk) { w.Like = "aead-dhe" }, tlsBegins + "tls-failed ended reset 0\nend reset handshake"},
			{askCiphers, func(w *evidence.Walk) { w.Like = "aead-rsa" }, tlsBegins + "tls-failed ended reset 0\nend reset handshake"}}, cause.StartTLS, cause.HandshakeCut, Likely},
		{"inspection seen at two providers", plain, strings.Replace(through, "cert ok CN=Public CA", "cert unknown-authority CN=Corp CA", 1),
			[]test{{askControl, onHost("gmail-smtp-in.l.google.com"), strings.Replace(through, "cert ok CN=Public CA", "cert unknown-authority CN=Corp CA", 1)}}, cause.StartTLS, cause.TLSIntercepted, Proven},
		{"own CA, others are public", plain, strings.Replace(through, "cert ok CN=Public CA", "cert unknown-authority CN=Corp CA", 1),
			[]test{{askControl, onHost("gmail-smtp-in.l.google.com"), through}}, cause.StartTLS, cause.CertificateUntrusted, Likely},
		{"expired, of an authority trusted here and met elsewhere", plain, strings.Replace(through, "cert ok CN=Public CA", "cert expired CN=Corp CA", 1),
			[]test{{askControl, onHost("gmail-smtp-in.l.google.com"), strings.Replace(through, "CN=Public CA", "CN=Corp CA", 1)}}, cause.StartTLS, cause.CertificateExpired, Likely},
		{"a client certificate is wanted", plain, tlsBegins + "server-hello TLS 1.2\ncert ok CN=Public CA\nalert handshake_failure\ntls-failed server-alert", nil,
			cause.StartTLS, cause.ClientCertificateMissing, Likely},
		{"wrong version", plain, tlsBegins + "alert protocol_version\ntls-failed server-alert",
			[]test{{askVersions, func(w *evidence.Walk) { w.Like = "TLS 1.3" }, tlsBegins + "server-hello TLS 1.3"}}, cause.StartTLS, cause.TLSVersionMismatch, Proven},

		{"silent everywhere", plain, "dial connected\nwait 60s\nend timeout greeting", []test{
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nwait 9s\nend timeout greeting"},
			{askControl, onHost("mta5.am0.yahoodns.net"), "dial connected\nwait 9s\nend timeout greeting"}}, cause.Banner, cause.SMTPBlockedUpstream, Proven},
		{"a web server that waits to be asked", plain, "dial connected\nwait 60s\nend timeout greeting", []test{
			{askTLSFirst, nil, "dial connected\nhello 300\nbytes http HTTP/1.1 400 Bad request\ntls-failed not-tls"},
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nwait 9s\nend timeout greeting"},
			{askControl, onHost("mta5.am0.yahoodns.net"), "dial connected\nwait 9s\nend timeout greeting"}}, cause.Banner, cause.NotSMTP, Likely},
		{"TLS expected", plain, "dial connected\nwait 60s\nend timeout greeting", []test{{askTLSFirst, nil, "dial connected\nhello 300\ntls TLS 1.3"}}, cause.Banner, cause.ImplicitTLSExpected, Proven},
		{"late after all", plain, "dial connected\nwait 60s\nend timeout greeting", []test{{askAgain, nil, "dial connected\nwait 11s\nS: 220 mx"}}, cause.Banner, cause.GreetingDelayed, Likely},
		{"redirected", tenant, strings.Replace(secured, "cert ok CN=Public CA", "cert name-mismatch CN=Public CA", 1), []test{
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx.example.com ESMTP"}}, cause.Banner, cause.SMTPRedirected, Proven},
		{"another name is taken", plain, "dial connected\nS: 220 mx\nC: EHLO x_y\nS: 550 bad name", []test{
			{askOtherName, nil, "dial connected\nS: 220 mx\nC: EHLO mail.example.com\nS: 250 mx"}}, cause.EHLO, cause.HELONameRejected, Proven},
		{"EHLO cut everywhere", plain, "dial connected\nS: 220 mx\nC: EHLO x\nend reset EHLO", []test{
			{askNoop, nil, "dial connected\nS: 220 mx\nC: NOOP\nS: 250 ok\nC: EHLO x\nend reset EHLO"},
			{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx\nC: EHLO x\nend reset EHLO"},
			{askControl, onHost("mta5.am0.yahoodns.net"), "dial connected\nS: 220 mx\nC: EHLO x\nend reset EHLO"}}, cause.EHLO, cause.ConnectionCutAfterEHLO, Proven},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := recordWith(t, tt.walk, tt.script, tt.tests...)
			d := Diagnose(rec)
			if d.Verdict.Step != tt.step || d.Verdict.Cause != tt.cause || d.Verdict.Confidence != tt.conf {
				t.Errorf("got %s / %s (%s), want %s / %s (%s)\n%+v", d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence, tt.step, tt.cause, tt.conf, d.Findings)
			}
			checkDiagnosis(t, rec, d)
		})
	}
}

func TestNext(t *testing.T) {
	asked := func(rec *evidence.Record) map[string]int {
		n := map[string]int{}
		for _, e := range Next(rec) {
			n[e.Name]++
			if e.Because == "" {
				t.Errorf("%s is asked without a reason", e.Name)
			}
			if w := e.Walk; w != nil && (w.Auth != nil || w.From != "" || w.Send) {
				t.Errorf("%s would sign in or send: %+v", e.Name, w)
			}
		}
		return n
	}
	for _, tt := range []struct {
		name   string
		walk   evidence.Walk
		script string
		want   []string
	}{
		{"dropped", plain, dropped, []string{askOtherPort, askControl, askAnything, askTraceroute, askResolver}},
		{"silent", plain, "dial connected\nwait 60s\nend timeout greeting", []string{askAgain, askTLSFirst, askControl, askTraceroute}},
		{"no STARTTLS", plain, "dial connected\nS: 220 mx\nC: EHLO x\nS: 250 mx", []string{askAnyway, askControl}},
		{"hanging handshake", plain, tlsBegins + "wait 30s\ntls-failed ended timeout 0\nend timeout handshake", []string{askVersions, askClamped, askUnclamped, askSmallHello, askNoSNI, askPathMTU}},
		{"alert", plain, tlsBegins + "alert handshake_failure\ntls-failed server-alert", []string{askVersions, askCiphers}},
		{"alert about the name", plain, tlsBegins + "alert unrecognized_name\ntls-failed server-alert", []string{askNoSNI}},
		{"handshake cut at once", plain, tlsBegins + "tls-failed ended reset 0\nend reset handshake", []string{askVersions, askCiphers, askClamped, askNoSNI}},
		{"foreign certificate", tenant, strings.Replace(secured, "cert ok", "cert unknown-authority", 1), []string{askControl, askSibling}},
		{"a refusal in words needs none", plain, secured + "C: MAIL FROM:<a@example.com>\nS: 552 5.2.2 mailbox full", nil},
		{"a refusal of the sender asks DNS", plain, secured + "C: MAIL FROM:<a@example.com>\nS: 550 5.7.1 no", []string{askReverse, askListTest, askSPF, askIdentity}},
		{"all well", plain, secured + "C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 250 ok", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := asked(record(tt.walk, play(t, "t1", evidence.RoleAsked, tt.walk, tt.script)))
			for _, w := range tt.want {
				if got[w] == 0 {
					t.Errorf("%s is not asked; got %v", w, got)
				}
			}
			if tt.want == nil && len(got) > 0 {
				t.Errorf("asked %v, want nothing", got)
			}
		})
	}
}

// A walk that hangs is judged as if it had ended, but only after a while.
func TestNextWhileWaiting(t *testing.T) {
	rec := record(plain, play(t, "t1", evidence.RoleAsked, plain, "dial connected"))
	rec.Took = time.Second
	if got := Next(rec); len(got) > 0 {
		t.Errorf("after one second of silence: asked %d experiments, want none", len(got))
	}
	rec.Took = 4 * time.Second
	if got := Next(rec); len(got) == 0 {
		t.Error("after four seconds of silence: nothing is asked")
	}
	if len(rec.Traces[0].Events) != 1 {
		t.Error("the record itself was changed")
	}
}

// A comparison with another host keeps the address family: what sits on the way of one may leave the other alone.
func TestControlsKeepTheFamily(t *testing.T) {
	for address, family := range map[string]int{"203.0.113.25:25": 4, "[2001:db8::25]:25": 6} {
		n := 0
		for _, e := range Next(record(tenant, play(t, "t1", evidence.RoleAsked, tenant, "dial connected "+address+"\nwait 60s\nend closed greeting"))) {
			if e.Name == askControl {
				n++
				if e.Walk.Family != family {
					t.Errorf("at %s: %s is walked to over family %d, want %d", address, e.Walk.Host, e.Walk.Family, family)
				}
			}
		}
		if n == 0 {
			t.Errorf("at %s: no control is asked", address)
		}
	}
}

// Without controls no host but the target is asked for.
func TestNoControls(t *testing.T) {
	for _, script := range []string{dropped, "dial connected\nwait 60s\nend timeout greeting", "dial connected\nS: 220 mx\nC: EHLO x\nend reset EHLO",
		"dial connected\nS: 220 mx\nC: EHLO x\nS: 250 mx", strings.Replace(secured, "cert ok", "cert unknown-authority", 1)} {
		rec := record(tenant, play(t, "t1", evidence.RoleAsked, tenant, script))
		rec.Target.NoControls = true
		for _, e := range Next(rec) {
			if e.Walk != nil && e.Walk.Host != tenant.Host {
				t.Errorf("%s would contact %s", e.Name, e.Walk.Host)
			}
			if e.Lookup != nil && slices.Contains(provider.ControlResolvers, e.Lookup.Server) {
				t.Errorf("%s would ask %s", e.Name, e.Lookup.Server)
			}
		}
	}
}

// The way to this machine and to its network is no public matter: no control tells anything about it.
func TestNoControlsForLocalTargets(t *testing.T) {
	for _, script := range []string{"dial refused 127.0.0.1:25", "wait 10s\ndial timeout 10.1.2.3:25", "dial connected 127.0.0.1:25\nwait 60s\nend timeout greeting"} {
		for _, e := range Next(record(plain, play(t, "t1", evidence.RoleAsked, plain, script))) {
			if e.Walk != nil && e.Walk.Host != plain.Host {
				t.Errorf("%q: %s would contact %s", script, e.Name, e.Walk.Host)
			}
		}
	}
	inside := with(plain, onHost("mail.corp.example"))
	look := evidence.Trace{ID: "t0", Role: evidence.RoleLookup, Events: []evidence.Event{{Lookup: &evidence.Lookup{Server: "system", Name: inside.Host, Type: "ADDR", NotFound: true}}}}
	for _, e := range Next(record(inside, look)) {
		if e.Lookup != nil && slices.Contains(provider.ControlResolvers, e.Lookup.Server) {
			t.Errorf("the name %s would be told to %s", inside.Host, e.Lookup.Server)
		}
	}
}

// Who names resolvers has them asked in place of the system's; without that the system's are asked one by one.
func TestSystemResolvers(t *testing.T) {
	const system = "192.0.2.53:53"
	for server, want := range map[string]bool{"system": true, "198.51.100.53:53": false} {
		look := evidence.Trace{ID: "t0", Role: evidence.RoleLookup, Events: []evidence.Event{{Lookup: &evidence.Lookup{Server: server, Name: plain.Host, Type: "A", RCode: "SERVFAIL"}}}}
		rec := record(plain, look)
		rec.Host = &evidence.Host{Resolvers: []string{system}}
		asked := slices.ContainsFunc(Next(rec), func(e evidence.Experiment) bool { return e.Lookup != nil && e.Lookup.Server == system })
		if asked != want {
			t.Errorf("after %s: the system's resolver is asked: %v, want %v", server, asked, want)
		}
	}
}

// A router that has no way to one host blocks no port: others are reached on it.
func TestMissingRouteIsNoPortFilter(t *testing.T) {
	rec := recordWith(t, plain, "dial unreachable", []test{
		{askOtherPort, onPort(443), "dial unreachable 203.0.113.25:443"},
		{askControl, onHost("gmail-smtp-in.l.google.com"), "dial connected\nS: 220 mx.google.com"},
		{askAnything, onPort(443), "dial connected 192.0.2.1:443"},
	}...)
	for i := range rec.Traces {
		for k := range rec.Traces[i].Events {
			if d := rec.Traces[i].Events[k].Dialed; d != nil && d.Outcome == evidence.Unreachable {
				d.Offender = &evidence.ICMP{From: netip.MustParseAddr("198.51.100.1"), Type: 3, Code: 1}
			}
		}
	}
	d := Diagnose(rec)
	if d.Verdict.Cause != cause.RoutingOrNAT || d.Verdict.Confidence != Likely {
		t.Errorf("got %s (%s), want %s (likely)\n%+v", d.Verdict.Cause, d.Verdict.Confidence, cause.RoutingOrNAT, d.Findings)
	}
}

// The resolvers tell the truth, and programs on this machine get a dead address all the same.
func TestHostsFileWithADeadAddress(t *testing.T) {
	public := provider.ControlResolvers[0]
	rec := record(plain, play(t, "t0", evidence.RoleLookup, plain, "lookup system NOERROR 203.0.113.99"),
		play(t, "t1", evidence.RoleAsked, plain, "wait 10s\ndial timeout 203.0.113.99:25"),
		play(t, "e1.1", evidence.RoleExperiment, plain, "lookup 10.1.0.1:53 NOERROR 203.0.113.25"),
		play(t, "e2.1", evidence.RoleExperiment, plain, "lookup "+public+" NOERROR 203.0.113.25"))
	d := Diagnose(rec)
	if d.Verdict.Cause != cause.DNSWrongAnswer || d.Verdict.Confidence != Likely {
		t.Errorf("got %s (%s), want %s (likely)\n%+v", d.Verdict.Cause, d.Verdict.Confidence, cause.DNSWrongAnswer, d.Findings)
	}
}

// A foreign greeting is asked about wherever the walk came to fail: the name may lead to the wrong server.
func TestForeignServerIsLookedUp(t *testing.T) {
	walk := evidence.Walk{Host: "smtp.office365.com", Port: 587}
	for name, script := range map[string]string{
		"at the banner": "dial connected\nS: 220 mail.example.com ESMTP Postfix\nwait 30s\nend timeout EHLO",
		"at TLS": "dial connected\nS: 220 mail.example.com ESMTP Postfix\nC: EHLO x\nS: 250-mail.example.com\nS: 250 STARTTLS\n" +
			"C: STARTTLS\nS: 220 go\nhello 300\ntls TLS 1.3\ncert name-mismatch CN=Public CA",
	} {
		rec := record(walk, play(t, "t1", evidence.RoleAsked, walk, script))
		asked := false
		for _, e := range Next(rec) {
			asked = asked || e.Name == askResolver
		}
		if !asked {
			t.Errorf("%s: no resolver is asked", name)
		}
	}
}

// Rules that nobody could read may be the reason; rules that nobody had to read are no doubt.
func TestCannotKnowFirewall(t *testing.T) {
	for read, want := range map[string]bool{"yes": false, evidence.FirewallNotAsked: false, "": false, "needs root": true} {
		rec := record(plain, play(t, "t1", evidence.RoleAsked, plain, dropped))
		rec.Host = &evidence.Host{FirewallRead: read}
		got := slices.ContainsFunc(Diagnose(rec).CannotKnow, func(s string) bool { return strings.Contains(s, "firewall") })
		if got != want {
			t.Errorf("rules read: %q: the report doubts: %v, want %v", read, got, want)
		}
	}
}

// A silent port may belong to a server that greets late: the report says how long nobody waited.
func TestCannotKnowLateGreeting(t *testing.T) {
	told := func(script string) bool {
		d := Diagnose(record(plain, play(t, "t1", evidence.RoleAsked, plain, script)))
		return slices.ContainsFunc(d.CannotKnow, func(s string) bool { return strings.Contains(s, "5 minutes") })
	}
	if !told("dial connected\nwait 15s\nend timeout greeting") {
		t.Error("after 15 s of silence, nothing is said of a later greeting")
	}
	if told("dial connected\nwait 5m\nend timeout greeting") || told(secured) {
		t.Error("a later greeting is spoken of where there is none to wait for")
	}
}

// What this machine's own firewall keeps from it looks from here like a filter far away, unless the rule can be read.
func TestAnswersDroppedHere(t *testing.T) {
	for rule, want := range map[string]cause.ID{
		"nft inet filter input: tcp sport 25 drop":    cause.FirewallBlocksSMTP,
		"nft inet filter input: tcp sport 587 drop":   cause.ISPBlocksPort25,
		"nft inet filter output: tcp dport 25 accept": cause.ISPBlocksPort25,
	} {
		rec := recordWith(t, plain, dropped,
			test{askOtherPort, onPort(443), "dial connected 203.0.113.25:443"},
			test{askControl, onHost("gmail-smtp-in.l.google.com"), dropped},
			test{askAnything, onPort(443), "dial connected 192.0.2.1:443"},
			test{askTraceroute, nil, atISP}, test{askTraceOpen, onPort(443), openWay})
		rec.Host = &evidence.Host{Firewall: []string{rule}, FirewallRead: "yes"}
		d := Diagnose(rec)
		if d.Verdict.Cause != want || d.Verdict.Confidence != Likely {
			t.Errorf("%s: got %s (%s), want %s (likely)", rule, d.Verdict.Cause, d.Verdict.Confidence, want)
		}
		checkDiagnosis(t, rec, d)
	}
}
