package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What listen has to stand.
const (
	crowd       = 2000 // connections at once
	bigClients  = 20
	bigMessage  = 200 << 20 // octets
	maxResident = 256 << 20
)

// A listener is the program listening, with its reports in a file.
type listener struct {
	cmd     *exec.Cmd
	addr    string
	reports string
}

// benchListen loads one server twice: with a crowd that is connected all at once, and with large messages.
func benchListen(ctx context.Context, b *bench) error {
	var errs []error
	for _, load := range []struct {
		name string
		want int
		run  func(ctx context.Context, addr string) error
	}{
		{fmt.Sprintf("%d connections at once", crowd), crowd, crowdOf(crowd)},
		{fmt.Sprintf("%d clients, %d MiB each", bigClients, bigMessage>>20), bigClients, bigMessages},
	} {
		if err := b.underLoad(ctx, load.name, load.want, load.run); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", load.name, err))
		}
	}
	return errors.Join(errs...)
}

// underLoad runs one load against a fresh server, and looks that every conversation was reported, and at the memory.
func (b *bench) underLoad(ctx context.Context, name string, want int, load func(context.Context, string) error) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	l, err := b.listen(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	loadErr := load(ctx, l.addr)
	took := time.Since(began)
	peak, err := l.end()
	if err != nil {
		return errors.Join(loadErr, err)
	}
	taken, err := l.accepted()
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%-32s %8.1f s   %d of %d taken and reported   %d MiB resident at the most (%d allowed)\n",
		name, took.Seconds(), taken, want, peak>>20, maxResident>>20)
	switch {
	case loadErr != nil:
		return loadErr
	case taken != want:
		return fmt.Errorf("%d of %d conversations are in the reports", taken, want)
	case peak > maxResident:
		return fmt.Errorf("%d MiB resident", peak>>20)
	}
	return nil
}

var portLine = regexp.MustCompile(`port (\d+) .*STARTTLS`)

// listen starts the program on a free port of this machine.
func (b *bench) listen(ctx context.Context) (*listener, error) {
	l := &listener{reports: filepath.Join(b.dir, "listen.json")}
	l.cmd = exec.CommandContext(ctx, b.program, "listen", "--as", "generic", "--accept", "--bind", "127.0.0.1", "--port", "0", "--per-address", "4000",
		"--format", "json", "-o", l.reports)
	l.cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(b.dir, "config"))
	stderr, err := l.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, err
	}
	r := bufio.NewReader(stderr)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("listen ended before it listened: %w", err)
		}
		if m := portLine.FindStringSubmatch(line); m != nil {
			l.addr = "127.0.0.1:" + m[1]
			go io.Copy(io.Discard, r)
			return l, nil
		}
	}
}

// end stops the program as Ctrl-C does, and returns the most memory that it had.
func (l *listener) end() (peak int64, err error) {
	time.Sleep(500 * time.Millisecond) // for the last report
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	if err := l.cmd.Process.Signal(os.Interrupt); err != nil {
		return 0, err
	}
	l.cmd.Wait() // its status is that of the last verdict
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("the system does not tell how much memory it took")
}

// accepted counts the reports of mail that was taken.
func (l *listener) accepted() (int, error) {
	f, err := os.Open(l.reports)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, verdict := 0, false
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		switch line := bytes.TrimSpace(sc.Bytes()); {
		case bytes.HasPrefix(line, []byte(`"verdict": {`)):
			verdict = !bytes.HasPrefix(sc.Bytes(), []byte("   ")) // of the document, not of a path
		case verdict && bytes.HasPrefix(line, []byte(`"cause": "accepted"`)):
			n++
			verdict = false
		}
	}
	return n, sc.Err()
}

// crowdOf opens n connections, greets on all of them, and only then sends one small message on each.
func crowdOf(n int) func(context.Context, string) error {
	return func(ctx context.Context, addr string) error {
		var greeted, done sync.WaitGroup
		greeted.Add(n)
		errs := make(chan error, n)
		for range n {
			done.Go(func() {
				if err := oneOfCrowd(ctx, addr, &greeted); err != nil {
					errs <- err
				}
			})
		}
		done.Wait()
		if len(errs) > 0 {
			return fmt.Errorf("%d of %d failed, the first: %w", len(errs), n, <-errs)
		}
		return nil
	}
}

func oneOfCrowd(ctx context.Context, addr string, greeted *sync.WaitGroup) error {
	here := sync.OnceFunc(greeted.Done)
	defer here()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	r := bufio.NewReader(conn)
	if err := converse(conn, r, "", "EHLO crowd.example.com\r\n"); err != nil {
		return err
	}
	here()
	greeted.Wait() // all are connected now
	return converse(conn, r, "MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.com>\r\n", "DATA\r\n",
		"From: a@example.com\r\nDate: Fri, 20 Nov 2026 09:00:00 +0000\r\n\r\nhello\r\n.\r\n", "QUIT\r\n")
}

// converse sends each line and takes the reply to it; "" only takes one.
func converse(conn net.Conn, r *bufio.Reader, lines ...string) error {
	for _, line := range lines {
		if _, err := io.WriteString(conn, line); err != nil {
			return err
		}
		for {
			reply, err := r.ReadString('\n')
			if err != nil {
				return err
			}
			if reply[0] > '3' {
				return fmt.Errorf("%q is answered %q", line, reply)
			}
			if len(reply) < 4 || reply[3] != '-' {
				break
			}
		}
	}
	return nil
}

// bigMessages lets Postfix's test client send large messages side by side.
func bigMessages(ctx context.Context, addr string) error {
	program, err := exec.LookPath("/usr/sbin/smtp-source")
	if err != nil {
		return fmt.Errorf("smtp-source of Postfix is not there: see make setup: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-s", strconv.Itoa(bigClients), "-m", strconv.Itoa(bigClients), "-l", strconv.Itoa(bigMessage),
		"-f", "a@example.com", "-t", "b@example.com", addr)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}
