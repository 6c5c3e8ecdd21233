package text

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A place is a far end, as far as a line names it.
type place struct {
	host string
	addr netip.Addr
	port int
}

func (p *place) merge(q place) {
	if p.host == "" {
		p.host = q.host
	}
	if !p.addr.IsValid() {
		p.addr = q.addr
	}
	if p.port == 0 {
		p.port = q.port
	}
}

// A connection is what a line says about opening one.
type connection struct {
	place
	open bool // it opened; otherwise it was tried
}

// An opener is a line with which a program tells that it connects. Its groups are host, and port or address.
type opener struct {
	hint string // stands in every such line
	re   *lazy
	open bool
}

var openers = []opener{
	{"Connected to ", lazily(`Connected to (?:smtps?://)?\[?(?P<host>[A-Za-z0-9._-]+?)\]?\.?(?: \((?P<addr>[0-9a-fA-F.:]+)\))?(?:(?: port |:)(?P<port>\d+))?/?\.?(?:[ #?(,].*)?$`), true},
	{"Trying ", lazily(`^\W*(?:===? )?Trying \[?(?P<host>[A-Za-z0-9._:-]+?)\]?(?::(?P<port>\d+))?\.\.\.`), false},
	{"connected to host", lazily(`connected to host "(?P<host>[^"]+)", port: (?P<port>\d+)`), true},
	{"trying to connect to host", lazily(`trying to connect to host "(?P<host>[^"]+)", port (?P<port>\d+)`), false},
	{"Connecting to ", lazily(`Connecting to (?P<host>[A-Za-z0-9._-]+) \[(?P<addr>[^\]]+)\]:(?P<port>\d+)(?: from \S+)? *\.\.\. (?:connected|SMTP)`), true},
	{"Connecting to ", lazily(`Connecting to (?P<host>[A-Za-z0-9._-]+)(?: at |:| port )(?P<port>\d+)\s*$`), false},
	{"Connection: open", lazily(`Connection: opening to (?P<tls>ssl://)?(?P<host>[A-Za-z0-9._-]+):(?P<port>\d+)`), false},
	{"Connection: opened", lazily(`Connection: opened`), true},
	{"CONNECTED(", lazily(`^CONNECTED\(`), true},
	{"telnet ", lazily(`(?:^|[$#>] ?)telnet (?P<host>[A-Za-z0-9._-]+) (?P<port>\d+)\s*$`), false},
	{"nc ", lazily(`(?:^|[$#>\]] ?)nc (?:-\w+ )*(?P<host>[A-Za-z0-9._-]+) (?P<port>\d+)\s*$`), false},
	{"s_client", lazily(`s_client .*-connect (?P<host>[A-Za-z0-9._-]+):(?P<port>\d+)`), false},
	{"Connection established to ", lazily(`Connection established to (?P<host>[0-9A-Za-z.:-]+):(?P<port>\d+)`), true},
	{"Resolved ", lazily(`Resolved (?P<host>[A-Za-z0-9._-]+) as (?P<addr>[0-9a-fA-F.:]+)`), false},
	{"connect: ", lazily(`(?:^|[\d.]+ )connect: (?:to )?\('(?P<host>[A-Za-z0-9._-]+)', (?P<port>\d+)\)`), false},
	{"Starting Swift", lazily(`\+\+ Starting Swift_SmtpTransport`), false},
	{"Connection to host", lazily(`Connection to (?P<host>[A-Za-z0-9._-]+) (?P<port>\d+) port .* succeeded`), true},
}

// connecting reads a line about opening a connection.
func connecting(s string) (connection, bool) {
	for _, o := range openers {
		if !strings.Contains(s, o.hint) {
			continue
		}
		m := o.re.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		c := connection{open: o.open}
		for i, name := range o.re.SubexpNames() {
			switch name {
			case "host":
				c.setHost(m[i])
			case "addr":
				if a, err := netip.ParseAddr(m[i]); err == nil {
					c.addr = a
				}
			case "port":
				c.port = portOf(m[i])
			}
		}
		return c, true
	}
	return connection{}, false
}

// setHost takes a name or an address.
func (p *place) setHost(s string) {
	if a, err := netip.ParseAddr(s); err == nil {
		p.addr = a.Unmap().WithZone("")
		return
	}
	p.host = s
}

func portOf(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

// A closer is a line with which a program tells how a conversation ended, or that TLS stands.
type closer struct {
	words string
	out   evidence.Outcome
	by    evidence.Side
}

var closers = []closer{
	{"Connection closed by foreign host", evidence.Closed, evidence.Server},
	{"Remote host closed connection", evidence.Closed, evidence.Server},
	{"Remote end closed connection", evidence.Closed, evidence.Server},
	{"write:errno=104", evidence.Reset, evidence.Server},
	{"read:errno=104", evidence.Reset, evidence.Server},
	{"read:errno=10054", evidence.Reset, evidence.Server},
	{"Connection reset by peer", evidence.Reset, evidence.Server},
	{"Timeout (", evidence.TimedOut, evidence.Unknown},
	{"Connection closed by remote host", evidence.Closed, evidence.Server},
	{"Connection to host lost", evidence.Closed, evidence.Server},
	{"telnet> ", evidence.Aborted, evidence.Client},
}

var tlsUp = lazily(`(?:TLS started with cipher |SSL connection using |New, )(TLSv1(?:\.\d)?|SSLv3)(?:[:, /]+(?:Cipher is )?([A-Za-z0-9_-]+))?`)

// closing reads a line about the end of a conversation, or about TLS standing, and reports whether it was one.
func closing(t *talk, s string) bool {
	if !t.connected && !t.spoken {
		return false
	}
	if m := tlsUp.FindStringSubmatch(s); m != nil && m[2] != "" && !strings.Contains(s, "(NONE)") {
		t.secure(evidence.Secured{Version: "TLS " + strings.TrimPrefix(m[1], "TLSv"), Suite: m[2]})
		return true
	}
	for _, w := range []string{"Connection upgraded with STARTTLS", "Secure connection established", "TLS handshake succeeded"} {
		if strings.Contains(s, w) {
			t.secure(evidence.Secured{})
			return true
		}
	}
	for _, c := range closers {
		if strings.Contains(s, c.words) {
			t.end(c.out, c.by, clip(s))
			return true
		}
	}
	return false
}
