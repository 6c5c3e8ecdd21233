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

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/lab"
	"github.com/smtptriage/smtptriage/internal/lab/tenants"
	"github.com/smtptriage/smtptriage/internal/probe"
)

// A tenantCase is a tenant whose doors a dialer of the test leads to.
type tenantCase struct{ tenants.Case }

func readTenantCases(t *testing.T) []tenantCase {
	t.Helper()
	cases, err := tenants.Cases()
	if err != nil {
		t.Fatal(err)
	}
	var all []tenantCase
	for _, c := range cases {
		all = append(all, tenantCase{c})
	}
	return all
}

// door makes the lab case of one door.
func (c tenantCase) door(d tenants.Door) (lab.Case, error) {
	text := fmt.Sprintf("%s of %s\n-- want --\nverdict none accepted\n-- target --\n%s\n-- dns --\n%s-- server --\n%s",
		d.Section, c.Name, d.Host, c.DNS(), c.Script(d))
	return lab.ParseCase(c.Name+".txtar", []byte(text))
}

// run checks the tenant as that app and returns what was seen.
func (c tenantCase) run(ctx context.Context, dir string, a *app) (*evidence.Record, error) {
	doors := map[string]*lab.Running{} // by address
	var authorities []byte
	var resolver string
	for _, d := range tenants.Doors {
		lc, err := c.door(d)
		if err != nil {
			return nil, err
		}
		r, err := lab.Start(ctx, lc)
		if err != nil {
			return nil, err
		}
		defer r.Stop()
		doors[d.Address], resolver = r, r.DNSAddr
		authorities = append(authorities, r.Server.CA()...)
	}
	j, err := c.job(dir, resolver, authorities, a)
	if err != nil {
		return nil, err
	}
	j.prober.Dial = func(ctx context.Context, spec probe.DialSpec) (net.Conn, evidence.Dialed) {
		r := doors[spec.Address.String()]
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
	for name, data := range c.Files() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			return nil, err
		}
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, authorities, 0o600); err != nil {
		return nil, err
	}
	args := []string{c.Target(), "--ca-file", ca, "--resolver", resolver, "--max-time", "30s"}
	for _, f := range c.Flags() {
		args = append(args, strings.ReplaceAll(f, "{dir}", dir))
	}
	o, target, err := caseOptions(args)
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
var documentation = netip.MustParsePrefix("203.0.113.0/24")

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
	"patterns": func(_ *evidence.Record, d *diagnose.Diagnosis, _ string, args []string) bool { // all of them; none: there is none
		return slices.EqualFunc(d.Patterns, args, func(p diagnose.PatternMatch, id string) bool { return string(p.ID) == id })
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
				t.Errorf("%s: %v", c.Name, err)
			}
		})
	}
	going.Wait()
	tb := new(table)
	for i, c := range cases {
		if records[i] != nil {
			t.Run(c.Name, func(t *testing.T) { tb.add(judgeTenant(t, c, records[i])) })
		}
	}
	tb.print(t, "tenants")
}

func judgeTenant(t *testing.T, c tenantCase, rec *evidence.Record) result {
	d := diagnose.Diagnose(rec)
	text := reportOf(t, rec)
	res := result{name: c.Name, got: fmt.Sprintf("%s / %s %s", d.Verdict.Step, d.Verdict.Cause, d.Verdict.Confidence), took: rec.Took, ok: true}
	for _, f := range c.Wants() {
		if f[0] == "verdict" {
			res.want = strings.Join(f[1:], " ")
		}
		want, known := wants[f[0]]
		if !known || !want(rec, &d, text, f[1:]) {
			res.ok = false
			t.Errorf("wanted %q; it is %s, patterns %v, recommended %q", strings.Join(f, " "), res.got, patternIDs(d), d.Recommended)
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
