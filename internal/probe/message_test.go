package probe

import (
	"bytes"
	"io"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

func TestMessage(t *testing.T) {
	tool := evidence.Tool{Name: "smtptriage", Version: "1.0"}
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	small := newTestMessage(tool, "a@example.com", []string{"b@example.net"}, 0, now)
	for _, size := range []int64{0, small.size(), small.size() + 2, small.size() + 3, small.size() + int64(len(padLine)),
		small.size() + int64(len(padLine)) + 1, 5000, 1 << 20} {
		m := newTestMessage(tool, "a@example.com", []string{"b@example.net", "c@example.net"}, size, now)
		b, err := io.ReadAll(m.body())
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(b)) != m.size() {
			t.Errorf("size %d: %d octets, declared %d", size, len(b), m.size())
		}
		if size > m.size() || size >= int64(len(m.head))+2 && size != m.size() {
			t.Errorf("asked for %d octets, got %d", size, m.size())
		}
		if !bytes.HasSuffix(b, []byte("\r\n")) || !bytes.Equal(smtp.DotStuff(b), b) {
			t.Errorf("size %d: no line end at the end, or a line that starts with a dot", size)
		}
		if bytes.Count(b, []byte("\n")) != bytes.Count(b, []byte("\r\n")) {
			t.Errorf("size %d: a bare LF", size)
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		for name, want := range map[string]string{"Subject": "smtptriage test message", "Auto-Submitted": "auto-generated",
			"Date": "Fri, 20 Nov 2026 09:00:00 +0000", "Message-Id": "<" + m.id + ">", "From": "a@example.com",
			"To": "b@example.net, c@example.net"} {
			if got := parsed.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	other := newTestMessage(tool, "a@example.com", nil, 0, now)
	if other.id == small.id || !strings.HasSuffix(small.id, "@example.com") {
		t.Errorf("Message-IDs %q and %q", small.id, other.id)
	}
}

func TestSend(t *testing.T) {
	for _, tt := range []struct {
		name    string
		keyword string
	}{{"one by one", "8BITMIME"}, {"pipelined", "PIPELINING"}} {
		t.Run(tt.name, func(t *testing.T) {
			w := walkOf()
			w.Send, w.Size = true, 100_000
			var got []byte
			tr := runWalk(t, w, func(s *server) {
				s.say("220 mx")
				s.hear("EHLO")
				s.say("250-mx", "250-SIZE 1000000", "250 "+tt.keyword)
				s.hear("MAIL FROM:<a@example.com> SIZE=100000\r\n")
				s.say("250 ok")
				s.hear("RCPT")
				s.say("250 ok")
				s.hear("DATA")
				s.say("354 go")
				for {
					line, err := s.r.ReadBytes('\n')
					if err != nil || string(line) == ".\r\n" {
						break
					}
					got = append(got, line...)
				}
				s.say("250 2.0.0 queued as 42")
				s.hear("QUIT")
				s.say("221 bye")
			})
			v := evidence.NewView(&tr)
			m, r := v.SentAt(v.Message.Sent), v.ReplyAt(v.Message.Reply)
			if m == nil || r == nil || !m.Done || m.Bytes != 100_003 || r.Code != 250 {
				t.Fatalf("message %+v, reply %+v\n%s", m, r, dialogue(tr))
			}
			if !bytes.Contains(got, []byte("Message-ID: "+m.MsgID)) || len(got) != 100_000 {
				t.Errorf("the server got %d octets, or another Message-ID than %s", len(got), m.MsgID)
			}
			if v.ReplyAt(v.Quit.Reply) == nil {
				t.Error("no QUIT")
			}
		})
	}
}

// The server stops reading in the middle of the message, or refuses it before its end.
func TestSendFails(t *testing.T) {
	upToData := func(s *server) {
		s.say("220 mx")
		s.hear("EHLO")
		s.say("250 mx")
		s.hear("MAIL")
		s.say("250 ok")
		s.hear("RCPT")
		s.say("250 ok")
		s.hear("DATA")
		s.say("354 go")
		io.CopyN(io.Discard, s.r, 40_000)
	}
	for _, tt := range []struct {
		name  string
		after func(*server)
		want  string
	}{
		{"stalls", func(s *server) { time.Sleep(time.Hour) }, "ended timeout message 20s\n"},
		{"closes", func(*server) {}, "ended closed message 0s\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := walkOf()
			w.Send, w.Size, w.Wait = true, 1_000_000, 20*time.Second
			tr := runWalk(t, w, func(s *server) {
				upToData(s)
				if tt.name == "stalls" {
					time.Sleep(time.Minute)
				}
			})
			v := evidence.NewView(&tr)
			m := v.SentAt(v.Message.Sent)
			if m == nil || m.Done || m.Bytes >= 1_000_000 || m.Bytes < 30_000 {
				t.Errorf("message %+v", m)
			}
			if got := dialogue(tr); !strings.HasSuffix(got, tt.want) {
				t.Errorf("got\n%s\nwant at its end %s", got, tt.want)
			}
		})
	}
}

// A walk says no more than it was asked to, and nothing that the server can't take.
func TestEnvelopeLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*evidence.Walk)
		want   []string // verbs after EHLO, and notes
	}{
		{"no sender", func(w *evidence.Walk) { w.From = "" }, []string{"QUIT"}},
		{"no recipient", func(w *evidence.Walk) { w.To = nil }, []string{"MAIL FROM:<a@example.com>", "QUIT"}},
		{"until ehlo", func(w *evidence.Walk) { w.Until = "ehlo" }, []string{"QUIT"}},
		{"until mail", func(w *evidence.Walk) { w.Until = "mail" }, []string{"MAIL FROM:<a@example.com>", "QUIT"}},
		{"until rcpt, though it could send", func(w *evidence.Walk) { w.Until, w.Send = "rcpt", true },
			[]string{"MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "QUIT"}},
		{"no recipient, though it could send", func(w *evidence.Walk) { w.To, w.Send = nil, true }, []string{"MAIL FROM:<a@example.com>", "QUIT"}},
		{"null sender", func(w *evidence.Walk) { w.From = "<>" }, []string{"MAIL FROM:<>", "RCPT TO:<b@example.net>", "QUIT"}},
		{"a command in an address", func(w *evidence.Walk) { w.From = "a@example.com>\r\nRCPT TO:<x@example.org" },
			[]string{"note", "QUIT"}},
		{"SMTPUTF8 is not offered", func(w *evidence.Walk) { w.To = []string{"jürgen@example.net"} }, []string{"note", "QUIT"}},
		{"SIZE is not offered", func(w *evidence.Walk) { w.Declare = 5 }, []string{"note", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.net>", "QUIT"}},
		{"a line in the EHLO name", func(w *evidence.Walk) { w.EHLO = "x\r\nMAIL" }, []string{"note", "QUIT"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := walkOf()
			tt.change(&w)
			tr := runWalk(t, w, func(s *server) {
				s.say("220 mx")
				for {
					line, err := s.r.ReadString('\n')
					if err != nil {
						return
					}
					switch {
					case strings.HasPrefix(line, "DATA"):
						t.Error("DATA was said")
					case strings.HasPrefix(line, "QUIT"):
						s.say("221 bye")
						return
					}
					s.say("250 ok")
				}
			})
			var got []string
			for _, e := range tr.Events {
				switch {
				case e.Sent != nil && e.Sent.Verb != "EHLO":
					got = append(got, e.Sent.Line)
				case e.Note != nil:
					got = append(got, "note")
				}
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
