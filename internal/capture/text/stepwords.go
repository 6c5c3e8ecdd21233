package text

import (
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// A stepWord is how programs name the command that a reply answers, or that they were at. Words are folded; the verb is that
// of the command, evidence.Message for the message itself, or waitGreeting or waitHandshake.
type stepWord struct {
	words string
	verb  string
}

// afterReply stand behind the reply, as Postfix and servers' logs put them.
var afterReply = []stepWord{
	{"in reply to end of data command", evidence.Message},
	{"in reply to data command", "DATA"},
	{"in reply to mail from command", "MAIL"},
	{"in reply to rcpt to command", "RCPT"},
	{"in reply to ehlo command", "EHLO"},
	{"in reply to helo command", "HELO"},
	{"in reply to starttls command", "STARTTLS"},
	{"in reply to auth command", "AUTH"},
	{"in reply to initial server greeting", waitGreeting},
	{"in reply to rset command", "RSET"},
}

// beforeReply stand before the reply, or in the exception around it. The nearest before it counts; of those at one place the
// first here.
var beforeReply = []stepWord{
	{"after initial connection", waitGreeting}, {"invalid greeting", waitGreeting}, {"refused to talk to me", waitGreeting},
	{"bad greeting from smtp host", waitGreeting}, {"smtpconnecterror", waitGreeting}, {"after connect", waitGreeting},
	{"reject: connect from", waitGreeting}, {"could not connect to smtp host", waitGreeting}, {"connection refused by server", waitGreeting},
	{"invalid server greeting", waitGreeting}, {"cannot get initial ok message", waitGreeting}, {"unexpected greeting", waitGreeting},
	{"after ehlo", "EHLO"}, {"after helo", "HELO"}, {"to command 'ehlo'", "EHLO"}, {"could not perform server greeting", "EHLO"}, {"smtpheloerror", "EHLO"},
	{"command=\"helo", "HELO"}, {"command=\"ehlo", "EHLO"}, {"ehlo command failed", "EHLO"}, {"reject: ehlo from", "EHLO"}, {"reject: helo from", "HELO"},
	{"bad response on command 'ehlo'", "EHLO"}, {"helo command failed", "HELO"}, {"ehlo failed", "EHLO"}, {"does not accept ehlo or helo", "EHLO"}, {"command: 'ehlo'", "EHLO"},
	{"after starttls", "STARTTLS"}, {"error upgrading connection with starttls", "STARTTLS"}, {"response code 220 but got", "STARTTLS"},
	{"response code \"220\" but got", "STARTTLS"}, {"starttls failed", "STARTTLS"}, {"starttls command failed", "STARTTLS"}, {"cannot start tls", "STARTTLS"},
	{"command=\"starttls", "STARTTLS"}, {"command: 'starttls'", "STARTTLS"},
	{"after auth", "AUTH"}, {"command: 'auth", "AUTH"}, {"command: \"auth", "AUTH"}, {"invalid login", "AUTH"}, {"smtpauthenticationerror", "AUTH"}, {"net::smtpauthenticationerror", "AUTH"},
	{"authenticationfailedexception", "AUTH"}, {"sasl authentication failed", "AUTH"}, {"authentication failed", "AUTH"}, {"failed to authenticate", "AUTH"},
	{"could not authenticate", "AUTH"}, {"auth command failed", "AUTH"}, {"password command failed", "AUTH"}, {"username command failed", "AUTH"},
	{"security.authenticationexception", "AUTH"}, {"authenticationinvalidcredentials", "AUTH"}, {"code: 'eauth'", "AUTH"}, {"reject: auth from", "AUTH"}, {"login denied", "AUTH"},
	{"invalid username/password", "AUTH"}, {"command=\"auth", "AUTH"}, {"response code 235 but got", "AUTH"}, {"response code 334 but got", "AUTH"},
	{"auth failed", "AUTH"}, {"failed to login", "AUTH"}, {"login failed", "AUTH"}, {"response code \"235\" but got", "AUTH"}, {"response code \"334\" but got", "AUTH"},
	{"authentication error", "AUTH"}, {"authentication failure", "AUTH"}, {"response code \"334/", "AUTH"}, {"bad response on command 'auth", "AUTH"},
	{"after pipelined mail", "MAIL"}, {"after mail from", "MAIL"}, {"mail command failed", "MAIL"}, {"mail from command failed", "MAIL"}, {"command: 'mail from'", "MAIL"},
	{"smtpsenderrefused", "MAIL"}, {"sendernotaccepted", "MAIL"}, {"smtpsenderfailedexception", "MAIL"}, {"mail failed:", "MAIL"}, {"envelope from address", "MAIL"},
	{"the following from address failed", "MAIL"}, {"during mail from", "MAIL"}, {"reject: mail from", "MAIL"}, {"command=\"mail", "MAIL"}, {"mail from: <", "MAIL"},
	{"mail(): smtp server response", "MAIL"}, {"bad response on command 'mail", "MAIL"}, {"invalid sender", "MAIL"}, {"mail from failed", "MAIL"}, {"command: \"mail from", "MAIL"},
	{"after pipelined rcpt", "RCPT"}, {"after rcpt to", "RCPT"}, {"rcpt to command failed", "RCPT"}, {"all recipients were rejected", "RCPT"},
	{"smtprecipientsrefused", "RCPT"}, {"recipientnotaccepted", "RCPT"}, {"smtpaddressfailedexception", "RCPT"}, {"rcpt failed:", "RCPT"}, {"code: 'eenvelope'", "RCPT"},
	{"smtpfailedrecipient", "RCPT"}, {"the following recipients failed", "RCPT"}, {"reject: rcpt from", "RCPT"}, {"reject warning: rcpt from", "RCPT"},
	{"command=\"rcpt", "RCPT"}, {"on command 'rcpt'", "RCPT"}, {"recipient command failed", "RCPT"}, {"recipient address", "RCPT"}, {"command: 'rcpt to'", "RCPT"},
	{"milter-reject: rcpt", "RCPT"}, {"invalid recipient", "RCPT"}, {"rcpt to failed", "RCPT"},
	{"rcpt to:<", "RCPT"}, {"command: \"rcpt to", "RCPT"}, {"recipient rejected", "RCPT"}, {"recipientsrefused", "RCPT"},
	{"after end of data", evidence.Message}, {"after sending data block", evidence.Message}, {"message failed", evidence.Message}, {"smtpdataerror", evidence.Message},
	{"messagenotaccepted", evidence.Message}, {"end-of-message from", evidence.Message}, {"data not accepted", evidence.Message}, {"data end command failed", evidence.Message},
	{"storedrv", evidence.Message}, {"status=sent (", evidence.Message}, {" c=\"", evidence.Message}, {"smtpmsg='", evidence.Message}, {"end of data", evidence.Message}, {"code: 'emessage'", evidence.Message}, {"reject: end-of-message", evidence.Message},
	{"after data", "DATA"}, {"after pipelined data", "DATA"}, {"data command failed", "DATA"}, {"command: 'data'", "DATA"}, {"response code 354 but got", "DATA"},
	{"response code \"354\" but got", "DATA"}, {"reject: data from", "DATA"}, {"command=\"data", "DATA"}, {"smtp command data", "DATA"}, {"command: \"data", "DATA"},
}

// verbNear finds the command that a reply answers, by the words behind it, then those before it on its line, then those of
// the text around.
func verbNear(after, before, around string) string {
	if v := firstWord(afterReply, after); v != "" {
		return v
	}
	if v := lastWord(beforeReply, before); v != "" {
		return v
	}
	return firstWord(beforeReply, around)
}

// firstWord is the verb of the first of the words in s.
func firstWord(words []stepWord, s string) string {
	at, verb := -1, ""
	for _, w := range words {
		if i := strings.Index(s, w.words); i >= 0 && (at < 0 || i < at) {
			at, verb = i, w.verb
		}
	}
	return verb
}

// lastWord is the verb of the last of the words in s.
func lastWord(words []stepWord, s string) string {
	at, verb := -1, ""
	for _, w := range words {
		if i := strings.LastIndex(s, w.words); i > at {
			at, verb = i, w.verb
		}
	}
	return verb
}

// waitWords tell in which wait a connection ended.
var waitWords = []stepWord{
	{"connected on session", waitGreeting}, {"smtpserverdisconnected", waitGreeting}, {"network read error", waitGreeting}, {"sent an empty reply", waitGreeting},
	{"greeting", waitGreeting}, {"initial connection", waitGreeting},
	{"starttls:", waitHandshake}, {"handshake", waitHandshake}, {"ssl connect", waitHandshake}, {"starttls", waitHandshake}, {"ssl: ", waitHandshake},
	{"sslsocket", waitHandshake}, {"tls: ", waitHandshake},
	{"response to ehlo", "EHLO"}, {"after ehlo", "EHLO"}, {"after helo", "EHLO"}, {"command: 'ehlo'", "EHLO"},
	{"command: 'auth", "AUTH"}, {"after auth", "AUTH"}, {"authenticat", "AUTH"},
	{"after mail from", "MAIL"}, {"mail from", "MAIL"}, {"after rcpt to", "RCPT"}, {"rcpt to", "RCPT"},
	{"end of data", evidence.Message}, {"message body", evidence.Message}, {"data command", "DATA"}, {"after data", evidence.Message}, {"command: 'data'", "DATA"},
	{"command: 'api'", ""},
	{"connect to ", dial}, {"connecting to", dial}, {"syscall: 'connect'", dial}, {"command: 'conn'", dial}, {"dial tcp", dial}, {"connect e", dial},
	{"could not connect", dial}, {"failed to connect", dial}, {"unable to connect", dial}, {"cannot connect", dial}, {"connectexception", dial}, {"connect timed out", dial},
	{"stream socket client", dial}, {"fsockopen", dial}, {"connection could not be established", dial}, {"couldn't connect", dial}, {"create connection", dial}, {"connect()", dial},
	{"trying ", dial},
}

// frames are lines of smtplib's own code, as its stack traces quote them: they tell what it was at, whatever the exception says.
var frames = []stepWord{
	{"self.auth(", "AUTH"}, {"self.data(", "DATA"}, {"self.rcpt(", "RCPT"}, {"self.mail(", "MAIL"}, {"self.docmd(\"starttls", "STARTTLS"},
	{"self.ehlo()", "EHLO"}, {"self.helo()", "EHLO"},
}

// waitNear is the wait that a socket error belongs to. unknown is what its outcome means where nothing tells.
func waitNear(before, around, unknown string) string {
	if strings.Contains(around, "lo handshake") { // Postfix calls EHLO that
		return "EHLO"
	}
	if v := firstWord(frames, around); v != "" {
		return v
	}
	if i := lastIndexAny(waitWords, before); i >= 0 {
		return waitWords[i].verb
	}
	for _, w := range waitWords {
		if strings.Contains(around, w.words) {
			return w.verb
		}
	}
	return unknown
}

// lastIndexAny is the index of the word that stands last in s, -1 for none.
func lastIndexAny(words []stepWord, s string) int {
	at, which := -1, -1
	for n, w := range words {
		if i := strings.LastIndex(s, w.words); i > at {
			at, which = i, n
		}
	}
	return which
}
