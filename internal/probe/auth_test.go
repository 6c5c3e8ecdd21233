package probe

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

const secret = "s3cret!pass"

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestAuth(t *testing.T) {
	const refused = "535 5.7.3 Authentication unsuccessful"
	for _, tt := range []struct {
		name    string
		auth    evidence.Auth
		offered string
		serve   func(*server)
		want    string
	}{
		{"PLAIN", evidence.Auth{User: "jo"}, "LOGIN PLAIN", func(s *server) {
			if line := s.hear("AUTH PLAIN "); line != "AUTH PLAIN "+b64("\x00jo\x00"+secret) {
				t.Errorf("sent %q", line)
			}
			s.say("235 ok")
			s.hear("QUIT")
		}, "> AUTH PLAIN [masked]\n4 < 235 ok\n> QUIT\nended closed QUIT 0s\n"},
		{"LOGIN", evidence.Auth{User: "jo"}, "LOGIN XOAUTH2", func(s *server) {
			s.hear("AUTH LOGIN\r\n")
			s.say("334 VXNlcm5hbWU6")
			s.hear(b64("jo") + "\r\n")
			s.say("334 UGFzc3dvcmQ6")
			s.hear(b64(secret) + "\r\n")
			s.say(refused + " " + secret)
			s.hear("QUIT")
		}, "> AUTH LOGIN\n4 < 334 VXNlcm5hbWU6\n> [masked]\n6 < 334 UGFzc3dvcmQ6\n> [masked]\n8 < " + refused + " [masked]\n> QUIT\nended closed QUIT 0s\n"},
		{"XOAUTH2 refused", evidence.Auth{User: "jo@example.com", OAuth: true}, "LOGIN XOAUTH2", func(s *server) {
			s.hear("AUTH XOAUTH2 " + b64("user=jo@example.com\x01auth=Bearer "+secret+"\x01\x01") + "\r\n")
			s.say("334 " + b64(`{"status":"400"}`))
			s.hear("\r\n")
			s.say(refused)
			s.hear("QUIT")
		}, "> AUTH XOAUTH2 [masked]\n4 < 334 " + b64(`{"status":"400"}`) + "\n> [masked]\n6 < " + refused + "\n> QUIT\nended closed QUIT 0s\n"},
		{"a challenge too many", evidence.Auth{User: "jo"}, "PLAIN", func(s *server) {
			s.hear("AUTH PLAIN ")
			s.say("334 more")
			s.hear("*\r\n")
			s.say("501 cancelled")
			s.hear("QUIT")
		}, "> AUTH PLAIN [masked]\n4 < 334 more\n> *\n6 < 501 cancelled\n> QUIT\nended closed QUIT 0s\n"},
		{"nothing in common", evidence.Auth{User: "jo"}, "GSSAPI NTLM", func(s *server) { s.hear("QUIT") },
			"note no credentials were sent: the server offers GSSAPI NTLM, wanted is PLAIN or LOGIN\n> QUIT\nended closed QUIT 0s\n"},
		{"not offered", evidence.Auth{User: "jo"}, "", func(s *server) { s.hear("QUIT") },
			"note no credentials were sent: the server offers no AUTH\n> QUIT\nended closed QUIT 0s\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := walkOf()
			w.Auth, w.InClear, w.From = &tt.auth, true, ""
			tr := runWalk(t, w, func(s *server) {
				s.say("220 mx")
				s.hear("EHLO")
				s.say("250-mx", strings.TrimSpace("250 AUTH "+tt.offered))
				tt.serve(s)
			})
			checkDialogue(t, tr, "dialed connected\n-1 < 220 mx\n> EHLO client.example.net\n2 < 250 mx "+
				strings.TrimSpace("AUTH "+tt.offered)+"\n"+tt.want)
		})
	}
}

// Credentials go nowhere unsafe unless the walk insists, and the secret is in no record.
func TestAuthOnlyWhereItIsSafe(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, nil)
	for _, tt := range []struct {
		name     string
		prober   Prober
		walk     evidence.Walk
		wantAuth bool
		wantMail bool // the walk goes on to MAIL
	}{
		{"trusted", Prober{Roots: ca.pool}, evidence.Walk{}, true, true},
		{"untrusted", Prober{}, evidence.Walk{}, false, true},
		{"untrusted, insecure", Prober{}, evidence.Walk{Insecure: true}, true, true},
		{"in clear", Prober{}, evidence.Walk{TLS: evidence.NoTLS}, false, false},
		{"in clear, insisting", Prober{}, evidence.Walk{TLS: evidence.NoTLS, InClear: true}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.walk.Auth, tt.walk.From = &evidence.Auth{User: "jo"}, "jo@example.com"
			tt.prober.Secret = func() string { return secret }
			auth, mail := false, false
			talk := func(s *server) {
				for {
					line, err := s.r.ReadString('\n')
					switch {
					case err != nil:
						return
					case strings.HasPrefix(line, "EHLO"):
						s.say("250-mx", "250-STARTTLS", "250 AUTH PLAIN")
					case strings.HasPrefix(line, "AUTH"):
						auth = true
						s.say("235 ok")
					case strings.HasPrefix(line, "MAIL"):
						mail = true
						s.say("250 ok")
					case strings.HasPrefix(line, "STARTTLS"):
						s.say("220 go on")
						if s = s.upgrade(&tls.Config{Certificates: []tls.Certificate{cert}}); s == nil {
							return
						}
					case strings.HasPrefix(line, "QUIT"):
						s.say("221 bye")
						return
					}
				}
			}
			tr := tlsWalk(t, tt.prober, tt.walk, func(s *server) { s.say("220 mx"); talk(s) })
			if auth != tt.wantAuth || mail != tt.wantMail {
				t.Errorf("AUTH %v, MAIL %v; want %v, %v\n%s", auth, mail, tt.wantAuth, tt.wantMail, dialogue(tr))
			}
			var b bytes.Buffer
			if err := evidence.Write(&b, &evidence.Record{Traces: []evidence.Trace{tr}}); err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{secret, b64(secret), b64("\x00jo\x00" + secret)} {
				if strings.Contains(b.String(), s) {
					t.Errorf("the record holds %q", s)
				}
			}
		})
	}
}
