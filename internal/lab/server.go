package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// maxConns bounds the connections a server holds at once. Further ones wait to be accepted.
const maxConns = 256

// A Server plays one case. It is safe for many connections at once.
type Server struct {
	TimeScale float64  // scripted delays are multiplied by it; 0 means 1
	Names     []string // further host names that its certificate is good for

	script Script
	target string
	ca     *authority

	mu    sync.Mutex
	certs map[string]tls.Certificate // by the address it is reached at
	ids   int
}

// NewServer makes a server for a case, with a certificate authority of its own.
func NewServer(c Case) (*Server, error) {
	ca, err := newAuthority(pkix.Name{CommonName: "smtptriage lab CA", Organization: []string{"smtptriage lab"}})
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	return &Server{script: c.Script, target: hostOf(c.Target), ca: ca, certs: make(map[string]tls.Certificate)}, nil
}

// NameCA gives the server an authority of another name. It must come before the first connection.
func (srv *Server) NameCA(commonName string) (err error) {
	srv.ca, err = newAuthority(pkix.Name{CommonName: commonName})
	return err
}

// CA is the certificate of the server's authority in PEM, for a client that is to trust it. Scripts that show an
// untrusted certificate use another authority.
func (srv *Server) CA() []byte { return srv.ca.pem() }

// Serve takes connections until ctx ends, and returns when the last of them is over. It closes ln.
func (srv *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer ln.Close()
	slots := make(chan struct{}, maxConns)
	for {
		conn, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("lab: listener of %v: %w", ln.Addr(), err)
		case err != nil: // out of files, or the client left before it was accepted
			time.Sleep(10 * time.Millisecond)
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			srv.ServeConn(ctx, conn)
		})
	}
}

// ServeConn holds one conversation, to its end or that of ctx, and closes conn.
func (srv *Server) ServeConn(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithTimeout(ctx, maxLife)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	s := &session{
		ctx:    ctx,
		server: srv,
		script: &srv.script,
		wire:   newWire(ctx, conn, srv.script.wire),
		counts: make(map[Event]int),
	}
	s.run()
}

// nextID is an id as Exchange writes them, another one each time.
func (srv *Server) nextID() string {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.ids++
	return fmt.Sprintf("08DE%012X", 0x2A9F3C5D11+srv.ids)
}

// certificateFor is the certificate shown to clients that reached the server at ip, the same each time.
func (srv *Server) certificateFor(ip net.IP) (tls.Certificate, error) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if c, ok := srv.certs[ip.String()]; ok {
		return c, nil
	}
	names := slices.Concat([]string{srv.script.serverName()}, srv.Names, []string{"localhost"})
	if srv.target != "" && net.ParseIP(srv.target) == nil {
		names = append(names, srv.target)
	}
	ips := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if ip != nil {
		ips = append(ips, ip)
	}
	c, err := makeCertificate(srv.script.tls, srv.ca, names, ips)
	if err != nil {
		return tls.Certificate{}, err
	}
	srv.certs[ip.String()] = c
	return c, nil
}

// localIP is the address the client reached; nil for a pipe.
func (s *session) localIP() net.IP {
	if addr, ok := s.wire.metered.LocalAddr().(*net.TCPAddr); ok {
		return addr.IP
	}
	return nil
}

// hostOf is the host of HOST or HOST:PORT.
func hostOf(target string) string {
	if host, _, err := net.SplitHostPort(target); err == nil {
		return host
	}
	return target
}
