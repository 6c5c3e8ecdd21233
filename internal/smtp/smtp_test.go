package smtp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t *testing.T, wire string) []Reply {
	t.Helper()
	var s Splitter
	var p ReplyParser
	var got []Reply
	for _, l := range s.Feed([]byte(wire)) {
		if p.Add(l) {
			got = append(got, p.Reply())
		}
	}
	if l, ok := s.Rest(); ok && p.Add(l) {
		got = append(got, p.Reply())
	}
	if p.Started() {
		got = append(got, p.Reply())
	}
	return got
}

func TestReply(t *testing.T) {
	for _, tt := range []struct {
		name, wire string
		want       []Reply
	}{
		{"single", "220 mx.example.com ESMTP\r\n", []Reply{{Code: 220, Text: []string{"mx.example.com ESMTP"}, Complete: true}}},
		{"code only", "354\r\n", []Reply{{Code: 354, Text: []string{""}, Complete: true}}},
		{"multi-line with status", "550-5.7.1 Client host\r\n550 5.7.1 blocked\r\n", []Reply{{Code: 550, Enhanced: EnhancedStatus{5, 7, 1},
			Text: []string{"5.7.1 Client host", "5.7.1 blocked"}, Complete: true}}},
		{"status of another class is text", "250 5.7.1 odd\r\n", []Reply{{Code: 250, Text: []string{"5.7.1 odd"}, Complete: true}}},
		{"bare LF", "250-a\n250 b\n", []Reply{{Code: 250, Text: []string{"a", "b"}, Flaws: []Flaw{FlawBareLF}, Complete: true}}},
		{"code changes", "250-a\r\n550 b\r\n", []Reply{{Code: 550, Text: []string{"a", "b"}, Flaws: []Flaw{FlawCodeChanged}, Complete: true}}},
		{"separator missing", "250ok\r\n", []Reply{{Code: 250, Text: []string{"ok"}, Flaws: []Flaw{FlawSeparator}, Complete: true}}},
		{"tab separates", "250\tok\r\n", []Reply{{Code: 250, Text: []string{"ok"}, Flaws: []Flaw{FlawSeparator}, Complete: true}}},
		{"continuation without code", "220-hello\r\n  there\r\n220 end\r\n", []Reply{{Code: 220, Text: []string{"hello", "  there", "end"},
			Flaws: []Flaw{FlawNoCode}, Complete: true}}},
		{"no code at all", "hello\r\n", []Reply{{Text: []string{"hello"}, Flaws: []Flaw{FlawNoCode}, Complete: true}}},
		{"four digits", "2200 hello\r\n", []Reply{{Text: []string{"2200 hello"}, Flaws: []Flaw{FlawNoCode}, Complete: true}}},
		{"non-ASCII", "220 mx.example.com Grüße\r\n", []Reply{{Code: 220, Text: []string{"mx.example.com Grüße"}, Flaws: []Flaw{FlawNonASCII}, Complete: true}}},
		{"escape sequence", "220 \x1b[2Jhi\r\n", []Reply{{Code: 220, Text: []string{"\x1b[2Jhi"}, Flaws: []Flaw{FlawControl}, Complete: true}}},
		{"cut off in mid-line", "220 mx.exam", []Reply{{Code: 220, Text: []string{"mx.exam"}, Flaws: []Flaw{FlawUnterminated}, Complete: true}}},
		{"cut off in mid-reply", "250-a\r\n", []Reply{{Code: 250, Text: []string{"a"}}}},
		{"odd code", "199 hm\r\n", []Reply{{Code: 199, Text: []string{"hm"}, Flaws: []Flaw{FlawOddCode}, Complete: true}}},
		{"two replies", "250 a\r\n550 b\r\n", []Reply{{Code: 250, Text: []string{"a"}, Complete: true}, {Code: 550, Text: []string{"b"}, Complete: true}}},
		{"empty line", "\r\n", []Reply{{Text: []string{""}, Flaws: []Flaw{FlawNoCode}, Complete: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, parse(t, tt.wire)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestSplitterPieces(t *testing.T) {
	wire := []byte("250-a\r\n250 b\r\nrest")
	var whole Splitter
	want := whole.Feed(wire)
	for size := 1; size < len(wire); size++ {
		var s Splitter
		var got []Line
		for rest := wire; len(rest) > 0; {
			n := min(size, len(rest))
			got = append(got, s.Feed(rest[:n])...)
			rest = rest[n:]
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("pieces of %d (-want +got)\n%s", size, d)
		}
		if l, ok := s.Rest(); !ok || string(l.Text) != "rest" || l.EOL != Open {
			t.Errorf("pieces of %d: Rest() = %+v, %v", size, l, ok)
		}
	}
}

func TestSplitterBounds(t *testing.T) {
	var s Splitter
	for range 1000 {
		s.Feed(bytes.Repeat([]byte("a"), 10_000))
	}
	if n := s.Pending(); n > MaxLine+1 {
		t.Errorf("holds %d octets of an endless line, want at most %d", n, MaxLine+1)
	}
	l := s.Feed([]byte("\r\n"))[0]
	if len(l.Text) != MaxLine || !l.Cut || l.EOL != CRLF {
		t.Errorf("got %d octets, cut %v, %q; want %d, true, crlf", len(l.Text), l.Cut, l.EOL, MaxLine)
	}
}

func TestReplyBounds(t *testing.T) {
	var p ReplyParser
	for range 100_000 {
		p.Add(Line{Text: []byte("250-x"), EOL: CRLF})
	}
	r := p.Reply()
	if len(r.Text) != MaxReplyLines || !r.Has(FlawManyLines) {
		t.Errorf("kept %d lines, flaws %v; want %d and many-lines", len(r.Text), r.Flaws, MaxReplyLines)
	}
}

func TestReplyJoined(t *testing.T) {
	r, err := ParseReply("550-5.7.1 Service unavailable,\r\n550 5.7.1 Client host blocked")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.String(), "550 5.7.1 Service unavailable, Client host blocked"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"", "hello", "250 a\n250 b"} {
		if r, err := ParseReply(bad); err == nil {
			t.Errorf("ParseReply(%q) = %v, want an error", bad, r)
		}
	}
}

func TestCutEnhanced(t *testing.T) {
	for _, tt := range []struct {
		text, rest string
		want       EnhancedStatus
	}{
		{"5.7.57 Client", "Client", EnhancedStatus{5, 7, 57}},
		{"2.1.0", "", EnhancedStatus{2, 1, 0}},
		{"192.0.2.1 is banned", "192.0.2.1 is banned", EnhancedStatus{}},
		{"3.1.0 no class", "3.1.0 no class", EnhancedStatus{}},
		{"5.7.1000 long", "5.7.1000 long", EnhancedStatus{}},
		{"5.7. gap", "5.7. gap", EnhancedStatus{}},
		{"5.7.1, comma", "5.7.1, comma", EnhancedStatus{}},
	} {
		if got, rest := CutEnhanced(tt.text); got != tt.want || rest != tt.rest {
			t.Errorf("CutEnhanced(%q) = %v, %q; want %v, %q", tt.text, got, rest, tt.want, tt.rest)
		}
	}
}

func TestExtensions(t *testing.T) {
	r, err := ParseReply("250-mx.example.com Hello [192.0.2.1]\r\n250-SIZE 157286400\r\n250-auth LOGIN xoauth2\r\n250-AUTH=LOGIN PLAIN\r\n" +
		"250-XXXXXXXA\r\n250-X-EXPS NTLM\r\n250-XCLIENT NAME\r\n250 ********")
	if err != nil {
		t.Fatal(err)
	}
	x := ParseExtensions(r)
	if got := x.Size(); got != 157286400 {
		t.Errorf("Size() = %d", got)
	}
	if d := cmp.Diff([]string{"LOGIN", "XOAUTH2", "PLAIN"}, x.Auth()); d != "" {
		t.Errorf("Auth() (-want +got)\n%s", d)
	}
	if d := cmp.Diff([]string{"XXXXXXXA", "********"}, x.Masked()); d != "" {
		t.Errorf("Masked() (-want +got)\n%s", d)
	}
	if x.Has("STARTTLS") || !x.Has("XCLIENT") {
		t.Errorf("Has is wrong for %v", x)
	}
}

func TestParseAddress(t *testing.T) {
	for _, ok := range []string{"a@example.com", "<a@example.com>", "o'neil+scan@example.com", `"a b"@example.com`, "jörg@example.com",
		"a@bücher.example", "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "scanner@EXAMPLE.com", "a@host_1.example.com"} {
		a, err := ParseAddress(ok)
		if err != nil {
			t.Errorf("ParseAddress(%q): %v", ok, err)
			continue
		}
		if again, err := ParseAddress(a.Path()); err != nil || again.Local != a.Local {
			t.Errorf("%q: path %q reads back as %v, %v", ok, a.Path(), again, err)
		}
	}
	for _, bad := range []string{"", "a", "@example.com", "a@", "a@example.com\r\nRCPT TO:<b@example.com>", "a\x00@example.com", "a@exa mple.com",
		"<<a@example.com>>", "a>@example.com", "Jo <a@example.com>", "a@b@example.com", "a..b@example.com", "a@-x.example", "a@[300.1.1.1]",
		"a@[2001:db8::1]", `"a"b"@example.com`, `"<"@example.com`, "a@x\u2028y.example", strings.Repeat("a", 65) + "@example.com", "a\xff@example.com"} {
		if a, err := ParseAddress(bad); err == nil {
			t.Errorf("ParseAddress(%q) = %v, want an error", bad, a)
		} else if strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("ParseAddress(%q): the error repeats control characters: %q", bad, err)
		}
	}
	if got := (Address{"jo", "bücher.example"}).Path(); got != "<jo@xn--bcher-kva.example>" {
		t.Errorf("IDN path is %q", got)
	}
	if a := (Address{"jörg", "bücher.example"}); !a.NeedsUTF8() || a.Path() != "<jörg@bücher.example>" {
		t.Errorf("SMTPUTF8 path is %q", a.Path())
	}
}

func TestCheckHELOName(t *testing.T) {
	for name, ok := range map[string]bool{"scanner.example.com": true, "[192.0.2.1]": true, "MY_COPIER": true, "": false, "a b": false, "a\r\nMAIL": false, "a>": false} {
		if err := CheckHELOName(name); (err == nil) != ok {
			t.Errorf("CheckHELOName(%q) = %v, want ok %v", name, err, ok)
		}
	}
}

func TestCutPath(t *testing.T) {
	for _, tt := range []struct {
		args, path string
		params     []string
		ok         bool
	}{
		{"FROM:<a@example.com> SIZE=10 BODY=8BITMIME", "a@example.com", []string{"SIZE=10", "BODY=8BITMIME"}, true},
		{"from: <a@example.com>", "a@example.com", []string{}, true},
		{"TO:a@example.com", "a@example.com", []string{}, true},
		{"FROM:<>", "", []string{}, true},
		{`TO:<"a>b"@example.com>`, `"a>b"@example.com`, []string{}, true},
		{"FROM:<a@example.com", "a@example.com", []string{}, true},
		{"TO:", "", nil, true},
		{"a@example.com", "", nil, false},
	} {
		path, params, ok := CutPath(tt.args)
		if path != tt.path || ok != tt.ok || cmp.Diff(tt.params, params) != "" {
			t.Errorf("CutPath(%q) = %q, %q, %v; want %q, %q, %v", tt.args, path, params, ok, tt.path, tt.params, tt.ok)
		}
	}
}

func TestMaskAuth(t *testing.T) {
	for line, want := range map[string]string{
		"AUTH PLAIN AGEAYg==": "AUTH PLAIN " + Masked,
		"auth login dXNlcg==": "auth login " + Masked,
		"AUTH LOGIN":          "AUTH LOGIN",
		"EHLO a b c":          "EHLO a b c",
		"PASS hunter2":        "PASS " + Masked,
		"a1 LOGIN me hunter2": "a1 LOGIN " + Masked,
	} {
		if got, secret := MaskAuth(line); got != want || secret != (got != line) {
			t.Errorf("MaskAuth(%q) = %q, %v; want %q", line, got, secret, want)
		}
	}
}

func TestDotStuff(t *testing.T) {
	if got, want := string(DotStuff([]byte(".a\r\n.\r\nb.\r\n"))), "..a\r\n..\r\nb.\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
