package listen

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// hear gives a dialogue octets, those of the client with "C: " before them, and returns what it recorded, a word an event.
func hear(t *testing.T, lines ...string) []string {
	t.Helper()
	rec := newJournal(evidence.Trace{ID: "t1"}, new(evidence.Scrubber), nil)
	d := &dialogue{j: rec, memory: newSecretMemory()}
	if !strings.HasPrefix(lines[0], "S: ") {
		d.welcomed = true
	}
	for _, l := range lines {
		who, octets, _ := strings.Cut(l, " ")
		if who == "C:" {
			d.fromClient([]byte(octets))
		} else {
			d.fromServer([]byte(octets))
		}
	}
	d.finish()
	d.finish() // as a connection that broke off does: whoever notices, and then the server
	return words(rec.rec.Snapshot())
}

func words(t evidence.Trace) []string {
	var out []string
	for _, e := range t.Events {
		switch {
		case e.Sent != nil && e.Sent.Verb == evidence.Message:
			out = append(out, fmt.Sprintf("message %d", e.Sent.Bytes))
		case e.Sent != nil && e.Sent.Early:
			out = append(out, "early "+e.Sent.Line)
		case e.Sent != nil:
			out = append(out, e.Sent.Line)
		case e.Reply != nil:
			out = append(out, fmt.Sprintf("%d to %d", e.Reply.Code, e.Reply.To))
		case e.Bytes != nil:
			out = append(out, fmt.Sprintf("octets %d %s", e.Bytes.Count, e.Bytes.Looks))
		case e.SignIn != nil:
			out = append(out, strings.TrimSpace(fmt.Sprintf("sign-in %s %d %d %s", e.SignIn.Mechanism, e.SignIn.UserLen, e.SignIn.SecretLen, e.SignIn.Repeat)))
		case e.Mail != nil:
			out = append(out, fmt.Sprintf("mail %d", e.Mail.Bytes))
		case e.Ended != nil:
			out = append(out, "ended "+string(e.Ended.Outcome))
		}
	}
	return out
}

// Replies decide what pipelined octets are.
func TestDialogue(t *testing.T) {
	for _, tt := range []struct {
		name        string
		lines, want []string
	}{
		{"in step", []string{"S: 220 x\r\n", "C: EHLO a\r\n", "S: 250 x\r\n"}, []string{"220 to -1", "EHLO a", "250 to 1"}},
		{"in pieces", []string{"C: EH", "C: LO a\r", "C: \n", "S: 25", "S: 0 x\r\n"}, []string{"EHLO a", "250 to 0"}},
		{"pipelined", []string{"C: MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "S: 250 x\r\n250 x\r\n354 x\r\n", "C: a\r\n.\r\n", "S: 250 x\r\n"},
			[]string{"MAIL FROM:<a@b>", "early RCPT TO:<c@d>", "early DATA", "250 to 0", "250 to 1", "354 to 2", "mail 3", "message 3", "250 to 7"}},
		{"body before 354", []string{"C: DATA\r\na\r\n.\r\nQUIT\r\n", "S: 354 x\r\n"}, []string{"DATA", "354 to 0", "mail 3", "message 3", "early QUIT"}},
		{"DATA refused", []string{"C: DATA\r\nQUIT\r\n", "S: 503 x\r\n"}, []string{"DATA", "503 to 0", "early QUIT"}},
		{"sign-in", []string{"C: AUTH LOGIN\r\n", "S: 334 VQ==\r\n", "C: dXNlcg==\r\n", "S: 334 UA==\r\n", "C: c2VjcmV0LTE=\r\n", "S: 235 x\r\n", "C: NOOP\r\n"},
			[]string{"AUTH LOGIN", "334 to 0", "[masked]", "334 to 2", "[masked]", "sign-in LOGIN 4 8", "235 to 4", "NOOP"}},
		{"password after a refusal", []string{"C: AUTH LOGIN\r\n", "S: 504 x\r\n", "C: c2VjcmV0LTE=\r\n", "S: 500 x\r\n", "C: hunter2\r\n", "C: QUIT\r\n"},
			[]string{"AUTH LOGIN", "sign-in LOGIN 0 0", "504 to 0", "[masked]", "500 to 3", "[masked]", "early QUIT"}},
		{"AUTH with a secret in place of the mechanism", []string{"C: AUTH AGFkbWluAHB3\r\n"}, []string{"[masked]"}},
		{"AUTH grown together", []string{"C: AUTHPLAIN AGFkbWluAHB3\r\n"}, []string{"[masked]"}},
		{"half a password", []string{"C: AUTH LOGIN\r\n", "S: 334 VQ==\r\n", "C: dXNl"}, []string{"AUTH LOGIN", "334 to 0", "sign-in LOGIN 0 0", "octets 4 "}},
		{"TLS at the first byte", []string{"C: \x16\x03\x01\x00\x10", "S: 220 x\r\n"}, []string{"220 to -1"}},
		{"a browser", []string{"C: GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, []string{"octets 27 http"}},
		{"chunks", []string{"C: BDAT 3\r\nQUI", "C: BDAT 4 LAST\r\nT\r\n.", "S: 250 x\r\n250 x\r\n"}, []string{"BDAT 3", "early BDAT 4 LAST", "mail 7", "250 to 0", "250 to 1"}},
		{"a client of POP3", []string{"S: 220 x\r\n", "C: USER me\r\n", "S: 500 x\r\n", "C: PASS hunter2\r\n", "S: 500 x\r\n", "C: hunter2\r\n"},
			[]string{"220 to -1", "USER me", "500 to 1", "PASS [masked]", "500 to 3", "[masked]"}},
		{"a client of IMAP", []string{"C: a1 LOGIN me hunter2\r\n"}, []string{"a1 LOGIN [masked]"}},
		{"TLS after EHLO, unasked", []string{"C: EHLO a\r\n", "S: 250 x\r\n", "C: \x16\x03\x01\x00\x10", "C: EHLO b\r\n"}, []string{"EHLO a", "250 to 0"}},
		{"in clear after STARTTLS", []string{"C: STARTTLS\r\nAUTH PLAIN hunter2\r\n", "S: 220 x\r\n"}, []string{"STARTTLS", "220 to 0", "octets 20 smtp"}},
		{"a chunk cut short", []string{"C: BDAT 9 LAST\r\nQUI"}, []string{"BDAT 9 LAST", "mail 3"}},
		{"before the greeting", []string{"S: ", "C: EHLO a\r\nAUTH LOGIN\r\nc2VjcmV0\r\n", "S: 220 x\r\n250 x\r\n504 x\r\n"},
			[]string{"EHLO a", "early AUTH LOGIN", "220 to -1", "250 to 0", "sign-in LOGIN 0 0", "504 to 1", "early [masked]"}},
		{"a reply that nobody asked for", []string{"S: 220 x\r\n", "S: 421 x\r\n"}, []string{"220 to -1", "421 to -1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, hear(t, tt.lines...)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// A relay's walk is what its client asked for: the null reverse-path of a bounce is a sender too (RFC 5321, section 4.5.5), and
// chunks are a message.
func TestWalked(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  evidence.Walk
	}{
		{[]string{"EHLO a", "MAIL FROM:<>", "RCPT TO:<b@example.com>"}, evidence.Walk{EHLO: "a", TLS: evidence.NoTLS, To: []string{"b@example.com"}}},
		{[]string{"EHLO a", "STARTTLS", "MAIL FROM:<>"}, evidence.Walk{EHLO: "a", TLS: evidence.StartTLS}},
		{[]string{"EHLO a"}, evidence.Walk{EHLO: "a", TLS: evidence.StartTLS}},
		{[]string{"EHLO a", "MAIL FROM:<a@example.com>", "BDAT 3 LAST"}, evidence.Walk{EHLO: "a", TLS: evidence.NoTLS, From: "a@example.com", Send: true}},
	} {
		rec := evidence.NewRecorder(evidence.Trace{Walk: evidence.Walk{TLS: evidence.StartTLS}}, nil)
		for _, l := range tt.lines {
			rec.Command(0, []byte(l), smtp.CRLF)
		}
		tr := rec.Snapshot()
		if got := walked(&tr); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %+v, want %+v", tt.lines, got, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	s := &session{c: &call{s: &Server{MaxSize: 1000}}}
	for param, want := range map[string]string{"SIZE=1000": "", "size=0": "", "BODY=8BITMIME": "", "SIZE=1001": "large", "SIZE=99999999999999999999": "large",
		"SIZE=abc": "bad", "SIZE=": "bad", "SIZE": "bad", "SIZE=-1": "bad", "SIZE=+1": "bad", "SIZE=1.5": "bad", "SIZE=999999999999999999999": "bad"} {
		got := ""
		switch params := []string{param}; {
		case badSize(params):
			got = "bad"
		case s.tooLarge(params):
			got = "large"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", param, got, want)
		}
	}
}

// What is kept of octets that are no SMTP ends before a secret may begin.
func TestHarmless(t *testing.T) {
	for octets, want := range map[string]string{
		"GET /?password=hunter2 HTTP/1.1\r\n":                 "GET /?",
		"GET / HTTP/1.1\r\nauthorization: Basic dTpodW50ZXIy": "GET / HTTP/1.1\r\nauth",
		"EHLO a\r\nAUTH PLAIN hunter2":                        "EHLO a\r\nAUTH",
		"SSH-2.0-OpenSSH_9.6":                                 "SSH-2.0-OpenSSH_9.6",
	} {
		if got := string(harmless([]byte(octets))); got != want {
			t.Errorf("of %q: %q, want %q", octets, got, want)
		}
	}
}

// FuzzDialogue: no octets of either side make it crash or grow, and what follows AUTH is never kept.
func FuzzDialogue(f *testing.F) {
	f.Add([]byte("EHLO a\r\nAUTH LOGIN\r\n"), []byte("220 x\r\n334 x\r\n"), []byte("SECRETSECRET\r\n"))
	f.Add([]byte("DATA\r\n"), []byte("220 x\r\n354 x\r\n"), []byte("a\r\n.\r\n"))
	f.Add([]byte("BDAT 99999 LAST\r\n"), []byte("250 x\r\n"), []byte("x"))
	f.Fuzz(func(t *testing.T, one, server, two []byte) {
		j := newJournal(evidence.Trace{ID: "t1"}, new(evidence.Scrubber), nil)
		d := &dialogue{j: j, memory: newSecretMemory(), scrub: new(evidence.Scrubber)}
		d.fromClient(one)
		d.fromServer(server)
		d.fromClient(two)
		d.finish()
		d.finish()
		if len(d.kept) > maxHeld {
			t.Errorf("%d octets are held", len(d.kept))
		}
		if d.authed {
			for _, e := range j.rec.Snapshot().Events {
				if e.Sent != nil && strings.Contains(e.Sent.Line, "SECRETSECRET") && smtp.ParseCommand([]byte(e.Sent.Line)).Verb == "SECRETSECRET" {
					t.Errorf("kept %q", e.Sent.Line)
				}
			}
		}
	})
}

func TestMessage(t *testing.T) {
	const text = "From: a@example.com\r\nSubject: Scan\r\n of today\r\nMessage-ID: <1@example.com>\r\nContent-Type: multipart/mixed;\r\n boundary=\"b\"\r\n\r\n" +
		"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n..dot\r\n--b\r\nContent-Type: application/pdf; name=\"=?UTF-8?Q?Br=C3=BCcke.pdf?=\"\r\n\r\nAAAA\r\n--b--\r\n"
	var whole, split evidence.Mail
	for size, into := range map[int]*evidence.Mail{1 << 20: &whole, 1: &split} {
		b := newBodyReader(nil)
		p := []byte(text + ".\r\nQUIT\r\n")
		done := false
		for len(p) > 0 && !done {
			var n int
			n, done = b.feed(p[:min(size, len(p))])
			p = p[n:]
		}
		if !done || string(p) != "QUIT\r\n" {
			t.Fatalf("done %v, left %q", done, p)
		}
		if id := b.messageID(); id != "1@example.com" {
			t.Errorf("Message-ID %q", id)
		}
		*into = *b.finish()
	}
	want := evidence.Mail{Bytes: int64(len(text)), Lines: 17, Longest: 65, Missing: []string{"Date"},
		Header:      []string{"From: a@example.com", "Subject: Scan of today", "Message-ID: <1@example.com>", "Content-Type: multipart/mixed; boundary=\"b\""},
		Attachments: []evidence.Attached{{Name: "Brücke.pdf", Type: "application/pdf", Bytes: 6}}}
	if d := cmp.Diff(want, whole); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff(whole, split); d != "" {
		t.Errorf("octet by octet (-whole +split)\n%s", d)
	}
}

// A disk that is full ends the keeping, not the conversation, and the record says so.
func TestFullDisk(t *testing.T) {
	j := newJournal(evidence.Trace{ID: "t1"}, new(evidence.Scrubber), nil)
	d := &dialogue{j: j, welcomed: true, keep: func() io.WriteCloser { return fullDisk{} }}
	d.fromClient([]byte("DATA\r\n"))
	d.fromServer([]byte("354 x\r\n"))
	d.fromClient([]byte("a\r\nb\r\n.\r\n"))
	var note, mail bool
	for _, e := range j.rec.Snapshot().Events {
		note = note || e.Note != nil && strings.Contains(e.Note.Text, "no space left")
		mail = mail || e.Mail != nil && e.Mail.Bytes == 6 && e.Mail.Kept == ""
	}
	if !note || !mail {
		t.Errorf("note %v, mail %v", note, mail)
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
func (fullDisk) Close() error              { return nil }

// What begins like no ClientHello is not waited for to become one.
func TestStartsHandshake(t *testing.T) {
	for head, want := range map[string]bool{"\x16\x03\x01": true, "\x80\x2e\x01": true, "EHLO a": false, "": false} {
		if got := startsHandshake([]byte(head)); got != want {
			t.Errorf("%q: %v, want %v", head, got, want)
		}
	}
}

func TestNearby(t *testing.T) {
	for addr, want := range map[string]bool{"127.0.0.1": true, "10.1.2.3": true, "192.168.0.9": true, "172.31.0.1": true, "172.32.0.1": false, "169.254.1.1": true,
		"100.64.0.1": true, "fd00::1": true, "fe80::1": true, "203.0.113.9": false, "2001:db8::1": false} {
		if got := nearby(netip.MustParseAddr(addr)); got != want {
			t.Errorf("nearby(%s) = %v, want %v", addr, got, want)
		}
	}
}

func TestGate(t *testing.T) {
	g := newGate(false, Limits{Conns: 3, PerAddress: 2})
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	enter := func(x netip.Addr, want bool) func() {
		t.Helper()
		leave, why := g.enter(x)
		if (why == "") != want {
			t.Errorf("%s: %q, want let in %v", x, why, want)
		}
		return leave
	}
	out := enter(a, true)
	enter(a, true)
	enter(a, false)
	enter(b, true)
	enter(b, false) // all places are taken
	out()
	enter(b, true)
	enter(netip.MustParseAddr("203.0.113.1"), false)
}

func TestAuthorityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	one, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	two, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(one.PEM(), two.PEM()); d != "" {
		t.Errorf("another one the second time\n%s", d)
	}
	leaf, err := (&leafStore{authority: two, names: []string{"mail.example.com"}}).forName("", netip.MustParseAddr("192.0.2.9"))
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(one.Certificate())
	for _, name := range []string{"mail.example.com", "192.0.2.9"} {
		if _, err := x.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("for %s: %v", name, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir); err == nil || !strings.Contains(err.Error(), "move the folder away") {
		t.Errorf("a damaged authority: %v", err)
	}
}

// A client that says nothing is told so after five minutes, and its silence is on record.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		var rec *evidence.Record
		authority := &Authority{}
		s := &Server{Authority: authority, Done: func(r *evidence.Record) { rec = r }}
		s.once.Do(s.prepare)
		go s.serve(context.Background(), server, Port{Number: 25})
		r := bufio.NewReader(client)
		for _, want := range []string{"220 ", "421 4.4.2"} {
			line, err := r.ReadString('\n')
			if err != nil || !strings.HasPrefix(line, want) {
				t.Fatalf("got %q, %v; want %s", line, err, want)
			}
		}
		io.Copy(io.Discard, r)
		synctest.Wait()
		last := rec.Traces[0].Events[len(rec.Traces[0].Events)-1].Ended
		if last == nil || last.Outcome != evidence.TimedOut || last.Waited != 5*time.Minute {
			t.Errorf("end %+v", last)
		}
	})
}

// The tries of one address are one story, and a password that changed is known by nothing but that.
func TestRetries(t *testing.T) {
	h := newHistory()
	a := netip.MustParseAddr("10.0.0.1")
	now := time.Now()
	for i := range 12 {
		got := h.add(a, evidence.Trace{ID: fmt.Sprint(i), Start: now})
		if want := min(i, maxTold) + 1; len(got) != want {
			t.Errorf("after %d: %d traces, want %d", i, len(got), want)
		}
	}
	if got := h.add(a, evidence.Trace{ID: "late", Start: now.Add(time.Hour)}); len(got) != 1 {
		t.Errorf("an hour later: %d traces, want 1", len(got))
	}
	m := h.memory(a)
	for i, tt := range []struct {
		secret string
		want   evidence.RepeatKind
	}{{"one", ""}, {"one", evidence.RepeatSame}, {"two", evidence.RepeatChanged}, {"two", evidence.RepeatSame}} {
		if got := m.compare([]byte("u"), []byte(tt.secret)); got != tt.want {
			t.Errorf("%d: %q, want %q", i, got, tt.want)
		}
	}
}
