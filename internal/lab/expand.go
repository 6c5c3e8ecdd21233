package lab

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// expand puts values in the place of {client-ip}, {client-name}, {now}, {host}, {id}, {tag}, {from}, {to} and {size}.
func (s *session) expand(text string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	clientName, cmd := s.clientID, s.now.command
	if cmd.Verb == "EHLO" || cmd.Verb == "HELO" {
		clientName = cmd.Args
	}
	from := ""
	if s.mailFrom != nil {
		from = *s.mailFrom
	} else if s.now.event == "MAIL" {
		from = envelopeOf(cmd)
	}
	to := s.to
	if s.now.event == "RCPT" {
		to = envelopeOf(cmd)
	}
	now, host, id := time.Now().UTC(), s.script.serverName(), s.server.nextID()
	return strings.NewReplacer(
		"{client-ip}", s.clientIP(),
		"{client-name}", clean(clientName),
		"{now}", now.Format(time.RFC1123Z),
		"{host}", host,
		"{id}", id,
		"{tag}", fmt.Sprintf("[%s %s %s]", host, now.Format("2006-01-02T15:04:05.000Z"), id),
		"{from}", clean(from),
		"{to}", clean(to),
		"{size}", fmt.Sprint(s.size),
	).Replace(text)
}

// clientIP is what the server says the client's address is.
func (s *session) clientIP() string {
	if s.script.clientIP != "" {
		return s.script.clientIP
	}
	host, _, err := net.SplitHostPort(s.wire.metered.RemoteAddr().String())
	if err != nil {
		return "192.0.2.55" // a pipe has no address
	}
	return host
}

// clean takes from what a client said all that could change the shape of a reply.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text[:min(len(text), 256)])
}
