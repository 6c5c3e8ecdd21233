package evidence

//go:generate go test -run ^TestFormatPage$ . -update

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"unicode"
)

// MaxFile is the largest evidence file that is read, in octets.
const MaxFile = 256 << 20

// Write saves a record as indented JSON.
func Write(w io.Writer, r *Record) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	_, err = w.Write(append(visible(b), '\n'))
	return err
}

// visible escapes in JSON what a terminal would take for a command or for the order of letters. encoding/json leaves DEL, the
// controls above it and marks of direction as they are; they stand only in strings.
func visible(b []byte) []byte {
	hidden := func(r rune) bool { return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
	if !bytes.ContainsFunc(b, hidden) {
		return b
	}
	var out bytes.Buffer
	for _, r := range string(b) {
		if hidden(r) {
			fmt.Fprintf(&out, `\u%04x`, r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.Bytes()
}

// Read reads a saved record and checks that it holds together. The error says what is wrong and where.
func Read(r io.Reader) (*Record, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the evidence: %w", err)
	}
	if len(b) > MaxFile {
		return nil, fmt.Errorf("the evidence file is larger than %d MiB", MaxFile>>20)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("not an evidence file: %w", located(b, err))
	}
	if head.Schema != Schema {
		return nil, fmt.Errorf("not an evidence file of this version: its schema is %q, want %q", head.Schema, Schema)
	}
	var rec Record
	if err := json.Unmarshal(b, &rec); err != nil {
		return nil, fmt.Errorf("damaged evidence file: %w", located(b, err))
	}
	if err := rec.check(); err != nil {
		return nil, fmt.Errorf("damaged evidence file: %w", err)
	}
	return &rec, nil
}

// IsRecord reports whether a file that starts with these bytes means to be an evidence file.
func IsRecord(head []byte) bool {
	return bytes.Contains(head, []byte(`"smtptriage/evidence/`))
}

// located adds the line and column to a JSON error that knows its offset.
func located(b []byte, err error) error {
	var syn *json.SyntaxError
	var typ *json.UnmarshalTypeError
	off := int64(-1)
	switch {
	case errors.As(err, &syn):
		off = syn.Offset
	case errors.As(err, &typ):
		off = typ.Offset
	}
	if off < 0 || off > int64(len(b)) {
		return err
	}
	line, col := 1, 1
	for _, c := range b[:off] {
		if col++; c == '\n' {
			line, col = line+1, 1
		}
	}
	return fmt.Errorf("line %d, column %d: %w", line, col, err)
}

// check makes sure of what the rest of the program relies on: one pointer an event, and indexes that lead somewhere.
func (r *Record) check() error {
	ids := map[string]bool{}
	for i := range r.Traces {
		t := &r.Traces[i]
		if t.ID == "" || ids[t.ID] {
			return fmt.Errorf("trace %d: its id %q is empty or not unique", i, t.ID)
		}
		ids[t.ID] = true
		for j := range t.Events {
			if err := t.checkEvent(j); err != nil {
				return fmt.Errorf("trace %s, event %d: %w", t.ID, j, err)
			}
		}
	}
	for i, run := range r.Runs {
		for _, id := range run.Traces {
			if !ids[id] {
				return fmt.Errorf("experiment %d: no trace %q", i, id)
			}
		}
	}
	return r.checkRounds()
}

func (t *Trace) checkEvent(i int) error {
	e := &t.Events[i]
	if n := e.kinds(); n != 1 {
		return fmt.Errorf("it holds %d kinds of fact, want exactly one", n)
	}
	if r := e.Reply; r != nil {
		if r.To < -1 || r.To >= i {
			return fmt.Errorf("the reply answers event %d, which is not before it", r.To)
		}
		if r.To >= 0 && t.Events[r.To].Sent == nil {
			return fmt.Errorf("the reply answers event %d, which is no command", r.To)
		}
	}
	return nil
}

// kinds counts the pointers that are set.
func (e *Event) kinds() int {
	n := 0
	v := reflect.ValueOf(e).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			n++
		}
	}
	return n
}

// Trace returns the trace with that id, or nil.
func (r *Record) Trace(id string) *Trace {
	for i := range r.Traces {
		if r.Traces[i].ID == id {
			return &r.Traces[i]
		}
	}
	return nil
}
