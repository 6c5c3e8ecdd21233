package text

import (
	"net/netip"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// placePatterns find where a program wanted to go, the surest first. Their groups are host, addr and port.
var placePatterns = []*lazy{
	lazily(`(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,})\.?\[(?P<addr>[0-9a-fA-F.:]+)\](?::(?P<port>\d+))?`),
	lazily(`(?:relay=|H=|host |Connecting to |R=)(?P<host>[A-Za-z0-9.-]+\.[A-Za-z]{2,})\.? \[(?P<addr>[0-9a-fA-F.:]+)\](?::(?P<port>\d+))?`),
	lazily(`(?i)SMTP host:? (?P<host>[A-Za-z0-9.-]+?)[.,;]? (?:port|Port):? ?(?P<port>\d+)`),
	lazily(`(?:ssl|tls|tcp|smtps?)://(?P<host>[A-Za-z0-9.-]+)(?::(?P<port>\d+))?`),
	lazily(`(?i)\bhost["']?\s*[:=]>?\s*["']?(?P<host>[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)`),
	lazily(`\[(?P<addr>[0-9a-fA-F.:]{3,45})\]:(?P<port>\d{2,5})\b`),
	lazily(`->(?P<addr>\d{1,3}(?:\.\d{1,3}){3}):(?P<port>\d{2,5})\b`),
	lazily(`\b(?P<addr>\d{1,3}(?:\.\d{1,3}){3}):(?P<port>\d{2,5})\b`),
	lazily(`(?:^|[\s"'(/@<])(?P<host>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+)[.]?:(?P<port>25|26|465|587|2525|2465|2587)\b`),
	lazily(`(?i)(?:connect to|connection to|connecting to|refused by|talking to|locate host|open|server) ["'<\[]?(?P<host>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+)\.?["'>\]]?(?:,? port (?P<port>\d+))?`),
	lazily(`(?i)\b(?:smtp|mail|outgoing|out) ?server(?: name| address)? ?[:=]\s*["'<]?(?P<host>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+)(?:[,;]? port:? ?(?P<port>\d+))?`),
	lazily(`(?P<host>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})[,;:]? port:? ?(?P<port>25|26|465|587|2525|2465|2587)\b`),
	lazily(`(?i)expected CN=.?(?P<host>[A-Za-z0-9.-]+\.[A-Za-z]{2,})`),
	lazily(`(?i)(?:lookup|ENOTFOUND|EAI_AGAIN|resolve host:?|for name=|any host named|UnknownHostException:?|Unknown SMTP host:?|host named|Name server:) ["']?(?P<host>[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+)`),
}

var portProperty = lazily(`(?i)\bport["']?\s*[:=]?>?\s*["']?(\d{2,5})\b`)

// placeIn finds where a text says the connection went, or was to go.
func placeIn(s string) place {
	var p place
	for _, re := range placePatterns {
		m := re.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		var q place
		for i, name := range re.SubexpNames() {
			switch name {
			case "host":
				q.setHost(strings.TrimRight(m[i], "."))
			case "addr":
				if a, err := netip.ParseAddr(m[i]); err == nil {
					q.addr = a.Unmap()
				}
			case "port":
				q.port = portOf(m[i])
			}
		}
		p.merge(q)
		if p.host != "" && p.port > 0 {
			break
		}
	}
	if p.port == 0 {
		if m := portProperty.FindStringSubmatch(s); m != nil {
			p.port = portOf(m[1])
		}
	}
	return p
}

var (
	fromWords = lazily(`(?i)(?:from=<?|MAIL FROM: ?<?|sender[ :=]+<?)([A-Za-z0-9._%+=-]+@[A-Za-z0-9.-]+)`)
	toWords   = lazily(`(?i)(?:\bto=<?|RCPT TO: ?<?|recipients?[ :=]+<?|orig_to=<?)([A-Za-z0-9._%+=-]+@[A-Za-z0-9.-]+)`)
	firstAddr = lazily(`^<?([A-Za-z0-9._%+=-]+@[A-Za-z0-9.-]+)>?: `)
)

// people notes the envelope's addresses, as far as the text names them.
func people(t *talk, s string) {
	from, to := fromWords.FindStringSubmatch(s), toWords.FindStringSubmatch(s)
	if to == nil {
		to = firstAddr.FindStringSubmatch(s)
	}
	t.rec.Update(func(tr *evidence.Trace) {
		if from != nil && tr.Walk.From == "" {
			tr.Walk.From = from[1]
		}
		if to != nil && len(tr.Walk.To) == 0 {
			tr.Walk.To = []string{to[1]}
		}
	})
}
