package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/cause"
)

const head = "a title\n-- want --\nverdict none accepted\n-- server --\n"

func TestParseErrorsNameTheLine(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"empty", "", "cases/x.txtar:1: no title"},
		{"no want", "t\n-- server --\npersonality plain\n", "no verdict wanted"},
		{"no personality", head + "host a.example\n", `a line "personality NAME"`},
		{"unknown section", "t\n-- wnat --\n", `cases/x.txtar:3: unknown section "wnat"`},
		{"file with a path", "t\n-- file/../x --\n", "unknown section"},
		{"unknown cause", "t\n-- want --\n\nverdict none fine\n", `cases/x.txtar:4: no cause named "fine"`},
		{"unknown step", "t\n-- want --\nverdict nowhere accepted\n", `cases/x.txtar:3: no step named "nowhere"`},
		{"exit", "t\n-- want --\nverdict none accepted\nexit 7\n", "cases/x.txtar:4: exit 7: want 0 to 3"},
		{"confidence", "t\n-- want --\nconfidence proven likely\n", "the weaker first"},
		{"directive", head + "# note\nfrobnicate\n", `cases/x.txtar:6: unknown directive "frobnicate"`},
		{"personality", head + "personality nobody\n", `none named "nobody": want one of plain,`},
		{"event", head + "on LUNCH close\n", `cases/x.txtar:5: on: unknown event "LUNCH"`},
		{"count", head + "on RCPT#0 close\n", "want a count from 1"},
		{"action", head + "on RCPT explode\n", `unknown action "explode": want one of alert,`},
		{"no action", head + "on RCPT\n", `unknown action ""`},
		{"empty reply", head + "on RCPT reply\n", "reply: no text"},
		{"delay", head + "on RCPT delay soon\n", `"soon": want a time such as 12s`},
		{"long delay", head + "on RCPT delay 2h\n", "one hour at most"},
		{"send", head + "on RCPT send hello there\n", "one quoted string"},
		{"glob", head + "on RCPT matching [ close\n", "syntax error in pattern"},
		{"larger-than elsewhere", head + "on RCPT larger-than 5 close\n", "with event TLS"},
		{"alert", head + "on TLS alert fire\n", `"fire": want one of access_denied,`},
		{"indent first", head + "   250 x\n", "there is none"},
		{"tls version", head + "tls max 1.4\n", `"1.4": want one of 1.0, 1.1, 1.2, 1.3`},
		{"cipher", head + "tls max 1.2\ntls ciphers ROT13\n", `no cipher suite named "ROT13"`},
		{"ciphers of 1.3", head + "tls ciphers TLS_RSA_WITH_RC4_128_SHA\n", "cannot be chosen"},
		{"min above max", head + "tls min 1.3\ntls max 1.2\n", "min is above max"},
		{"certificate", head + "tls cert rusty\n", `"rusty": want one of`},
		{"huge certificate", head + "tls cert huge much\n", `cert huge: "much": want a number`},
		{"inspection without issuer", head + "tls cert inspection\n", "want the issuer's name"},
		{"client ip", head + "client-ip here\n", `"here" is not an IP address`},
		{"wire fault", head + "after-sent ten close\n", `"ten" is not a number of octets`},
		{"wire fault kind", head + "after-sent 10 explode\n", "want close, cut, reset or silence"},
		{"argument too many", head + "closed now\n", "takes no argument"},
		{"account", head + "account one\n", "want USER PASSWORD"},
		{"dns kind", "t\n-- dns --\na.example SRV x\n", "cases/x.txtar:3: want NAME KIND [DATA]"},
		{"dns address", "t\n-- dns --\na.example A ::1\n", "want an IPv4 address"},
		{"target", "t\n-- want --\nverdict none accepted\n-- target --\na b\n-- server --\npersonality plain\n", `target "a b"`},
		{"flags", "t\n-- flags --\n--from \"a\n", "not a quoted string"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseCase("cases/x.txtar", []byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "cases/x.txtar:") {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestParseCase(t *testing.T) {
	c, err := ParseCase("cases/two-words.txtar", []byte(`A title

More of it.
-- want --
verdict rcpt throttled
or rcpt greylisted
confidence possible likely
-- target --
mail.example.com:25
-- dns --
mail.example.com. A 192.0.2.1
-- flags --
--from "a b"@example.com
--password-file {dir}/password
-- file/password --
secret
-- server --
personality plain
`))
	if err != nil {
		t.Fatal(err)
	}
	want := Want{
		Verdict: Verdict{cause.Rcpt, cause.Throttled},
		Or:      []Verdict{{cause.Rcpt, cause.Greylisted}},
		AtLeast: Possible, AtMost: Likely, Exit: 1,
	}
	if diff := cmp.Diff(want, c.Want, cmp.AllowUnexported(Want{})); diff != "" {
		t.Errorf("want section (-want +got):\n%s", diff)
	}
	if c.Name != "two-words" || c.Title != "A title" || c.About != "More of it." || string(c.Files["password"]) != "secret\n" {
		t.Errorf("got %+v", c)
	}
	if !c.NeedsRedirect() {
		t.Error("a target with an address of its own needs no redirect")
	}
	if !c.Want.Accepts(Verdict{cause.Rcpt, cause.Greylisted}) || c.Want.Accepts(Verdict{cause.Mail, cause.Throttled}) {
		t.Error("Accepts: wrong")
	}
	if c.Want.AcceptsConfidence(Proven) || !c.Want.AcceptsConfidence(Likely) || c.Want.AcceptsConfidence("sure") {
		t.Error("AcceptsConfidence: wrong")
	}
}

func TestParseRule(t *testing.T) {
	c, err := ParseCase("x.txtar", []byte(head+"personality plain\non after-tls RCPT#2 matching *@example.net delay 1500ms\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := c.Script.rules[0]
	want := rule{event: "RCPT", phase: tlsPhase, nth: 2, matching: "*@example.net", action: delay(1500 * time.Millisecond)}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestSlow(t *testing.T) {
	tests := map[string]bool{
		"":                            false,
		"on CONNECT delay 12s":        true,
		"on CONNECT delay 1s":         false,
		"on RCPT silence":             true,
		"on RCPT close":               false,
		"on CONNECT drip 1s 220 slow": true,
		"after-got 100 silence":       true,
	}
	for script, want := range tests {
		c, err := ParseCase("x.txtar", []byte(head+"personality plain\n"+script+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Script.Slow(); got != want {
			t.Errorf("%q: slow %v, want %v", script, got, want)
		}
	}
}

func FuzzParseCase(f *testing.F) {
	for _, c := range Cases() {
		data, err := caseFiles.ReadFile("cases/" + c.Name + ".txtar")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(head + "on CONNECT send \"\\x00\"\non TLS garbage 5\ntls cert huge 10\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseCase("cases/fuzz.txtar", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "cases/fuzz.txtar:") {
				t.Errorf("the error names no file and line: %v", err)
			}
			return
		}
		if c.Script.personality == nil || c.Title == "" || c.Want.Cause == "" {
			t.Errorf("an incomplete case was taken: %+v", c)
		}
		if _, err := NewServer(c); err != nil {
			t.Errorf("no server for a case that parses: %v", err)
		}
	})
}
