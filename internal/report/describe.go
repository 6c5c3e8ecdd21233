package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// describe says in one line what an event was that is no line of the dialogue. Its texts are not clean yet.
func describe(e *evidence.Event) string {
	switch {
	case e.Lookup != nil:
		return describeLookup(e.Lookup)
	case e.Dialed != nil:
		return describeDial(e.Dialed)
	case e.Bytes != nil:
		return describeBytes(e.Bytes)
	case e.ClientHello != nil:
		return describeClientHello(e.ClientHello)
	case e.ServerHello != nil:
		return fmt.Sprintf("TLS ServerHello: %s, %s", e.ServerHello.Version, e.ServerHello.Suite)
	case e.Alert != nil:
		return "TLS alert from the " + sideName(e.Alert.From) + ": " + e.Alert.Alert.String()
	case e.Chain != nil:
		return describeChain(e.Chain)
	case e.Secured != nil:
		return "TLS is up: " + joined(", ", e.Secured.Version, e.Secured.Suite, e.Secured.Group)
	case e.TLSFailed != nil:
		return describeTLSFailure(e.TLSFailed)
	case e.Ended != nil:
		return describeEnd(e.Ended)
	case e.TCP != nil:
		return describeTCP(e.TCP)
	case e.Segments != nil:
		return describeSegments(e.Segments)
	case e.Hop != nil:
		return describeHop(e.Hop)
	case e.Size != nil:
		return describeSize(e.Size)
	case e.SignIn != nil:
		return describeSignIn(e.SignIn)
	case e.Mail != nil:
		return describeMail(e.Mail)
	case e.Said != nil:
		return "said: " + e.Said.Text
	case e.SPF != nil:
		return strings.TrimSpace(fmt.Sprintf("SPF of %s for %s: %s %s", e.SPF.Domain, e.SPF.Address, e.SPF.Result, e.SPF.Why))
	case e.Note != nil:
		return "note: " + e.Note.Text
	}
	return ""
}

func describeLookup(l *evidence.Lookup) string {
	var got []string
	for _, rr := range l.Answers {
		got = append(got, rr.Data)
	}
	result := joined(" ", l.RCode, strings.Join(got, ", "))
	switch {
	case result != "" && len(got) == 0:
		result += ", no records"
	case result == "" && l.NotFound:
		result = "no such name"
	case result == "":
		result = joined(", ", outcomeWords(l.Outcome), l.Text)
	}
	return fmt.Sprintf("DNS %s %s at %s: %s", l.Type, l.Name, l.Server, result)
}

func describeDial(d *evidence.Dialed) string {
	if d.Outcome == evidence.Connected {
		return "connected to " + d.Where()
	}
	s := "connecting to " + d.Where() + ": " + joined(", ", outcomeWords(d.Outcome), d.Errno)
	if d.Offender != nil {
		s += ", says " + describeICMP(d.Offender)
	}
	if d.Waited > 0 {
		s += " (waited " + duration(d.Waited) + ")"
	}
	return s
}

func describeICMP(i *evidence.ICMP) string {
	name := "ICMP"
	if i.V6 {
		name = "ICMPv6"
	}
	s := fmt.Sprintf("%s (%s type %d code %d)", i.From, name, i.Type, i.Code)
	if i.MTU > 0 {
		s += " MTU " + strconv.Itoa(i.MTU)
	}
	return s
}

// shownBytes are how many octets of garbage a report quotes.
const shownBytes = 48

func describeBytes(b *evidence.Bytes) string {
	head := string(b.Head[:min(len(b.Head), shownBytes)])
	s := fmt.Sprintf("%s from the %s outside the dialogue", count(b.Count, "octet"), sideName(b.From))
	if b.Looks != "" {
		s += ", looks like " + b.Looks
	}
	if head != "" {
		s += ": " + strconv.QuoteToASCII(head)
	}
	return s
}

func describeClientHello(h *tlswire.ClientHello) string {
	newest := h.Version
	if len(h.SupportedVersions) > 0 {
		newest = h.SupportedVersions[0]
		for _, v := range h.SupportedVersions {
			newest = max(newest, v)
		}
	}
	s := fmt.Sprintf("TLS ClientHello: up to %s, %s", newest, count(int64(h.Size), "octet"))
	if h.ServerName != "" {
		return s + ", server name " + h.ServerName
	}
	return s + ", no server name"
}

func describeChain(c *evidence.Chain) string {
	if len(c.Certificates) == 0 {
		if len(c.Verified) > 0 { // somebody judged one that is not here
			return "a certificate that was not seen: " + string(c.Verified[0].Problem)
		}
		return "the server shows no certificate"
	}
	leaf := c.Certificates[0]
	s := "certificate: " + leaf.Subject
	if leaf.Error != "" {
		s = "certificate: unreadable, " + leaf.Error
	} else {
		s += ", issued by " + leaf.Issuer + ", valid " + leaf.NotBefore.Format(time.DateOnly) + " to " + leaf.NotAfter.Format(time.DateOnly)
	}
	for _, v := range c.Verified {
		if v.Problem == evidence.CertOK {
			s += "; verifies against " + v.Roots
		} else {
			s += "; against " + v.Roots + ": " + string(v.Problem)
		}
	}
	return s
}

func describeTLSFailure(f *evidence.TLSFailed) string {
	how := map[evidence.TLSFailure]string{
		evidence.TLSAlerted: "the server refused it with an alert",
		evidence.TLSEnded:   "the connection " + outcomeWords(f.Outcome),
		evidence.TLSNotTLS:  "the answer is not TLS",

		evidence.TLSClientAlerted: "the client refused it with an alert",
		evidence.TLSRefused:       "this client refused it",
	}[f.How]
	s := fmt.Sprintf("TLS failed: %s; %d octets sent, %d received", how, f.SentN, f.GotN)
	if f.Text != "" {
		s += " (" + f.Text + ")"
	}
	return s
}

func describeEnd(e *evidence.Ended) string {
	if e.Outcome == evidence.Aborted {
		why := map[string]string{"done": "done", "budget": "out of time", "interrupt": "interrupted"}[e.Why]
		return "connection closed from here" + parenthesis(why)
	}
	s := "the connection " + outcomeWords(e.Outcome)
	if e.By != evidence.Unknown && e.Outcome != evidence.TimedOut {
		s += " by the " + sideName(e.By)
	}
	if e.Waiting != "" {
		s += ", waiting for " + e.Waiting
	}
	if e.Waited > 0 {
		s += " for " + duration(e.Waited)
	}
	return s + parenthesis(joined(", ", e.Errno, e.Text))
}

func describeTCP(t *evidence.TCPInfo) string {
	return fmt.Sprintf("TCP: round trip %s, path MTU %d, segments of %d, %d retransmitted, %s acknowledged",
		duration(t.RTT), t.PMTU, t.SndMSS, t.Retrans, count(t.BytesAcked, "octet"))
}

// describeSegments sums up what only packets show; what is as usual is left out.
func describeSegments(s *evidence.Segments) string {
	text := fmt.Sprintf("TCP: %d packets to the server, %d from it", s.ToServer.Packets, s.ToClient.Packets)
	if s.RoundTrip > 0 {
		text += ", round trip " + duration(s.RoundTrip)
	}
	if s.SYNs > 1 {
		text += fmt.Sprintf(", %d SYNs", s.SYNs)
	}
	for _, f := range []struct {
		who  string
		flow *evidence.Flow
	}{{"client", &s.ToServer}, {"server", &s.ToClient}} {
		if odd := describeFlow(f.flow); odd != "" {
			text += "; " + f.who + ": " + odd
		}
	}
	if r := s.Reset; r != nil {
		text += fmt.Sprintf("; reset in the %s's name with TTL %d", r.From, r.TTL)
		if r.Usual != 0 {
			text += fmt.Sprintf(", its other packets have %d", r.Usual)
		}
	}
	for i := range s.ICMP {
		text += "; " + describeICMP(&s.ICMP[i].ICMP)
	}
	return text
}

func describeFlow(f *evidence.Flow) string {
	var odd []string
	add := func(n int64, format string, args ...any) {
		if n != 0 {
			odd = append(odd, fmt.Sprintf(format, args...))
		}
	}
	add(int64(f.Resent), "%d sent again", f.Resent)
	add(int64(f.Stuck), "one of %d octets sent %d times and never acknowledged (largest acknowledged %d)", f.Stuck, f.StuckTimes, f.LargestAcked)
	add(f.Held, "%d octets behind a hole that never closed", f.Held)
	add(f.Missing, "%d octets missing in the capture", f.Missing)
	add(int64(f.ZeroWindows), "window shut for %s", duration(f.ZeroFor))
	if len(f.TTLs) > 1 {
		odd = append(odd, fmt.Sprintf("TTLs %v", f.TTLs))
	}
	if f.Changed != nil {
		odd = append(odd, fmt.Sprintf("octet %d seen twice and not alike", f.Changed.Offset))
	}
	return strings.Join(odd, ", ")
}

func describeHop(h *evidence.Hop) string {
	from := "nobody answers"
	if h.From.IsValid() {
		from = h.From.String()
	}
	s := fmt.Sprintf("hop %d, port %d: %s", h.TTL, h.Port, from)
	if h.Outcome == evidence.Connected || h.Outcome == evidence.Refused {
		s += parenthesis(outcomeWords(h.Outcome))
	}
	return s
}

func describeSize(p *evidence.SizeProbe) string {
	s := fmt.Sprintf("packet of %d octets: ", p.Bytes)
	switch {
	case p.Answered:
		return s + "answered"
	case p.By != nil:
		return s + "too large, says " + describeICMP(p.By)
	}
	return s + joined(", ", "no answer", p.Text)
}

// outcomeWords are an outcome as the end of "the connection ...".
func outcomeWords(o evidence.Outcome) string {
	words := map[evidence.Outcome]string{
		evidence.Connected:   "opened",
		evidence.Refused:     "was refused",
		evidence.Reset:       "was reset",
		evidence.Closed:      "was closed",
		evidence.TimedOut:    "stayed silent",
		evidence.Unreachable: "failed: unreachable",
		evidence.Prohibited:  "failed: prohibited",
		evidence.NoRoute:     "failed: no route from this host",
		evidence.Aborted:     "was given up from here",
		evidence.Failed:      "failed",
	}
	if w, ok := words[o]; ok {
		return w
	}
	return string(o)
}

func sideName(s evidence.Side) string {
	if s == evidence.Unknown {
		return "unknown side"
	}
	return string(s)
}

func parenthesis(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// joined joins what is not empty.
func joined(sep string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, sep)
}

func count(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}

// duration is a length of time as a person reads it: "340 ms", "2.3 s", "5 min 0 s".
func duration(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 ms"
	case d < time.Millisecond:
		return "under 1 ms"
	case d < time.Second:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
}
