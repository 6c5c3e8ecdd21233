package probe

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
	cases "github.com/smtptriage/smtptriage/internal/lab"
)

// TestDoorsAreLookedUp: the planner is asked until it has enough, each look-up is in the record, and the target that it makes is
// walked.
func TestDoorsAreLookedUp(t *testing.T) {
	c, err := cases.ParseCase("doors.txtar", []byte("a domain\n-- want --\nverdict none accepted\n-- dns --\n"+
		"contoso.com MX mx.contoso.com\ncontoso.com TXT v=spf1 -all\nnull.example MX .\nmx.contoso.com A 127.0.0.1\n"+
		"-- server --\npersonality postfix\n"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := cases.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Stop()
	var rounds [][]string
	planner := func(target evidence.Target, seen []evidence.Lookup) (evidence.Target, []evidence.Question) {
		var got []string
		for _, l := range seen {
			for _, rr := range l.Answers {
				got = append(got, l.Name+" "+l.Type+" "+rr.Data)
			}
		}
		rounds = append(rounds, got)
		switch len(rounds) {
		case 1:
			return target, []evidence.Question{{Name: "contoso.com", Types: []string{"MX", "TXT"}}}
		case 2:
			return target, []evidence.Question{{Name: "null.example", Types: []string{"MX"}}}
		}
		target.Walk.Host, target.Walk.Port = "mx.contoso.com", r.Port
		return target, nil
	}
	p := Prober{Resolvers: []string{r.DNSAddr}, Doors: planner}
	rec := p.Run(t.Context(), evidence.Target{Domain: "contoso.com", Walk: evidence.Walk{TLS: evidence.NoTLS}}, nil)
	want := [][]string{nil, {"contoso.com MX 10 mx.contoso.com", "contoso.com TXT v=spf1 -all"},
		{"contoso.com MX 10 mx.contoso.com", "contoso.com TXT v=spf1 -all", "null.example MX 10 "}}
	if d := cmp.Diff(want, rounds); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if rec.Target.Walk.Host != "mx.contoso.com" {
		t.Errorf("the record's target is %+v", rec.Target.Walk)
	}
	if rec.Traces[0].Role != evidence.RoleLookup || len(rec.Traces[0].Events) != 3 {
		t.Errorf("the first trace is %+v, want one of 3 look-ups", rec.Traces[0])
	}
	last := rec.Traces[len(rec.Traces)-1]
	if v := evidence.NewView(&last); last.Role != evidence.RoleAsked || v.Greeting < 0 {
		t.Errorf("the last trace is %+v, want the walk to the host that was found", last)
	}
}

// TestDoorsEndlessly: a planner that never has enough is stopped, and a target without a host is not walked.
func TestDoorsEndlessly(t *testing.T) {
	rounds := 0
	p := Prober{Resolvers: []string{"127.0.0.1:1"}, Doors: func(target evidence.Target, _ []evidence.Lookup) (evidence.Target, []evidence.Question) {
		rounds++
		return target, []evidence.Question{{Name: "contoso.com", Types: []string{"MX"}}}
	}}
	rec := p.Run(t.Context(), evidence.Target{Domain: "contoso.com"}, nil)
	if rounds != maxDoorRounds+1 || len(rec.Traces) != 1 || len(rec.Traces[0].Events) != maxDoorRounds {
		t.Errorf("%d rounds, %d traces; want %d rounds and the look-ups alone", rounds, len(rec.Traces), maxDoorRounds+1)
	}
}

func TestAddressOfReverse(t *testing.T) {
	for name, want := range map[string]string{
		"25.113.0.203.in-addr.arpa.":                                 "203.0.113.25",
		"1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa": "2001:0db8:0000:0000:0000:0000:0000:0001",
		"113.0.203.in-addr.arpa":                                     "",
		"contoso.com":                                                "",
	} {
		if got := addressOfReverse(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
