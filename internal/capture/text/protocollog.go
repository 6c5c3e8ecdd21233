package text

import (
	"encoding/csv"
	"net/netip"
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// Exchange and the SMTP service of IIS write their protocol logs as tables: a line an event, a column for the session.

// protocolLog reads the lines as such a log if that is what they are.
func protocolLog(b *book, lines []line) ([]stray, bool) {
	for i, l := range lines {
		switch {
		case exchangeLine.MatchString(l.text):
			return exchangeLog(b, lines), true
		case strings.HasPrefix(l.text, "#Fields:") && strings.Contains(l.text, "cs-method"):
			return iisLog(b, lines), true
		}
		if i > 2000 {
			break
		}
	}
	return nil, false
}

// exchangeLine is a line of an Exchange protocol log: date-time, connector-id, session-id, sequence-number, local-endpoint,
// remote-endpoint, event, data, context.
var exchangeLine = lazily(`^\d{4}-\d\d-\d\dT[\d:.]+Z,[^,]*,[0-9A-Fa-f]{10,20},\d+,[^,]*,[^,]*,[-+<>*],`)

// exchangeLog reads an Exchange protocol log, sending or receiving. Which it is, the first greeting tells: ">" is what this
// server sent.
func exchangeLog(b *book, lines []line) []stray {
	sending := true
	for _, l := range lines {
		if f := exchangeFields(l.text); f != nil && f[6] == ">" {
			if sh := shapeOf(f[7]); sh != neither {
				sending = sh == command
				break
			}
		}
	}
	var rest []stray
	for _, l := range lines {
		f := exchangeFields(l.text)
		if f == nil {
			if !strings.HasPrefix(l.text, "#") {
				rest = append(rest, stray{line: l})
			}
			continue
		}
		t := b.byKey[f[2]]
		if t == nil {
			t = b.open(f[2], "Exchange", l.n)
			t.sees.ServerSide = !sending
			far := f[5]
			if !sending {
				far = f[4]
			}
			if ap, err := netip.ParseAddrPort(far); err == nil {
				t.at("", ap.Addr(), int(ap.Port()))
			}
		}
		if s, more := exchangeEvent(t, f, sending); more {
			rest = append(rest, stray{line{l.n, s}, t})
		}
	}
	return rest
}

func exchangeFields(s string) []string {
	if !exchangeLine.MatchString(s) {
		return nil
	}
	r := csv.NewReader(strings.NewReader(s))
	r.LazyQuotes, r.FieldsPerRecord = true, -1
	f, err := r.Read()
	if err != nil || len(f) < 8 {
		return nil
	}
	return f
}

// exchangeEvent reads one line. A remark that says more comes back as text.
func exchangeEvent(t *talk, f []string, sending bool) (remark string, more bool) {
	data := strings.TrimSpace(f[7])
	switch f[6] {
	case "+":
		if ap, err := netip.ParseAddrPort(f[5]); err == nil {
			t.dialed(ap.Addr(), int(ap.Port()))
		}
	case "-":
		if len(f) > 8 && strings.Contains(f[8], "Remote") {
			t.end(evidence.Closed, farSide(sending), f[8])
		}
	case "<", ">":
		if (f[6] == ">") == sending {
			t.client(data)
			return "", false
		}
		for _, s := range splitReply(data) {
			t.server(s)
		}
	case "*":
		remark = strings.TrimSpace(strings.Join(f[7:], " "))
		if strings.Contains(remark, "TLS protocol") && strings.Contains(remark, "negotiation succeeded") {
			t.secure(evidence.Secured{Version: tlsVersionIn(remark)})
			return "", false
		}
		return remark, remark != ""
	}
	return "", false
}

func farSide(sending bool) evidence.Side {
	if sending {
		return evidence.Server
	}
	return evidence.Client
}

var spTLS = lazily(`SP_PROT_TLS1(?:_(\d))?`)

func tlsVersionIn(s string) string {
	m := spTLS.FindStringSubmatch(s)
	switch {
	case m == nil:
		return ""
	case m[1] == "":
		return "TLS 1.0"
	}
	return "TLS 1." + m[1]
}

// ehloKeywords are those that begin a line of a reply to EHLO where a log wrote the whole reply on one.
var ehloKeywords = []string{"SIZE", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "X-ANONYMOUSTLS", "AUTH", "X-EXPS", "8BITMIME",
	"BINARYMIME", "CHUNKING", "XEXCH50", "XRDST", "XSHADOW", "XSHADOWREQUEST", "SMTPUTF8", "HELP", "VRFY", "ETRN", "XPROXY", "XPROXYFROM",
	"XPROXYTO", "XSESSIONPARAMS", "X-LINK2STATE", "XOORG", "XMESSAGECONTEXT"}

// splitReply gives a reply to EHLO its lines back. Other replies come back whole.
func splitReply(s string) []string {
	if !strings.HasPrefix(s, "250") || len(s) < 5 {
		return []string{s}
	}
	words := strings.Fields(s[4:])
	if !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(ehloKeywords, w) }) || !strings.Contains(s, "ello") && len(words) < 4 {
		return []string{s}
	}
	var out []string
	cur := ""
	for _, w := range words {
		if slices.Contains(ehloKeywords, w) && cur != "" {
			out = append(out, "250-"+cur)
			cur = w
			continue
		}
		cur = strings.TrimSpace(cur + " " + w)
	}
	return append(out, "250 "+cur)
}

// iisLog reads a W3C log of the SMTP service of IIS. What it sent to other servers has the names OutboundConnectionCommand and
// OutboundConnectionResponse; the rest is what clients said to it, with the code of its reply.
func iisLog(b *book, lines []line) []stray {
	var fields []string
	var rest []stray
	for _, l := range lines {
		if names, ok := strings.CutPrefix(l.text, "#Fields:"); ok {
			fields = strings.Fields(names)
			continue
		}
		if strings.HasPrefix(l.text, "#") {
			continue
		}
		row := map[string]string{}
		values := strings.Fields(l.text)
		if len(fields) == 0 || len(values) < len(fields)-2 {
			rest = append(rest, stray{line: l})
			continue
		}
		for i, v := range values[:min(len(values), len(fields))] {
			row[fields[i]] = v
		}
		iisEvent(b, row, l)
	}
	return rest
}

func iisEvent(b *book, row map[string]string, l line) {
	peer, who := row["c-ip"], row["cs-username"]
	outbound := strings.HasPrefix(who, "OutboundConnection")
	key := peer
	if outbound {
		key = "out " + peer
	}
	t := b.byKey[key]
	if t == nil || t.quit && len(t.pending) == 0 {
		t = b.open(key, "IIS SMTP", l.n)
		t.sees.ServerSide = !outbound
		if a, err := netip.ParseAddr(peer); err == nil && outbound {
			t.at("", a, portOf(row["s-port"]))
		}
	}
	words := strings.ReplaceAll(strings.Trim(row["cs-uri-query"], "+-"), "+", " ")
	switch {
	case who == "OutboundConnectionResponse":
		lines := splitReply(words)
		for i, s := range lines {
			if isReplyLine(s) {
				if i == len(lines)-1 && len(s) > 3 {
					s = s[:3] + " " + s[4:] // of a reply's lines, only the first is logged
				}
				t.server(s)
			}
		}
	default:
		verb := row["cs-method"]
		if verb == "" || verb == "-" {
			return
		}
		t.client(strings.TrimSpace(verb + " " + words))
		if code := row["sc-status"]; !outbound && len(code) == 3 && code != "000" {
			t.server(code)
		}
	}
}
