package text

import (
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/provider"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A quote is a reply that stands in a line of something else.
type quote struct {
	start, end int // in the line
	code       int // 0: the line has the enhanced status alone, or only the words
	text       string
	certain    bool // that it is a reply needs no more proof
	empty      bool // an enhanced status, and no words
}

var (
	// 550 5.7.1 ..., 550-5.7.1 ..., 550 #5.1.0 ...
	withStatus = lazily(`(?:^|[^\w.:/-]|said:|[a-z]:)([245]\d\d)[- ]#?([245])\.(\d{1,3})\.(\d{1,3})\b`)
	// (550, b'5.1.1 ...'), (421, "4.7.0 ...")
	tuple = lazily(`\(([245]\d\d), ?b?(['"])`)
	// permanent error (550): 5.1.1 ...
	inBrackets = lazily(`\(([45]\d\d)\):? `)
	// 550 words, after something that leads in a quotation
	afterLead = lazily(`(?:^|['"(>]|b['"]|(?:said|response|reply|message|error|failed|diagnostic-code|smtp|result|code|reason|returned|to me|was|server|line|retcode|LED|from|C|LAST|\w+Error|Exception|[>\]])[:;=]\s?["']?|[:;]\s["']?)(?:smtp; ?)?([2345]\d\d)(?:[- ]([A-Za-z<\[(*"'{#].*)|[- ]?$)`)
	// 5.7.1 words, after something that leads in a quotation
	bareStatus = lazily(`(?:^|['"(>#]|b['"]|[:;=]\s?["']?)([245])\.(\d{1,3})\.(\d{1,3})(?:[ ;,:)]|$)`)
	// code: 550, responseCode: 550, SMTP code: 550
	asProperty = lazily(`(?i)(?:response ?code|smtp ?code|status ?code|reply ?code|error code|code)["']?\s*[:=]\s*["']?([245]\d\d)\b`)
	units      = lazily(`^(?:ms|msec|bytes?|octets|seconds?|sec|s|kb|mb|gb|items?|rows?|users?|people|files?|lines?|times|requests|records|%)(?:[^\w@]|$)`)
)

// quotes finds the replies in a line. mail says that the text around is about mail.
func quotes(s string, mail bool) []quote {
	var out []quote
	for at := 0; at < len(s) && len(out) < 8; {
		q, ok := nextQuote(s, at, mail)
		if !ok {
			break
		}
		out = append(out, q)
		at = max(q.end, at+1)
	}
	return out
}

func nextQuote(s string, at int, mail bool) (quote, bool) {
	best := quote{start: -1}
	take := func(q quote) {
		if best.start < 0 || q.start < best.start || q.start == best.start && q.certain && !best.certain {
			best = q
		}
	}
	for _, m := range withStatus.FindAllStringSubmatchIndex(s[at:], 4) {
		if s[at+m[2]] == s[at+m[4]] {
			q := cut(s, at+m[2], at+m[2])
			q.certain = true
			take(q)
			break
		}
	}
	if m := tuple.FindStringSubmatchIndex(s[at:]); m != nil {
		q := cut(s, at+m[2], at+m[5])
		q.text = strings.TrimRight(s[at+m[2]:at+m[3]]+" "+q.text, " ")
		q.certain = true
		take(q)
	}
	if m := inBrackets.FindStringSubmatchIndex(s[at:]); m != nil && mail {
		q := cut(s, at+m[2], at+m[1])
		q.text = s[at+m[2]:at+m[3]] + " " + q.text
		take(q)
	}
	for _, m := range afterLead.FindAllStringSubmatchIndex(s[at:], 4) {
		if m[4] >= 0 && units.MatchString(s[at+m[4]:at+m[5]]) || at > 0 && m[0] == 0 {
			continue
		}
		q := cut(s, at+m[2], at+m[2])
		if plausible(q, mail) || mail && calledReply.MatchString(s[:q.start]) || len(q.text) > 3 && ledIn.MatchString(s[:q.start]) {
			take(q)
			break
		}
	}
	for _, m := range bareStatus.FindAllStringSubmatchIndex(s[at:], 4) {
		if best.start >= 0 && best.certain {
			break // the status of a whole reply
		}
		if at > 0 && m[0] == 0 || strings.HasSuffix(s[:at+m[2]], "dsn=") {
			continue
		}
		q := cut(s, at+m[2], at+m[2])
		q.code = 0
		q.empty = len(strings.Trim(q.text, "0123456789. )")) == 0
		if mail || knownWords(q.text) {
			take(q)
			break
		}
	}
	if best.start < 0 {
		return best, false
	}
	best.code = codeOf(best.text)
	if 200 <= best.code && best.code < 400 {
		best.stopAtRefusal()
	}
	return best, true
}

// laterRefusal is a refusal behind another reply on one line: a collector of logs put a dialogue there.
var laterRefusal = lazily(`[^\w.:/-]([45])\d\d[- ]#?[45]\.\d{1,3}\.\d{1,3}\b`)

// stopAtRefusal ends a reply that refuses nothing before one that does.
func (q *quote) stopAtRefusal() {
	if m := laterRefusal.FindStringSubmatchIndex(q.text); m != nil {
		q.text = strings.TrimRight(q.text[:m[2]], " ")
		q.end = q.start + m[2]
	}
}

func knownWords(s string) bool {
	_, known := provider.MatchText(s, "")
	return known
}

// calledReply stands before a number that is called a reply.
var calledReply = lazily(`(?i)(?:response|reply|smtp code|got code|retcode|(?:rcpt|mail|data|auth|ehlo) failed)[:= "'(]*$`)

// ledIn stands before a reply that a server logs of its peer: whatever follows are that one's words.
var ledIn = lazily(`(?: said|refused to talk to me): $`)

// plausible reports whether three digits in a line are a reply's code: where mail is talked of, or the words are known.
func plausible(q quote, mail bool) bool {
	if q.text[0] == '3' || assignment.MatchString(q.text) || webCode.MatchString(q.text) {
		return false
	}
	if mail {
		return len(q.text) > 3 || q.start == 0
	}
	if len(q.text) == 3 {
		return q.start == 0
	}
	if webStatus.MatchString(q.text) {
		return false
	}
	return knownWords(q.text)
}

// webCode is a code that the web knows and mail does not; sendmail's 403 has a status with it.
var webCode = lazily(`^4(?:0[1-9]|1[0-9])\b`)

// webStatus is a status line of HTTP (RFC 9110, section 15), whose codes look like replies.
var webStatus = lazily(`(?i)^` + webReasons)

var anyWebStatus = lazily(`(?i)(?:^|[^\d.])` + webReasons)

// webReasons pairs each code with its reason: "503 Service Unavailable" is the web's, "550 Service unavailable" a mail server's.
const webReasons = `(?:200 ok|304 not modified|400 bad request|401 unauthorized|403 forbidden|404 not found|405 method not allowed|408 request time-?out|409 conflict|410 gone|422 unprocessable|429 too many requests|500 internal server error|501 not implemented|502 bad gateway|503 service (?:temporarily )?unavailable|504 gateway time-?out|505 http version not supported)\b`

var assignment = lazily(`^\d{3} \w+=`)

func codeOf(s string) int {
	if len(s) < 3 || len(s) > 3 && s[3] != ' ' && s[3] != '-' {
		return 0
	}
	n, err := strconv.Atoi(s[:3])
	if err != nil || n < 200 {
		return 0
	}
	return n
}

// ends are what follows a quoted reply in the text around it.
var ends = []string{" (in reply to ", "; from=<", "; proto=", " in /", " in C:\\", " in D:\\", " at /", " at Object", " during MAIL FROM [", "\"}", "' (", "\", \"", "', '", " ##", "; nested exception",
	" (state 1", ", command", " [SQL", "|", "\n"}

// maxQuote bounds the text of a quoted reply.
const maxQuote = 1500

// cut makes a quote of the words from start on: to the quotation mark that closes it, to what follows a reply in the
// programs we know, or to the line's end. from is where the words begin, which may be after the code.
func cut(s string, start, from int) quote {
	end := len(s)
	if from > 0 && (s[from-1] == '"' || s[from-1] == '\'') {
		if i := closingQuote(s[from:], s[from-1]); i >= 0 {
			end = from + i
		}
	}
	for _, e := range ends {
		if i := strings.Index(s[from:end], e); i >= 0 && i > 3 {
			end = from + i
		}
	}
	if end-from > maxQuote {
		end = from + maxQuote
	}
	text := strings.TrimRight(strings.ToValidUTF8(s[from:end], ""), " \t\"'")
	if strings.Count(text, ")") > strings.Count(text, "(") {
		text = strings.TrimRight(text, ")")
	}
	return quote{start: start, end: end, text: text}
}

// closingQuote finds the quotation mark that ends a quotation: the last of its kind that punctuation or the end follows,
// because apostrophes stand within.
func closingQuote(s string, q byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == q && (i+1 == len(s) || strings.IndexByte(",)}]; .\"'", s[i+1]) >= 0) {
			return i
		}
	}
	return -1
}

// reply makes a reply of a quote. A status without a code leaves the code 0: none was seen.
func (q quote) reply() smtp.Reply {
	text := strings.TrimSpace(q.text)
	if q.code == 0 {
		st, _ := smtp.CutEnhanced(strings.TrimLeft(strings.Replace(text, ";", " ;", 1), "#"))
		return smtp.Reply{Enhanced: st, Text: []string{strings.TrimLeft(text, "#")}, Complete: true}
	}
	rest := ""
	if len(text) > 4 {
		rest = strings.TrimLeft(text[4:], "#")
	}
	st, _ := smtp.CutEnhanced(rest)
	if st.Class != q.code/100 {
		st = smtp.EnhancedStatus{}
	}
	return smtp.Reply{Code: q.code, Enhanced: st, Text: []string{rest}, Complete: true}
}
