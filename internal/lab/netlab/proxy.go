package netlab

import (
	"bufio"
	"io"
	"net"
	"strings"
)

// A Proxy is a transparent proxy of our own making at a node: it takes connections that a rule redirects to its port,
// and passes them on to where they were going, line by line, with changes.
type Proxy struct {
	At   Node
	Port int
	Does Meddling
}

// A Meddling is what a transparent proxy does to a conversation, in words.
type Meddling string

// The meddlings. All are what some product is known for.
const (
	StripSTARTTLS  Meddling = "leaves STARTTLS out of the reply to EHLO"
	MaskSTARTTLS   Meddling = "overwrites STARTTLS with XXXXXXXA, and refuses it"
	MaskBanner     Meddling = "overwrites the greeting with asterisks"
	RefuseEHLO     Meddling = "answers EHLO with 500"
	CutAfterEHLO   Meddling = "closes after EHLO"
	SilentPastEHLO Meddling = "swallows EHLO"
	RefuseSTARTTLS Meddling = "answers STARTTLS with 454"
	PassOn         Meddling = "changes nothing"
)

// A meddler changes lines as they pass. Lines have no end of line here.
type meddler struct {
	greeting func(string) string
	reply    func(string) (line string, keep bool) // every later line of the server, in clear
	command  func(string) verdict
}

// A verdict is what becomes of a command.
type verdict struct {
	answer string // sent back in place of passing the command on
	drop   bool   // not passed on, not answered
	cut    bool   // the connection ends
}

var meddlers = map[Meddling]meddler{
	PassOn:        {},
	StripSTARTTLS: {reply: withoutSTARTTLS},
	MaskSTARTTLS:  {reply: maskedSTARTTLS, command: answering("STARTTLS", "500 5.5.1 Command unrecognized: \"XXXXXXXX\"")},
	MaskBanner: {greeting: func(line string) string {
		return line[:min(4, len(line))] + strings.Repeat("*", max(0, len(line)-4))
	}},
	RefuseEHLO:     {command: answering("EHLO", "500 5.5.1 Command unrecognized")},
	CutAfterEHLO:   {command: func(line string) verdict { return verdict{cut: hasVerb(line, "EHLO")} }},
	SilentPastEHLO: {command: func(line string) verdict { return verdict{drop: hasVerb(line, "EHLO")} }},
	RefuseSTARTTLS: {command: answering("STARTTLS", "454 4.7.0 TLS not available due to local problem")},
}

func hasVerb(line, verb string) bool {
	first, _, _ := strings.Cut(line, " ")
	return strings.EqualFold(first, verb)
}

func answering(verb, reply string) func(string) verdict {
	return func(line string) verdict {
		if hasVerb(line, verb) {
			return verdict{answer: reply}
		}
		return verdict{}
	}
}

func isSTARTTLS(line string) bool {
	return len(line) > 4 && strings.HasPrefix(line, "250") && strings.EqualFold(line[4:], "STARTTLS")
}

func withoutSTARTTLS(line string) (string, bool) { return line, !isSTARTTLS(line) }

func maskedSTARTTLS(line string) (string, bool) {
	if isSTARTTLS(line) {
		return line[:4] + "XXXXXXXA", true
	}
	return line, true
}

// relay carries one conversation. After a STARTTLS that the server takes, it changes nothing any more.
func (m meddler) relay(client, server net.Conn) {
	fromClient, fromServer := bufio.NewReader(client), bufio.NewReader(server)
	secured := make(chan struct{}) // closed by the server's side once TLS begins
	asked := make(chan bool, 1)    // STARTTLS was passed on
	go func() {
		defer client.Close()
		m.relayReplies(client, fromServer, asked, secured)
	}()
	defer server.Close()
	for {
		line, err := fromClient.ReadString('\n')
		if err != nil {
			return
		}
		v := verdict{}
		if m.command != nil {
			v = m.command(strings.TrimRight(line, "\r\n"))
		}
		switch {
		case v.cut:
			client.Close()
			return
		case v.drop:
			continue
		case v.answer != "":
			if _, err := io.WriteString(client, v.answer+"\r\n"); err != nil {
				return
			}
			continue
		}
		starts := hasVerb(strings.TrimRight(line, "\r\n"), "STARTTLS")
		if starts {
			asked <- true
		}
		if _, err := io.WriteString(server, line); err != nil {
			return
		}
		if starts {
			// The client waits for the reply, so nothing is read too early.
			if _, err := fromClient.Peek(1); err != nil {
				return
			}
			select {
			case <-secured:
				io.Copy(server, fromClient)
				return
			default:
			}
		}
	}
}

func (m meddler) relayReplies(client io.Writer, fromServer *bufio.Reader, asked <-chan bool, secured chan<- struct{}) {
	greeted := false
	for {
		line, err := fromServer.ReadString('\n')
		if err != nil {
			return
		}
		text, keep := strings.TrimRight(line, "\r\n"), true
		last := len(text) > 3 && text[3] == ' ' || len(text) == 3
		switch {
		case !greeted:
			if m.greeting != nil {
				text = m.greeting(text)
			}
			greeted = last
		case m.reply != nil:
			text, keep = m.reply(text)
		}
		begins := false
		if last {
			select {
			case <-asked:
				begins = strings.HasPrefix(text, "220")
			default:
			}
		}
		if begins {
			close(secured)
		}
		if keep {
			if _, err := io.WriteString(client, text+"\r\n"); err != nil {
				return
			}
		}
		if begins {
			io.Copy(client, fromServer)
			return
		}
	}
}
