package diagnose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// zone answers as a resolver: "NAME TYPE" to its data. What is not in it does not exist; "?" is no answer.
type zone map[string][]string

func (z zone) answer(name, kind string) evidence.Lookup {
	data, ok := z[name+" "+kind]
	l := evidence.Lookup{Name: name, Type: kind, RCode: "NOERROR"}
	switch {
	case !ok:
		l.RCode, l.NotFound = "NXDOMAIN", true
	case len(data) == 1 && data[0] == "?":
		l.RCode, l.Outcome = "", evidence.TimedOut
		return l
	}
	for _, d := range data {
		l.Answers = append(l.Answers, evidence.RR{Name: name, Type: kind, Data: d})
	}
	return l
}

// doorsOf plays planner and resolver to the end.
func doorsOf(t *testing.T, target evidence.Target, z zone) evidence.Target {
	t.Helper()
	var seen []evidence.Lookup
	for range 10 {
		planned, questions := Doors(target, seen)
		if len(questions) == 0 {
			return planned
		}
		for _, q := range questions {
			for _, kind := range q.Types {
				seen = append(seen, z.answer(q.Name, kind))
			}
		}
	}
	t.Fatal("it never has enough")
	return target
}

func walkLine(w evidence.Walk) string {
	line := fmt.Sprintf("%s %s:%d %s", w.Via, w.Host, w.Port, w.TLS)
	if w.Auth != nil {
		line += " auth"
	}
	if w.From != "" {
		line += " from"
	}
	if len(w.To) > 0 {
		line += " to " + strings.Join(w.To, ",")
	}
	if w.Send {
		line += " send"
	}
	if w.Guess != "" {
		line += " guess"
	}
	return line
}

func TestDoors(t *testing.T) {
	const mx = "contoso-com.mail.protection.outlook.com"
	tenant := zone{"contoso.com MX": {"20 backup.example.net", "0 " + mx}}
	filtered := zone{"contoso.com MX": {"10 mxa.pphosted.com"}, mx + " A": {"192.0.2.25"}}
	auth := &evidence.Auth{User: "scanner@contoso.com"}
	from := evidence.Walk{From: "scanner@contoso.com", To: []string{"office@contoso.com", "someone@example.org"}, Send: true}
	for _, tt := range []struct {
		name       string
		walk       evidence.Walk
		z          zone
		noControls bool
		want       []string
	}{
		{"no credentials", from, tenant, false, []string{
			"direct-send " + mx + ":25 starttls from to office@contoso.com,someone@example.org send",
			"submission smtp.office365.com:587 starttls"}},
		{"credentials", evidence.Walk{Auth: auth, From: from.From, To: from.To}, tenant, false, []string{
			"submission smtp.office365.com:587 starttls auth from to office@contoso.com,someone@example.org",
			"direct-send " + mx + ":25 starttls from to office@contoso.com"}},
		{"credentials at the MX, as asked", evidence.Walk{Auth: auth, Via: evidence.ViaDirectSend}, tenant, false, []string{
			"direct-send " + mx + ":25 starttls auth", "submission smtp.office365.com:587 starttls"}},
		{"relay", evidence.Walk{Via: evidence.ViaRelay}, tenant, false, []string{
			"relay " + mx + ":25 starttls", "submission smtp.office365.com:587 starttls"}},
		{"port", evidence.Walk{Via: evidence.ViaSubmission, Port: 25}, tenant, false, []string{
			"submission smtp.office365.com:25 starttls", "direct-send " + mx + ":25 starttls"}},
		{"implicit TLS", evidence.Walk{Via: evidence.ViaSubmission, TLS: evidence.ImplicitTLS}, tenant, false, []string{
			"submission smtp.office365.com:465 implicit", "direct-send " + mx + ":25 starttls"}},
		{"no controls", from, tenant, true, []string{
			"direct-send " + mx + ":25 starttls from to office@contoso.com,someone@example.org send"}},
		{"filter", evidence.Walk{}, filtered, false, []string{
			"direct-send mxa.pphosted.com:25 starttls", "direct-send " + mx + ":25 starttls guess", "submission smtp.office365.com:587 starttls guess"}},
		{"filter, direct send by name", evidence.Walk{Via: evidence.ViaDirectSend}, filtered, false, []string{
			"direct-send " + mx + ":25 starttls guess", "direct-send mxa.pphosted.com:25 starttls", "submission smtp.office365.com:587 starttls guess"}},
		{"no MX", evidence.Walk{}, zone{"contoso.com MX": {}}, false, []string{
			"direct-send contoso.com:25 starttls"}},
		{"null MX", evidence.Walk{}, zone{"contoso.com MX": {"0 "}}, false, []string{" :0 "}},
		{"no answer", evidence.Walk{}, zone{"contoso.com MX": {"?"}}, false, []string{" :0 "}},
		{"bare name with MX", evidence.Walk{Host: "contoso.com", Via: evidence.ViaAuto}, tenant, false, []string{
			"direct-send " + mx + ":25 starttls", "submission smtp.office365.com:587 starttls"}},
		{"bare name without", evidence.Walk{Host: "contoso.com", Via: evidence.ViaAuto}, zone{}, false, []string{
			"host contoso.com:25 starttls"}},
		{"bare name, no answer", evidence.Walk{Host: "contoso.com", Via: evidence.ViaSubmission}, zone{"contoso.com MX": {"?"}}, false, []string{
			"submission contoso.com:587 starttls"}},
	} {
		got := doorsOf(t, evidence.Target{Domain: "contoso.com", Walk: tt.walk, NoControls: tt.noControls}, tt.z)
		lines := []string{walkLine(got.Walk)}
		for _, w := range got.Doors {
			lines = append(lines, walkLine(w))
			if w.Via == evidence.ViaSubmission && w.Until != cause.Auth {
				t.Errorf("%s: the submission door beside it is walked until %q", tt.name, w.Until)
			}
		}
		if d := cmp.Diff(tt.want, lines); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestDomainWithoutDoor(t *testing.T) {
	for _, tt := range []struct {
		name string
		l    evidence.Lookup
		want cause.ID
	}{
		{"null MX", evidence.Lookup{Server: "system", Name: "contoso.com", Type: "MX", Answers: []evidence.RR{{Type: "MX", Data: "0 "}}}, cause.DNSNameNotFound},
		{"no answer", evidence.Lookup{Server: "192.0.2.53:53", Name: "contoso.com", Type: "MX", Outcome: evidence.TimedOut}, cause.DNSResolverFailing},
	} {
		rec := &evidence.Record{Schema: evidence.Schema, Source: evidence.FromCheck, Started: start,
			Target: evidence.Target{Input: "a@contoso.com", Domain: "contoso.com"},
			Traces: []evidence.Trace{{ID: "d1", Role: evidence.RoleLookup, Sees: evidence.SeesAll, Events: []evidence.Event{{Lookup: &tt.l}}}}}
		d := Diagnose(rec)
		if d.Verdict.Step != cause.Connect || d.Verdict.Cause != tt.want || d.Verdict.Confidence != Likely || len(d.Verdict.Because) == 0 {
			t.Errorf("%s: got %+v, want connect / %s", tt.name, d.Verdict, tt.want)
		}
		if next := Next(rec); len(next) != 0 {
			t.Errorf("%s: it asks for %+v", tt.name, next)
		}
	}
}
