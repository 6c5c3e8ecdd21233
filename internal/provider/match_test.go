package provider

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A testLine is one line of testdata/replies.tsv: a reply as some server said it, the row that is about it, the cause.
type testLine struct {
	row   string
	cause cause.ID
	text  string
}

func testLines(t testing.TB) []testLine {
	t.Helper()
	b, err := os.ReadFile("testdata/replies.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var lines []testLine
	for n, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if strings.HasPrefix(l, "#") {
			continue
		}
		f := strings.SplitN(l, "\t", 3)
		if len(f) != 3 {
			t.Fatalf("testdata/replies.tsv:%d: %d fields, want 3", n+1, len(f))
		}
		lines = append(lines, testLine{f[0], cause.ID(f[1]), f[2]})
	}
	if len(lines) < 350 {
		t.Fatalf("testdata/replies.tsv has %d lines, want 350 or more", len(lines))
	}
	return lines
}

// TestEveryReply matches every known reply: the first row that fits must name its cause, whichever row that is, so that no
// general row stands before a special one that it hides.
func TestEveryReply(t *testing.T) {
	lines, wrong := testLines(t), 0
	for _, l := range lines {
		m, ok := MatchText(l.text, "")
		if !ok {
			m, ok = matchBare(l.text)
		}
		if !ok || m.Cause != l.cause {
			wrong++
			t.Errorf("%s\n\tgot  %s by %s\n\twant %s by %s", l.text, m.Cause, m.Row.ID, l.cause, l.row)
		}
	}
	t.Logf("%d of %d right", len(lines)-wrong, len(lines))
}

// matchBare looks up a reply that is all code, such as "550 5.7.236".
func matchBare(text string) (Match, bool) {
	r, err := smtp.ParseReply(text)
	if err != nil {
		return Match{}, false
	}
	return LookUp(r.Code, r.Enhanced, "")
}

// TestNeighbours matches replies that no row was made from. These are the measure of how broad the general rows are.
func TestNeighbours(t *testing.T) {
	b, err := os.ReadFile("testdata/neighbours.tsv")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		f := strings.SplitN(l, "\t", 3)
		if len(f) != 3 {
			continue // the comment
		}
		n++
		if m, ok := MatchText(f[2], cause.Step(f[0])); !ok || m.Cause != cause.ID(f[1]) {
			t.Errorf("%s\n\tgot  %s by %s (%s)\n\twant %s", f[2], m.Cause, m.Row.ID, m.Firm, f[1])
		}
	}
	if n < 100 {
		t.Errorf("testdata/neighbours.tsv has %d lines, want 100 or more", n)
	}
}

// TestReplyForms matches every known reply again as it comes out of logs and mails: without its code, in capitals, wrapped.
func TestReplyForms(t *testing.T) {
	code := regexp.MustCompile(`^[245][0-9][0-9][ -]`)
	status := regexp.MustCompile(`^[245][0-9][0-9] [245]\.[0-9]{1,3}\.[0-9]{1,3} `)
	everyFifth := regexp.MustCompile(`((?:[A-Za-z']+ ){4}[A-Za-z]+) `) // in the midst of sentences, where servers break lines
	forms := map[string]func(string) string{
		"capitals": strings.ToUpper,
		"wrapped":  func(s string) string { return strings.ReplaceAll(s, " ", "\r\n\t ") },
		"no-break": func(s string) string { return strings.ReplaceAll(s, " ", "\u00a0") },
		"in a sentence": func(s string) string {
			return "host mx.example.com[192.0.2.25] said: " + s + " (in reply to RCPT TO command)"
		},
		"without code": func(s string) string { return code.ReplaceAllString(s, "") },
		"several lines": func(s string) string {
			head := status.FindString(s)
			return head + everyFifth.ReplaceAllString(s[len(head):], "${1}\n"+head)
		},
	}
	for name, form := range forms {
		right, lines := 0, testLines(t)
		for _, l := range lines {
			if m, ok := MatchText(form(l.text), ""); ok && m.Cause == l.cause {
				right++
			} else {
				t.Logf("%s: %s\n\tgot %s by %s, want %s", name, l.text, m.Cause, m.Row.ID, l.cause)
			}
		}
		if right*100 < len(lines)*97 {
			t.Errorf("%s: %d of %d right, want 97 %%", name, right, len(lines))
		}
	}
}
