package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/capture/tlsopen"
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
	keys    *tlsopen.KeyLog // of TLS connections; nil: none

	sides  [][]*packets.Conversation // of each file, to be compared; nil: there is one file
	number int                       // conversations so far, in all files
}

// maxCompared is how many conversations of each file are held until they can be compared with those of the others.
const maxCompared = 1000

// maxPairs is how many of those that both files have are told one by one.
const maxPairs = 20

func newCaptureRun(only int) *captureRun {
	return &captureRun{only: only, byCause: map[cause.ID]int{},
		rec: evidence.Record{Schema: evidence.Schema, Tool: tool(), Source: evidence.FromCapture}}
}

// hold keeps a conversation until the other files are read, if there are any, or judges it.
func (c *captureRun) hold(conv *packets.Conversation) {
	if n := len(c.sides); n > 0 && len(c.sides[n-1]) < maxCompared {
		c.sides[n-1] = append(c.sides[n-1], conv)
		return
	}
	c.take(conv)
}

// compare looks for conversations that several files have, and judges all that were held.
func (c *captureRun) compare() {
	var pairs []packets.Pair
	for i, side := range c.sides {
		for _, other := range c.sides[i+1:] {
			pairs = append(pairs, packets.Match(side, other)...)
		}
	}
	if len(pairs) > 0 {
		c.tally.Notes = append(c.tally.Notes, fmt.Sprintf("%d conversations are in more than one file, and were compared", len(pairs)))
	}
	for _, p := range pairs[:min(len(pairs), maxPairs)] {
		for _, d := range p.Differs {
			c.tally.Notes = append(c.tally.Notes, fmt.Sprintf("conversations %d and %d differ from octet %d of the %s's part on: %q here, %q there",
				p.Here.Number, p.There.Number, d.Offset, d.From, d.Here, d.There))
		}
	}
	for _, side := range c.sides {
		for _, conv := range side {
			c.take(conv)
		}
	}
}

// take judges one conversation and keeps it or only counts it.
func (c *captureRun) take(conv *packets.Conversation) {
	if c.only != 0 && conv.Number != c.only {
		return
	}
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

// memoryAim is what the garbage collector aims at while a capture is read, in octets: the conversations take less, and without
// it twice as much.
const memoryAim = 160 << 20

// read reads one capture to its end, or until ctx ends.
func (c *captureRun) read(ctx context.Context, name string, in io.Reader, progress func(packets.Counts)) error {
	c.tally.Files = append(c.tally.Files, name)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryAim))
	// Judging takes as long as reading: they go side by side.
	found := make(chan *packets.Conversation, 64)
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		for conv := range found {
			c.hold(conv)
		}
	}()
	o := packets.Options{After: c.number, Keep: c.sides != nil, Keys: c.keys, Progress: progress}
	if c.sides == nil {
		o.Only = c.only
	} else {
		c.sides = append(c.sides, nil)
	}
	res, err := packets.Read(ctx, name, in, o, func(conv *packets.Conversation) { found <- conv })
	close(found)
	<-judged
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	c.tally.Others += res.Others
	c.number += res.Conversations
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
func (a *app) analyzeCaptures(ctx context.Context, files []string, o *output, f captureFlags) error {
	only := f.conversation
	c := newCaptureRun(only)
	if err := c.readKeys(f.keyLog); err != nil {
		return err
	}
	if len(files) > 1 {
		c.sides = [][]*packets.Conversation{}
	}
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
	c.compare()
	if only > c.number && c.stopped == nil {
		return fmt.Errorf("there are %d mail conversations, and none with the number %d", c.number, only)
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

// captureFlags are the flags of analyze that concern captures.
type captureFlags struct {
	conversation int    // number of the one that is wanted; 0: all
	keyLog       string // file with secrets of TLS connections; "": none
}

// maxKeyLog bounds a key log, in octets.
const maxKeyLog = 64 << 20

// readKeys reads a key log. What is in it never enters a record.
func (c *captureRun) readKeys(name string) error {
	if name == "" {
		return nil
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("reading the key log: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyLog))
	if err != nil {
		return fmt.Errorf("reading the key log: %w", err)
	}
	c.keys = &tlsopen.KeyLog{}
	if c.keys.Add(b); c.keys.Len() == 0 {
		return fmt.Errorf("%s has no line of a TLS key log, such as CLIENT_RANDOM with two numbers in hexadecimal", name)
	}
	return nil
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
