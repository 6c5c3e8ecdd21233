package smtp

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzReply feeds bytes to the splitter and the parser: bounded, and the same however the bytes are cut into reads.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"220 mx.example.com ESMTP\r\n", "250-a\r\n250 b\r\n", "250-a\n550 b\n", "2200 x\r\n", "\r\n\r\r\n", "220", "\x00\xff\r",
		"550-5.7.1 a\r\n550 5.7.1 b\r\n", strings.Repeat("9", MaxLine+10) + "\r\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, wire []byte, cut uint8) {
		var a, b Splitter
		one := a.Feed(wire)
		var two []Line
		for rest := wire; len(rest) > 0; {
			n := min(int(cut)+1, len(rest))
			two = append(two, b.Feed(rest[:n])...)
			rest = rest[n:]
		}
		if len(one) != len(two) {
			t.Fatalf("%d lines whole, %d lines in pieces", len(one), len(two))
		}
		var p ReplyParser
		for i, l := range one {
			if !bytes.Equal(l.Text, two[i].Text) || l.EOL != two[i].EOL || l.Cut != two[i].Cut {
				t.Fatalf("line %d: %+v whole, %+v in pieces", i, l, two[i])
			}
			if len(l.Text) > MaxLine {
				t.Fatalf("line of %d octets", len(l.Text))
			}
			if p.Add(l) {
				if r := p.Reply(); len(r.Text) > MaxReplyLines || !r.Complete || r.Code != 0 && (r.Code < 100 || r.Code > 999) {
					t.Fatalf("bad reply %+v", r)
				}
			}
		}
	})
}

// FuzzAddress: what is accepted can't break out of a command, and reads back the same.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@example.com", "<a@example.com>", `"a b"@example.com`, "a@[IPv6:2001:db8::1]", "a@bücher.example", "a\r\n@b", "ü@x.example"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		p := a.Path()
		if strings.ContainsAny(p[1:len(p)-1], "\r\n\x00<>") {
			t.Fatalf("%q gives the path %q", s, p)
		}
		again, err := ParseAddress(p)
		if err != nil || again.Path() != p {
			t.Fatalf("%q gives %q, which reads back as %v, %v", s, p, again, err)
		}
		if path, _, ok := CutPath("FROM:" + p); !ok || path != p[1:len(p)-1] {
			t.Fatalf("CutPath of %q gives %q, %v", p, path, ok)
		}
	})
}

// FuzzCommand: any line gives a command with a bounded verb.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"EHLO a", "MAIL FROM:<a@example.com> SIZE=1", "auth plain AAA=", "", " \t", "\xff\xfe"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if c := ParseCommand(line); len(c.Verb) > 2*maxVerb {
			t.Fatalf("verb of %d octets", len(c.Verb))
		}
		CutPath(string(line))
		if m, secret := MaskAuth(string(line)); secret && !strings.HasSuffix(m, Masked) {
			t.Fatalf("masked line %q", m)
		}
	})
}
