package netlab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab/tenants"
)

// leastTenants is how many tenants must be right in verdict, patterns and recommended door, each of them wanted.
const leastTenants = 30

// TestTenants checks each tenant over the network of a lab, and compares verdict, patterns and advice. How a report words
// them is compared where there is no network, in package cli.
func TestTenants(t *testing.T) {
	file := needProgram(t)
	cases, err := tenants.Cases()
	if err != nil {
		t.Fatal(err)
	}
	var tb tenantTable
	t.Run("tenants", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				nc, err := tenantCase(c)
				if err != nil {
					t.Fatal(err)
				}
				r, took := check(t, start(t, nc), file, 0)
				row := tenantRow{c, r, misses(c, r), took}
				for _, miss := range row.missed {
					t.Errorf("wanted %q; it is %s", miss, row)
				}
				tb.add(row)
			})
		}
	})
	tb.write(t)
}

// tenantCase is a tenant's network.
func tenantCase(c tenants.Case) (Case, error) {
	nc := Case{
		Name: "tenant-" + c.Name, Target: c.Target(), Flags: append(words("--max-time 30s"), c.Flags()...),
		Files: c.Files(), Servers: make(map[string]string),
	}
	for _, d := range tenants.Doors {
		_, port, err := net.SplitHostPort(d.Address)
		if err != nil {
			return Case{}, err
		}
		nc.Servers[net.JoinHostPort(d.Host, port)] = c.Script(d)
	}
	for line := range strings.Lines(c.DNS()) {
		nc.DNS = append(nc.DNS, answerEverywhere(strings.TrimSpace(line)))
	}
	return nc, nil
}

// answerEverywhere writes a record of a lab case as every resolver's answer.
func answerEverywhere(record string) string {
	f := strings.SplitN(record, " ", 3)
	switch f[1] {
	case "MX":
		f[2] = "0 " + f[2]
	case "TXT":
		f[2] = fmt.Sprintf("%q", f[2])
	}
	return "all " + strings.Join(f, " ")
}

// wants are what the JSON report can be asked, by the first word of a tenant's want.
var wants = map[string]func(r report, args []string) bool{
	"verdict": func(r report, args []string) bool {
		return string(r.Verdict.Step) == args[0] && r.Verdict.Cause == args[1] && (len(args) < 3 || string(r.Verdict.Confidence) == args[2])
	},
	"beside": func(r report, args []string) bool { // VIA STEP CAUSE, of a door that was not asked about
		for _, p := range r.Paths {
			if p.Via == args[0] && string(p.Verdict.Step) == args[1] && p.Verdict.Cause == args[2] {
				return true
			}
		}
		return false
	},
	"patterns":    func(r report, args []string) bool { return slices.Equal(r.patterns(), args) },
	"recommended": func(r report, args []string) bool { return r.Recommended == args[0] },
	"also": func(r report, args []string) bool {
		for _, c := range r.Causes[1:] {
			if c.Cause == args[0] {
				return true
			}
		}
		return false
	},
	"not-contacted": func(r report, args []string) bool { return !slices.Contains(r.Contacted, args[0]) },
	"says":          anything, // in words
	"never-asked":   anything, // the record has it, not the report
}

func anything(report, []string) bool { return true }

// misses are the wants that a report does not fulfil.
func misses(c tenants.Case, r report) []string {
	var missed []string
	for _, w := range c.Wants() {
		if want, known := wants[w[0]]; !known || !want(r, w[1:]) {
			missed = append(missed, strings.Join(w, " "))
		}
	}
	return missed
}

func (r *report) patterns() []string {
	var ids []string
	for _, p := range r.Patterns {
		ids = append(ids, p.ID)
	}
	return ids
}

// A tenantRow is one line of the table that make test prints.
type tenantRow struct {
	tenant tenants.Case
	report report
	missed []string
	took   time.Duration
}

func (r tenantRow) String() string {
	patterns := strings.Join(r.report.patterns(), " ")
	if patterns == "" {
		patterns = "-"
	}
	door := r.report.Recommended
	if door == "" {
		door = "-"
	}
	return fmt.Sprintf("%-38s %-9s %-13s %s", r.report.verdict(), r.report.Verdict.Confidence, door, patterns)
}

// A tenantTable collects rows of tests that run side by side.
type tenantTable struct {
	mu   sync.Mutex
	rows []tenantRow
}

func (tb *tenantTable) add(r tenantRow) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.rows = append(tb.rows, r)
}

func (tb *tenantTable) write(t *testing.T) {
	t.Helper()
	slices.SortFunc(tb.rows, func(a, b tenantRow) int { return strings.Compare(a.tenant.Name, b.tenant.Name) })
	var text strings.Builder
	fmt.Fprintf(&text, "%-30s %6s  %-38s %-9s %-13s %s\n", "tenant", "time", "named", "confid.", "recommended", "patterns")
	right, whole := 0, 0
	for _, r := range tb.rows {
		mark := ""
		if len(r.missed) == 0 {
			right++
			if r.tenant.Whole() {
				whole++
			}
		} else {
			mark = "  <-- wanted " + strings.Join(r.missed, "; ")
		}
		fmt.Fprintf(&text, "%-30s %5.1fs  %s%s\n", r.tenant.Name, r.took.Seconds(), r, mark)
	}
	fmt.Fprintf(&text, "%d of %d right, %d of them with patterns and recommended door wanted too\n", right, len(tb.rows), whole)
	t.Log("\n" + text.String())
	if whole < leastTenants {
		t.Errorf("%d tenants right in verdict, patterns and door, want %d at least", whole, leastTenants)
	}
	if dir := os.Getenv("SMTPTRIAGE_SUMMARY"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "netlab: tenants"), []byte(text.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}
