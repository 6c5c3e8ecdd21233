package packets

import (
	"bytes"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// mailPorts are those on which a connection counts as mail whatever comes over it, and if nothing does.
var mailPorts = []uint16{25, 465, 587, 2525}

// maxHeld is how many octets of one side are held until it is clear what a connection is.
const maxHeld = 2048

// A candidate is a connection of which it is not known yet whether it is mail.
type candidate struct {
	r    *reader
	held []piece
	head [2][]byte // the first octets of each way
	flip bool      // the client was guessed, and wrong
	mail *conversation
}

// A piece is octets that were held back.
type piece struct {
	way  tcp.Way
	at   int64
	data []byte
	gap  int64
}

// A kind is what a connection turns out to be.
type kind int

const (
	unclear kind = iota
	mail
	mailFlipped // mail, and it is the server that was taken for the client
	other
)

func (c *candidate) way(w tcp.Way) tcp.Way {
	if c.flip {
		return w.Other()
	}
	return w
}

// Data takes octets: the conversation's, or those by which it is decided whether it is one.
func (c *candidate) Data(conn *tcp.Conn, way tcp.Way, at int64, p []byte) {
	if c.mail != nil {
		c.mail.data(c.way(way), at, p)
		return
	}
	if room := maxHeld - len(c.head[way]); room > 0 {
		c.head[way] = append(c.head[way], p[:min(room, len(p))]...)
	}
	c.held = append(c.held, piece{way: way, at: at, data: bytes.Clone(p)})
	c.decide(conn, false)
}

// Gap takes octets that the capture lacks.
func (c *candidate) Gap(conn *tcp.Conn, way tcp.Way, at, n int64) {
	if c.mail != nil {
		c.mail.gap(c.way(way), at, n)
		return
	}
	c.held = append(c.held, piece{way: way, at: at, gap: n})
	c.decide(conn, len(c.held) > 64)
}

// Held is about how much memory the connection takes.
func (c *candidate) Held() int {
	if c.mail != nil {
		return c.mail.held
	}
	n := 0
	for _, p := range c.held {
		n += len(p.data)
	}
	return n
}

// Done decides at last, and ends the conversation if it is one.
func (c *candidate) Done(conn *tcp.Conn) {
	if c.mail == nil {
		c.decide(conn, true)
	}
	if c.mail != nil {
		if c.flip {
			conn.Swap()
		}
		c.mail.done(conn)
	}
}

func (c *candidate) decide(conn *tcp.Conn, last bool) {
	port := conn.Server.Port
	k := judge(c.head[tcp.ToServer], c.head[tcp.ToClient], port)
	if conn.Guessed && k != mail {
		if judge(c.head[tcp.ToClient], c.head[tcp.ToServer], conn.Client.Port) == mail {
			k = mailFlipped
		}
	}
	if k == unclear && (last || len(c.head[0]) >= maxHeld || len(c.head[1]) >= maxHeld || len(c.held) > 64) {
		if k = other; slices.Contains(mailPorts, port) || plausible(c.head[tcp.ToClient], port) {
			k = mail
		}
	}
	switch k {
	case unclear:
	case other:
		c.r.result.Others++
		c.held, c.head = nil, [2][]byte{}
		conn.Ignore()
	case mailFlipped:
		c.flip = true
		c.begin(conn)
	default:
		c.begin(conn)
	}
}

// begin makes a conversation of the candidate and plays what was held.
func (c *candidate) begin(conn *tcp.Conn) {
	c.r.result.Conversations++
	n := c.r.o.After + c.r.result.Conversations
	if c.r.o.Only != 0 && c.r.o.Only != n {
		conn.Ignore()
		return
	}
	c.mail = newConversation(c.r, n, conn, c.flip)
	for _, p := range c.held {
		if p.gap > 0 {
			c.mail.gap(c.way(p.way), p.at, p.gap)
		} else {
			c.mail.data(c.way(p.way), p.at, p.data)
		}
	}
	c.held, c.head = nil, [2][]byte{}
}

// judge tells by the first octets of each side what a connection is.
func judge(client, server []byte, port uint16) kind {
	known := slices.Contains(mailPorts, port)
	switch p := tlswire.Sniff(client); {
	case p == tlswire.ProtoSMTP && mailVerb(client):
		return mail
	case p == tlswire.ProtoTLS || p == tlswire.ProtoSSL2:
		if known || greets(server) {
			return mail
		}
		return judgeHello(client)
	case known && (len(client) > 0 || len(server) > 0):
		return mail
	case len(client) > 4 && p != tlswire.ProtoSMTP && p != tlswire.ProtoUnknown:
		return other // FTP, POP and others greet in numbers too; the client's first words tell
	case len(server) > 4 && !greets(server) && tlswire.Sniff(server) != tlswire.ProtoUnknown:
		return other
	case greets(server) && bytes.Contains(bytes.ToUpper(server), []byte("SMTP")):
		return mail
	}
	return unclear
}

// mailVerbs are those that no other protocol begins with. HELP, QUIT and NOOP are FTP's too.
var mailVerbs = []string{"EHLO", "HELO", "LHLO", "MAIL FROM:", "RCPT TO:", "STARTTLS"}

func mailVerb(client []byte) bool {
	head := strings.ToUpper(string(bytes.TrimLeft(client[:min(len(client), 64)], "\r\n \t")))
	return slices.ContainsFunc(mailVerbs, func(v string) bool { return strings.HasPrefix(head, v) })
}

// greets reports whether a server opens as SMTP has it (RFC 5321, section 3.1), though FTP does so too.
func greets(server []byte) bool {
	if len(server) < 4 || server[3] != ' ' && server[3] != '-' {
		return false
	}
	code := string(server[:3])
	return code == "220" || code == "554" || code == "421"
}

// plausible judges a server whose client said nothing that tells.
func plausible(server []byte, port uint16) bool {
	return greets(server) && port != 21 && !bytes.Contains(bytes.ToUpper(server), []byte("FTP"))
}

// judgeHello tells by the name in a ClientHello, on a port that is not known for mail, whether TLS from the first octet
// hides mail: names of mail services do.
func judgeHello(client []byte) kind {
	var r tlswire.Reader
	for _, e := range r.Feed(client) {
		if e.ClientHello != nil {
			return judgeName(e.ClientHello.ServerName)
		}
	}
	if have, wanted := r.PendingRecord(); have > 0 && (wanted == 0 || have < wanted) {
		return unclear
	}
	if _, _, _, ok := r.PendingMessage(); ok {
		return unclear
	}
	return other
}

// judgeName goes by how people name servers that take mail.
func judgeName(name string) kind {
	if strings.HasPrefix(strings.ToLower(name), "smtp") {
		return mail
	}
	return other
}
