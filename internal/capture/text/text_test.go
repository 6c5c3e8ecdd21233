package text_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/text"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// What says nothing about a failed mail conversation must not be given a cause.
func TestNearMisses(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"empty", ""},
		{"blank lines", "\n\n   \n"},
		{"prose", "We moved 550 boxes to the new office on Monday. The connection to the old printer room is closed for good."},
		{"prose with numbers", "Chapter 5.7.1 of the handbook describes how 421 visitors were counted."},
		{"question", "Hello, can somebody tell me how to send mail from my scanner? It is a nice scanner."},
		{"web server", `2026/11/20 09:00:01 [error] 31#31: *7 connect() failed (111: Connection refused) while connecting to upstream, client: 192.0.2.7, server: www.example.com, request: "GET / HTTP/1.1", upstream: "http://127.0.0.1:8080/"`},
		{"words at random", "error 404 line debug user delta cache mail request beta timeout error gamma: 404 server mail"},
		{"web status", "HTTP/1.1 500 Internal Server Error"},
		{"bare web status", "500 Internal Server Error"},
		{"access log", `192.0.2.7 - - [20/Nov/2026:09:00:01 +0000] "GET /index.html HTTP/1.1" 500 554 "-" "curl/8.5.0"`},
		{"database", "ERROR 2003 (HY000): Can't connect to MySQL server on 'db.example.com:3306' (111 Connection refused)"},
		{"ssh", "ssh: connect to host shell.example.com port 22: Connection timed out"},
		{"kernel", "Nov 20 09:00:01 host kernel: [554.210012] usb 1-1: new high-speed USB device number 5"},
		{"https certificate", "curl: (60) SSL certificate problem: certificate has expired https://www.example.com:443/"},
		{"a version", "OpenSSL 3.0.2 15 Mar 2022 (Library: OpenSSL 3.0.2 15 Mar 2022)"},
		{"registry", `Error response from daemon: Get "https://registry.example.com/v2/": x509: certificate signed by unknown authority`},
		{"IMAP", "Nov 20 09:00:01 mx1 dovecot: imap-login: Disconnected: Auth failed (auth failed, 1 attempts): user=<a@example.com>, method=PLAIN"},
		{"git", "fatal: unable to access 'https://git.example.com/x.git/': SSL certificate problem: unable to get local issuer certificate"},
		{"kafka", "java.net.ConnectException: Connection refused: no further information: localhost/127.0.0.1:9092 (kafka)"},
		{"postgres", `connection to server at "db.example.com" (192.0.2.4), port 5432 failed: Connection timed out`},
		{"LDAP", "ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1) Connection refused"},
		{"metrics", `Get "http://192.0.2.4:9100/metrics": dial tcp 192.0.2.4:9100: connect: connection refused`},
		{"redis", "redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused."},
		{"another port", "curl: (28) Failed to connect to files.example.com port 443 after 130000 ms: Connection timed out"},
		{"ping", "ping: host.example.com: Temporary failure in name resolution"},
		{"numbers", "I sent 250 letters and 354 parcels; 550 came back."},
		{"plans", "Meeting notes: we will move the mail relay to the cloud in Q3. TLS 1.2 is required. Port 25 is to be closed."},
		{"queue manager", "Nov 20 09:00:01 mx1 postfix/qmgr[99]: 3F1A22B: from=<a@example.com>, size=812, nrcpt=1 (queue active)"},
		{"disconnect", "Nov 20 09:00:01 mx1 postfix/smtpd[99]: disconnect from unknown[198.51.100.7] ehlo=1 auth=0/1 quit=1 commands=2/3"},
		{"a warning", "Nov 20 09:00:01 mx1 postfix/smtpd[99]: warning: hostname scanner.example.com does not resolve to address 198.51.100.7: Name or service not known"},
		{"TLS up", "Nov 20 09:00:01 mx1 postfix/smtp[99]: Untrusted TLS connection established to mx.example.com[192.0.2.25]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384"},
		{"Exim arrival", "2026-11-20 09:02:08 1sXyZz-0001Ab-2C <= a@example.com H=localhost [127.0.0.1] P=esmtp S=812"},
		{"a greeting", "220 mx.example.com ESMTP"},
		{"a positive reply", "250 2.1.5 Recipient OK"},
		{"binary", "\x00\x01\x02\xff\xfe250\x00\x1b[2J\x07"},
		{"json", `{"status": 500, "items": 421, "took": "5.7.1"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, d := judge(t, tt.text)
			if d.ExitStatus() != 3 {
				t.Errorf("got %s/%s: %s", d.Verdict.Step, d.Verdict.Cause, d.Verdict.Summary)
			}
		})
	}
}

// noise gives n octets of lines that are not about mail.
func noise(n int64) io.Reader {
	return io.LimitReader(&repeater{unit: []byte("Nov 20 09:00:01 host app[77]: request 4711 took 250 ms, cache hit 93 percent, worker 12 of 16 is idle\n")}, n)
}

type repeater struct {
	unit []byte
	at   int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.unit[r.at:])
	r.at = (r.at + n) % len(r.unit)
	return n, nil
}

// TestWordsWithALink reads replies that lost their code, or in which nothing but the server's own words is about mail, though the
// link in them looks like the web's.
func TestWordsWithALink(t *testing.T) {
	for _, tt := range []struct {
		text string
		want cause.ID
	}{
		{"4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information.", cause.Throttled},
		{"5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. For more information please go to http://go.microsoft.com/fwlink/?LinkId=526653", cause.TenantRestricted},
		{"Application-specific password required. For more information, visit https://support.google.com/accounts/answer/185833", cause.AuthBlockedByPolicy},
		{"550 Service unavailable. Client blocked from sending from unregistered domains", cause.TenantRestricted},
		{"550 Service unavailable, Client host [192.0.2.10] blocked by example.com using Customer Block list (AS16012607)", cause.IPBlocklisted},
		{"450 4.4.316 Connection refused [Message=Socket error code 10061]", cause.PortClosed},
	} {
		if _, d := judge(t, tt.text); d.Verdict.Cause != tt.want {
			t.Errorf("%s\n\tgot %s, want %s", tt.text, d.Verdict.Cause, tt.want)
		}
	}
	for _, text := range []string{"HTTP/1.1 503 Service Unavailable", "GET https://example.com/5.7.708: 503 Service Temporarily Unavailable", "mysql 5.7.30 from https://example.com/mysql"} {
		if _, d := judge(t, text); d.ExitStatus() != 3 {
			t.Errorf("%s: got %s", text, d.Verdict.Cause)
		}
	}
}

func TestNoiseIsQuick(t *testing.T) {
	start := time.Now()
	rec, err := text.Read(noise(50<<20), text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := diagnose.Diagnose(rec); d.ExitStatus() != 3 {
		t.Errorf("got %s/%s", d.Verdict.Step, d.Verdict.Cause)
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("50 MB of noise took %s", took)
	}
}

// Texts made to cost much are read in bounded time too.
func TestHostileTexts(t *testing.T) {
	for name, unit := range map[string]string{
		"replies":       "550 5.7.1 no\n",
		"greetings":     "220 mx.example.com\nEHLO a\n",
		"one line":      "550 5.7.1 said: ",
		"marks":         "S: 220 a\nC: EHLO b\n",
		"log":           "Nov 20 09:00:02 mx postfix/smtp[81]: connect to mx.example.net[192.0.2.9]:25: Connection refused\n",
		"nested":        "Content-Type: multipart/mixed; boundary=x\n\n--x\n",
		"tags":          "<p><a<b><<p",
		"escapes":       `{"a":"\n\u0000\x41"}` + "\n",
		"phrases":       "mail for certificate is valid for hostname lookup cannot open name service error\n",
		"quotes":        "reply: '\"b'\"550 ",
		"open brackets": "[[[((([[[ C: ",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			rec, err := text.Read(io.LimitReader(&repeater{unit: []byte(unit)}, 2<<20), text.Options{})
			if err != nil {
				t.Fatal(err)
			}
			read := time.Since(start)
			diagnose.Diagnose(rec)
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("2 MB took %s to read and %s in all", read, took)
			} else {
				t.Logf("read in %s, %d conversations, all in %s", read.Round(time.Millisecond), len(rec.Traces), took.Round(time.Millisecond))
			}
		})
	}
}

func TestNeedleInNoise(t *testing.T) {
	needle := "Nov 20 09:00:02 mx postfix/smtp[81]: 4F3A21: to=<b@example.net>, relay=mx.example.net[192.0.2.9]:25, dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.9] said: 550 5.1.1 <b@example.net>: Recipient address rejected: User unknown (in reply to RCPT TO command))\n"
	r := io.MultiReader(noise(20<<20), strings.NewReader("\n"+needle), noise(5<<20))
	rec, err := text.Read(r, text.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := diagnose.Diagnose(rec); d.Verdict.Cause != "recipient-not-found" || d.Verdict.Step != "rcpt" {
		t.Errorf("got %s/%s", d.Verdict.Step, d.Verdict.Cause)
	}
}

// What a client answers to a 334 is a secret, whoever logged it.
func TestSecretsOfTranscriptsAreMasked(t *testing.T) {
	const user, pass = "c2Nhbm5lckBleGFtcGxlLmNvbQ==", "aHVudGVyMi1zZWNyZXQ="
	both := []string{user, pass}
	for name, s := range map[string]string{
		"telnet":  "220 mx.example.com ESMTP\nEHLO a\n250-mx.example.com\n250 AUTH LOGIN\nAUTH LOGIN\n334 VXNlcm5hbWU6\n" + user + "\n334 UGFzc3dvcmQ6\n" + pass + "\n535 5.7.3 Authentication unsuccessful\n",
		"C: S:":   "S: 220 mx.example.com\nC: EHLO a\nS: 250 AUTH LOGIN\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + user + "\nS: 334 UGFzc3dvcmQ6\nC: " + pass + "\nS: 535 5.7.3 no\n",
		"initial": "C: EHLO a\nS: 250 AUTH PLAIN\nC: AUTH PLAIN " + pass + "\nS: 535 5.7.3 no\n",
		"smtplib": "send: 'ehlo a\\r\\n'\nreply: b'250 AUTH LOGIN\\r\\n'\nsend: 'AUTH LOGIN " + user + "\\r\\n'\nreply: b'334 UGFzc3dvcmQ6\\r\\n'\nsend: '" + pass + "\\r\\n'\nreply: b'535 5.7.3 no\\r\\n'\n",
	} {
		rec, _ := judge(t, s)
		var b bytes.Buffer
		if err := evidence.Write(&b, rec); err != nil {
			t.Fatal(err)
		}
		for _, secret := range both {
			if strings.Contains(b.String(), secret) {
				t.Errorf("%s: the record holds %s", name, secret)
			}
		}
	}
}

// TestSecretsInProseAreMasked: what people paste around an error holds their settings, and the verdict must not suffer.
func TestSecretsInProseAreMasked(t *testing.T) {
	const secret = "hunter2-S3cret!x"
	plain := base64.StdEncoding.EncodeToString([]byte("\x00scanner@example.com\x00" + secret))
	for name, s := range map[string]string{
		"nodemailer":   "Error: Invalid login: 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.\n  auth: { user: 'scanner@example.com', pass: '" + secret + "' }",
		"JSON":         `{"level":"error","password":"` + secret + `","msg":"535 5.7.139 Authentication unsuccessful, the user credentials were incorrect."}`,
		"environment":  "SMTP_PASSWORD=" + secret + "\n535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
		"swaks":        "$ swaks --server smtp.office365.com --auth-password '" + secret + "'\n<** 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
		"curl":         "curl smtp://smtp.office365.com:587 --user 'scanner@example.com:" + secret + "'\n535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
		"a URL":        "smtp://scanner:" + secret + "@smtp.office365.com:587: 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
		"repeated":     "password=" + secret + "\n535 5.7.139 Authentication unsuccessful, the user credentials were incorrect. (" + secret + ")",
		"in the reply": "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect: " + plain,
		"a sentence":   "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect for scanner with password " + secret,
	} {
		rec, d := judge(t, s)
		var b bytes.Buffer
		if err := evidence.Write(&b, rec); err != nil {
			t.Fatal(err)
		}
		for _, hidden := range []string{secret, plain} {
			if strings.Contains(b.String(), hidden) {
				t.Errorf("%s: the record holds %s", name, hidden)
			}
		}
		if d.Verdict.Cause != cause.AuthBadCredentials {
			t.Errorf("%s: the verdict is %s", name, d.Verdict.Cause)
		}
	}
	for text, want := range map[string]cause.ID{
		"SMTP ERROR: Password command failed: 535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.": cause.AuthBadCredentials,
		"invalid_grant token: AADSTS700082: The refresh token has expired due to inactivity.":                                cause.OAuthTokenInvalid,
		"bad password: 535 5.7.8 Error: authentication failed: authentication failure":                                       cause.AuthBadCredentials,
	} {
		if _, d := judge(t, text); d.Verdict.Cause != want {
			t.Errorf("%s: the verdict is %s, want %s", text, d.Verdict.Cause, want)
		}
	}
}

func TestConversationsAreKeptApart(t *testing.T) {
	const s = `[2026-11-20 09:00:00] DEBUG [aB3dEfGh1] S: 220 mx.example.com ESMTP
[2026-11-20 09:00:00] DEBUG [zZ9yXwVu2] S: 220 mx.example.com ESMTP
[2026-11-20 09:00:00] DEBUG [aB3dEfGh1] C: EHLO one.example.net
[2026-11-20 09:00:00] DEBUG [zZ9yXwVu2] C: EHLO two.example.net
[2026-11-20 09:00:00] DEBUG [aB3dEfGh1] S: 250 mx.example.com
[2026-11-20 09:00:00] DEBUG [zZ9yXwVu2] S: 550 5.7.1 Access denied
`
	rec, _ := judge(t, s)
	if len(rec.Traces) != 2 {
		t.Fatalf("got %d conversations, want 2", len(rec.Traces))
	}
	for i, want := range []string{"EHLO one.example.net", "EHLO two.example.net"} {
		if got := rec.Traces[i].Events[1].Sent; got == nil || got.Line != want {
			t.Errorf("conversation %d: got %+v, want %s", i, got, want)
		}
	}
}
