package evidence

import (
	"net/netip"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// An Exchange is a command and its reply, as indexes of a trace's events. -1: not seen.
type Exchange struct {
	Sent, Reply int
}

var noExchange = Exchange{-1, -1}

// A View finds its way about a trace: where in its events the parts of a conversation are. Each index is -1 for what
// was not seen.
type View struct {
	Trace *Trace

	Dialed      int        // the dial that connected, or else the last that failed
	Greeting    int        // Reply
	Hellos      []Exchange // EHLO and HELO before TLS
	Noops       []Exchange
	StartTLS    Exchange
	ClientHello int
	ServerHello int
	Alert       int // the last one of the handshake
	Chain       int
	Secured     int
	TLSFailed   int
	TLSHellos   []Exchange // EHLO and HELO inside TLS
	Auths       []Exchange // AUTH and its final reply, each
	Mails       []Exchange
	Rcpts       []Exchange
	Data        Exchange
	Message     Exchange // the message and the reply after its final dot
	Quit        Exchange
	Others      []Exchange // any other command
	Ended       int        // the last one
	Unasked     []int      // replies that answer nothing
	Bytes       []int      // octets outside the dialogue
	Said        []int
}

// NewView indexes a trace.
func NewView(t *Trace) *View {
	v := &View{Trace: t, Dialed: -1, Greeting: -1, StartTLS: noExchange, ClientHello: -1, ServerHello: -1, Alert: -1,
		Chain: -1, Secured: -1, TLSFailed: -1, Data: noExchange, Message: noExchange, Quit: noExchange, Ended: -1}
	for i := range t.Events {
		v.index(i)
	}
	return v
}

func (v *View) index(i int) {
	e := &v.Trace.Events[i]
	switch {
	case e.Dialed != nil:
		if v.Dialed < 0 || v.Trace.Events[v.Dialed].Dialed.Outcome != Connected {
			v.Dialed = i
		}
	case e.Sent != nil:
		v.sent(i, e.Sent)
	case e.Reply != nil:
		v.reply(i, e.Reply)
	case e.Bytes != nil:
		v.Bytes = append(v.Bytes, i)
	case e.ClientHello != nil:
		v.ClientHello = i
	case e.ServerHello != nil:
		v.ServerHello = i
	case e.Alert != nil:
		v.Alert = i
	case e.Chain != nil:
		v.Chain = i
	case e.Secured != nil:
		v.Secured = i
	case e.TLSFailed != nil:
		v.TLSFailed = i
	case e.Ended != nil:
		v.Ended = i
	case e.Said != nil:
		v.Said = append(v.Said, i)
	}
}

func (v *View) sent(i int, s *Sent) {
	x := Exchange{i, -1}
	switch s.Verb {
	case "EHLO", "HELO":
		if v.Secured < 0 {
			v.Hellos = append(v.Hellos, x)
		} else {
			v.TLSHellos = append(v.TLSHellos, x)
		}
	case "STARTTLS":
		v.StartTLS = x
	case "AUTH":
		v.Auths = append(v.Auths, x)
	case "MAIL":
		v.Mails = append(v.Mails, x)
	case "RCPT":
		v.Rcpts = append(v.Rcpts, x)
	case "DATA":
		v.Data = x
	case Message:
		v.Message = x
	case "QUIT":
		v.Quit = x
	case "NOOP":
		v.Noops = append(v.Noops, x)
	case "":
		// A continuation of AUTH: its reply is found through the AUTH before it.
	default:
		v.Others = append(v.Others, x)
	}
}

func (v *View) reply(i int, r *Reply) {
	if r.To < 0 {
		if v.Greeting < 0 && !r.Unasked {
			v.Greeting = i
		} else {
			v.Unasked = append(v.Unasked, i)
		}
		return
	}
	if x := v.exchange(r.To); x != nil {
		x.Reply = i
	}
}

// exchange finds the one that a reply to event i belongs to. A reply to an AUTH continuation is AUTH's.
func (v *View) exchange(i int) *Exchange {
	if i >= len(v.Trace.Events) || v.Trace.Events[i].Sent == nil {
		return nil
	}
	if v.Trace.Events[i].Sent.Verb == "" && len(v.Auths) > 0 {
		return &v.Auths[len(v.Auths)-1]
	}
	for _, x := range []*Exchange{&v.StartTLS, &v.Data, &v.Message, &v.Quit} {
		if x.Sent == i {
			return x
		}
	}
	for _, list := range [][]Exchange{v.Hellos, v.TLSHellos, v.Auths, v.Mails, v.Rcpts, v.Noops, v.Others} {
		for j := range list {
			if list[j].Sent == i {
				return &list[j]
			}
		}
	}
	return nil
}

// ReplyAt returns the reply at an index, or nil if the index is -1 or no reply.
func (v *View) ReplyAt(i int) *Reply {
	if i < 0 {
		return nil
	}
	return v.Trace.Events[i].Reply
}

// SentAt returns the command at an index, or nil.
func (v *View) SentAt(i int) *Sent {
	if i < 0 {
		return nil
	}
	return v.Trace.Events[i].Sent
}

// At is when the event at an index was complete, since the trace's start; 0 for -1.
func (v *View) At(i int) time.Duration {
	if i < 0 {
		return 0
	}
	return v.Trace.Events[i].At
}

// Took is how long an exchange took: from the command to its reply. ok is false if one of them was not seen.
func (v *View) Took(x Exchange) (d time.Duration, ok bool) {
	if x.Sent < 0 || x.Reply < 0 {
		return 0, false
	}
	return v.At(x.Reply) - v.At(x.Sent), true
}

// Connected reports whether the connection was seen to open, by a dial or by what came over it. Where a greeting was waited for,
// it was open.
func (v *View) Connected() bool {
	if v.Dialed >= 0 {
		return v.Trace.Events[v.Dialed].Dialed.Outcome == Connected
	}
	if e := v.Ending(); e != nil && e.Waiting == "greeting" {
		return true
	}
	return v.Greeting >= 0 || len(v.Hellos)+len(v.TLSHellos) > 0 || v.ClientHello >= 0 || v.Secured >= 0
}

// Last returns the last exchange of a list, or one not seen.
func Last(xs []Exchange) Exchange {
	if len(xs) == 0 {
		return noExchange
	}
	return xs[len(xs)-1]
}

// First returns the first exchange of a list, or one not seen.
func First(xs []Exchange) Exchange {
	if len(xs) == 0 {
		return noExchange
	}
	return xs[0]
}

// Offered returns the keywords of the last accepted EHLO before TLS (inside false) or inside it. ok is false if no such
// reply was seen whole: then what is offered is not known, which is not the same as nothing.
func (v *View) Offered(inside bool) (x smtp.Extensions, ok bool) {
	list := v.Hellos
	if inside {
		list = v.TLSHellos
	}
	for _, ex := range list {
		s, r := v.SentAt(ex.Sent), v.ReplyAt(ex.Reply)
		if s != nil && r != nil && s.Verb == "EHLO" && r.Code == 250 && r.Complete && !r.Has(smtp.FlawManyLines) {
			x, ok = smtp.ParseExtensions(r.Reply), true
		}
	}
	return x, ok
}

// Ending returns how the connection ended, or nil if that was not seen.
func (v *View) Ending() *Ended {
	if v.Ended < 0 {
		return nil
	}
	return v.Trace.Events[v.Ended].Ended
}

// Waiting returns the name of the wait that the conversation broke off in, "" if it came to its own end or that was
// not seen.
func (v *View) Waiting() string {
	if e := v.Ending(); e != nil && e.Outcome != Aborted {
		return e.Waiting
	}
	return ""
}

// ClientAddress finds the address that the server saw us come from, which servers of several makes repeat in brackets in
// their reply to EHLO: "Hello [192.0.2.1]". It is zero if none was seen.
func (v *View) ClientAddress() netip.Addr {
	for _, list := range [][]Exchange{v.TLSHellos, v.Hellos} {
		for _, x := range list {
			if r := v.ReplyAt(x.Reply); r != nil && r.Positive() && len(r.Text) > 0 {
				if a := helloAddress(r.Text[0]); a.IsValid() {
					return a
				}
			}
		}
	}
	return netip.Addr{}
}

// helloAddress takes the last address in brackets from the first line of a reply to EHLO.
func helloAddress(line string) netip.Addr {
	for {
		open := strings.LastIndexByte(line, '[')
		if open < 0 {
			return netip.Addr{}
		}
		inner, _, closed := strings.Cut(line[open+1:], "]")
		inner = strings.TrimPrefix(inner, "IPv6:")
		if a, err := netip.ParseAddr(inner); closed && err == nil {
			return a.WithZone("").Unmap()
		}
		line = line[:open]
	}
}
