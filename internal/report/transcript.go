package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A line is one line of a transcript, clean.
type line struct {
	at    time.Duration // since the trace's start
	who   string        // "C:", "S:", or "--" for what is no line of the dialogue
	text  string
	event int
}

// Transcript is everything that was seen of a trace, one line each: the seconds since its start, who spoke, and what. Secrets
// were masked when they were seen; control characters are shown as escapes.
func Transcript(t *evidence.Trace) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", Clean(t.ID), Clean(traceTitle(t)))
	for _, l := range lines(t) {
		fmt.Fprintf(&b, "%9s  %s %s\n", clock(l.at, t.Sees.Timing), l.who, l.text)
	}
	if t.Dropped > 0 {
		fmt.Fprintf(&b, "%9s  -- %s more, not kept\n", "", count(int64(t.Dropped), "event"))
	}
	return b.String()
}

// traceTitle says what a trace is of: "mx.example.com port 25 (192.0.2.25:25), experiment".
func traceTitle(t *evidence.Trace) string {
	s := t.Walk.Host
	if t.Walk.Port != 0 {
		s = joined(" ", s, "port "+strconv.Itoa(t.Walk.Port))
	}
	if a := t.Address; a.IsValid() && (a.Addr().String() != t.Walk.Host || int(a.Port()) != t.Walk.Port) {
		s = joined(" ", s, "at "+a.String())
	}
	s = joined(", ", joined(" ", s, t.Origin), t.Program)
	if t.Role != evidence.RoleAsked {
		s = joined(", ", s, string(t.Role))
	}
	if !t.Start.IsZero() {
		s = joined(", ", s, t.Start.UTC().Format(time.RFC3339))
	}
	return s
}

// clock is a time as the transcript has it: seconds, to the millisecond.
func clock(d time.Duration, known bool) string {
	if !known {
		return "-"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 3, 64)
}

// lines lists a trace line by line.
func lines(t *evidence.Trace) []line {
	var all []line
	for i := range t.Events {
		e := &t.Events[i]
		switch {
		case e.Sent != nil:
			all = append(all, line{e.At, "C:", sentText(e.Sent), i})
		case e.Reply != nil:
			all = append(all, replyLines(e, i)...)
		default:
			all = append(all, line{e.At, "--", Clean(describe(e)), i})
		}
	}
	return all
}

func sentText(s *evidence.Sent) string {
	if s.Verb != evidence.Message {
		return Clean(s.Line)
	}
	text := "[message of " + count(s.Bytes, "octet")
	if !s.Done {
		text += ", not finished"
	}
	return Clean(text + "]")
}

// replyLines writes a reply as it stood on the wire: a hyphen after the code of every line but the last.
func replyLines(e *evidence.Event, i int) []line {
	var all []line
	r := e.Reply
	for n, text := range r.Text {
		at := e.At
		if n < len(r.LinesAt) {
			at = r.LinesAt[n]
		}
		sep := "-"
		if n == len(r.Text)-1 && r.Complete {
			sep = " "
		}
		code := ""
		if r.Code != 0 {
			code = strconv.Itoa(r.Code) + sep
		}
		all = append(all, line{at, "S:", Clean(strings.TrimRight(code+text, " ")), i})
	}
	return all
}

// The part of a long transcript that the text report shows: how it began, and the end, where the failure is.
const (
	firstLines = 4
	lastLines  = 28
	// A server's EHLO reply has a dozen lines; a hostile one thousands.
	shownText = 400 // columns of one line
)

// excerpt shortens a transcript to what fits on a screen. cut is how many lines were left out after index at.
func excerpt(all []line) (shown []line, at, cut int) {
	all = foldReplies(all)
	for i := range all {
		if columns(all[i].text) > shownText {
			all[i].text = string([]rune(all[i].text)[:shownText]) + " [...]"
		}
	}
	if len(all) <= firstLines+lastLines {
		return all, -1, 0
	}
	cut = len(all) - firstLines - lastLines
	return append(all[:firstLines:firstLines], all[len(all)-lastLines:]...), firstLines, cut
}

// foldReplies puts the lines of a long reply, as EHLO's is, behind its first one: "250-SIZE 1000 | PIPELINING | DSN".
func foldReplies(all []line) []line {
	var out []line
	for i := 0; i < len(all); {
		end := i + 1
		for end < len(all) && all[end].event == all[i].event {
			end++
		}
		if end-i <= 3 {
			out = append(out, all[i:end]...)
		} else {
			rest := all[i+1]
			for _, l := range all[i+2 : end] {
				rest.text += " | " + afterCode(l.text)
			}
			out = append(out, all[i], rest)
		}
		i = end
	}
	return out
}

// afterCode is a reply line without its code and separator.
func afterCode(s string) string {
	if len(s) > 4 && (s[3] == '-' || s[3] == ' ') {
		return s[4:]
	}
	return s
}
