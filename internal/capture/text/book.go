package text

import (
	"strconv"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A book holds the conversations that a text is about, in the order they begin.
type book struct {
	name    string
	talks   []*talk
	byKey   map[string]*talk
	dropped int // conversations over maxTalks
}

func newBook(name string) *book { return &book{name: name, byKey: map[string]*talk{}} }

// open begins a conversation that is found again under a key; "" is none. Over maxTalks it returns one that
// is in no record: what is written to it is lost.
func (b *book) open(key, program string, n int) *talk {
	origin := "line " + strconv.Itoa(n)
	if b.name != "" {
		origin = b.name + ", " + origin
	}
	t := &talk{rec: evidence.NewRecorder(evidence.Trace{
		ID: "t" + strconv.Itoa(len(b.talks)+1), Role: evidence.RoleObserved, Origin: origin, Program: program}, nil), verbs: map[int]string{}, sent: -1, auth: -1}
	t.sees.Unverified = true
	if len(b.talks) >= maxTalks {
		b.dropped++
		return t
	}
	b.talks = append(b.talks, t)
	if key != "" {
		b.byKey[key] = t
	}
	return t
}

// traces closes the conversations and returns what they hold. One without an event is left out.
func (b *book) traces() []evidence.Trace {
	var out []evidence.Trace
	for _, t := range b.talks {
		t.flush()
		trace := t.rec.Snapshot()
		if len(trace.Events) == 0 {
			continue
		}
		trace.ID = "t" + strconv.Itoa(len(out)+1)
		trace.Sees = t.sees
		out = append(out, trace)
	}
	return out
}
