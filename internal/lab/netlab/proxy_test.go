package netlab

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
)

// TestMeddlers holds one conversation through each kind of proxy: what the server says is fixed, and what the client gets
// in answer to EHLO and STARTTLS is looked at.
func TestMeddlers(t *testing.T) {
	const masked = "220 ********"
	tests := []struct {
		does            Meddling
		greeting, hello string
		startTLS        string
	}{
		{PassOn, "220 mx ready", "250-mx|250-STARTTLS|250 SIZE 1", "220 go"},
		{StripSTARTTLS, "220 mx ready", "250-mx|250 SIZE 1", "220 go"},
		{MaskSTARTTLS, "220 mx ready", "250-mx|250-XXXXXXXA|250 SIZE 1", `500 5.5.1 Command unrecognized: "XXXXXXXX"`},
		{MaskBanner, masked, "250-mx|250-STARTTLS|250 SIZE 1", "220 go"},
		{RefuseEHLO, "220 mx ready", "500 5.5.1 Command unrecognized", "220 go"},
		{RefuseSTARTTLS, "220 mx ready", "250-mx|250-STARTTLS|250 SIZE 1", "454 4.7.0 TLS not available due to local problem"},
		{CutAfterEHLO, "220 mx ready", "", ""},
	}
	for _, tt := range tests {
		t.Run(string(tt.does), func(t *testing.T) {
			client, atProxy := net.Pipe()
			toServer, server := net.Pipe()
			defer client.Close()
			defer server.Close()
			go answerer(server)
			go meddlers[tt.does].relay(atProxy, toServer)
			r := bufio.NewReader(client)
			for _, step := range []struct{ command, want string }{
				{"", tt.greeting}, {"EHLO client.example.com", tt.hello}, {"STARTTLS", tt.startTLS},
			} {
				if step.want == "" && step.command == "STARTTLS" {
					break
				}
				if step.command != "" {
					io.WriteString(client, step.command+"\r\n")
				}
				if got := readReply(r); got != step.want {
					t.Errorf("%s: got %q, want %q", step.command, got, step.want)
				}
			}
			if tt.startTLS != "220 go" {
				return
			}
			// Past STARTTLS octets are octets, whatever they look like.
			io.WriteString(client, "EHLO\nx")
			echo := make([]byte, 6)
			if _, err := io.ReadFull(r, echo); err != nil || string(echo) != "EHLO\nx" {
				t.Errorf("after STARTTLS: %q, %v", echo, err)
			}
		})
	}
}

// answerer is a server with the replies that the tests expect, and an echo after STARTTLS.
func answerer(conn net.Conn) {
	io.WriteString(conn, "220 mx ready\r\n")
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch strings.TrimSpace(line) {
		case "STARTTLS":
			io.WriteString(conn, "220 go\r\n")
			io.Copy(conn, r)
			return
		default:
			io.WriteString(conn, "250-mx\r\n250-STARTTLS\r\n250 SIZE 1\r\n")
		}
	}
}

// readReply is one reply, its lines joined by bars; "" when the connection ends.
func readReply(r *bufio.Reader) string {
	var lines []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return ""
		}
		line = strings.TrimRight(line, "\r\n")
		lines = append(lines, line)
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(lines, "|")
		}
	}
}
