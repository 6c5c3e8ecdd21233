package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// Schema names the version of the JSON report. Within a version keys are only added; docs/report.schema.json has them all.
const Schema = "smtptriage/report/v1"

// A Document is the JSON report. Every key is always there, and no array is null.
type Document struct {
	Schema      string          `json:"schema"`
	Tool        evidence.Tool   `json:"tool"`
	Started     string          `json:"started"` // RFC 3339; "" if the source gave no time
	TookMS      int64           `json:"took_ms"`
	Target      evidence.Target `json:"target"`
	Provider    string          `json:"provider"`
	Verdict     finding         `json:"verdict"`
	Causes      []finding       `json:"causes"`
	Paths       []path          `json:"paths"`
	Experiments []experiment    `json:"experiments"`
	Patterns    []pattern       `json:"patterns"`
	Guidance    []string        `json:"guidance"`
	Recommended string          `json:"recommended_door"` // kind of the door that this site should use; "" if nothing can be said
	Doors       []door          `json:"doors"`            // those that the service has, with what each asks of a site; none: it is not known
	CannotKnow  []string        `json:"cannot_know"`
	Artifacts   artifacts       `json:"artifacts"`
	Contacted   []string        `json:"contacted"`
	Interrupted string          `json:"interrupted"`
	Repeated    *repeated       `json:"repeated"` // null: it was one run
	Runs        []run           `json:"runs"`     // of a repeated check; none: it was one run
}

// finding is diagnose.Finding with its lists always present.
type finding struct {
	Step       cause.Step          `json:"step"`
	Cause      cause.ID            `json:"cause"`
	Confidence diagnose.Confidence `json:"confidence"`
	Summary    string              `json:"summary"`
	Because    []ground            `json:"because"`
	Actions    []string            `json:"actions"`
	Links      []string            `json:"links"`
}

// door is a way to send by the service, with what must be set up before it works.
type door struct {
	Kind    provider.DoorKind `json:"kind"`
	Host    string            `json:"host"`  // "": each organisation has its own
	Ports   []int             `json:"ports"` // the advised one first
	Reaches string            `json:"reaches"`
	Needs   []string          `json:"needs"`
}

// ground is diagnose.Ground with its trace always present, "" for a fact about the run itself.
type ground struct {
	Text  string `json:"text"`
	Trace string `json:"trace"`
	Event int    `json:"event"`
}

type pattern struct {
	ID      cause.PatternID `json:"id"`
	Title   string          `json:"title"`
	Meaning string          `json:"meaning"`
	Because []ground        `json:"because"`
}

type path struct {
	Via     evidence.Via `json:"via"`
	Host    string       `json:"host"`
	Port    int          `json:"port"`
	Address string       `json:"address"` // "" if none could be dialled
	Steps   []step       `json:"steps"`
	Verdict finding      `json:"verdict"`
	Traces  []string     `json:"traces"`
}

type step struct {
	Number int             `json:"number"` // 0 for auth, which stands between 5 and 6
	Step   cause.Step      `json:"step"`
	Status diagnose.Status `json:"status"`
	Detail string          `json:"detail"`
	AtMS   int64           `json:"at_ms"` // since the conversation began
	TookMS int64           `json:"took_ms"`
}

type experiment struct {
	Name    string `json:"name"`
	Because string `json:"asked_because"`
	Result  string `json:"result"`
	TookMS  int64  `json:"took_ms"`
}

type artifacts struct {
	PublicIP     string            `json:"public_ip"` // "" if no server said it
	ErrorCodes   []errorCode       `json:"error_codes"`
	PathMTU      *diagnose.PathMTU `json:"path_mtu"`      // null: not measured
	MessageTrace *messageTrace     `json:"message_trace"` // null: nothing was handed over, so no trace would show it
	Transcript   string            `json:"transcript"`
}

type errorCode struct {
	Step     cause.Step `json:"step"`
	Code     int        `json:"code"`
	Enhanced string     `json:"enhanced"` // "" if the server sent none
	Text     string     `json:"text"`
	Trace    string     `json:"trace"`
	Event    int        `json:"event"`
}

// messageTrace is what to look for in the provider's message trace.
type messageTrace struct {
	MessageID  string   `json:"message_id"`
	Sender     string   `json:"sender"`
	Recipients []string `json:"recipients"`
	Sent       string   `json:"sent"`  // RFC 3339
	Reply      string   `json:"reply"` // to the final dot; "" if none came
}

// JSON writes the report for programs, as one indented document.
func JSON(w io.Writer, rec *evidence.Record, d *diagnose.Diagnosis) error {
	return writeDocument(w, NewDocument(rec, d))
}

// writeDocument writes a report, or a struct that embeds one.
func writeDocument(w io.Writer, doc any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("writing the JSON report: %w", err)
	}
	_, err := w.Write(visible(b.Bytes()))
	return err
}

// NewDocument makes the JSON report's value.
func NewDocument(rec *evidence.Record, d *diagnose.Diagnosis) Document {
	doc := Document{
		Schema: Schema, Tool: rec.Tool, Started: stamp(rec.Started), TookMS: rec.Took.Milliseconds(), Target: rec.Target,
		Provider: d.Provider, Verdict: newFinding(&d.Verdict), Causes: []finding{}, Paths: []path{}, Experiments: []experiment{},
		Patterns: []pattern{}, Guidance: some(d.Guidance), Recommended: string(d.Recommended), Doors: []door{}, CannotKnow: some(d.CannotKnow),
		Artifacts: newArtifacts(rec, d), Contacted: some(rec.Contacted), Interrupted: rec.Interrupted, Runs: []run{},
	}
	for i := range d.Findings {
		doc.Causes = append(doc.Causes, newFinding(&d.Findings[i]))
	}
	for i := range d.Paths {
		doc.Paths = append(doc.Paths, newPath(&d.Paths[i]))
	}
	for i := range rec.Runs {
		r := &rec.Runs[i]
		doc.Experiments = append(doc.Experiments, experiment{r.Name, r.Because, resultOf(rec, d, i), r.Took.Milliseconds()})
	}
	for _, o := range (notes{rec: rec, d: d}).doors() {
		doc.Doors = append(doc.Doors, door{o.Kind, o.Host, o.Ports, o.Reaches, some(o.Needs)})
	}
	for _, m := range d.Patterns {
		doc.Patterns = append(doc.Patterns, pattern{m.ID, m.Title, m.Meaning, grounds(m.Because)})
	}
	return doc
}

func newFinding(f *diagnose.Finding) finding {
	return finding{f.Step, f.Cause, f.Confidence, f.Summary, grounds(f.Because), some(f.Actions), some(f.Links)}
}

func grounds(list []diagnose.Ground) []ground {
	out := []ground{}
	for _, g := range list {
		out = append(out, ground(g))
	}
	return out
}

func newPath(p *diagnose.Path) path {
	out := path{Via: p.Via, Host: p.Host, Port: p.Port, Address: addressText(p.Address.Addr()), Steps: []step{},
		Verdict: newFinding(&p.Verdict), Traces: some(p.Traces)}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, step{s.Number, s.Step, s.Status, s.Detail, s.At.Milliseconds(), s.Took.Milliseconds()})
	}
	return out
}

func newArtifacts(rec *evidence.Record, d *diagnose.Diagnosis) artifacts {
	a := artifacts{PublicIP: addressText(d.PublicIP), ErrorCodes: []errorCode{}, PathMTU: d.PathMTU, MessageTrace: handedOver(rec)}
	for _, c := range d.Codes {
		e := errorCode{Step: c.Step, Text: c.Text, Trace: c.Trace, Event: c.Event}
		if c.Reply != nil {
			e.Code, e.Enhanced = c.Reply.Code, enhancedText(c.Reply.Enhanced)
		}
		a.ErrorCodes = append(a.ErrorCodes, e)
	}
	var all strings.Builder
	for i := range rec.Traces {
		if i > 0 {
			all.WriteByte('\n')
		}
		all.WriteString(Transcript(&rec.Traces[i]))
	}
	a.Transcript = all.String()
	return a
}

// handedOver finds the test message of the run, if one was sent.
func handedOver(rec *evidence.Record) *messageTrace {
	for i := range rec.Traces {
		v := evidence.NewView(&rec.Traces[i])
		s := v.SentAt(v.Message.Sent)
		if s == nil || !s.Done {
			continue
		}
		t := &rec.Traces[i]
		m := &messageTrace{MessageID: s.MsgID, Sender: t.Walk.From, Recipients: some(t.Walk.To)}
		if !t.Start.IsZero() {
			m.Sent = stamp(t.Start.Add(v.At(v.Message.Sent)))
		}
		if r := v.ReplyAt(v.Message.Reply); r != nil {
			m.Reply = r.String()
		}
		return m
	}
	return nil
}

func enhancedText(e smtp.EnhancedStatus) string {
	if e.IsZero() {
		return ""
	}
	return e.String()
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// some makes an absent list an empty one.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// visible writes runes that would act on a terminal as JSON escapes. encoding/json leaves DEL, the C1 controls and
// bidirectional overrides as they are; the values stay the same.
func visible(b []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(b) {
		switch {
		case r == '\n' || !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r):
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}
