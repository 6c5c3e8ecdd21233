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
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A namespace is one network namespace under /run/netns.
type namespace struct{ name string }

// do calls f on a thread inside the namespace. Sockets, devices and processes made by f stay in it; goroutines that f
// starts do not run there.
func (n namespace) do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer home.Close()
		there, err := os.Open(filepath.Join("/run/netns", n.name))
		if err != nil {
			done <- err
			return
		}
		defer there.Close()
		if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("entering namespace %s: %w", n.name, err)
			return
		}
		err = f()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back == nil {
			runtime.UnlockOSThread() // otherwise the thread ends with this goroutine
		}
		done <- err
	}()
	return <-done
}

func (n namespace) listen(addr string) (ln net.Listener, err error) {
	err = n.do(func() (err error) {
		ln, err = new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
		return err
	})
	return ln, err
}

func (n namespace) listenPacket(addr string) (conn net.PacketConn, err error) {
	err = n.do(func() (err error) {
		conn, err = new(net.ListenConfig).ListenPacket(context.Background(), "udp", addr)
		return err
	})
	return conn, err
}

// dial connects from the namespace to a literal address. A dialer given a name would leave the thread.
func (n namespace) dial(ctx context.Context, addr string) (conn net.Conn, err error) {
	err = n.do(func() (err error) {
		d := net.Dialer{Timeout: 10 * time.Second}
		conn, err = d.DialContext(ctx, "tcp", addr)
		return err
	})
	return conn, err
}

// run runs a program inside the namespace to its end, with text as its standard input.
func (n namespace) run(text, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(text)
	var out []byte
	err := n.do(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %s: %w: %s", n.name, cmd, err, out)
	}
	return nil
}

// set writes kernel settings of the namespace: /proc/sys/net shows those of the thread that opens it.
func (n namespace) set(settings ...string) error {
	return n.do(func() error {
		for _, s := range settings {
			name, value, _ := strings.Cut(s, "=")
			file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
			if err := os.WriteFile(file, []byte(value), 0); err != nil {
				return fmt.Errorf("%s: %w", n.name, err)
			}
		}
		return nil
	})
}

// listening reports whether something listens at an IPv4 address and port of the namespace. The kernel's table (see
// proc_pid_net(5)) shows an address as the hexadecimal form of its octets in host order; state 0A is LISTEN.
func (n namespace) listening(at netip.AddrPort) bool {
	found := false
	a := at.Addr().As4()
	local := fmt.Sprintf("%02X%02X%02X%02X:%04X", a[3], a[2], a[1], a[0], at.Port())
	_ = n.do(func() error { // a table that can't be read shows no listener
		for table, state := range map[string]string{"tcp": "0A", "udp": "07"} {
			if table == "udp" && at.Port() != 53 {
				continue
			}
			text, err := os.ReadFile("/proc/thread-self/net/" + table)
			if err != nil {
				continue
			}
			for line := range strings.Lines(string(text)) {
				f := strings.Fields(line)
				if len(f) > 3 && f[3] == state && f[1] == local {
					found = true
				}
			}
		}
		return nil
	})
	return found
}

// pids are the processes whose first thread is in the namespace, without this one.
func (n namespace) pids() []int {
	out, err := exec.Command("ip", "netns", "pids", n.name).Output()
	if err != nil {
		return nil
	}
	var pids []int
	for _, word := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(word); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// remove ends every process in the namespace, and deletes it with its folder in /etc/netns. Processes come first: a
// namespace that is deleted around one lives on without a name.
func (n namespace) remove() error {
	const patience = 50
	for try := range patience {
		pids := n.pids()
		if len(pids) == 0 {
			break
		}
		signal := syscall.SIGTERM
		if try > patience/2 {
			signal = syscall.SIGKILL
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, signal) // it may be gone already
		}
		time.Sleep(20 * time.Millisecond)
	}
	out, err := exec.Command("ip", "netns", "del", n.name).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("deleting namespace %s: %w: %s", n.name, err, out)
	}
	return errors.Join(err, os.RemoveAll(n.etc()))
}

// etc is the folder whose files "ip netns exec" lays over those of /etc.
func (n namespace) etc() string { return filepath.Join("/etc/netns", n.name) }
