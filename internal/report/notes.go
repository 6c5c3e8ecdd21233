package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// Notes are what the reports for handing on have in common: the record and its diagnosis, put as a ticket is.
type notes struct {
	rec *evidence.Record
	d   *diagnose.Diagnosis
	to  Reader

	series *diagnose.Series // of a repeated check, rec being its typical run; nil: it was one run
	whole  *evidence.Record // what the evidence file holds: rec, or all runs
}

// problem is what was asked, in one sentence.
func (n notes) problem() string {
	w := n.rec.Target.Walk
	what := "Mail cannot be sent"
	if n.d.Verdict.Step == cause.None {
		what = "Mail was tested"
	}
	switch {
	case w.Host == "":
		return what + "; the conversation was read from " + string(n.rec.Source) + "."
	case w.From != "" && len(w.To) > 0:
		return fmt.Sprintf("%s through %s port %d, from %s to %s.", what, w.Host, w.Port, w.From, strings.Join(w.To, ", "))
	}
	return fmt.Sprintf("%s through %s port %d.", what, w.Host, w.Port)
}

// failurePoint names the step and what was seen there.
func (n notes) failurePoint() string {
	v := &n.d.Verdict
	if v.Step == cause.None {
		return "No step failed."
	}
	s := stepOf(n.d, v.Step)
	text := upperFirst(stepPhrase(s))
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// ruledOut says what cannot be the cause, and by what that is known: the steps that passed take their causes with them, and
// experiments took others.
func (n notes) ruledOut() []string {
	var out []string
	if len(n.d.Paths) == 0 {
		return nil
	}
	standing := map[cause.ID]bool{}
	for _, f := range n.d.Findings {
		standing[f.Cause] = true
	}
	for _, s := range n.d.Paths[0].Steps {
		if s.Status != diagnose.Pass {
			continue
		}
		var gone []string
		if node, ok := cause.NodeOf(s.Step); ok {
			for _, c := range node.Causes() {
				if !standing[c.ID] && !n.outlives(c, s.Step) {
					gone = append(gone, string(c.ID))
				}
			}
		}
		if len(gone) > 0 {
			out = append(out, fmt.Sprintf("%s passed (%s): not %s", StepName(s.Step), shorten(s.Detail, 80), strings.Join(gone, ", ")))
		}
	}
	return out
}

// outlives reports whether a cause may yet be there though its usual step passed: a hole in the path shows only with large packets,
// servers give the same refusal of sender or client at a later step too, and what is wrong with a device shows only where the
// device itself speaks.
func (n notes) outlives(c cause.Cause, passed cause.Step) bool {
	switch {
	case c.ID == cause.PathMTUBlackhole:
		return true
	case n.rec.Source == evidence.FromCheck && slices.Contains(ofDevices, c.ID):
		return true
	}
	return !passed.Before(cause.Auth) && provider.MetAfter(c.ID, passed)
}

// ofDevices are the causes that lie in a device or program, which a walk of our own can't show to be in order.
var ofDevices = []cause.ID{
	cause.HELOOnlyClient, cause.ImplicitTLSOnStartTLSPort, cause.RevocationCheckFailed, cause.ClientTrustStoreOutdated,
	cause.ClientTLSUnavailable, cause.ClientCertificateMissing, cause.ClientProtocolError,
}

func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + " ..."
	}
	return s
}

// tested lists what was done: the steps reached, the experiments, the other doors.
func (n notes) tested() []string {
	var out []string
	if len(n.d.Paths) > 0 {
		reached := 0
		for _, s := range n.d.Paths[0].Steps {
			if s.Status == diagnose.Pass || s.Status == diagnose.Warn || s.Status == diagnose.Fail {
				reached++
			}
		}
		out = append(out, fmt.Sprintf("An SMTP conversation with %s: %s tried, in order", pathTitle(&n.d.Paths[0]), count(int64(reached), "step")))
	}
	for i := range n.rec.Runs {
		r := &n.rec.Runs[i]
		out = append(out, fmt.Sprintf("%s, to learn %s: %s", r.Name, r.Because, resultOf(n.rec, n.d, i)))
	}
	if len(n.d.Paths) > 1 {
		for i := range n.d.Paths[1:] {
			p := &n.d.Paths[i+1]
			out = append(out, fmt.Sprintf("For comparison %s: %s", pathTitle(p), told(&p.Verdict)))
		}
	}
	return out
}

// traceHelp is how to find the test, or the lack of it, in Microsoft's message trace, filled in. Empty for other services.
// Facts: Get-MessageTraceV2 and Graph messageTraces (office-docs-powershell, 2026-08).
func (n notes) traceHelp() []string {
	if n.d.Provider != "microsoft365" {
		return nil
	}
	w := n.rec.Target.Walk
	from, until := n.rec.Started.UTC(), n.rec.Started.Add(n.rec.Took).UTC()
	const stampFormat = "2006-01-02T15:04:05Z"
	if from.IsZero() {
		return nil
	}
	cmd := fmt.Sprintf("Get-MessageTraceV2 -StartDate %s -EndDate %s", from.Add(-traceMargin).Format(stampFormat), until.Add(traceMargin).Format(stampFormat))
	filter := fmt.Sprintf("receivedDateTime ge %s and receivedDateTime le %s", from.Add(-traceMargin).Format(stampFormat), until.Add(traceMargin).Format(stampFormat))
	if w.From != "" {
		cmd += " -SenderAddress " + powerShell(w.From)
		filter += " and senderAddress eq " + oData(w.From)
	}
	if len(w.To) > 0 {
		var names, tests []string
		for _, to := range w.To {
			names, tests = append(names, powerShell(to)), append(tests, "recipientAddress eq "+oData(to))
		}
		cmd += " -RecipientAddress " + strings.Join(names, ",")
		if len(tests) > 1 {
			tests = []string{"(" + strings.Join(tests, " or ") + ")"}
		}
		filter += " and " + tests[0]
	}
	if n.d.PublicIP.IsValid() {
		cmd += " -FromIP " + n.d.PublicIP.String()
		filter += " and fromIP eq '" + n.d.PublicIP.String() + "'"
	}
	out := []string{cmd, "GET https://graph.microsoft.com/v1.0/admin/exchange/tracing/messageTraces?$filter=" + filter}
	if m := handedOver(n.rec); m != nil && m.MessageID != "" {
		return append(append([]string{"Message-ID of the test message: " + m.MessageID}, out...),
			"An empty trace means that it has not got there yet (allow some minutes), that the domain belongs to another tenant, or that something in between, such as a filter, took the message.")
	}
	return append(out, "No message was handed over in this run: what is refused inside the session never appears in the trace, so an empty trace is to be expected.")
}

// powerShell writes an argument so that PowerShell takes it as it is: names in a record may be anybody's.
func powerShell(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+") == "@" {
		return s
	}
	// PowerShell takes typographic quotation marks for plain ones.
	return "'" + strings.NewReplacer("'", "''", "\u2018", "''", "\u2019", "''", "\u201a", "''", "\u201b", "''").Replace(s) + "'"
}

// oData writes a string of a $filter, within a URL.
func oData(s string) string {
	return "'" + strings.NewReplacer("'", "''", "%", "%25", "&", "%26", "#", "%23", "+", "%2B").Replace(s) + "'"
}

// doors lists the requirements of the doors that the service has, for the reader who must choose one.
func (n notes) doors() []provider.Door {
	p, ok := provider.ByName(n.d.Provider)
	if !ok || p.Name == "generic" {
		return nil
	}
	_, asked, _ := provider.Classify(n.rec.Target.Walk.Host)
	var out []provider.Door
	for _, kind := range []provider.DoorKind{provider.Submission, provider.DirectSend, provider.Relay, provider.HVE, provider.ACS} {
		worldwideOnly := kind == provider.HVE || kind == provider.ACS
		if d, ok := p.DoorIn(asked.Cloud, kind); ok && !(worldwideOnly && d.Host == "") {
			out = append(out, d)
		}
	}
	return out
}
