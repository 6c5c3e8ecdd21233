package realserver

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// greylistAction is the answer for a client that was not seen before, in the words of Postgrey.
const greylistAction = "DEFER_IF_PERMIT Greylisted, see http://www.example.com/greylisting.html"

// greylistDelay is how long a client has to wait.
const greylistDelay = 5 * time.Minute

// A policy answers Postfix's policy requests: who comes for the first time has to come again later. The protocol is
// name=value lines, ended by an empty line; the answer is an action and an empty line (SMTPD_POLICY_README).
type policy struct {
	mu    sync.Mutex
	first map[string]time.Time // when each triple of client, sender and recipient came first
}

// servePolicy answers at a socket in the server's folder until the server stops.
func (s *Server) servePolicy() error {
	l, err := net.Listen("unix", s.path("policy"))
	if err != nil {
		return fmt.Errorf("policy service: %w", err)
	}
	if err := os.Chmod(s.path("policy"), 0o777); err != nil { // Postfix asks as a user of its own
		return err
	}
	var serving sync.WaitGroup
	p := &policy{first: make(map[string]time.Time)}
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			serving.Go(func() { p.serve(conn) })
		}
	})
	// The server, which holds the connections open, has ended when this runs.
	s.stop = append(s.stop, func() {
		l.Close()
		serving.Wait()
	})
	return nil
}

func (p *policy) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	request := make(map[string]string)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			request[name] = value
			continue
		}
		if _, err := fmt.Fprintf(conn, "action=%s\n\n", p.decide(request, time.Now())); err != nil {
			return
		}
		clear(request)
	}
}

func (p *policy) decide(request map[string]string, now time.Time) string {
	triple := request["client_address"] + " " + request["sender"] + " " + request["recipient"]
	p.mu.Lock()
	defer p.mu.Unlock()
	first, seen := p.first[triple]
	if !seen {
		p.first[triple] = now
	}
	if !seen || now.Sub(first) < greylistDelay {
		return greylistAction
	}
	return "DUNNO"
}
