package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func experimentAt(name string, w evidence.Walk) evidence.Experiment {
	return evidence.Experiment{Name: name, Because: "a test", Walk: &w}
}

// A planner is asked while the walk is silent, again when an experiment ends, and each experiment is made once.
func TestLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Prober{Dial: dialTo(t, func(s *server) { s.drain() }), MaxTime: 30 * time.Second}
		began := time.Now()
		var asked []time.Duration
		first := experimentAt("first", evidence.Walk{Host: "192.0.2.1", Port: 587, Wait: 5 * time.Second, TLS: evidence.NoTLS})
		second := experimentAt("second", evidence.Walk{Host: "192.0.2.1", Port: 465, Wait: time.Second, TLS: evidence.NoTLS})
		again := first
		again.Name, again.Because = "first by another name", "the same, so it is not made"
		rec := p.Run(t.Context(), evidence.Target{Walk: walkOf()}, func(r *evidence.Record) []evidence.Experiment {
			asked = append(asked, time.Since(began))
			silent := time.Since(began) >= SilenceToReport
			switch {
			case len(r.Runs) > 0:
				if len(r.Runs) == 1 && (r.Runs[0].Name != "first" || len(r.Runs[0].Traces) != 1 || r.Trace("e1.1") == nil) {
					t.Errorf("the planner saw %+v", r.Runs[0])
				}
				return []evidence.Experiment{first, again, second}
			case silent:
				return []evidence.Experiment{first}
			}
			return nil
		})
		want := []time.Duration{0, 3 * time.Second, 6 * time.Second, 8 * time.Second, 9 * time.Second, walkPatience}
		for _, w := range want[1:5] {
			if !slices.Contains(asked, w) {
				t.Errorf("asked at %v, want one at %v", asked, w)
			}
		}
		var runs []string
		for _, r := range rec.Runs {
			runs = append(runs, fmt.Sprintf("%s %v %v %v%s", r.Name, r.At, r.Took, r.Traces, r.NotPossible))
		}
		if got, want := fmt.Sprint(runs), "[first 3s 5s [e1.1] second 8s 1s [e2.1]]"; got != want {
			t.Errorf("runs %s, want %s", got, want)
		}
		// With nothing left to try, the silent walk is given up.
		end := rec.Traces[0].Events[len(rec.Traces[0].Events)-1].Ended
		if end == nil || end.Outcome != evidence.TimedOut || end.Why != "settled" || rec.Took != walkPatience || rec.Interrupted != "" {
			t.Errorf("ended %+v, interrupted %q, took %v", end, rec.Interrupted, rec.Took)
		}
	})
}

// Experiments that the planner has lost interest in may go on for a while, and are then ended.
func TestExperimentsEndWhenTheVerdictIsClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Prober{Dial: dialTo(t, func(s *server) { s.drain() })}
		quick := experimentAt("quick", evidence.Walk{Host: "192.0.2.1", Port: 587, Wait: time.Second, TLS: evidence.NoTLS})
		long := experimentAt("long", evidence.Walk{Host: "192.0.2.1", Port: 465, Wait: time.Minute, TLS: evidence.NoTLS})
		rec := p.Run(t.Context(), evidence.Target{Walk: walkOf()}, func(r *evidence.Record) []evidence.Experiment {
			if len(r.Runs) > 0 { // the quick one told enough
				return nil
			}
			return []evidence.Experiment{quick, long}
		})
		if rec.Took != verdictTime || len(rec.Runs) != 2 {
			t.Fatalf("took %v for %d experiments, want %v for 2", rec.Took, len(rec.Runs), verdictTime)
		}
		end := rec.Trace("e2.1").Events[1].Ended
		if end == nil || end.Why != "settled" {
			t.Errorf("the long one ended %+v", end)
		}
	})
}

// What a silent walk is left alone for: the user's own wait, and servers that may be at work.
func TestPatience(t *testing.T) {
	connected := evidence.Event{At: time.Second, Dialed: &evidence.Dialed{Outcome: evidence.Connected}}
	sent := func(verb string) evidence.Event {
		return evidence.Event{At: 2 * time.Second, Sent: &evidence.Sent{Verb: verb}}
	}
	tests := []struct {
		name   string
		trace  evidence.Trace
		age    time.Duration
		wanted time.Duration
	}{
		{"dialling", evidence.Trace{}, 4 * time.Second, dialPatience - 4*time.Second},
		{"looking up", evidence.Trace{Role: evidence.RoleLookup}, 4 * time.Second, walkPatience - 4*time.Second},
		{"no greeting", evidence.Trace{Events: []evidence.Event{connected}}, 17 * time.Second, -time.Second},
		{"no reply to EHLO", evidence.Trace{Events: []evidence.Event{connected, sent("EHLO")}}, 4 * time.Second, walkPatience - 2*time.Second},
		{"a front end at work", evidence.Trace{Events: []evidence.Event{connected, sent("AUTH")}}, time.Minute, time.Second},
		{"a message on its way", evidence.Trace{Events: []evidence.Event{connected, sent("MAIL"), sent("DATA")}}, time.Minute, time.Second},
		{"the user says how long", evidence.Trace{Walk: evidence.Walk{Wait: time.Minute}, Events: []evidence.Event{connected}}, 50 * time.Second, time.Second},
		{"refused", evidence.Trace{Events: []evidence.Event{{Dialed: &evidence.Dialed{Outcome: evidence.Refused}}}}, time.Second, 0},
	}
	for _, tt := range tests {
		if got := patienceOf(tt.trace, tt.age); got != tt.wanted {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.wanted)
		}
	}
}

func TestLoopEndsWhenNothingIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Prober{Dial: dialTo(t, func(s *server) { s.say("554 no"); s.hear("QUIT"); s.say("221 bye") })}
		e := experimentAt("again", evidence.Walk{Host: "192.0.2.1", Port: 25})
		calls := 0
		rec := p.Run(t.Context(), evidence.Target{Walk: walkOf()}, func(*evidence.Record) []evidence.Experiment {
			calls++
			return []evidence.Experiment{e}
		})
		if len(rec.Runs) != 1 || rec.Interrupted != "" || calls > 10 {
			t.Errorf("%d runs, %d calls, interrupted %q", len(rec.Runs), calls, rec.Interrupted)
		}
	})
}

// A run is polite: few connections to a server at a time, few experiments at a time, and an end to all.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := map[netip.AddrPort]int{}, map[netip.AddrPort]int{}
		dials, all, mostAll := 0, 0, 0
		pipe := dialTo(t, func(s *server) { s.drain() })
		p := Prober{MaxTime: 10 * time.Minute, Dial: func(ctx context.Context, spec DialSpec) (net.Conn, evidence.Dialed) {
			conn, d := pipe(ctx, spec)
			mu.Lock()
			defer mu.Unlock()
			a := spec.Address
			dials++
			now[a]++
			all++
			most[a], mostAll = max(most[a], now[a]), max(mostAll, all)
			var once atomic.Bool
			return closeHook{conn, func() {
				if once.CompareAndSwap(false, true) {
					mu.Lock()
					now[a]--
					all--
					mu.Unlock()
				}
			}}, d
		}}
		w := walkOf()
		w.Wait = time.Second
		rec := p.Run(t.Context(), evidence.Target{Walk: w}, func(*evidence.Record) []evidence.Experiment {
			var list []evidence.Experiment
			for i := range 60 {
				list = append(list, experimentAt("", evidence.Walk{Host: fmt.Sprintf("192.0.2.%d", i%5), Port: 25, MSS: 0,
					Wait: time.Second, EHLO: fmt.Sprintf("name%d.example.net", i)}))
			}
			return list
		})
		if dials != MaxConnections {
			t.Errorf("%d connections, want %d", dials, MaxConnections)
		}
		for a, n := range most {
			if n > MaxPerServer {
				t.Errorf("%d connections at once to %v", n, a)
			}
		}
		if mostAll > MaxExperiments+1 { // and the walk
			t.Errorf("%d connections at once in all", mostAll)
		}
		refused := 0
		for _, r := range rec.Runs {
			if r.NotPossible == "the run has opened its 40 connections" {
				refused++
			}
		}
		if len(rec.Runs) != 60 || refused != 60-(MaxConnections-1) {
			t.Errorf("%d runs, %d over the limit", len(rec.Runs), refused)
		}
	})
}

type closeHook struct {
	net.Conn
	closed func()
}

func (c closeHook) Close() error { c.closed(); return c.Conn.Close() }

func TestWhatCannotBeDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Prober{Dial: dialTo(t, func(s *server) { s.drain() }), MaxTime: 5 * time.Second}
		rec := p.Run(t.Context(), evidence.Target{Walk: walkOf()}, func(*evidence.Record) []evidence.Experiment {
			return []evidence.Experiment{
				{Name: "path", Path: &evidence.PathTest{Kind: "of no kind"}},
				{Name: "tlsa", Lookup: &evidence.Question{Server: "system", Name: "example.com", Types: []string{"TLSA"}}},
				{Name: "hello", Hello: &evidence.HelloTest{Walk: walkOf(), Specs: []string{"no such"}}},
			}
		})
		want := []string{`no path test is named "of no kind"`, "the system's resolver has no way to ask for TLSA records",
			`no ClientHello is named "no such"`}
		for i, r := range rec.Runs {
			if r.NotPossible != want[i] {
				t.Errorf("%s: %q, want %q", r.Name, r.NotPossible, want[i])
			}
		}
		if len(rec.Runs) != len(want) {
			t.Errorf("%d runs", len(rec.Runs))
		}
	})
}

// Controls are walked beside the door asked about, in traces of their own.
func TestControls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []string
		p := Prober{
			Dial:    dialTo(t, func(s *server) { time.Sleep(time.Second); s.say("554 no"); s.hear("QUIT"); s.say("221 bye") }),
			Observe: func(tr evidence.Trace, e evidence.Event) { events = append(events, tr.ID) },
		}
		one, two := walkOf(), walkOf()
		one.Port, two.Port = 587, 465
		rec := p.Run(t.Context(), evidence.Target{Walk: walkOf(), Doors: []evidence.Walk{one, two}}, nil)
		var got []string
		for _, tr := range rec.Traces {
			got = append(got, fmt.Sprintf("%s %s %d", tr.ID, tr.Role, tr.Address.Port()))
		}
		if want := "[t1 asked 25 c1.1 control 587 c2.1 control 465]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		if rec.Took != time.Second {
			t.Errorf("took %v, want 1s", rec.Took)
		}
		if want := "[192.0.2.25:25 192.0.2.25:465 192.0.2.25:587]"; fmt.Sprint(slices.Sorted(slices.Values(rec.Contacted))) != want {
			t.Errorf("contacted %v, want %s", rec.Contacted, want)
		}
		n := 0
		for _, tr := range rec.Traces {
			n += len(tr.Events)
		}
		if len(events) != n {
			t.Errorf("%d events observed, %d recorded", len(events), n)
		}
	})
}

// The planner gets to know this machine, even when the walk is over first.
func TestHostFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		facts := &evidence.Host{OS: "plan9/386"}
		p := Prober{
			Dial: dialTo(t, func(s *server) { s.say("554 no"); s.hear("QUIT"); s.say("221 bye") }),
			Host: func(context.Context) *evidence.Host { time.Sleep(time.Second); return facts },
		}
		told := 0
		rec := p.Run(t.Context(), evidence.Target{Walk: walkOf()}, func(rec *evidence.Record) []evidence.Experiment {
			if rec.Host != nil {
				told++
			}
			return nil
		})
		if rec.Host != facts || told == 0 {
			t.Errorf("the record has %+v, the planner was told %d times", rec.Host, told)
		}
	})
}
