// Package packets makes traces of packet captures: it finds the mail conversations in them, on any port, and records
// each as the packets show it, with what only packets show.
//
// A capture is read once, in bounded memory, and each conversation is handed on when it is over. What can't be read is
// noted and stepped over.
package packets

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/frame"
	"github.com/smtptriage/smtptriage/internal/capture/pcapfile"
	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/capture/tlsopen"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Options say how a capture is read. The zero value works.
type Options struct {
	// Only is the number of the one conversation that is wanted, from 1; 0: all.
	Only int
	// After is the number of the last conversation of the captures read before; numbers go on from there.
	After int
	// Keep asks for what a conversation can be known by in another capture: see Match.
	Keep bool
	// Keys are the secrets of TLS connections; those that the file carries are added. nil: none are known.
	Keys *tlsopen.KeyLog
	// Progress is told now and then how far the reading has come; nil: nobody.
	Progress func(Counts)
}

// Counts say what was found so far.
type Counts struct {
	Octets        int64 // of the file
	Frames        int64
	Unreadable    int64 // frames of link types that are not known
	Conversations int   // of mail
	Others        int   // TCP connections that are no mail
}

// A Conversation is one mail conversation of a capture.
type Conversation struct {
	Number int // in the order in which they showed what they are, from 1
	Trace  evidence.Trace
	prints *prints // only with Options.Keep
}

// A Result is what remains to be said after all conversations were handed on.
type Result struct {
	Counts
	First, Last time.Time // of its frames; zero: no times
	Damages     []pcapfile.Damage
	More        int   // damages beyond those listed
	Stopped     error // why reading ended before the end of the file; nil: it did not
}

// Is reports whether a file that starts with these octets is a capture.
func Is(head []byte) bool { return pcapfile.Is(head) }

// reader is one pass over one capture.
type reader struct {
	o      Options
	name   string
	emit   func(*Conversation)
	result Result
	names  names
	keys   *tlsopen.KeyLog
	start  int64
	last   int64
}

// progressEvery is how many frames pass between two reports of progress, and looks whether to stop.
const progressEvery = 1 << 14

// Read reads a capture and calls emit with each conversation, when that is over. name is what the file is called. The
// error says that it is no capture; all other trouble is in the result.
func Read(ctx context.Context, name string, in io.Reader, o Options, emit func(*Conversation)) (Result, error) {
	r := &reader{o: o, name: name, emit: emit, keys: o.Keys}
	if r.keys == nil {
		r.keys = &tlsopen.KeyLog{}
	}
	file, err := pcapfile.NewReader(in, r.keys.Add)
	if err != nil {
		return Result{}, err
	}
	table := &tcp.Table{Open: r.open}
	r.result.Stopped = r.frames(ctx, file, table)
	table.Close()
	r.result.Octets = file.Offset()
	r.result.Damages, r.result.More = file.Damages()
	r.result.First, r.result.Last = clock(r.start), clock(r.last)
	return r.result, nil
}

// frames takes all frames of a file. A panic of ours ends the reading, and not the program: a capture is hostile input.
func (r *reader) frames(ctx context.Context, file *pcapfile.Reader, table *tcp.Table) (err error) {
	var f pcapfile.Frame
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("at octet %d: this program failed to read what is there (%v); please report it", f.Offset, p)
		}
	}()
	var decode frame.Decoder
	var p frame.Packet
	for {
		if err := file.Next(&f); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		if r.result.Frames++; r.result.Frames%progressEvery == 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if r.o.Progress != nil {
				r.result.Octets = file.Offset()
				r.o.Progress(r.result.Counts)
			}
		}
		r.take(&f, &decode, &p, table)
	}
}

func (r *reader) take(f *pcapfile.Frame, decode *frame.Decoder, p *frame.Packet, table *tcp.Table) {
	if f.At != 0 {
		if r.start == 0 {
			r.start = f.At
		}
		r.last = max(r.last, f.At)
	}
	switch {
	case !decode.Decode(uint16(f.Link), f.At, f.Data, p):
		if !frame.Known(uint16(f.Link)) {
			r.result.Unreadable++
		}
	case p.Kind == frame.Answer:
		r.names.add(p.DNS)
	default:
		table.Add(f.At, p)
	}
}

func (r *reader) open(*tcp.Conn) tcp.Handler { return &candidate{r: r} }

func clock(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
