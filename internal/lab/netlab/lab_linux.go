package netlab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Lab is one running network.
type Lab struct {
	Case   Case
	CAFile string // the authorities of the lab's servers: to the device they are the public web's

	starter Starter
	prefix  string // of the names of its namespaces
	dir     string
	trust   string // the device's own roots
	made    []namespace
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	ended   []func() // what Close does first, last first

	pem []byte // of the authorities
}

// A Starter makes labs. The zero value does, but for cases with real mail servers.
type Starter struct {
	// RealServer starts a real mail server in the namespace of the calling thread, with its files in dir. nil: there is none.
	// It returns the server's HOST:PORT and its authority in PEM. See realserver.LaunchNamed.
	RealServer func(ctx context.Context, dir, name string) (addr string, ca []byte, stop func(), err error)
}

var labs atomic.Int64 // made by this process so far

// Unavailable says why no lab can be made here; nil if one can.
func Unavailable() error {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Errorf("needs root, this is user %d", uid)
	}
	for _, p := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(p); err != nil {
			return fmt.Errorf("needs the program %s", p)
		}
	}
	return nil
}

// Start is that of the zero Starter.
func Start(ctx context.Context, c Case) (*Lab, error) { return Starter{}.Start(ctx, c) }

// Start makes a lab with the fault of the case in it, ready for check. Close must be called even if ctx has ended.
func (s Starter) Start(ctx context.Context, c Case) (*Lab, error) {
	if err := Unavailable(); err != nil {
		return nil, err
	}
	sweep()
	l := &Lab{Case: c, starter: s, prefix: prefix(os.Getpid(), labs.Add(1))}
	l.ctx, l.cancel = context.WithCancel(ctx)
	if err := l.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("case %s: %w", c.Name, err), l.Close())
	}
	return l, nil
}

// prefix begins the names of a lab's namespaces; sweep reads it.
func prefix(pid int, lab int64) string { return fmt.Sprintf("stlab%d-%d-", pid, lab) }

func (l *Lab) start() (err error) {
	if l.dir, err = os.MkdirTemp("", "smtptriage-netlab-"); err != nil {
		return err
	}
	if err := os.Chmod(l.dir, 0o777); err != nil { // check may run as another user
		return err
	}
	steps := []func() error{
		l.build, l.writeCertificates, l.startResolvers, l.startServers, l.startSinks, l.startProxies, l.startRealServer,
		l.writeDeviceFiles, l.startPrograms, l.makeFault, l.hold,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Close ends everything in the lab, and removes its namespaces and files.
func (l *Lab) Close() error {
	l.cancel()
	for i := len(l.ended) - 1; i >= 0; i-- {
		l.ended[i]()
	}
	l.ended = nil
	var errs []error
	for _, ns := range l.made {
		errs = append(errs, ns.remove())
	}
	l.made = nil
	l.wg.Wait()
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

func (l *Lab) ns(n Node) namespace { return namespace{l.prefix + string(n)} }

func (l *Lab) path(name string) string { return filepath.Join(l.dir, name) }

// Dir is a folder that goes with the lab, and that every user may write to.
func (l *Lab) Dir() string { return l.dir }

// Command is a command on a node, with the files of /etc that the lab gives to it. The process and its children are one
// process group.
func (l *Lab) Command(ctx context.Context, at Node, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.ns(at).name, program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// Args are the arguments of check.
func (l *Lab) Args() []string {
	args := []string{l.Case.Target, "--ca-file", l.CAFile}
	for _, f := range l.Case.Flags {
		args = append(args, l.expand(f))
	}
	return args
}

// Env is the environment of check: the device has no roots of its own but what the case makes it trust.
func (l *Lab) Env() []string {
	return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SSL_CERT_FILE=" + l.trust, "SSL_CERT_DIR=/nonexistent", "HOME=" + l.dir, "NO_COLOR=1"}
}

// writeDeviceFiles gives the device the files that its flags name, its resolver, and its hosts file.
func (l *Lab) writeDeviceFiles() error {
	dir := l.ns(Device).etc()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	resolv := l.Case.Resolv
	if resolv == "" {
		resolv = "nameserver " + siteResolver
	}
	files := map[string]string{
		"resolv.conf":   resolv + "\n",
		"hosts":         "127.0.0.1 localhost\n::1 localhost\n" + l.Case.Hosts + "\n",
		"nsswitch.conf": "hosts: files dns\n",
	}
	for name, text := range l.Case.Files {
		if err := os.WriteFile(l.path(name), []byte(text), 0o644); err != nil { // check may run as another user
			return err
		}
	}
	for name, text := range files {
		if _, err := os.Stat("/etc/" + name); err != nil {
			continue // there is nothing that it could be laid over
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// makeFault runs the shell lines of the case.
func (l *Lab) makeFault() error {
	for _, c := range l.Case.Commands {
		if err := l.ns(c.At).run("", "sh", "-ec", l.expand(c.Line)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) expand(s string) string { return strings.ReplaceAll(s, "{dir}", l.dir) }

// hold keeps connections of the device open: other traffic of the site.
func (l *Lab) hold() error {
	for _, addr := range l.Case.Holds {
		conn, err := l.ns(Device).dial(l.ctx, addr)
		if err != nil {
			return fmt.Errorf("holding a connection: %w", err)
		}
		l.ended = append(l.ended, func() { conn.Close() })
	}
	return nil
}

// startPrograms runs the real programs of the case, and waits until they listen.
func (l *Lab) startPrograms() error {
	for _, p := range l.Case.Programs {
		if err := l.startProgram(p); err != nil {
			return err
		}
	}
	return nil
}

func (l *Lab) startProgram(p Program) error {
	for name, text := range p.Files {
		if err := os.WriteFile(l.path(name), []byte(l.expand(text)), 0o600); err != nil {
			return err
		}
	}
	args := make([]string, len(p.Args))
	for i, a := range p.Args {
		args[i] = l.expand(a)
	}
	log, err := os.Create(l.path(args[0] + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := l.Command(l.ctx, p.At, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	l.wg.Go(func() {
		cmd.Wait()
		close(gone)
	})
	return l.awaitListener(p, gone)
}

func (l *Lab) awaitListener(p Program, gone <-chan struct{}) error {
	const patience, pause = 10 * time.Second, 20 * time.Millisecond
	ready, err := netip.ParseAddrPort(p.Ready)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Args[0], err)
	}
	for waited := time.Duration(0); waited < patience; waited += pause {
		if l.ns(p.At).listening(ready) {
			return nil
		}
		select {
		case <-gone:
			return fmt.Errorf("%s ended before it listened at %s: %s", p.Args[0], p.Ready, l.Log(p.Args[0]))
		case <-l.ctx.Done():
			return l.ctx.Err()
		case <-time.After(pause):
		}
	}
	return fmt.Errorf("%s does not listen at %s: %s", p.Args[0], p.Ready, l.Log(p.Args[0]))
}

// Log is what a program of the case has printed.
func (l *Lab) Log(program string) string {
	b, _ := os.ReadFile(l.path(program + ".log"))
	return string(b)
}

// serve listens at a node until the lab closes, and has every connection handled.
func (l *Lab) serve(at Node, addr string, handle func(context.Context, net.Conn)) error {
	ln, err := l.ns(at).listen(addr)
	if err != nil {
		return err
	}
	l.ended = append(l.ended, func() { ln.Close() })
	l.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			l.wg.Go(func() {
				defer conn.Close()
				stop := context.AfterFunc(l.ctx, func() { conn.Close() })
				defer stop()
				handle(l.ctx, conn)
			})
		}
	})
	return nil
}

// place finds the node and the addresses of a "HOST:PORT" or "NODE:PORT".
func place(at string) (Node, host, []string, error) {
	name, port, err := net.SplitHostPort(at)
	if err != nil {
		return "", host{}, nil, err
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", host{}, nil, fmt.Errorf("%s: bad port", at)
	}
	for _, n := range nodes {
		if string(n) == name {
			return n, host{name: mailHost}, []string{":" + port}, nil
		}
	}
	h, ok := findHost(name)
	if !ok {
		return "", host{}, nil, fmt.Errorf("no host or node named %q", name)
	}
	var addrs []string
	for _, a := range h.addrs {
		addrs = append(addrs, net.JoinHostPort(a, port))
	}
	return Internet, h, addrs, nil
}
