package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

const (
	writeWait    = time.Minute // for the client to take a reply
	maxErrors    = 30          // negative replies until the server closes
	maxExchanges = 5000        // commands of one connection
	maxRcpts     = 1000        // of one message
	firstWait    = 30 * time.Second
)

// A session is the server's side of one conversation. It answers; the call's dialogue records.
type session struct {
	c    *call
	m    *manners
	conn net.Conn // the tap, or the connection inside TLS
	r    *bufio.Reader

	hello  string // EHLO or HELO, once it was accepted
	login  bool
	from   *string
	utf8   bool // MAIL said SMTPUTF8
	rcpts  int
	size   int64 // of BDAT chunks so far
	errors int
	over   bool
}

// run holds the conversation with this server, to its end.
func (c *call) run(ctx context.Context) {
	s := &session{c: c, m: c.s.personality(), conn: c.raw, r: bufio.NewReaderSize(c.raw, readRoom)}
	if c.port.Implicit && !s.implicitTLS(ctx) {
		return
	}
	if !s.reply(s.greeting()) {
		s.lost(ctx, "greeting", time.Now(), errors.New("the client did not take it"))
		return
	}
	for n := 0; !s.over; n++ {
		if n == maxExchanges {
			s.reply("421 4.7.0 too many commands on one connection")
			return
		}
		s.one(ctx)
	}
}

const readRoom = 4 << 10

func (s *session) greeting() string {
	if s.c.s.Name != "" {
		return "220 " + s.c.s.Name + " ESMTP smtptriage"
	}
	return s.m.greeting
}

// implicitTLS waits for the ClientHello that must come first. A client that waits for a greeting instead is waited for as long
// as it waits.
func (s *session) implicitTLS(ctx context.Context) bool {
	s.r = bufio.NewReaderSize(s.c.raw, recordRoom)
	began := time.Now()
	s.c.raw.SetReadDeadline(began.Add(min(firstWait, s.c.s.Limits.wait())))
	first, err := s.r.Peek(1)
	if err != nil {
		s.lost(ctx, "handshake", began, err)
		return false
	}
	if !startsHandshake(first) {
		s.c.d.finish() // what came is on record as a line, or as octets
		return false
	}
	return s.upgrade(ctx)
}

// upgrade takes TLS up.
func (s *session) upgrade(ctx context.Context) bool {
	conn := s.c.startTLS(ctx, s.r)
	if conn == nil {
		s.over = true
		return false
	}
	s.conn, s.r = conn, bufio.NewReaderSize(conn, readRoom)
	s.hello, s.from, s.rcpts = "", nil, 0 // RFC 3207, section 4.2
	return true
}

// one takes one command and answers it.
func (s *session) one(ctx context.Context) {
	began := time.Now()
	s.c.raw.SetReadDeadline(began.Add(s.c.s.Limits.wait()))
	if s.notSMTP(ctx) {
		return
	}
	line, cut, err := readLine(s.r)
	if err != nil {
		s.gone(ctx, began, err)
		return
	}
	if cut {
		s.reply("500 5.5.2 line too long")
		return
	}
	cmd := smtp.ParseCommand(line)
	if s.oldTLS(cmd) {
		return
	}
	do, ok := verbs[cmd.Verb]
	if !ok {
		s.reply("500 5.3.3 Unrecognized command")
		return
	}
	do(s, ctx, cmd)
}

// gone ends a conversation whose next command did not come.
func (s *session) gone(ctx context.Context, began time.Time, err error) {
	if outcomeOf(err) == evidence.TimedOut && ctx.Err() == nil {
		s.reply("421 4.4.2 nothing came for " + s.c.s.Limits.wait().String())
	}
	if alert, ok := tlswire.RemoteAlert(err); ok { // after the handshake: TLS 1.3 clients judge the certificate late
		s.c.j.add(evidence.Event{Alert: &evidence.Alert{From: evidence.Client, Alert: alert}})
	}
	s.lost(ctx, s.c.d.waiting(), began, err)
}

func (s *session) lost(ctx context.Context, waiting string, since time.Time, err error) {
	s.over = true
	s.c.lost(ctx, waiting, since, err)
}

// notSMTP looks at what comes next on a connection in clear, before it is read as a line: a client that starts TLS where it
// must not sends octets without a line end. It is told nothing: it would not understand.
func (s *session) notSMTP(ctx context.Context) bool {
	if s.conn != net.Conn(s.c.raw) {
		return false
	}
	first, err := s.r.Peek(1)
	if err != nil || first[0] != byte(tlswire.HandshakeRecord) && (first[0]&0x80 == 0 || s.hello != "") {
		return false // an error comes again at the next read
	}
	s.over = true
	began := time.Now()
	// Its whole hello is worth reading, and then how long it waits for an answer.
	s.c.raw.SetReadDeadline(began.Add(min(firstWait, s.c.s.Limits.wait())))
	_, err = s.r.Discard(recordRoom)
	s.c.lost(ctx, "handshake", began, err)
	return true
}

// readLine reads a line without its end. cut says that it was too long, and was dropped.
func readLine(r *bufio.Reader) (line []byte, cut bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) <= smtp.MaxLine {
			line = append(line, part...)
		} else {
			cut = true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return trimEOL(line), cut, err
		}
	}
}

func trimEOL(line []byte) []byte {
	for n := len(line); n > 0 && (line[n-1] == '\n' || line[n-1] == '\r'); n-- {
		line = line[:n-1]
	}
	return line
}

// reply sends the lines of one reply. It counts refusals, and ends a conversation that has too many.
func (s *session) reply(lines ...string) bool {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	if code := lines[len(lines)-1][0]; code == '4' || code == '5' {
		s.errors++
	}
	if s.errors > maxErrors {
		s.over = true
		b.WriteString("421 4.7.0 too many errors\r\n")
	}
	s.c.raw.SetWriteDeadline(time.Now().Add(writeWait))
	_, err := s.conn.Write([]byte(b.String()))
	if err != nil || strings.HasPrefix(lines[0], "421") {
		s.over = true
	}
	return err == nil
}

// oldTLS refuses a TLS version that the personality does not take, as it does: after the handshake, at the first command.
func (s *session) oldTLS(cmd smtp.Command) bool {
	if t := s.c.secured; t == nil || t.Version >= s.m.minTLS || s.c.s.Accept || cmd.Verb == "QUIT" {
		return false
	}
	s.reply(s.m.oldTLS)
	s.over = true
	return true
}

// verbs are the commands that the server knows.
var verbs = map[string]func(*session, context.Context, smtp.Command){
	"EHLO": (*session).ehlo, "HELO": (*session).ehlo, "STARTTLS": (*session).startTLS, "AUTH": (*session).auth,
	"MAIL": (*session).mail, "RCPT": (*session).rcpt, "DATA": (*session).data, "BDAT": (*session).bdat,
	"RSET": (*session).rset, "NOOP": say("250 2.0.0 OK"), "VRFY": say("252 2.1.5 Cannot VRFY user"), "EXPN": say("502 5.5.1 not here"),
	"HELP": say("214 2.0.0 this is smtptriage: what a client says here is recorded"), "QUIT": (*session).quit,
	"GET": (*session).http, "POST": (*session).http, "HEAD": (*session).http, "OPTIONS": (*session).http, "CONNECT": (*session).http,
}

func say(reply string) func(*session, context.Context, smtp.Command) {
	return func(s *session, _ context.Context, _ smtp.Command) { s.reply(reply) }
}

func (s *session) http(context.Context, smtp.Command) {
	s.reply("421 4.7.0 this is a mail server")
	s.over = true
}

func (s *session) quit(context.Context, smtp.Command) {
	s.reply("221 2.0.0 Service closing transmission channel")
	s.c.d.finish()
	s.c.end(evidence.Ended{Outcome: evidence.Aborted, By: evidence.Client, Why: "done"})
	s.over = true
}

// ehlo accepts any name but none: RFC 5321, section 4.1.4 forbids to refuse a name because it does not fit the address.
func (s *session) ehlo(_ context.Context, c smtp.Command) {
	if c.Args == "" || strings.ContainsAny(c.Args, " \t") {
		s.reply("501 5.5.4 Invalid domain name")
		return
	}
	s.hello, s.from, s.rcpts = c.Verb, nil, 0
	host := s.c.s.name(s.c.port)
	greeting := fmt.Sprintf("%s Hello [%s]", host, s.c.client.Addr())
	if c.Verb == "HELO" {
		s.reply("250 " + greeting)
		return
	}
	lines := append([]string{greeting, "SIZE " + strconv.FormatInt(s.c.s.maxSize(), 10)}, s.m.keywords...)
	if !s.secure() {
		lines = append(lines, "STARTTLS")
	}
	if s.offersAuth() {
		lines = append(lines, "AUTH "+strings.Join(s.m.mechanisms, " "))
	}
	for i := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + lines[i]
	}
	s.reply(lines...)
}

func (s *session) secure() bool { return s.c.secured != nil }

// offersAuth: sign-in inside TLS alone, unless everything is to be taken.
func (s *session) offersAuth() bool { return s.secure() || s.c.s.Accept }

func (s *session) startTLS(ctx context.Context, c smtp.Command) {
	switch {
	case s.secure():
		s.reply("503 5.5.1 TLS is there already")
	case c.Args != "":
		s.reply("501 5.5.4 STARTTLS takes no arguments")
	default:
		if !s.reply(s.m.startTLS) {
			return
		}
		// What came in clear after the command must not count inside TLS (RFC 3207, section 4.2): only a hello may.
		if n := s.r.Buffered(); n > 0 {
			if first, _ := s.r.Peek(1); !startsHandshake(first) {
				s.r.Discard(n)
			}
		}
		if s.r.Size() < recordRoom {
			s.r = bufio.NewReaderSize(&unread{s.c.raw, s.r}, recordRoom)
		}
		s.upgrade(ctx)
	}
}

// ready reports whether mail may be sent now, and says why it may not.
func (s *session) ready() bool {
	open := s.c.s.Accept || s.c.port.Relay || s.c.port.Number == portRelay || !s.m.needAuth
	switch {
	case s.hello == "":
		s.reply("503 5.5.2 Send hello first")
	case !open && !s.secure():
		// As Microsoft's servers put it, whether TLS or the sign-in is missing.
		s.reply(s.m.needLogin)
	case !open && !s.login:
		s.reply(s.m.needLogin)
	default:
		return true
	}
	return false
}

func (s *session) mail(_ context.Context, c smtp.Command) {
	if !s.ready() {
		return
	}
	path, params, ok := smtp.CutPath(c.Args)
	switch {
	case s.from != nil:
		s.reply("503 5.5.2 Sender already specified")
	case !ok || !validPath(path, params, strings.Contains(c.Args, "<>")):
		s.reply("501 5.1.7 Invalid address")
	case badSize(params):
		s.reply("501 5.5.4 SIZE wants a number of octets")
	case s.tooLarge(params):
		s.reply("552 5.3.4 Message size exceeds fixed maximum message size")
	default:
		s.from = &path
		s.utf8 = saysUTF8(params)
		s.reply("250 2.1.0 Sender OK")
	}
}

// validPath looks at a path no more closely than a server must: it has to have a local part and a domain (RFC 5321, section
// 4.1.2), no blanks, nothing after it that is no parameter, and letters beyond ASCII only where the client says so (RFC 6531, section 3.4).
func validPath(path string, params []string, mayBeEmpty bool) bool {
	if slices.ContainsFunc(params, func(p string) bool { return !letterOrDigit(p[0]) }) {
		return false
	}
	if path == "" {
		return mayBeEmpty
	}
	ascii := !strings.ContainsFunc(path, func(r rune) bool { return r > unicode.MaxASCII })
	_, err := smtp.ParseAddress(path)
	return err == nil && (ascii || saysUTF8(params))
}

func saysUTF8(params []string) bool {
	return slices.ContainsFunc(params, func(p string) bool { return strings.EqualFold(p, "SMTPUTF8") })
}

func letterOrDigit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// maxSizeDigits are those that a size may have (RFC 1870, section 5).
const maxSizeDigits = 20

// sizeOf is the value of the parameter SIZE.
func sizeOf(params []string) (value string, ok bool) {
	for _, p := range params {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(name, "SIZE") {
			return value, true
		}
	}
	return "", false
}

// badSize reports whether a size is no number.
func badSize(params []string) bool {
	value, ok := sizeOf(params)
	return ok && (value == "" || len(value) > maxSizeDigits || strings.ContainsFunc(value, func(r rune) bool { return r < '0' || r > '9' }))
}

func (s *session) tooLarge(params []string) bool {
	value, ok := sizeOf(params)
	if !ok {
		return false
	}
	n, err := strconv.ParseUint(value, 10, 64)
	return err != nil || n > uint64(s.c.s.maxSize()) // what is no error of syntax is one of range
}

func (s *session) rcpt(_ context.Context, c smtp.Command) {
	path, params, ok := smtp.CutPath(c.Args)
	if s.utf8 {
		params = append(params, "SMTPUTF8") // said with MAIL, it holds for the recipients
	}
	switch {
	case s.from == nil:
		s.reply("503 5.5.2 Need mail command")
	case !ok || !validPath(path, params, false) && !strings.EqualFold(path, "postmaster"):
		s.reply("501 5.1.3 Invalid address")
	case s.rcpts == maxRcpts:
		s.reply("452 4.5.3 Too many recipients")
	default:
		s.rcpts++
		s.reply("250 2.1.5 Recipient OK")
	}
}

func (s *session) rset(context.Context, smtp.Command) {
	s.forget()
	s.reply("250 2.0.0 Resetting")
}

func (s *session) forget() { s.from, s.rcpts, s.size = nil, 0, 0 }
