package evidence

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func round(started time.Time, host string) *Record {
	w := Walk{Host: host, Port: 25}
	return &Record{Schema: Schema, Source: FromCheck, Started: started, Took: time.Second, Target: Target{Input: "example.com", Walk: w},
		Traces: []Trace{{ID: "t1", Role: RoleAsked, Walk: w}, {ID: "e1.1", Role: RoleExperiment, Walk: w}},
		Runs:   []Run{{Experiment: Experiment{Name: "again"}, Traces: []string{"e1.1"}}}, Contacted: []string{host + ":25"}}
}

func TestJoinAndSplit(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a, b := round(began, "a.example.com"), round(began.Add(time.Minute), "b.example.com")
	b.Interrupted = "interrupted"
	joined := Join([]*Record{a, b})
	if joined.Took != 61*time.Second || joined.Interrupted != "interrupted" || len(joined.Contacted) != 2 {
		t.Errorf("took %v, interrupted %q, contacted %v", joined.Took, joined.Interrupted, joined.Contacted)
	}
	var file bytes.Buffer
	if err := Write(&file, joined); err != nil {
		t.Fatal(err)
	}
	read, err := Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	parts := read.Split()
	if len(parts) != 2 {
		t.Fatalf("%d rounds, want 2", len(parts))
	}
	for i, want := range []*Record{a, b} {
		prefix := []string{"r1.", "r2."}[i]
		for k := range want.Traces {
			want.Traces[k].ID = prefix + want.Traces[k].ID
		}
		want.Runs[0].Traces[0] = prefix + want.Runs[0].Traces[0]
		if d := cmp.Diff(want, parts[i], cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); d != "" {
			t.Errorf("round %d (-want +got)\n%s", i+1, d)
		}
	}
	if one := Join([]*Record{a}); one != a {
		t.Error("one round is not itself")
	}
	if parts := a.Split(); len(parts) != 1 || parts[0] != a {
		t.Error("a record without rounds is not its own only one")
	}
}

func TestRoundsThatDoNotAddUp(t *testing.T) {
	for _, spoil := range []func(*Record){
		func(r *Record) { r.Rounds[0].Traces = 1 },
		func(r *Record) { r.Rounds[0].Traces = -1; r.Rounds[1].Traces = 5 },
		func(r *Record) { r.Rounds[1].Experiments = 9 },
	} {
		joined := Join([]*Record{round(time.Time{}, "a"), round(time.Time{}, "b")})
		spoil(joined)
		var file bytes.Buffer
		if err := Write(&file, joined); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&file); err == nil || !strings.Contains(err.Error(), "round") {
			t.Errorf("%+v is read: %v", joined.Rounds, err)
		}
	}
}
