package diagnose

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A Steadiness says what the runs of a repeated check have in common.
type Steadiness string

const (
	AllPass   Steadiness = "all-pass"
	Steady    Steadiness = "steady"         // each run failed, for the same cause
	Varies    Steadiness = "varies"         // each run failed, not always for the same cause
	ByAddress Steadiness = "by-address"     // each run to some addresses failed, and none to the others
	ComesGoes Steadiness = "comes-and-goes" // some failed, some passed, and the address does not decide which
	TooFew    Steadiness = "too-few"        // fewer than two runs came to an end
)

// A JudgedRound is one round of a repeated check.
type JudgedRound struct {
	Record    *evidence.Record
	Diagnosis Diagnosis
	CutShort  bool // the user ended it before there was a verdict; it does not count
}

// Address is the one that the run walked to; invalid if there was none.
func (j *JudgedRound) Address() netip.Addr {
	if len(j.Diagnosis.Paths) == 0 {
		return netip.Addr{}
	}
	return j.Diagnosis.Paths[0].Address.Addr()
}

func (j *JudgedRound) failed() bool { return j.Diagnosis.ExitStatus() != 0 }

func (j *JudgedRound) where() verdictKey {
	return verdictKey{j.Diagnosis.Verdict.Step, j.Diagnosis.Verdict.Cause}
}

type verdictKey struct {
	step  cause.Step
	cause cause.ID
}

func (k verdictKey) String() string { return string(k.step) + " / " + string(k.cause) }

// An AddressCount tells how the runs to one address went.
type AddressCount struct {
	Address netip.Addr // invalid: no address was walked to
	Runs    int
	Failed  int
}

// A Series is the judgement on a check that was made again and again.
type Series struct {
	Rounds     []JudgedRound
	Steadiness Steadiness
	Summary    string         // one sentence
	Runs       int            // that count
	Failed     int            // of them
	Addresses  []AddressCount // in the order they came
	Typical    int            // index of the round to show: the first of the commonest failing verdict; of the first that passed if none failed
}

// DiagnoseSeries judges each round of a record, and what they have in common.
func DiagnoseSeries(rec *evidence.Record) Series {
	var s Series
	for _, r := range rec.Split() {
		j := JudgedRound{Record: r, Diagnosis: Diagnose(r)}
		j.CutShort = r.Interrupted == evidence.ByUser && j.Diagnosis.Verdict.Step == cause.None && j.Diagnosis.Verdict.Cause == cause.Undetermined
		s.Rounds = append(s.Rounds, j)
	}
	s.count()
	s.judge()
	return s
}

// count fills in the numbers and the typical round.
func (s *Series) count() {
	times := map[verdictKey]int{}
	s.Typical = -1
	for i := range s.Rounds {
		j := &s.Rounds[i]
		if j.CutShort {
			continue
		}
		s.Runs++
		k := slices.IndexFunc(s.Addresses, func(a AddressCount) bool { return a.Address == j.Address() })
		if k < 0 {
			k = len(s.Addresses)
			s.Addresses = append(s.Addresses, AddressCount{Address: j.Address()})
		}
		s.Addresses[k].Runs++
		if j.failed() {
			s.Failed++
			s.Addresses[k].Failed++
			times[j.where()]++
		}
		if s.Typical < 0 || better(&s.Rounds[s.Typical], j, times) {
			s.Typical = i
		}
	}
	s.Typical = max(s.Typical, 0)
	if s.Failed > 0 { // the first of its kind, not the one that made it the commonest
		want := s.Rounds[s.Typical].where()
		s.Typical = slices.IndexFunc(s.Rounds, func(j JudgedRound) bool { return !j.CutShort && j.where() == want })
	}
}

// better reports whether a round shows more than the one shown so far: a failure before none, a named cause before none, and then
// the commoner.
func better(shown, j *JudgedRound, times map[verdictKey]int) bool {
	weight := map[int]int{0: 0, 3: 1, 1: 2}
	by := weight[j.Diagnosis.ExitStatus()] - weight[shown.Diagnosis.ExitStatus()]
	return by > 0 || by == 0 && j.failed() && times[j.where()] > times[shown.where()]
}

// judge says what the runs have in common.
func (s *Series) judge() {
	causes := s.causes()
	switch {
	case s.Runs < 2:
		s.Steadiness, s.Summary = TooFew, "Fewer than two runs came to an end, so nothing can be said of how steady this is."
	case s.Failed == 0:
		s.Steadiness, s.Summary = AllPass, fmt.Sprintf("All %d runs passed.", s.Runs)
	case s.Failed == s.Runs && len(causes) == 1:
		s.Steadiness, s.Summary = Steady, fmt.Sprintf("Steady: all %d runs failed, each at %s.", s.Runs, causes[0].key)
	case s.Failed == s.Runs:
		s.Steadiness, s.Summary = Varies, fmt.Sprintf("All %d runs failed, not always alike: %s.", s.Runs, causesText(causes))
	case s.byAddress():
		s.Steadiness, s.Summary = ByAddress, "It goes by the address: "+s.addressesText()+"; "+causesText(causes)+"."
	default:
		s.Steadiness = ComesGoes
		s.Summary = fmt.Sprintf("It comes and goes: %d of %d runs failed (%d %%); %s", s.Failed, s.Runs, 100*s.Failed/s.Runs, causesText(causes))
		if len(s.Addresses) > 1 {
			s.Summary += "; " + s.addressesText()
		}
		s.Summary += "."
	}
}

// byAddress reports whether the address decides: each was walked to at least twice and always went alike, some badly and some well.
func (s *Series) byAddress() bool {
	for _, a := range s.Addresses {
		if a.Runs < 2 || a.Failed != 0 && a.Failed != a.Runs {
			return false
		}
	}
	return len(s.Addresses) > 1
}

func (s *Series) addressesText() string {
	var parts []string
	for _, a := range s.Addresses {
		name := "without an address"
		if a.Address.IsValid() {
			name = a.Address.String()
		}
		parts = append(parts, fmt.Sprintf("%s failed %d of %d", name, a.Failed, a.Runs))
	}
	return strings.Join(parts, ", ")
}

type causeCount struct {
	key   verdictKey
	times int
}

// causes are the verdicts of the runs that failed, the commonest first.
func (s *Series) causes() []causeCount {
	var out []causeCount
	for i := range s.Rounds {
		j := &s.Rounds[i]
		if j.CutShort || !j.failed() {
			continue
		}
		k := slices.IndexFunc(out, func(c causeCount) bool { return c.key == j.where() })
		if k < 0 {
			k = len(out)
			out = append(out, causeCount{key: j.where()})
		}
		out[k].times++
	}
	slices.SortStableFunc(out, func(a, b causeCount) int { return cmp.Compare(b.times, a.times) })
	return out
}

func causesText(causes []causeCount) string {
	var parts []string
	for _, c := range causes {
		parts = append(parts, fmt.Sprintf("%s %d times", c.key, c.times))
		if c.times == 1 {
			parts[len(parts)-1] = c.key.String() + " once"
		}
	}
	return strings.Join(parts, ", ")
}

// ExitStatus is 1 if any run failed for a named cause, else 3 if any is undetermined, else 0.
func (s *Series) ExitStatus() int {
	status := 0
	for i := range s.Rounds {
		if s.Rounds[i].CutShort && s.Runs > 0 {
			continue
		}
		switch got := s.Rounds[i].Diagnosis.ExitStatus(); {
		case got == 1:
			return 1
		case got != 0:
			status = got
		}
	}
	return status
}

// Shown is the record and the judgement of the typical round. What the runs have in common stands among the verdict's grounds, so
// that every kind of report has it.
func (s *Series) Shown() (*evidence.Record, Diagnosis) {
	j := &s.Rounds[s.Typical]
	d := j.Diagnosis
	ground := Ground{Text: s.Summary, Event: -1}
	d.Verdict.Because = append([]Ground{ground}, d.Verdict.Because...)
	d.Findings = slices.Clone(d.Findings)
	if len(d.Findings) > 0 {
		d.Findings[0].Because = d.Verdict.Because
	}
	return j.Record, d
}
