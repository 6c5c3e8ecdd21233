package diagnose

import (
	"fmt"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// results says in one sentence each what the record's experiments showed.
func results(rec *evidence.Record) []string {
	out := make([]string, 0, len(rec.Runs))
	for i := range rec.Runs {
		out = append(out, result(rec, &rec.Runs[i]))
	}
	return out
}

func result(rec *evidence.Record, run *evidence.Run) string {
	if run.NotPossible != "" {
		return "not possible: " + run.NotPossible
	}
	var parts []string
	for _, id := range run.Traces {
		t := rec.Trace(id)
		if t == nil {
			continue
		}
		if text := traceResult(run, evidence.NewView(t)); text != "" {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "nothing was seen"
	}
	return strings.Join(parts, "; ")
}

// traceResult says how far one trace of an experiment came.
func traceResult(run *evidence.Run, v *evidence.View) string {
	switch {
	case run.SPF != nil:
		return spfLine(v.Trace)
	case run.Name == askRetry, run.Name == askSize, run.Name == askExternal:
		if _, at, ok := taken(v); ok {
			r := v.ReplyAt(at)
			return fmt.Sprintf("%s is answered %s", v.SentAt(r.To).Line, r)
		}
	case run.Name == askIdentity:
		return identityResult(v.Trace)
	case run.Name == askListTest, run.Name == askLists:
		return blocklistsResult(v.Trace)
	case run.Lookup != nil, len(run.Lookups) > 0:
		return lookupsResult(v.Trace)
	case run.Path != nil:
		return pathResult(v.Trace)
	case run.Hello != nil:
		return helloResult(v)
	}
	name := v.Trace.Address.String()
	switch {
	case v.Dialed >= 0 && v.Trace.Events[v.Dialed].Dialed.Outcome != evidence.Connected:
		d := v.Trace.Events[v.Dialed].Dialed
		return fmt.Sprintf("%s %s", d.Address, outcome(d))
	case v.TLSFailed >= 0:
		f := v.Trace.Events[v.TLSFailed].TLSFailed
		if v.Alert >= 0 {
			return fmt.Sprintf("%s: the handshake fails, %s", name, v.Trace.Events[v.Alert].Alert.Alert)
		}
		return fmt.Sprintf("%s: the handshake fails (%s)", name, strings.TrimSpace(string(f.How)+" "+string(f.Outcome)))
	case v.Ending() != nil && v.Ending().Outcome != evidence.Aborted:
		waiting := ""
		if w := v.Ending().Waiting; w != "" {
			waiting = " waiting for " + w
		}
		return fmt.Sprintf("%s: %s%s", name, ending(v.Ending()), waiting)
	case v.Secured >= 0:
		s := v.Trace.Events[v.Secured].Secured
		text := fmt.Sprintf("%s: %s is up", name, s.Version)
		if v.Chain >= 0 {
			if c := v.Trace.Events[v.Chain].Chain; len(c.Certificates) > 0 {
				text += ", certificate issued by " + c.Certificates[0].Issuer
			}
		}
		return text
	}
	return lastReply(v, name)
}

// lastReply quotes the last reply of a trace, or says that it connected.
func lastReply(v *evidence.View, name string) string {
	for i := len(v.Trace.Events) - 1; i >= 0; i-- {
		r := v.Trace.Events[i].Reply
		if r == nil || r.To >= 0 && v.SentAt(r.To).Verb == "QUIT" {
			continue
		}
		if r.To < 0 {
			return fmt.Sprintf("%s greets: %s", name, r)
		}
		return fmt.Sprintf("%s: %s is answered %s", name, v.SentAt(r.To).Verb, r)
	}
	if v.Connected() {
		return name + " connects"
	}
	return ""
}

// spfLine is what the evaluation of an SPF record came to.
func spfLine(t *evidence.Trace) string {
	for i := range t.Events {
		if r := t.Events[i].SPF; r != nil {
			text := fmt.Sprintf("the SPF record of %s gives %s for %s", r.Domain, r.Result, r.Address)
			if r.Why != "" {
				text += " (" + r.Why + ")"
			}
			return text
		}
	}
	return ""
}

func lookupsResult(t *evidence.Trace) string {
	var parts []string
	for i := range t.Events {
		l := t.Events[i].Lookup
		if l == nil {
			continue
		}
		switch {
		case len(l.Answers) > 0:
		case l.RCode == "NOERROR" && !l.NotFound && len(parts) > 0: // the part before has said whose answer it is
			parts = append(parts, "no "+l.Type+" record")
			continue
		default:
			parts = append(parts, fmt.Sprintf("%s: %s", l.Type, lookupOutcome(l)))
			continue
		}
		var data []string
		for _, rr := range l.Answers {
			data = append(data, rr.Data)
		}
		parts = append(parts, fmt.Sprintf("%s says %s %s", serverName(l.Server), l.Type, quoteLine(strings.Join(data, " "))))
	}
	return strings.Join(parts, ", ")
}

func pathResult(t *evidence.Trace) string {
	var parts []string
	for i := range t.Events {
		if h := t.Events[i].Hop; h != nil {
			parts = append(parts, hopResult(h))
		}
	}
	passed, lost := packetSizes(t)
	if passed > 0 {
		parts = append(parts, fmt.Sprintf("packets of %d octets are answered", passed))
	}
	if lost > 0 {
		parts = append(parts, fmt.Sprintf("of %d they are not", lost))
	}
	return strings.Join(parts, ", ")
}

func hopResult(h *evidence.Hop) string {
	switch {
	case h.Outcome == evidence.Connected:
		return fmt.Sprintf("%d port %d answers", h.TTL, h.Port)
	case h.Outcome == evidence.Refused:
		return fmt.Sprintf("%d port %d refused", h.TTL, h.Port)
	case h.From.IsValid() && h.ICMP != nil && !exceeded(h.ICMP):
		return fmt.Sprintf("%d %s (%s)", h.TTL, h.From, h.Outcome)
	case h.From.IsValid():
		return fmt.Sprintf("%d %s", h.TTL, h.From)
	}
	return fmt.Sprintf("%d *", h.TTL)
}

// packetSizes are the largest size that was answered, and the least above it that was not: silent at least twice, or
// called too big by a router. Without an answer to any size, silence says nothing, and both are 0.
func packetSizes(t *evidence.Trace) (passed, lost int) {
	for i := range t.Events {
		if p := t.Events[i].Size; p != nil && p.Answered {
			passed = max(passed, p.Bytes)
		}
	}
	if passed == 0 {
		return 0, 0
	}
	silent := map[int]int{}
	for i := range t.Events {
		p := t.Events[i].Size
		if p == nil || p.Bytes <= passed || p.Text != "" {
			continue
		}
		if silent[p.Bytes]++; (p.By != nil || silent[p.Bytes] >= 2) && (lost == 0 || p.Bytes < lost) {
			lost = p.Bytes
		}
	}
	return passed, lost
}

func helloResult(v *evidence.View) string {
	name := v.Trace.Walk.Like
	switch {
	case v.ServerHello >= 0:
		h := v.Trace.Events[v.ServerHello].ServerHello
		return fmt.Sprintf("%s: taken (%s, %s)", name, h.Version, h.Suite)
	case v.Alert >= 0:
		return fmt.Sprintf("%s: %s", name, v.Trace.Events[v.Alert].Alert.Alert)
	case v.TLSFailed >= 0:
		f := v.Trace.Events[v.TLSFailed].TLSFailed
		return fmt.Sprintf("%s: no answer (%s %s)", name, f.How, f.Outcome)
	}
	return ""
}
