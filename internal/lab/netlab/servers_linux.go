package netlab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/lab"
)

// startServers starts the healthy servers, those of the case in their places, and writes the file with the authorities
// of them all.
func (l *Lab) startServers() error {
	scripts := make(map[string]string)
	for _, h := range hosts {
		for _, port := range sortedPorts(h) {
			scripts[net.JoinHostPort(h.name, strconv.Itoa(port))] = h.ports[port]
		}
		if h.web {
			if err := l.startWeb(h); err != nil {
				return err
			}
		}
	}
	for at, script := range l.Case.Servers {
		scripts[at] = script
	}
	if l.Case.RealServer != "" {
		delete(scripts, mailHost+":25")
	}
	for _, at := range sortedKeys(scripts) {
		if scripts[at] == "" {
			continue
		}
		if err := l.startServer(at, scripts[at]); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	l.CAFile = l.path("roots.pem")
	return os.WriteFile(l.CAFile, l.pem, 0o644)
}

// startServer starts one scripted server, on every address of its host.
func (l *Lab) startServer(at, script string) error {
	node, h, addrs, err := place(at)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n-- want --\nverdict none accepted\n-- target --\n%s\n-- server --\n%s\n", at, h.name, script)
	c, err := lab.ParseCase(at, []byte(text))
	if err != nil {
		return err
	}
	srv, err := lab.NewServer(c)
	if err != nil {
		return err
	}
	if h.issuer != "" {
		if err := srv.NameCA(h.issuer); err != nil {
			return err
		}
	}
	if node != Internet {
		srv.Names = []string{submitHost, mxHost} // it stands in for whoever is asked for
	}
	l.pem = append(l.pem, srv.CA()...)
	for _, addr := range addrs {
		if err := l.serve(node, addr, srv.ServeConn); err != nil {
			return err
		}
	}
	return nil
}

// startWeb has port 443 of a host open. Nobody asks it for more than to take a connection.
func (l *Lab) startWeb(h host) error {
	for _, a := range h.addrs {
		if err := l.serve(Internet, net.JoinHostPort(a, "443"), drain); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) startSinks() error {
	for _, at := range l.Case.Sinks {
		node, _, addrs, err := place(at)
		if err != nil {
			return err
		}
		for _, addr := range addrs {
			if err := l.serve(node, addr, drain); err != nil {
				return err
			}
		}
	}
	return nil
}

func drain(_ context.Context, conn net.Conn) { io.Copy(io.Discard, conn) }

// startRealServer runs a real mail server in the internet, and leads mail.example.com:25 to it: the kernel alone stands
// between the two ends, so what they do to each other's timing shows.
func (l *Lab) startRealServer() error {
	if l.Case.RealServer == "" {
		return nil
	}
	if l.starter.RealServer == nil {
		return fmt.Errorf("real mail servers are for the project's own tests")
	}
	dir := filepath.Join(l.dir, "realserver")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	internet := l.ns(Internet)
	var (
		server string
		ca     []byte
		stop   func()
	)
	err := internet.do(func() (err error) {
		server, ca, stop, err = l.starter.RealServer(l.ctx, dir, l.Case.RealServer)
		return err
	})
	if err != nil {
		return err
	}
	l.ended = append(l.ended, stop)
	l.pem = append(l.pem, ca...)
	if err := os.WriteFile(l.CAFile, l.pem, 0o644); err != nil {
		return err
	}
	_, _, addrs, err := place(mailHost + ":25")
	if err != nil {
		return err
	}
	// It listens on a loopback address, where packets from elsewhere may not go unless they are let.
	if err := internet.set("net.ipv4.conf.eth0.route_localnet=1"); err != nil {
		return err
	}
	var rules strings.Builder
	for _, addr := range addrs {
		if ap, err := netip.ParseAddrPort(addr); err == nil && ap.Addr().Is4() {
			fmt.Fprintf(&rules, "add rule ip nat pre ip daddr %s tcp dport %d dnat to %s\n", ap.Addr(), ap.Port(), server)
		}
	}
	return internet.run(rules.String(), "nft", "-f", "-")
}
