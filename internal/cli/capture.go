package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/report"
)

// Bounds of what is kept of the conversations of captures: the first of each way to end, and a few more of each. The
// summary counts them all, and --conversation reads any of them again.
const (
	keptTraces  = 60
	keptOfCause = 5
)

// A captureRun reads captures, and keeps of them what a report needs.
type captureRun struct {
	only    int // number of the one conversation that is wanted; 0: all
	tally   report.Tally
	rec     evidence.Record
	byCause map[cause.ID]int
	stopped error
}

func newCaptureRun(only int) *captureRun {
	return &captureRun{only: only, byCause: map[cause.ID]int{},
		rec: evidence.Record{Schema: evidence.Schema, Tool: tool(), Source: evidence.FromCapture}}
}

// take judges one conversation and keeps it or only counts it.
func (c *captureRun) take(conv *packets.Conversation) {
	one := c.rec
	one.Traces = []evidence.Trace{conv.Trace}
	d := diagnose.Diagnose(&one)
	fresh := c.tally.Add(conv.Number, &conv.Trace, &d.Verdict)
	n := c.byCause[d.Verdict.Cause]
	if len(c.rec.Traces) < keptTraces && (n == 0 || fresh && n < keptOfCause) || c.only != 0 {
		c.byCause[d.Verdict.Cause]++
		c.rec.Traces = append(c.rec.Traces, conv.Trace)
	}
}

// read reads one capture to its end, or until ctx ends.
func (c *captureRun) read(ctx context.Context, name string, in io.Reader, progress func(packets.Counts)) error {
	c.tally.Files = append(c.tally.Files, name)
	// Judging takes as long as reading: they go side by side.
	found := make(chan *packets.Conversation, 64)
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		for conv := range found {
			c.take(conv)
		}
	}()
	res, err := packets.Read(ctx, name, in, packets.Options{Only: c.only, Progress: progress}, func(conv *packets.Conversation) { found <- conv })
	close(found)
	<-judged
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.tally.Others += res.Others
	if c.rec.Started.IsZero() || !res.First.IsZero() && res.First.Before(c.rec.Started) {
		c.rec.Started = res.First
	}
	if end := res.Last.Sub(c.rec.Started); !res.Last.IsZero() && end > c.rec.Took {
		c.rec.Took = end
	}
	c.tally.Notes = append(c.tally.Notes, captureNotes(name, &res)...)
	if res.Stopped != nil {
		c.rec.Interrupted = "reading " + name + " stopped: " + res.Stopped.Error()
		c.stopped = res.Stopped
	}
	if c.only > res.Conversations && res.Stopped == nil {
		return fmt.Errorf("%s has %d mail conversations, and none with the number %d", name, res.Conversations, c.only)
	}
	return nil
}

// captureNotes says what of a capture could not be read.
func captureNotes(name string, res *packets.Result) []string {
	var out []string
	for _, d := range res.Damages {
		out = append(out, name+" "+d.String())
	}
	if res.More > 0 {
		out = append(out, fmt.Sprintf("%s: and %d more such places", name, res.More))
	}
	if res.Unreadable > 0 {
		out = append(out, fmt.Sprintf("%s: %d of %d frames are of a link type that is not read", name, res.Unreadable, res.Frames))
	}
	if res.Stopped != nil {
		out = append(out, fmt.Sprintf("%s: reading stopped after %d octets: %v", name, res.Octets, res.Stopped))
	}
	return out
}

// analyzeCaptures reads capture files and reports: the one conversation there is, or that was asked for, or a summary of
// all.
func (a *app) analyzeCaptures(ctx context.Context, files []string, o *output, only int) error {
	if only != 0 && len(files) > 1 {
		return fmt.Errorf("--conversation wants one capture, got %d: numbers count within a file", len(files))
	}
	c := newCaptureRun(only)
	for _, name := range files {
		f, err := a.openInput(name)
		if err != nil {
			return err
		}
		err = c.read(ctx, name, f, a.readingProgress(name))
		f.Close()
		if err != nil {
			return err
		}
		if c.stopped != nil {
			break
		}
	}
	c.keepNotes()
	if err := o.open(); err != nil {
		return err
	}
	if c.tally.Conversations > 1 {
		o.tally = &c.tally
	}
	return a.finish(&c.rec, o)
}

// keepNotes puts what could not be read into the record, so that the evidence file says it too.
func (c *captureRun) keepNotes() {
	if len(c.tally.Notes) == 0 {
		return
	}
	t := evidence.Trace{ID: "t0", Role: evidence.RoleLookup, Origin: c.tally.Files[0], Events: []evidence.Event{}}
	for _, n := range c.tally.Notes {
		t.Events = append(t.Events, evidence.Event{Note: &evidence.Note{Text: n}})
	}
	c.rec.Traces = append(c.rec.Traces, t)
}

// progressEvery is how often a long reading says how far it is.
const progressEvery = 2 * time.Second

// readingProgress prints how far a long reading has come, on a terminal that can take it back.
func (a *app) readingProgress(name string) func(packets.Counts) {
	if terminal(a.err) == nil {
		return nil
	}
	next := time.Now().Add(progressEvery)
	return func(n packets.Counts) {
		if now := time.Now(); now.After(next) {
			next = now.Add(progressEvery)
			fmt.Fprintf(a.err, "%s: %d MB read, %d frames, %d mail conversations\n", report.Clean(name), n.Octets/1e6, n.Frames, n.Conversations)
		}
	}
}

// openInput opens a file, or standard input for "-".
func (a *app) openInput(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.in), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the evidence: %w", err)
	}
	return f, nil
}

// isCapture looks whether a file is a capture. Standard input is looked at without taking anything from it.
func (a *app) isCapture(name string) (bool, error) {
	if name == "-" {
		b := bufio.NewReaderSize(a.in, headSize)
		a.in = b
		head, err := b.Peek(4)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("reading %s: %w", name, err)
		}
		return packets.Is(head), nil
	}
	f, err := a.openInput(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("reading %s: %w", name, err)
	}
	return packets.Is(head[:n]), nil
}
