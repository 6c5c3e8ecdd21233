package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// How long a connection is waited for.
const (
	connectWait = 20 * time.Second // five SYNs of Linux (0, 1, 3, 7, 15 s), four of Windows
	othersWait  = 6 * time.Second  // when another address has connected: three SYNs without an answer are enough
	headStart   = 250 * time.Millisecond
)

// A DialSpec is one connection to open.
type DialSpec struct {
	Address netip.AddrPort
	MSS     int    // TCP_MAXSEG, set before connecting; 0: the system's
	Bind    string // local address or interface; "": the system's choice
	TTL     int    // hops that packets live for; 0: the system's
}

// An opening is the dial of one address, and the trace it is in.
type opening struct {
	j       *journal
	conn    net.Conn // nil: not connected
	release func()
	limited string        // why it was not dialled; "": it was
	done    chan struct{} // closed when the dial is over
	cancel  context.CancelFunc
}

// dialAll dials each address by itself, at most MaxPerServer at once, and returns the openings in the order of the
// addresses. A dialer that races the families would hide that one of them is dead.
func (r *run) dialAll(ctx context.Context, g *group, w evidence.Walk, addrs []netip.Addr) []*opening {
	var all []*opening
	server := net.JoinHostPort(w.Host, fmt.Sprint(w.Port))
	for _, a := range addrs {
		address := netip.AddrPortFrom(a, uint16(w.Port))
		dialCtx, cancel := context.WithCancel(ctx)
		o := &opening{j: g.trace(evidence.Trace{Walk: w, Address: address}), done: make(chan struct{}), cancel: cancel}
		all = append(all, o)
		go func() {
			defer close(o.done)
			defer r.poke()
			defer cancel()
			release, err := r.open(dialCtx, server)
			if err != nil {
				o.limited = err.Error()
				o.j.note("not dialled: " + o.limited)
				return
			}
			if o.conn = r.dialOne(dialCtx, o.j, w, address); o.conn == nil {
				release()
				return
			}
			o.release = release
		}()
	}
	return all
}

// dialOne dials one address and records how that went.
func (r *run) dialOne(ctx context.Context, j *journal, w evidence.Walk, address netip.AddrPort) net.Conn {
	wait := connectWait
	if w.Wait > 0 {
		wait = w.Wait
	}
	defer time.AfterFunc(SilenceToReport, func() { r.block(); r.poke() }).Stop()
	r.contact(address.String())
	dial := r.p.Dial
	if dial == nil {
		dial = dialTCP
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	conn, d := dial(limited, DialSpec{Address: address, MSS: w.MSS, Bind: r.p.Bind})
	d.Address, d.Waited = address, time.Since(began)
	if conn == nil && d.Outcome == evidence.TimedOut && ctx.Err() != nil && d.Waited < SilenceToReport {
		d.Outcome = evidence.Aborted // too early to say that nobody answers
	}
	j.add(evidence.Event{Took: d.Waited, Dialed: &d})
	if conn == nil {
		r.block()
		return nil
	}
	j.rec.Update(func(t *evidence.Trace) { t.Local = addrPort(conn.LocalAddr()) })
	return conn
}

// first waits for the connection to walk on: that of the first address, in the resolver's order, that connects. An
// earlier address that is still silent when a later one has connected gets a head start and no more
// (RFC 8305, section 5). It returns -1 if none connects.
func first(openings []*opening) int {
	var late <-chan time.Time
	news := make(chan struct{}, len(openings))
	for _, o := range openings {
		go func() { <-o.done; news <- struct{}{} }()
	}
	waitAll := false
	for {
		open := false
		for i, o := range openings {
			select {
			case <-o.done:
				if o.conn != nil && (!open || waitAll) {
					return i
				}
				if o.conn != nil && late == nil {
					late = time.After(headStart)
				}
			default:
				open = true
			}
		}
		if !open {
			return -1
		}
		select {
		case <-news:
		case <-late:
			waitAll = true
		}
	}
}

// giveUp ends the dials that are left when another address has connected: each gets othersWait from its start, and what
// connects is closed. It returns when all of them are over.
func giveUp(openings []*opening, walked int) {
	for i, o := range openings {
		if i == walked {
			continue
		}
		timer := time.AfterFunc(max(0, othersWait-o.j.now()), o.cancel)
		<-o.done
		timer.Stop()
		if o.conn != nil {
			c := newConversation(o, evidence.Walk{})
			c.finish()
			o.release()
		}
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// limited returns the reason if a limit of the run kept all of them from being dialled, or "".
func limited(openings []*opening) string {
	reason := ""
	for _, o := range openings {
		if o.limited == "" {
			return ""
		}
		reason = o.limited
	}
	return reason
}
