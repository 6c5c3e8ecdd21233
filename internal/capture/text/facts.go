package text

import (
	"net/netip"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A writer makes events of findings.
type writer struct {
	talk   *talk
	folded string
}

func (w writer) write(f finding) {
	t, m := w.talk, f.means
	switch {
	case f.reply != nil:
		w.reply(f)
	case m.ok != "":
		if !t.refused && !t.ended {
			w.accepted(f)
		}
	case m.socket != "":
		w.socket(f)
	case m.lookup != noLookup:
		w.lookup(f)
	case m.tls != "":
		if m.tls == evidence.TLSNotTLS && !t.spoken && spokeBefore(w.folded) {
			w.sentFor("STARTTLS")
		}
		t.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: m.tls, Text: clip(f.text)}})
		t.sees.TLS = true
	case m.alert != nil:
		w.alert(f)
	case m.cert != "":
		t.add(evidence.Event{Chain: &evidence.Chain{Verified: []evidence.Verified{{Name: t.host(), Problem: m.cert, Text: clip(f.text)}}}})
		t.sees.TLS = true
	case m.said != "":
		t.said(m.said, f.text, f.n)
	}
}

func (t *talk) host() string {
	var h string
	t.rec.Update(func(tr *evidence.Trace) { h = tr.Walk.Host })
	return h
}

// sentFor records the command that a line says was sent, without what it does not say.
func (w writer) sentFor(verb string) int {
	t := w.talk
	if verb == evidence.Message {
		i := t.rec.Message(0, evidence.Sent{Done: true})
		t.asked(i, verb)
		return i
	}
	words := map[string]string{"MAIL": "MAIL FROM:", "RCPT": "RCPT TO:"}[verb]
	if words == "" {
		words = verb
	}
	if verb == "AUTH" && strings.Contains(w.folded, "auth xoauth2") {
		words = "AUTH XOAUTH2"
	}
	i := t.rec.Command(0, []byte(words), smtp.CRLF)
	t.asked(i, verb)
	return i
}

func (w writer) reply(f finding) {
	t := w.talk
	t.flush()
	r := f.reply.reply()
	t.refused = t.refused || f.refuses()
	switch f.verb {
	case "":
		t.rec.Reply(0, r, -1, nil, 0)
		t.markUnasked()
	case waitGreeting:
		t.greeted = true
		t.rec.Reply(0, r, -1, nil, 0)
	default:
		t.rec.Reply(0, r, w.sentFor(f.verb), nil, 0)
	}
	t.pending = nil
}

// accepted records that a log says that the server took the message.
func (w writer) accepted(f finding) {
	t := w.talk
	t.rec.Reply(0, smtp.Reply{Code: 250, Text: []string{clip(f.text)}, Complete: true}, w.sentFor(f.means.ok), nil, 0)
	t.pending = nil
}

func (w writer) socket(f finding) {
	t, m := w.talk, f.means
	if m.wait == dial && !t.spoken && !t.greeted {
		p := placeIn(f.text)
		if !p.addr.IsValid() {
			p.addr = t.address()
		}
		if p.port == 0 {
			p.port = t.port()
		}
		t.sees.Dial = true
		t.add(evidence.Event{Dialed: &evidence.Dialed{Address: netip.AddrPortFrom(p.addr, uint16(p.port)), Outcome: m.socket, Errno: m.errno, Text: clip(f.text)}})
		return
	}
	if t.ended {
		return
	}
	wait := m.wait
	if wait != dial && wait != "" && !t.spoken {
		t.dialed(t.address(), t.port()) // there was a connection, or it could not have ended there
	}
	if wait == dial || wait == "" {
		wait = t.waitingNow()
	}
	switch wait {
	case waitHandshake:
		t.sees.TLS = true
		t.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSEnded, Outcome: m.socket, Text: clip(f.text)}})
	case "", waitGreeting:
	default:
		if len(t.pending) == 0 && !t.spoken {
			w.sentFor(wait)
		}
	}
	t.ended, t.sees.End = true, true
	t.add(evidence.Event{Ended: &evidence.Ended{Outcome: m.socket, Waiting: wait, Errno: m.errno, Text: clip(f.text)}})
}

// waitingNow is what a dialogue waited for when it ended; of a text that shows none, nothing is known.
func (t *talk) waitingNow() string {
	if !t.spoken && !t.connected {
		return ""
	}
	return t.waiting()
}

func (t *talk) address() netip.Addr {
	var a netip.Addr
	t.rec.Update(func(tr *evidence.Trace) { a = tr.Address.Addr() })
	return a
}

func (t *talk) port() int {
	var p int
	t.rec.Update(func(tr *evidence.Trace) { p = tr.Walk.Port })
	return p
}

func (w writer) lookup(f finding) {
	host := placeIn(f.text).host
	if host == "" {
		host = w.talk.host()
	}
	if host != "" {
		w.talk.at(host, netip.Addr{}, 0)
	}
	l := evidence.Lookup{Server: "system", Name: host, Type: "ADDR", Text: clip(f.text)}
	switch f.means.lookup {
	case nameUnknown:
		l.NotFound = true
	case resolverFails:
		l.Outcome = evidence.Failed
	}
	w.talk.sees.Dial = true
	w.talk.add(evidence.Event{Lookup: &l})
	if host != "" {
		return
	}
	if l.NotFound {
		w.talk.said(evidence.SaidNameFailed, f.text, f.n)
	} else {
		w.talk.said(evidence.SaidResolverFailed, f.text, f.n)
	}
}

// alert records an alert. A server's log of one is about its client.
func (w writer) alert(f finding) {
	t := w.talk
	from := evidence.Server
	if t.sees.ServerSide {
		from = evidence.Client
	}
	t.sees.TLS = true
	t.add(evidence.Event{Alert: &evidence.Alert{From: from, Alert: tlswire.Alert{Level: tlswire.Fatal, Description: *f.means.alert}}})
	t.add(evidence.Event{TLSFailed: &evidence.TLSFailed{How: evidence.TLSAlerted, Text: clip(f.text)}})
}
