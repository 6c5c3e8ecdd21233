package tlswire

import (
	"bytes"
	"strings"
)

// A Protocol is what the first octets of a stream look like.
type Protocol string

// What Sniff tells apart.
const (
	ProtoUnknown Protocol = ""              // too few octets to say
	ProtoTLS     Protocol = "tls-handshake" // a handshake record
	ProtoAlert   Protocol = "tls-alert"     // an alert record: the peer speaks TLS and is not content
	ProtoSSL2    Protocol = "ssl2-hello"    // a hello in the format of SSLv2
	ProtoSMTP    Protocol = "smtp"          // a reply code or an SMTP command
	ProtoHTTP    Protocol = "http"          // a request, a response, or bare HTML
	ProtoSSH     Protocol = "ssh"
	ProtoIMAP    Protocol = "imap"
	ProtoPOP3    Protocol = "pop3"
	ProtoTelnet  Protocol = "telnet"
	ProtoOther   Protocol = "other"
)

// openings are the first octets of protocols, in upper case. What can become none of them any more is "other".
var openings = []struct {
	text  string
	proto Protocol
}{
	{"SSH-", ProtoSSH},
	{"HTTP/", ProtoHTTP}, {"GET ", ProtoHTTP}, {"POST ", ProtoHTTP}, {"HEAD ", ProtoHTTP}, {"PUT ", ProtoHTTP},
	{"OPTIONS ", ProtoHTTP}, {"CONNECT ", ProtoHTTP}, {"PRI * HTTP/2", ProtoHTTP},
	{"<!DOCTYPE", ProtoHTTP}, {"<HTML", ProtoHTTP},
	{"* OK", ProtoIMAP}, {"* PREAUTH", ProtoIMAP}, {"* BYE", ProtoIMAP},
	{"+OK", ProtoPOP3}, {"-ERR", ProtoPOP3},
	{"EHLO", ProtoSMTP}, {"HELO", ProtoSMTP}, {"LHLO", ProtoSMTP}, {"STARTTLS", ProtoSMTP}, {"QUIT", ProtoSMTP},
	{"NOOP", ProtoSMTP}, {"RSET", ProtoSMTP}, {"MAIL FROM:", ProtoSMTP}, {"RCPT TO:", ProtoSMTP},
	{"AUTH ", ProtoSMTP}, {"HELP", ProtoSMTP}, {"VRFY", ProtoSMTP},
}

// Sniff says what a stream is by its first octets; 16 are enough for a firm answer. With fewer it answers as soon as
// only one answer is left, and ProtoUnknown before that.
func Sniff(p []byte) Protocol {
	switch {
	case len(p) == 0:
		return ProtoUnknown
	case p[0] == byte(HandshakeRecord):
		return sniffRecord(p, ProtoTLS)
	case p[0] == byte(AlertRecord):
		return sniffRecord(p, ProtoAlert)
	case p[0] >= '2' && p[0] <= '5':
		return sniffReply(p)
	case p[0] == 0xff && (len(p) < 2 || p[1] >= 0xfa && p[1] <= 0xfe): // IAC WILL, DO ... (RFC 854)
		if len(p) < 2 {
			return ProtoUnknown
		}
		return ProtoTelnet
	case p[0]&0x80 != 0:
		return sniffSSL2(p)
	}
	return sniffText(p)
}

func sniffRecord(p []byte, is Protocol) Protocol {
	switch {
	case len(p) > 1 && p[1] != 3, len(p) > 2 && p[2] > 4:
		return ProtoOther
	case len(p) < 3:
		return ProtoUnknown
	}
	return is
}

// sniffReply tells a reply, "220 ..." or "554-..." (RFC 5321, section 4.2).
func sniffReply(p []byte) Protocol {
	for _, c := range p[1:min(len(p), 3)] {
		if c < '0' || c > '9' {
			return ProtoOther
		}
	}
	if len(p) < 4 {
		return ProtoUnknown
	}
	if !strings.ContainsRune(" -\r\n\t", rune(p[3])) {
		return ProtoOther
	}
	return ProtoSMTP
}

func sniffSSL2(p []byte) Protocol {
	size, ok := ssl2Size(p)
	switch {
	case !ok:
		return ProtoOther
	case size == 0:
		return ProtoUnknown
	}
	return ProtoSSL2
}

func sniffText(p []byte) Protocol {
	head := bytes.ToUpper(bytes.TrimLeft(p[:min(len(p), 64)], " \t\r\n"))
	open := len(head) == 0 && len(p) < 64
	for _, o := range openings {
		if bytes.HasPrefix(head, []byte(o.text)) {
			return o.proto
		}
		open = open || strings.HasPrefix(o.text, string(head))
	}
	if open {
		return ProtoUnknown
	}
	return ProtoOther
}
