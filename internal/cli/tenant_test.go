package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/probe"
)

// A tenantCase is a customer of Microsoft 365 with two doors under the names they have there, and a DNS of its own. Its file has
// these sections, each of which may be left out but want:
//
//	want        the lines of wants
//	flags       of check, one or more a line
//	target      of check; contoso.com
//	dns         records, as in lab cases, before those that every tenant has (tenantDNS)
//	mx          script of the MX host, after its personality
//	submission  script of smtp.office365.com, after its personality
//	file/NAME   a file that the flags name as {dir}/NAME
type tenantCase struct {
	name     string
	sections map[string]string
}

const (
	tenantMX   = "contoso-com.mail.protection.outlook.com"
	tenantSend = "smtp.office365.com"
)

// tenantDNS is what DNS says of every tenant. A name that a case has records of is the case's alone.
const tenantDNS = `contoso.com MX ` + tenantMX + `
contoso.com TXT v=spf1 ip4:203.0.113.0/24 include:spf.protection.outlook.com -all
spf.protection.outlook.com TXT v=spf1 ip4:192.0.2.0/24 -all
` + tenantMX + ` A 192.0.2.25
` + tenantSend + ` A 192.0.2.58
25.113.0.203.in-addr.arpa PTR mail.contoso.com
mail.contoso.com A 203.0.113.25
2.0.0.127.zen.spamhaus.org A 127.0.0.2
2.0.0.127.bl.spamcop.net A 127.0.0.2
2.0.0.127.b.barracudacentral.org A 127.0.0.2
`

// tenantAddresses lead to the doors.
var tenantAddresses = map[string]string{"192.0.2.25:25": "mx", "192.0.2.58:587": "submission"}

func readTenantCases(t *testing.T) []tenantCase {
	t.Helper()
	files, err := filepath.Glob("testdata/tenants/*.txtar")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	var all []tenantCase
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c := tenantCase{strings.TrimSuffix(filepath.Base(f), ".txtar"), map[string]string{}}
		for _, s := range a.Files {
			c.sections[s.Name] = string(s.Data)
		}
		all = append(all, c)
	}
	return all
}

// dns is the case's own records and those of every tenant.
func (c tenantCase) dns() string {
	own := c.sections["dns"]
	var b strings.Builder
	b.WriteString(own)
	for line := range strings.Lines(tenantDNS) {
		name, _, _ := strings.Cut(line, " ")
		if !strings.Contains("\n"+own, "\n"+name+" ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// door makes the lab case of one door.
func (c tenantCase) door(section, host, personality string) (lab.Case, error) {
	text := fmt.Sprintf("%s of %s\n-- want --\nverdict none accepted\n-- target --\n%s\n-- dns --\n%s-- server --\npersonality %s\nclient-ip 203.0.113.25\n%s",
		section, c.name, host, c.dns(), personality, c.sections[section])
	return lab.ParseCase(c.name+".txtar", []byte(text))
}

// run checks the tenant as that app and returns what was seen.
func (c tenantCase) run(ctx context.Context, dir string, a *app) (*evidence.Record, error) {
	doors := map[string]*lab.Running{}
	var authorities []byte
	for section, d := range map[string][2]string{"mx": {tenantMX, "m365-mx"}, "submission": {tenantSend, "m365-submission"}} {
		lc, err := c.door(section, d[0], d[1])
		if err != nil {
			return nil, err
		}
		r, err := lab.Start(ctx, lc)
		if err != nil {
			return nil, err
		}
		defer r.Stop()
		doors[section] = r
		authorities = append(authorities, r.Server.CA()...)
	}
	j, err := c.job(dir, doors["mx"].DNSAddr, authorities, a)
	if err != nil {
		return nil, err
	}
	j.prober.Dial = func(ctx context.Context, spec probe.DialSpec) (net.Conn, evidence.Dialed) {
		r := doors[tenantAddresses[spec.Address.String()]]
		if r == nil {
			return nil, evidence.Dialed{Outcome: evidence.Refused}
		}
		conn, err := r.Dial(ctx, "tcp", spec.Address.String())
		if err != nil {
			return nil, evidence.Dialed{Outcome: evidence.TimedOut, Text: err.Error()}
		}
		return conn, evidence.Dialed{Outcome: evidence.Connected}
	}
	return a.run(ctx, j), nil
}

// quietApp is an app that nobody looks at.
func quietApp() *app { return &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard} }

// job is the check of the case: with its doors side by side, but without hosts and resolvers of others.
func (c tenantCase) job(dir, resolver string, authorities []byte, a *app) (*job, error) {
	for name, data := range c.sections {
		if file, ok := strings.CutPrefix(name, "file/"); ok {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
				return nil, err
			}
		}
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, authorities, 0o600); err != nil {
		return nil, err
	}
	target := strings.TrimSpace(c.sections["target"])
	if target == "" {
		target = "contoso.com"
	}
	args := []string{target, "--ca-file", ca, "--resolver", resolver, "--max-time", "30s"}
	o, target, err := caseOptions(append(args, strings.Fields(strings.ReplaceAll(c.sections["flags"], "{dir}", dir))...))
	if err != nil {
		return nil, err
	}
	j, err := a.prepare(o, target)
	if err != nil {
		return nil, err
	}
	plan := j.plan
	j.plan = func(rec *evidence.Record) []evidence.Experiment {
		return slices.DeleteFunc(plan(rec), func(e evidence.Experiment) bool { return leavesTheTest(e, resolver) })
	}
	return j, nil
}

// documentation is the network that the doors are said to be in (RFC 5737).
var documentation = netip.MustParsePrefix("192.0.2.0/24")

// leavesTheTest reports whether an experiment is about a host or resolver that is not the case's.
func leavesTheTest(e evidence.Experiment, resolver string) bool {
	return e.Path != nil || e.Lookup != nil && e.Lookup.Server != "" && e.Lookup.Server != resolver ||
		e.Walk != nil && e.Walk.Address.IsValid() && !documentation.Contains(e.Walk.Address)
}

// wants are the lines of the section of that name.
var wants = map[string]func(rec *evidence.Record, d *diagnose.Diagnosis, text string, args []string) bool{
	"verdict": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, args []string) bool {
		return string(d.Verdict.Step) == args[0] && string(d.Verdict.Cause) == args[1] && (len(args) < 3 || string(d.Verdict.Confidence) == args[2])
	},
	"beside": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, args []string) bool { // VIA STEP CAUSE
		return slices.ContainsFunc(d.Paths, func(p diagnose.Path) bool {
			return p.Role == evidence.RoleControl && string(p.Via) == args[0] && string(p.Verdict.Step) == args[1] && string(p.Verdict.Cause) == args[2]
		})
	},
	"pattern": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, args []string) bool {
		return slices.ContainsFunc(d.Patterns, func(p diagnose.PatternMatch) bool { return string(p.ID) == args[0] })
	},
	"no-pattern": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, _ []string) bool {
		return len(d.Patterns) == 0
	},
	"recommended": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, args []string) bool {
		return string(d.Recommended) == args[0]
	},
	"also": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, args []string) bool { // another finding, not the verdict
		return slices.ContainsFunc(d.Findings[1:], func(f diagnose.Finding) bool { return string(f.Cause) == args[0] })
	},
	"says": func(_ *evidence.Record, _ *diagnose.Diagnosis, text string, args []string) bool {
		flat := strings.Join(strings.Fields(text), " ")
		return strings.Contains(flat, strings.Join(args, " "))
	},
	"never-asked": func(rec *evidence.Record, _ *diagnose.Diagnosis, _ string, args []string) bool { // a name in DNS
		return !slices.ContainsFunc(rec.Traces, func(t evidence.Trace) bool {
			return slices.ContainsFunc(t.Events, func(e evidence.Event) bool { return e.Lookup != nil && e.Lookup.Name == args[0] })
		})
	},
	"not-contacted": func(rec *evidence.Record, _ *diagnose.Diagnosis, _ string, args []string) bool {
		return !slices.Contains(rec.Contacted, args[0])
	},
}

// TestTenants checks each tenant, and compares verdict, patterns and advice.
func TestTenants(t *testing.T) {
	cases := readTenantCases(t)
	records := make([]*evidence.Record, len(cases))
	turns := make(chan struct{}, sideBySide)
	var going sync.WaitGroup
	for i, c := range cases {
		dir := t.TempDir()
		going.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var err error
			if records[i], err = c.run(t.Context(), dir, quietApp()); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
	going.Wait()
	tb := new(table)
	for i, c := range cases {
		if records[i] != nil {
			t.Run(c.name, func(t *testing.T) { tb.add(judgeTenant(t, c, records[i])) })
		}
	}
	tb.print(t, "tenants")
}

func judgeTenant(t *testing.T, c tenantCase, rec *evidence.Record) result {
	d := diagnose.Diagnose(rec)
	text := reportOf(t, rec)
	res := result{name: c.name, got: fmt.Sprintf("%s / %s %s", d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence), took: rec.Took, ok: true}
	for line := range strings.Lines(c.sections["want"]) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if f[0] == "verdict" {
			res.want = strings.Join(f[1:], " ")
		}
		want, known := wants[f[0]]
		if !known || !want(rec, &d, text, f[1:]) {
			res.ok = false
			t.Errorf("wanted %q; it is %s, patterns %v, recommended %q", strings.TrimSpace(line), res.got, patternIDs(d), d.Recommended)
		}
	}
	if res.want == "" {
		t.Error("no verdict wanted")
	}
	if !res.ok {
		t.Logf("\n%s", text)
	}
	checkAgain(t, rec, &d)
	for _, contacted := range rec.Contacted {
		a, err := netip.ParseAddrPort(contacted)
		if err != nil || !a.Addr().IsLoopback() && !documentation.Contains(a.Addr()) {
			t.Errorf("it contacted %s", contacted)
		}
	}
	return res
}

func patternIDs(d diagnose.Diagnosis) []cause.PatternID {
	var ids []cause.PatternID
	for _, p := range d.Patterns {
		ids = append(ids, p.ID)
	}
	return ids
}
