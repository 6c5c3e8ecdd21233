package netlab

import (
	"net"
	"time"

	"github.com/miekg/dns"
)

// startResolvers starts the resolver of the site, which the case may lead astray, and those in the internet.
func (l *Lab) startResolvers() error {
	site, err := newResolver(zone(), true, l.Case.DNS)
	if err != nil {
		return err
	}
	public, err := newResolver(zone(), false, l.Case.DNS)
	if err != nil {
		return err
	}
	if !l.Case.NoGateway {
		if err := l.startResolver(Gateway, siteResolver, site); err != nil {
			return err
		}
	}
	for _, addr := range resolvers {
		if err := l.startResolver(Internet, addr, public); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) startResolver(at Node, addr string, r *resolver) error {
	addr = net.JoinHostPort(addr, "53")
	conn, err := l.ns(at).listenPacket(addr)
	if err != nil {
		return err
	}
	ln, err := l.ns(at).listen(addr)
	if err != nil {
		conn.Close()
		return err
	}
	for _, srv := range []*dns.Server{
		{PacketConn: conn, Handler: l.handler(r, false)},
		{Listener: ln, Handler: l.handler(r, true)},
	} {
		l.wg.Go(func() { srv.ActivateAndServe() }) // until its socket is closed
	}
	l.ended = append(l.ended, func() { conn.Close(); ln.Close() })
	return nil
}

func (l *Lab) handler(r *resolver, overTCP bool) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		m, wait := r.answer(query, overTCP)
		if m == nil {
			return
		}
		if wait > 0 {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-l.ctx.Done():
				return
			}
		}
		w.WriteMsg(m)
	})
}
