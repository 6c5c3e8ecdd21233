package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/smtptriage/smtptriage/internal/capture/text"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// An input is a kind of file that analyze reads.
type input struct {
	name string
	is   func(head []byte) bool
	read func(io.Reader) (*evidence.Record, error)
}

var inputs = []input{
	{"saved evidence", evidence.IsRecord, evidence.Read},
	{"text", isText, readText},
}

// isText reports whether a file that starts with these bytes is a transcript or a log. JSON is left to the reader of
// evidence, which says what is wrong with it, unless it has a line an event, as logs do.
func isText(head []byte) bool {
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) {
		return true
	}
	first, _, lines := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	if bytes.HasPrefix(first, []byte("{")) && (!lines || !json.Valid(first)) {
		return false
	}
	return !bytes.ContainsRune(head, 0) && utf8.Valid(head[:max(0, len(head)-utf8.UTFMax)])
}

func readText(r io.Reader) (*evidence.Record, error) {
	return text.Read(r, text.Options{Tool: tool(), Started: time.Now()})
}

// headSize is how much of a file its kind is told by.
const headSize = 4096

func (a *app) analyzeCommand() *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "analyze FILE",
		Short: "Judge saved evidence, a transcript or a log",
		Long: "Judge what was saved with --evidence, or the conversations in a transcript or a log of a client or a server. Nothing is sent. " +
			"FILE may be - for standard input.",
		Example: examples("smtptriage analyze printer.json", "the report of a run that was saved with --evidence printer.json",
			"smtptriage analyze mail.log", "each conversation of a log, and what was wrong with it",
			"smtptriage analyze --format json -o report.json printer.json", "the same for a program"),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("analyze wants one file, got %d; write smtptriage analyze FILE", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			rec, err := a.readInput(args[0])
			if err != nil {
				return err
			}
			if err := o.open(); err != nil {
				return err
			}
			return a.finish(rec, &o)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// finish judges a record, reports, and sets the exit status.
func (a *app) finish(rec *evidence.Record, o *output) error {
	d := diagnose.Diagnose(rec)
	suggestCheck(rec, &d)
	a.status = d.ExitStatus()
	return o.write(a.out, rec, &d)
}

func (a *app) readInput(name string) (*evidence.Record, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("reading the evidence: %w", err)
		}
		defer f.Close()
		r = f
	}
	b := bufio.NewReaderSize(r, headSize)
	head, err := b.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if err != nil && len(bytes.TrimSpace(head)) == 0 {
		return nil, fmt.Errorf("%s: it is empty", name)
	}
	// What looks like nothing known is read as evidence: its reader says best what is wrong with it.
	read := evidence.Read
	for _, in := range inputs {
		if in.is(head) {
			read = in.read
			break
		}
	}
	rec, err := read(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rec, nil
}
