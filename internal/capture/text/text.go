// Package text reads what people paste and what programs log about a mail conversation: error messages, replies, bounce
// messages, transcripts, logs of clients and servers. It makes evidence of it, which package diagnose judges by the same
// rules as a conversation of our own.
//
// A text shows what its author chose to show. Each trace says through Sees what its observer could have seen; what stands
// in no line was not seen, and nothing more.
package text

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Options say how to read. The zero value is ready to use.
type Options struct {
	Name    string        // of the file, for Trace.Origin; "": none
	Tool    evidence.Tool // goes into the record
	Started time.Time     // goes into the record
}

// Limits of one text. What is beyond them is counted in a Note, not kept.
const (
	maxTalks      = 4000    // conversations
	maxStatements = 8 << 20 // octets outside dialogues that are searched for statements
)

// Read makes a record of a text. It reads to the end in bounded memory, whatever the size. The error is that of the reader;
// a text that says nothing about mail gives a record without traces.
func Read(r io.Reader, o Options) (*evidence.Record, error) {
	src, err := readLines(r)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", orText(o.Name), err)
	}
	rec := &evidence.Record{Schema: evidence.Schema, Tool: o.Tool, Source: evidence.FromText, Started: o.Started}
	b := newBook(o.Name)
	lines := hideSecrets(unwrap(src.lines))
	rest := dialogues(b, lines)
	statements(b, rest)
	rec.Traces = b.traces()
	note(rec, " lines without anything about mail were passed over", src.dropped)
	note(rec, " lines about mail are more than is kept, and were not read", src.over)
	note(rec, " conversations are more than are kept, and were not read", b.dropped)
	target(rec)
	return rec, nil
}

// note says in the first trace what was left out, if anything was.
func note(rec *evidence.Record, text string, n int) {
	if n > 0 && len(rec.Traces) > 0 {
		t := &rec.Traces[0]
		t.Events = append(t.Events, evidence.Event{Note: &evidence.Note{Text: strconv.Itoa(n) + text}})
	}
}

func orText(name string) string {
	if name == "" {
		return "the text"
	}
	return name
}

// target is the door that the text is about: that of the conversation that failed, as far as it can be told, or the first.
func target(rec *evidence.Record) {
	for i := range rec.Traces {
		if w := rec.Traces[i].Walk; w.Host != "" {
			rec.Target.Walk, rec.Target.Input = w, w.Host
			return
		}
	}
}
