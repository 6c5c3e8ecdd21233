package diagnose

import (
	"bufio"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// play makes a trace of a script, one event a line:
//
//	dial connected|refused|timeout|... [ADDRESS [ERRNO]]
//	S: 220 text          one line of a reply; "250-" goes on
//	C: EHLO x            a command; its replies follow in the order of the commands
//	hello SIZE           a ClientHello of that size
//	server-hello VERSION
//	alert DESCRIPTION    by the server
//	tls VERSION          the handshake succeeded
//	cert PROBLEM ISSUER  "ok" for none
//	tls-failed HOW OUTCOME GOT TEXT
//	bytes LOOKS TEXT     octets of the server outside the dialogue
//	end OUTCOME WAITING  after the wait of the line before it
//	wait DURATION        the clock goes on
func play(t *testing.T, id string, role evidence.Role, walk evidence.Walk, script string) evidence.Trace {
	t.Helper()
	p := player{t: t, addr: netip.MustParseAddrPort("203.0.113.25:25"), rec: evidence.NewRecorder(evidence.Trace{ID: id, Role: role, Walk: walk,
		Sees: evidence.SeesAll, Start: start}, nil)}
	sc := bufio.NewScanner(strings.NewReader(script))
	for sc.Scan() {
		if line := strings.TrimSpace(sc.Text()); line != "" {
			p.line(line)
		}
	}
	return p.rec.Snapshot()
}

var start = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

type player struct {
	t      *testing.T
	rec    *evidence.Recorder
	at     time.Duration
	waited time.Duration
	addr   netip.AddrPort
	open   []int // commands without a reply yet
	reply  smtp.ReplyParser
	seen   bool // the greeting was
}

func (p *player) add(e evidence.Event) {
	e.At = p.at
	p.rec.Add(e)
}

func (p *player) line(line string) {
	p.at += time.Millisecond
	word, rest, _ := strings.Cut(line, " ")
	f := strings.Fields(rest)
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	tail := func(i int) string { return strings.Join(f[min(i, len(f)):], " ") }
	switch word {
	case "hop": // hop TTL PORT time-exceeded|connected|refused|silent [FROM]
		var h evidence.Hop
		fmt.Sscan(arg(0)+" "+arg(1), &h.TTL, &h.Port)
		if arg(3) != "" {
			h.From = netip.MustParseAddr(arg(3))
		}
		switch h.Outcome = evidence.Outcome(arg(2)); h.Outcome {
		case "time-exceeded":
			h.Outcome, h.ICMP = evidence.Unreachable, &evidence.ICMP{From: h.From, Type: 11}
		case "silent":
			h.Outcome = evidence.TimedOut
		}
		p.add(evidence.Event{Hop: &h})
	case "lookup": // lookup SERVER RCODE [ADDRESS]
		l := evidence.Lookup{Server: arg(0), Name: p.rec.Snapshot().Walk.Host, Type: "A", RCode: arg(1)}
		if arg(1) == "timeout" {
			l.RCode, l.Outcome = "", evidence.TimedOut
		}
		if arg(2) != "" {
			l.Answers = []evidence.RR{{Type: "A", Data: arg(2)}}
		}
		p.add(evidence.Event{Lookup: &l})
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		p.at, p.waited = p.at+d, d
	case "dial":
		a := p.addr
		if arg(1) != "" {
			a = netip.MustParseAddrPort(arg(1))
		}
		p.add(evidence.Event{Dialed: &evidence.Dialed{Address: a, Outcome: evidence.Outcome(arg(0)), Errno: arg(2), Waited: p.waited}})
	case "S:":
		if p.reply.Add(smtp.Line{Text: []byte(rest), EOL: smtp.CRLF}) {
			to := -1
			if p.seen && len(p.open) > 0 {
				to, p.open = p.open[0], p.open[1:]
			}
			p.seen = true
			p.rec.Reply(p.at, p.reply.Reply(), to, nil, int64(len(rest)+2))
		}
	case "C:":
		p.seen = true
		if rest == "." {
			p.open = append(p.open, p.rec.Message(p.at, evidence.Sent{Bytes: 500, Done: true}))
			return
		}
		p.open = append(p.open, p.rec.Command(p.at, []byte(rest), smtp.CRLF))
	case "hello":
		var n int
		fmt.Sscan(arg(0), &n)
		p.add(evidence.Event{ClientHello: &tlswire.ClientHello{Size: n, Version: tlswire.TLS12}})
	case "server-hello":
		var v tlswire.Version
		if err := v.UnmarshalText([]byte(rest)); err != nil {
			p.t.Fatal(err)
		}
		p.add(evidence.Event{ServerHello: &tlswire.ServerHello{Version: v}})
	case "alert":
		var d tlswire.AlertDescription
		if err := d.UnmarshalText([]byte(arg(0))); err != nil {
			p.t.Fatal(err)
		}
		p.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Server, Alert: tlswire.Alert{Level: tlswire.Fatal, Description: d}}})
	case "tls":
		p.add(evidence.Event{Secured: &evidence.Secured{Version: rest, Suite: "TLS_AES_128_GCM_SHA256"}})
	case "cert":
		problem := evidence.CertProblem(arg(0))
		if problem == "ok" {
			problem = evidence.CertOK
		}
		p.add(evidence.Event{Chain: &evidence.Chain{Certificates: []tlswire.Certificate{{Subject: "CN=mx.example.com", Issuer: tail(1)}},
			Verified: []evidence.Verified{{Roots: "system", Problem: problem, Text: string(problem)}}}})
	case "tls-failed":
		var got int64
		fmt.Sscan(arg(2), &got)
		p.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSFailure(arg(0)), Outcome: evidence.Outcome(arg(1)), SentN: 300, GotN: got, Text: tail(3)}})
	case "bytes":
		p.add(evidence.Event{Bytes: &evidence.Bytes{From: evidence.Server, Count: int64(len(tail(1))), Head: []byte(tail(1)), Looks: arg(0)}})
	case "end":
		p.add(evidence.Event{Ended: &evidence.Ended{Outcome: evidence.Outcome(arg(0)), By: evidence.Server, Waiting: arg(1), Waited: p.waited}})
	default:
		p.t.Fatalf("unknown word %q", word)
	}
}

// record wraps traces of one run of check.
func record(walk evidence.Walk, traces ...evidence.Trace) *evidence.Record {
	return &evidence.Record{Schema: evidence.Schema, Source: evidence.FromCheck, Started: start, Target: evidence.Target{Walk: walk}, Traces: traces}
}

// A test is one experiment of a test case: its name, how its walk differs, and what happened.
type test struct {
	name   string
	change func(*evidence.Walk)
	script string
}

// recordWith adds experiments to a record of one walk.
func recordWith(t *testing.T, walk evidence.Walk, script string, tests ...test) *evidence.Record {
	t.Helper()
	rec := record(walk, play(t, "t1", evidence.RoleAsked, walk, script))
	for i, x := range tests {
		w := walk
		if x.change != nil {
			x.change(&w)
		}
		id := fmt.Sprintf("e%d.1", i+1)
		rec.Traces = append(rec.Traces, play(t, id, evidence.RoleExperiment, w, x.script))
		rec.Runs = append(rec.Runs, evidence.Run{Experiment: evidence.Experiment{Name: x.name, Walk: &w}, Traces: []string{id}})
	}
	return rec
}
