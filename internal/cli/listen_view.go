package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/listen"
	"github.com/smtptriage/smtptriage/internal/report"
)

// maxKeptTraces bounds the conversations that --evidence saves.
const maxKeptTraces = 2000

// A listenView shows on standard error what happens, one line an event, and reports each conversation when it is over. On a
// terminal it can be held while somebody reads. It is called by every conversation at once.
type listenView struct {
	a      *app
	srv    *listen.Server
	o      *listenOptions
	stop   context.CancelFunc
	render renderer

	mu      sync.Mutex
	all     evidence.Record // of the run
	stored  map[string]bool // by their IDs
	away    map[string]bool // who was told why, and is not told again
	lost    int             // traces beyond maxKeptTraces
	held    *strings.Builder
	heard   int
	status  int
	err     error
	stopped bool
}

func (a *app) newListenView(srv *listen.Server, o *listenOptions, stop context.CancelFunc) *listenView {
	v := &listenView{a: a, srv: srv, o: o, stop: stop, status: exitCannot, stored: map[string]bool{}, away: map[string]bool{}}
	for _, r := range renderers {
		if r.name == o.output.format {
			v.render = r
		}
	}
	v.all = evidence.Record{Schema: evidence.Schema, Tool: tool(), Source: evidence.FromListen, Started: time.Now().UTC(), Traces: []evidence.Trace{}}
	return v
}

// observe shows one event. A paused view keeps a screen or two of them.
func (v *listenView) observe(t evidence.Trace, e evidence.Event) {
	lines := report.EventLines(t, e)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.show(lines)
}

const maxAway = 200 // lines about those who were turned away

// turnedAway says once of each address that it was turned away: it may be the very device that is waited for.
func (v *listenView) turnedAway(client netip.Addr, why string) {
	line := fmt.Sprintf("-- %s was turned away: this server %s --\n", client, why)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away[line] || len(v.away) == maxAway {
		return
	}
	v.away[line] = true
	v.show(line)
}

const maxHeldText = 64 << 10

func (v *listenView) show(text string) {
	if v.held == nil {
		fmt.Fprint(v.a.err, text)
		return
	}
	if v.held.Len() < maxHeldText {
		v.held.WriteString(text)
	}
}

// done reports a conversation that is over. A connection on which nothing was said is shown and not reported.
func (v *listenView) done(rec *evidence.Record) {
	d := diagnose.Diagnose(rec)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stopped {
		return
	}
	v.store(rec)
	if text := knocked(rec); text != "" {
		v.show(text + "\n")
		return
	}
	v.heard++
	v.status = d.ExitStatus()
	w, l := io.Writer(v.a.out), look{options: layout(v.a.out), reader: report.Reader(v.o.output.reader)}
	if v.o.output.reportTo != nil {
		w, l.options = v.o.output.reportTo, report.Options{}
	}
	if v.held != nil && terminal(v.a.out) != nil {
		w = v.held
	}
	if err := v.render.render(w, rec, &d, l); err != nil && v.err == nil {
		v.err = cannotRun{fmt.Errorf("writing the report: %w", err)}
	}
	if v.o.once {
		v.stopped = true
		v.stop()
	}
}

// knocks is how long those stay at the most who only try whether a port is open.
const knocks = 2 * time.Second

// knocked says that somebody tried whether the port is open: he said nothing and soon left. "" is a conversation, if only of a
// device that waited for something. Earlier conversations of the address do not count.
func knocked(rec *evidence.Record) string {
	own := *rec
	for _, t := range slices.Backward(rec.Traces) {
		if t.Role == evidence.RoleObserved {
			own.Traces = []evidence.Trace{t}
			break
		}
	}
	for _, e := range own.Traces[0].Events {
		if e.Sent != nil || e.ClientHello != nil || e.Bytes != nil || e.Alert != nil || e.Ended != nil && endedByServer(e.Ended) {
			return ""
		}
		if e.At > knocks && (e.Ended == nil || e.Ended.Why != "interrupt") { // what was silent until the end of the run may only be an open port test
			return ""
		}
	}
	d := diagnose.Diagnose(&own)
	if d.Verdict.Step != cause.None {
		return ""
	}
	return d.Verdict.Summary
}

// endedByServer reports whether it was the server that left, as some cases of the lab do.
func endedByServer(e *evidence.Ended) bool {
	return e.By == evidence.Server && e.Outcome != evidence.Aborted
}

// store keeps the traces of a conversation for the evidence: those of earlier ones of the same device are there already.
func (v *listenView) store(rec *evidence.Record) {
	for _, t := range rec.Traces {
		switch {
		case v.stored[t.ID]:
		case len(v.all.Traces) < maxKeptTraces:
			v.stored[t.ID] = true
			v.all.Traces = append(v.all.Traces, t)
		default:
			v.lost++
		}
	}
}

// begin says where the server listens, and what to type into the device.
func (v *listenView) begin(listeners []net.Listener) {
	fmt.Fprint(v.a.err, setUpText(v.o, listeners, localAddresses()))
	if terminal(v.a.in) != nil {
		fmt.Fprintln(v.a.err, "Keys, each with Enter: p pause and go on, s save, n next device, q quit.")
	}
	fmt.Fprintln(v.a.err)
}

// keys takes the keys of a terminal. Elsewhere nobody presses any.
func (v *listenView) keys(in io.Reader) {
	if terminal(in) == nil {
		return
	}
	for sc := bufio.NewScanner(in); sc.Scan(); {
		v.key(strings.TrimSpace(sc.Text()))
	}
}

func (v *listenView) key(k string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch strings.ToLower(k) {
	case "p":
		if v.held == nil {
			v.held = new(strings.Builder)
			fmt.Fprintln(v.a.err, "-- paused: connections go on, p shows what came --")
			return
		}
		text := v.held.String()
		v.held = nil
		v.show("-- going on --\n" + text)
	case "s":
		name := "smtptriage-listen-" + time.Now().Format("20060102-150405") + ".json"
		f, err := create(name)
		if err == nil {
			err = closeAfter(f, evidence.Write(f, v.record()))
		}
		if err != nil {
			fmt.Fprintln(v.a.err, "-- not saved: "+report.Clean(err.Error())+" --")
			return
		}
		fmt.Fprintln(v.a.err, "-- saved in "+name+" --")
	case "n":
		v.srv.Forget()
		fmt.Fprintln(v.a.err, "-- next device --")
	case "q":
		v.stop()
	}
}

// record is all that was seen in the run so far.
func (v *listenView) record() *evidence.Record {
	rec := v.all
	rec.Took = time.Since(rec.Started)
	if v.lost > 0 {
		rec.Interrupted = fmt.Sprintf("%d traces beyond the first %d are not kept", v.lost, maxKeptTraces)
	}
	return &rec
}

// end saves the evidence and returns the exit status.
func (v *listenView) end() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stopped = true
	if v.held != nil {
		fmt.Fprint(v.a.err, v.held.String())
	}
	if f := v.o.output.evidenceTo; f != nil {
		if err := closeAfter(f, evidence.Write(f, v.record())); err != nil && v.err == nil {
			v.err = cannotRun{fmt.Errorf("saving the evidence: %w", err)}
		}
	}
	if f := v.o.output.reportTo; f != nil {
		if err := f.Close(); err != nil && v.err == nil {
			v.err = cannotRun{fmt.Errorf("writing the report: %w", err)}
		}
	}
	if v.heard == 0 {
		fmt.Fprintln(v.a.err, "Nobody sent anything. If a device was meant to: is it in this network, and does this machine's firewall let the port in?")
	}
	return v.status
}

func (v *listenView) failure() error { return v.err }
