package realserver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// startWait is how long a server may take until it listens; the slowest takes a second on an idle machine.
const startWait = 20 * time.Second

// starting holds back servers that start: more than two at once only slow each other down.
var starting = make(chan struct{}, 2)

// supported says what keeps this process from running servers.
func supported() error {
	if uid := os.Geteuid(); uid != 0 {
		return &MissingError{fmt.Sprintf("needs root, this is user %d", uid)}
	}
	return nil
}

// chooseAddress picks a loopback address that nobody else uses, so that the port found free there stays free.
func (s *Server) chooseAddress() error {
	const tries = 10
	var err error
	for range tries {
		host := net.IPv4(127, byte(1+rand.N(254)), byte(rand.N(256)), byte(1+rand.N(254))).String()
		var l net.Listener
		if l, err = net.Listen("tcp4", net.JoinHostPort(host, "0")); err != nil {
			continue
		}
		s.Host, s.Port, s.Addr = host, l.Addr().(*net.TCPAddr).Port, l.Addr().String()
		return l.Close()
	}
	return fmt.Errorf("choosing an address: %w", err)
}

// run runs script in process and mount namespaces of its own, and waits until the server listens. The shell stays the
// first process there: when it ends, the kernel ends all that it started; and it is killed when this process ends,
// which a server that changes its user could not be (the kernel then clears PR_SET_PDEATHSIG).
func (s *Server) run(ctx context.Context, script string) error {
	select {
	case starting <- struct{}{}:
		defer func() { <-starting }()
	case <-ctx.Done():
		return ctx.Err()
	}
	output, err := os.Create(s.path("output"))
	if err != nil {
		return err
	}
	defer output.Close()
	if err := s.write("start", "set -e\n"+script+"exit 0\n"); err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", s.path("start"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, output, output
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Setpgid:      true,
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			return &MissingError{"this machine allows no process namespaces: " + err.Error()}
		}
		return err
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	s.stop = append(s.stop, func() {
		cmd.Process.Kill()
		<-ended
	})
	return s.waitListening(ctx, ended)
}

// waitListening polls until the server's port is open. It does not connect: some cases count connections.
func (s *Server) waitListening(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		listening, err := isListening(s.Host, s.Port)
		if err != nil || listening {
			return err
		}
		select {
		case <-ended:
			return fmt.Errorf("%s ended before it listened on %s", s.Case.Software, s.Addr)
		case <-ctx.Done():
			return fmt.Errorf("%s does not listen on %s: %w", s.Case.Software, s.Addr, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// isListening looks for a listening socket in the kernel's table (proc_pid_net(5)), where an address is the
// hexadecimal form of its bytes in host order, and state 0A is LISTEN. The table is that of this thread's network, which
// may be another than the process' own.
func isListening(host string, port int) (bool, error) {
	table, err := os.ReadFile("/proc/thread-self/net/tcp")
	if err != nil {
		return false, err
	}
	ip := net.ParseIP(host).To4()
	local := fmt.Sprintf(" %02X%02X%02X%02X:%04X 00000000:0000 0A ", ip[3], ip[2], ip[1], ip[0], port)
	return strings.Contains(string(table), local), nil
}
