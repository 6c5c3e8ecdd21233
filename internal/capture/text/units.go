package text

import (
	"strings"
)

// A unit is the lines that are about one thing: one message or connection in a log, or a whole pasted text.
type unit struct {
	key   string
	talk  *talk // the dialogue that the lines stand in, if any
	lines []line
}

// logLine is a line of a server's log, as syslog carries it: the program, its process, perhaps the message's id.
var logLine = lazily(`(?:^|[\s|])((?:postfix[\w-]*(?:/[\w.-]+)*|sendmail|sm-mta|sm-msp-queue|smtpd|exim4?|dma|nullmailer[\w-]*|qmail-\w+))\[([\w.]+)\](?:\[\d+\])?: (?:([0-9A-F]{5,15}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,20}|[A-Za-z0-9]{14}|[0-9a-f]{16})[: ])?`)

// eximLine is a line of Exim's main log: time, perhaps the process, the message's id.
var eximLine = lazily(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? (?:[+-]\d{4} )?(?:\[\d+\] )?(\w{6}-\w{6,11}-\w{2,4}) `)

// maxUnit bounds the octets of one unit that are looked at.
const maxUnit = 64 << 10

// unitsOf sorts the lines that stand in no dialogue into units, in the order they begin.
func unitsOf(rest []stray) []*unit {
	var out []*unit
	byKey := map[string]*unit{}
	byTalk := map[*talk]*unit{}
	var cur *unit
	size := 0
	for _, l := range rest {
		if size += len(l.text); size > maxStatements {
			break
		}
		switch key := logKey(l.text); {
		case l.talk != nil:
			u := byTalk[l.talk]
			if u == nil {
				u = &unit{talk: l.talk}
				byTalk[l.talk] = u
				out = append(out, u)
			}
			u.lines = append(u.lines, l.line)
			continue
		case key != "":
			if cur = byKey[key]; cur == nil {
				cur = &unit{key: key}
				byKey[key] = cur
				out = append(out, cur)
			}
		case cur == nil || cur.key != "" && !indented(l.text):
			cur = &unit{}
			out = append(out, cur)
		}
		cur.lines = append(cur.lines, l.line)
	}
	return out
}

// logKey is what lines about one message or connection of a log share; "" for a line of no log.
func logKey(s string) string {
	if m := logLine.FindStringSubmatch(s); m != nil {
		if m[3] != "" {
			return m[3]
		}
		return m[1] + " " + m[2]
	}
	if m := eximLine.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

func indented(s string) bool { return s != "" && (s[0] == ' ' || s[0] == '\t') }

// ownLine is a line that is indented and stands for itself all the same: of a stack trace, or a property of an error.
var ownLine = lazily(`^\s*(?:at |from /|from |File "|• |[\w.$]+(?:Exception|Error): |["']?(?:code|errno|syscall|address|port|command|response|responseCode|hostname|library|function|reason|name|message|rejected|rejectedErrors)["']?: ['"\d{\[-]|---|>>>|<<<|\()`)

// stackLine is a line of a stack trace, which says nothing.
var stackLine = lazily(`^\s*(?:at [\w.$<>\[\]]+(?: \[as \w+\])? ?\(|at (?:async )?\S+:\d+:\d+|at [\w.$<>]+\.[\w.$<>]+\(|from /\S+:\d+:in|File "[^"]+", line \d+|\.\.\. \d+ more|#\d+ /\S+\(\d+\))`)

// unfold joins the lines that were wrapped, takes out stack traces, and puts the lines of a long reply together.
func unfold(lines []line) []line {
	var out []line
	for _, l := range lines {
		if strings.TrimSpace(l.text) == "" || stackLine.MatchString(l.text) {
			continue
		}
		if n := len(out); n > 0 {
			prev := strings.TrimLeft(out[n-1].text, " \t")
			if indented(l.text) && !ownLine.MatchString(l.text) && len(prev) < maxQuote {
				out[n-1].text += " " + strings.TrimSpace(l.text)
				continue
			}
			this := strings.TrimLeft(l.text, " \t")
			if len(prev) > 4 && isReplyLine(prev) && prev[3] == '-' && isReplyLine(this) && this[:3] == prev[:3] && len(prev) < maxQuote {
				out[n-1].text = prev + " " + this
				continue
			}
		}
		out = append(out, l)
	}
	return out
}
