package realserver

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"
)

// earlierWait bounds the conversation that a case has before its client comes.
const earlierWait = 10 * time.Second

// converseEarlier has a conversation with the server and leaves it open until the server stops.
func (s *Server) converseEarlier(c *conversation) error {
	if c == nil {
		return nil
	}
	conn, err := net.DialTimeout("tcp", s.Addr, earlierWait)
	if err != nil {
		return fmt.Errorf("earlier conversation: %w", err)
	}
	s.stop = append(s.stop, func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(earlierWait)); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	if err := readPositive(r); err != nil {
		return fmt.Errorf("earlier conversation: greeting: %w", err)
	}
	for _, command := range *c {
		if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
			return fmt.Errorf("earlier conversation: %s: %w", command, err)
		}
		if err := readPositive(r); err != nil {
			return fmt.Errorf("earlier conversation: %s: %w", command, err)
		}
	}
	return nil
}

// readPositive reads one reply, which must be a 2xx.
func readPositive(r *bufio.Reader) error {
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, "2") {
			return fmt.Errorf("got %q", line)
		}
		if len(line) > 3 && line[3] != '-' {
			return nil
		}
	}
}
