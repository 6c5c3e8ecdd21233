package text

import (
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A mark is what a program writes before a line of a dialogue to say who spoke. Whose line an arrow marks differs from
// program to program (swaks and Ruby's Net::SMTP point them opposite ways), so for those the lines themselves decide.
type mark struct {
	sign string
	side evidence.Side // "": by what the lines with it say
}

// marks are tried in this order, so that a longer one comes before its own beginning.
var marks = []mark{
	{"CLIENT -> SERVER:", evidence.Client}, {"SERVER -> CLIENT:", evidence.Server}, // PHPMailer
	{"[->]", ""}, {"[<-]", ""}, // ssmtp
	{"<**", ""}, {"**>", ""}, {"<~*", ""}, {"*~>", ""}, {"<~", ""}, {"~>", ""}, // swaks
	{"-->", ""}, {"<--", ""}, // msmtp, email-oauth2-proxy
	{">>>", ""}, {"<<<", ""}, // sendmail, bounce messages
	{"->", ""}, {"<-", ""}, // swaks, Net::SMTP
	{">>", ""}, {"<<", ""}, // SwiftMailer
	{"ESMTP>", evidence.Client}, {"ESMTP<", evidence.Server}, {"SMTP>>", evidence.Client}, {"SMTP<<", evidence.Server}, // Claws Mail, Exim
	{"SMTP>", evidence.Client}, {"SMTP<", evidence.Server},
	{"SMTP(close)>>", evidence.Client}, {"SMTP|>", evidence.Client}, {"SMTP+>", evidence.Client},
	{"Client:", evidence.Client}, {"Server:", evidence.Server}, {"CLIENT:", evidence.Client}, {"SERVER:", evidence.Server},
	{"client:", evidence.Client}, {"server:", evidence.Server},
	{"C:", evidence.Client}, {"S:", evidence.Server},
	{"In:", evidence.Client}, {"Out:", evidence.Server}, // Postfix's notices to its postmaster
	{"Sent:", evidence.Client}, {"Got:", evidence.Server}, {"Received:", evidence.Server}, {"Send:", evidence.Client},
	{"Recv:", evidence.Server}, {"SEND:", evidence.Client}, {"RECV:", evidence.Server}, {"Write:", evidence.Client}, {"Read:", evidence.Server},
	{"send:", evidence.Client}, {"reply:", evidence.Server}, {"connect:", evidence.Server}, // smtplib
	{"Request:", evidence.Client}, {"Response:", evidence.Server}, {"Command:", evidence.Client}, {"Reply:", evidence.Server},
	{">", ""}, {"<", ""}, // curl -v, Symfony
}

// infixes are the marks that are looked for behind a prefix of a log that we do not know.
var infixes = []mark{
	{" --> ", ""}, {" <-- ", ""}, {" >>> ", ""}, {" <<< ", ""}, {" -> ", ""}, {" <- ", ""}, {" >> ", ""}, {" << ", ""},
	{" C: ", evidence.Client}, {" S: ", evidence.Server}, {"Client: ", evidence.Client}, {"Server: ", evidence.Server},
	{"CLIENT: ", evidence.Client}, {"SERVER: ", evidence.Server}, {"SMTP<< ", evidence.Server}, {"SMTP>> ", evidence.Client},
	{"CLIENT -> SERVER: ", evidence.Client}, {"SERVER -> CLIENT: ", evidence.Server}, {" > ", ""}, {" < ", ""},
	{"Response: ", evidence.Server}, {"Sent: ", evidence.Client}, {"Received: ", evidence.Server}, {"]: < ", ""}, {"]: > ", ""},
}

// A speech is a line of a dialogue, taken apart.
type speech struct {
	sign  string
	side  evidence.Side // "" until the votes are counted
	key   string        // the conversation's name in its log; "": none
	loose bool          // the key is one only if it comes again and again
	text  string
}

// A shape says what a line of text could be in a dialogue.
type shape int

const (
	neither shape = iota
	reply         // a reply line: code, then blank, hyphen or nothing
	command       // a command of SMTP
)

var commandLine = lazily(`^(?i:EHLO(?: |$)|HELO(?: |$)|LHLO |MAIL ?(?:FROM ?:|$)|RCPT ?(?:TO ?:|$)|DATA\s*$|BDAT \d|STARTTLS\s*$|AUTH(?: [A-Z0-9*<\[-]| =[^ ]|$)|QUIT\s*$|RSET\s*$|NOOP(?: |$)|VRFY |EXPN |HELP\s*$|ETRN |XCLIENT |X-ANONYMOUSTLS\s*$)`)

// shapeOf tells a reply from a command by what the line itself says.
func shapeOf(s string) shape {
	switch {
	case isReplyLine(s):
		return reply
	case commandLine.MatchString(s):
		return command
	}
	return neither
}

// isReplyLine reports whether a line is one of a reply: three digits of a reply's range and then a separator or the end.
func isReplyLine(s string) bool {
	if len(s) < 3 || s[0] < '2' || s[0] > '5' || s[1] < '0' || s[1] > '7' || !digit(s[2]) {
		return false
	}
	if len(s) == 3 {
		return true
	}
	return s[3] == '-' || s[3] == ' ' && (len(s) == 4 || !strings.HasPrefix(s[4:], "bytes") && !strings.HasPrefix(s[4:], "ms"))
}

// speak takes a line of a dialogue apart: what is before the mark, the mark, the words. ok is false if the line has no mark
// that we know.
func speak(text string) (speech, bool) {
	s := text
	for range 5 {
		if sp, ok := marked(s); ok {
			sp.key, sp.loose = keyBefore(text[:len(text)-len(s)])
			return sp, true
		}
		rest, ok := cutPrefix(s)
		if !ok {
			break
		}
		s = rest
	}
	return infixed(text)
}

// marked finds a mark at the start of a line.
func marked(s string) (speech, bool) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || !strings.ContainsRune("CSE[<>-*~cIORGWsrSR", rune(s[0])) {
		return speech{}, false
	}
	for _, m := range marks {
		rest, ok := strings.CutPrefix(s, m.sign)
		if !ok {
			continue
		}
		rest, quoted := unquoted(strings.TrimLeft(rest, " \t"))
		if strings.HasPrefix(rest, `\`) || m.sign == "Received:" && !isReplyLine(rest) {
			return speech{}, false
		}
		if len(m.sign) == 1 && !quoted && shapeOf(rest) == neither {
			return speech{}, false
		}
		return speech{sign: m.sign, side: m.side, text: rest}, true
	}
	return speech{}, false
}

// infixed finds a mark behind an unknown prefix; what follows it must be a reply line or a command.
func infixed(text string) (speech, bool) {
	head := text
	if len(head) > 250 {
		head = head[:250]
	}
	for _, m := range infixes {
		i := strings.Index(head, m.sign)
		if i < 0 {
			continue
		}
		rest, _ := unquoted(strings.TrimLeft(text[i+len(m.sign):], " \t"))
		rest = afterPeer(rest)
		if shapeOf(rest) == neither && !strings.Contains(rest, "EHLO ") {
			continue
		}
		key, loose := keyBefore(text[:i])
		return speech{sign: strings.TrimSpace(m.sign), side: m.side, key: key, loose: loose, text: rest}, true
	}
	return speech{}, false
}

var peerPrefix = lazily(`^[A-Za-z0-9._-]+\[[^\]]+\](?::\d+)?: `)

// afterPeer cuts the peer's name that Postfix writes in its verbose log between the arrow and the words.
func afterPeer(s string) string { return s[len(peerPrefix.FindString(s)):] }

var (
	idAtEnd   = lazily(`[\[(]([A-Za-z0-9_-]{3,40})[\])][^\[\]()]{0,2}$`)
	levelWord = lazily(`(?i)^(?:client|server|send|sent|recv|rcvd|received|out|trace|debug|debg|info|notice|warn|warning|error|eror|fatal|smtp|mail|main)$|^[\d-]{8,}$`)
	pidAtFore = lazily(`^\s*(\d{2,7})\s`)
	looseKey  = lazily(`(?i)(?:\b(?:session|sess|sid|conn|connection|cid|client|thread|tid|id)(?:[ _-]?id)?[ =:#]{1,2}|#)"?([A-Za-z0-9-]*\d[A-Za-z0-9-]*)`)
)

// keyBefore finds the name that a log gives a conversation: the last word in brackets before the mark, a process id, or what the
// log calls a session or the like. The last may be another name in each line: it is loose.
func keyBefore(prefix string) (key string, loose bool) {
	if key = sureKey(prefix); key != "" {
		return key, false
	}
	if m := looseKey.FindStringSubmatch(prefix); m != nil {
		return m[1], true
	}
	return "", false
}

func sureKey(prefix string) string {
	if i := strings.Index(prefix, "SMTP ("); i >= 0 {
		return strings.TrimSpace(prefix[i:])
	}
	if m := idAtEnd.FindStringSubmatch(strings.TrimRight(prefix, " ")); m != nil && !levelWord.MatchString(m[1]) {
		return m[1]
	}
	if m := pidAtFore.FindStringSubmatch(prefix); m != nil {
		return m[1]
	}
	return ""
}

// unquoted takes the quotes of Python, Ruby and JSON off a line that is quoted whole, and undoes their escapes. The line end
// within goes too.
func unquoted(s string) (string, bool) {
	q := strings.TrimPrefix(s, "b")
	if len(q) < 2 || q[0] != '"' && q[0] != '\'' {
		return s, false
	}
	quote := q[0]
	var b strings.Builder
	for i := 1; i < len(q) && q[i] != quote; i++ {
		if q[i] != '\\' || i+1 == len(q) {
			b.WriteByte(q[i])
			continue
		}
		i++
		switch q[i] {
		case 'r', 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'x':
			if i+2 < len(q) {
				if n, err := strconv.ParseUint(q[i+1:i+3], 16, 8); err == nil {
					b.WriteByte(byte(n))
					i += 2
				}
			}
		default:
			b.WriteByte(q[i])
		}
	}
	return strings.Trim(b.String(), "\n"), true
}

// prefixes are what logs write before a line: times, levels, containers, ids.
var prefixes = []*lazy{
	lazily(`^\s*\[?\d{4}[-/.]\d\d[-/.]\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z| ?[+-]\d\d:?\d\d| UTC)?)?\]?[:,]?\s*`),
	lazily(`^\s*\[?\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}[ T,]*\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?: ?[AP]M)?\]?[:,]?\s*`),
	lazily(`^\s*\[?\d{1,2}:\d\d:\d\d(?:[.,]\d+)?(?: ?[AP]M)?\]?(?: -|:)?\s+`),
	lazily(`^\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? `),
	lazily(`^\s*(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?(?: \d{4})?(?: [A-Za-z0-9._-]+(?: [\w./-]+(?:\[\d+\])?:)?)?\s+`),
	lazily(`^\s*[\w.-]{1,40} +\| +`),
	lazily(`^\s*\[[^\]]{1,60}\]:?\s*`),
	lazily(`^\s*(?:TRACE|DEBUG|DEBG|INFO|WARN|WARNING|ERROR|trace|debug|info|warn|error)\b:?\s*`),
	lazily(`^\s*\d{1,7}\s+`),
}

// cutPrefix takes one prefix off a line.
func cutPrefix(s string) (string, bool) {
	if isReplyLine(s) {
		return s, false
	}
	for _, p := range prefixes {
		if loc := p.FindStringIndex(s); loc != nil && loc[1] > 0 && loc[1] < len(s) {
			return s[loc[1]:], true
		}
	}
	return s, false
}
