package report

import (
	"strings"
	"testing"
	"unicode"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "220 mx.example.com ESMTP", "220 mx.example.com ESMTP"},
		{"escape sequence", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"line ends", "a\r\nb", `a\x0d\x0ab`},
		{"tab", "a\tb", "a b"},
		{"NUL and DEL", "\x00\x7f", `\x00\x7f`},
		{"C1 control", "a\u009bb", `a\x9bb`},
		{"broken UTF-8", "a\xffb", `a\xffb`},
		{"a replacement character that was sent", "a\uFFFDb", "a\uFFFDb"},
		{"right-to-left override", "a\u202eb", `a\u{202e}b`},
		{"isolate", "\u2066x", `\u{2066}x`},
		{"line separator", "a\u2028b", `a\u{2028}b`},
		{"zero width", "a\u200bb\ufeff", `a\u{200b}b\u{feff}`},
		{"letters of any script", "größe 例え", "größe 例え"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	f.Add("550 5.7.1 blocked")
	f.Add("\x1b]0;title\x07\u202e\xff\x00")
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if i := strings.IndexFunc(got, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }); i >= 0 {
			t.Errorf("Clean(%q) keeps %q", s, got[i:])
		}
		if again := Clean(got); again != got {
			t.Errorf("Clean(%q) is not stable: %q", s, again)
		}
	})
}
