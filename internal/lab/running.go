package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// A Running case has its server on a port of this machine.
type Running struct {
	Case    Case
	Server  *Server
	Host    string // address of the server
	Port    int
	Dir     string // temporary folder with the case's files and ca.pem
	CAFile  string
	DNSAddr string // address and port of the case's resolver; "" if it has none

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Start serves a case on a free port of the loopback interface until ctx ends or Stop is called.
func Start(ctx context.Context, c Case) (*Running, error) {
	srv, err := NewServer(c)
	if err != nil {
		return nil, err
	}
	return srv.Start(ctx, c, "127.0.0.1:0")
}

// Start is the function Start for a server with settings of its own, at any address of this machine.
func (srv *Server) Start(ctx context.Context, c Case, addr string) (*Running, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	host, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		ln.Close()
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &Running{Case: c, Server: srv, Host: host, cancel: cancel}
	r.Port, _ = strconv.Atoi(port) // a listener's own address
	if c.Script.closed || c.Script.noAnswer {
		ln.Close() // the port was free a moment ago: it refuses now
	} else {
		r.wg.Go(func() { srv.Serve(ctx, ln) })
	}
	if err := r.prepare(ctx); err != nil {
		r.Stop()
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	return r, nil
}

// prepare writes the case's files, and starts its resolver.
func (r *Running) prepare(ctx context.Context) (err error) {
	if r.Dir, err = os.MkdirTemp("", "smtptriage-lab-"); err != nil {
		return err
	}
	r.CAFile = filepath.Join(r.Dir, "ca.pem")
	files := map[string][]byte{"ca.pem": r.Server.CA()}
	for name, data := range r.Case.Files {
		files[name] = data
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(r.Dir, name), data, 0o600); err != nil {
			return err
		}
	}
	if len(r.Case.DNS) == 0 {
		return nil
	}
	r.DNSAddr, err = serveDNS(ctx, &r.wg, r.Case.DNS)
	return err
}

// Stop ends the server and every conversation, waits for them, and removes the files.
func (r *Running) Stop() {
	r.cancel()
	r.wg.Wait()
	if r.Dir != "" {
		os.RemoveAll(r.Dir)
	}
}

// Addr is the server's address and port.
func (r *Running) Addr() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// Target is what a client is to be given: the case's own target, or the server's address.
func (r *Running) Target() string {
	if r.Case.Target != "" {
		return strings.ReplaceAll(r.Case.Target, portMark, strconv.Itoa(r.Port))
	}
	return r.Addr()
}

// Args are the arguments of check for this case: target, trust in the lab's authority, its resolver, and its own flags.
func (r *Running) Args() []string {
	args := []string{r.Target(), "--ca-file", r.CAFile}
	if r.DNSAddr != "" {
		args = append(args, "--resolver", r.DNSAddr)
	}
	for _, f := range r.Case.Flags {
		args = append(args, strings.ReplaceAll(f, "{dir}", r.Dir))
	}
	return args
}

// Dial reaches the server whatever address is asked for: in cases whose target is a well-known name it takes the place
// of the client's dialer. A server that does not answer keeps the caller waiting until ctx ends.
func (r *Running) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	if r.Case.Script.noAnswer {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.ErrDeadlineExceeded}
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", r.Addr())
}
