package provider

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// TestRowsAreWhole checks what every row must have: an id of its own, a known cause, words to match or a status, a meaning, what to do,
// and a source with a date.
func TestRowsAreWhole(t *testing.T) {
	ids := map[string]bool{}
	date := regexp.MustCompile(`^20[0-9]{2}(-[0-9]{2}){0,2}$`)
	check := func(r Row) {
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(r.ID) || ids[r.ID] {
			t.Errorf("%q: the id is malformed or not unique", r.ID)
		}
		ids[r.ID] = true
		for _, id := range append([]cause.ID{r.Cause}, r.Also...) {
			if _, ok := cause.Find(id); !ok {
				t.Errorf("%s: no cause named %q", r.ID, id)
			}
		}
		if slices.Contains(r.Also, r.Cause) {
			t.Errorf("%s: its cause stands among its other causes", r.ID)
		}
		if len(r.Also) > 0 && r.Firm == Names {
			t.Errorf("%s: words that can mean other things name nothing", r.ID)
		}
		if r.Service == "" || !strings.HasSuffix(r.Meaning, ".") || len(r.Sources) == 0 {
			t.Errorf("%s: lacks a service, a meaning that is a sentence, or a source", r.ID)
		}
		for _, s := range r.Sources {
			if s.Where == "" || !date.MatchString(s.Date) {
				t.Errorf("%s: source %q has no place or no date", r.ID, s)
			}
		}
		for _, s := range r.Steps {
			if s.Index() < 0 {
				t.Errorf("%s: unknown step %q", r.ID, s)
			}
		}
		for _, a := range r.At {
			if _, ok := cause.Find(a.Cause); !ok || a.Step.Index() < 0 {
				t.Errorf("%s: unknown step or cause in %v", r.ID, a)
			}
		}
	}
	for _, r := range Rows() {
		check(r)
		if r.Pattern == "" {
			t.Errorf("%s: has no pattern", r.ID)
			continue
		}
		if _, err := regexp.Compile(lowerPattern(r.Pattern)); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
		if len(r.Actions) == 0 {
			t.Errorf("%s: says nothing to do", r.ID)
		}
	}
	for _, r := range slices.Concat(bareStatuses, bareCodes) {
		check(r)
		if r.Pattern != "" || r.Firm != Possible {
			t.Errorf("%s: a bare code has a pattern, or is more than possible", r.ID)
		}
	}
	if len(Rows()) < 241 {
		t.Errorf("%d rows, want 241 or more", len(Rows()))
	}
}

func TestMatchText(t *testing.T) {
	tests := []struct {
		name, text string
		step       cause.Step
		cause      cause.ID
		words      string // what the match points to; "" is not checked
	}{
		{"the sign-in failure inside MAIL FROM's reply", "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
			cause.Mail, cause.AuthDisabledForMailbox, "SmtpClientAuthentication is disabled for the Mailbox"},
		{"the same with 5.7.3", "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.3 Authentication unsuccessful [AM0PR06CA0126.eurprd06.prod.outlook.com]",
			cause.Mail, cause.AuthBadCredentials, ""},
		{".NET's words around it", "The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, user is locked by your organization\u2019s security defaults policy.",
			"", cause.AuthBlockedByPolicy, ""},
		{".NET's words alone", "The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.57 Client not authenticated to send mail",
			"", cause.AuthRequired, ""},
		{".NET's words around STARTTLS", "The SMTP server requires a secure connection or the client was not authenticated. The server response was: 5.7.0 Must issue a STARTTLS command first. x7sm1 - gsmtp",
			"", cause.TLSRequiredFirst, "Must issue a STARTTLS"},
		{".NET's words that mislead", "Mailbox unavailable. The server response was: Message rejected as spam by Content Filtering.", "", cause.ContentFiltered, ""},
		{".NET in German", "Das Postfach ist nicht verf\u00fcgbar. Die Serverantwort war: 5.7.64 TenantAttribution; Relay Access Denied", "", cause.ConnectorMisconfigured, ""},
		{".NET with nothing to quote", "Mailbox unavailable. The server response was: ", "", cause.RecipientNotFound, ""},
		{"wrapped", "550 5.7.606\r\n    Access denied, banned sending\r\n    IP [192.0.2.10]", "", cause.IPBlocklisted, "banned sending\r\n    IP"},
		{"filled again, with codes in its midst", "550-5.7.25\n [192.0.2.20] The IP address sending this message does not have a\n 550-5.7.25 PTR record setup", "", cause.ReverseDNSMissing, ""},
		{"an address that looks like a status", "550 Client host [203.5.7.51] blocked using bl.example.org", "", cause.IPBlocklisted, ""},
		{"a mailbox that cannot be used, at AUTH", "550 5.2.1 Mailbox cannot be accessed", cause.Auth, cause.SenderLicenseInvalid, ""},
		{"a mailbox that cannot be used, at RCPT", "550 5.2.1 Mailbox cannot be accessed", cause.Rcpt, cause.RecipientNotFound, ""},
		{"bad syntax at EHLO", "501 Syntax error in parameters", cause.EHLO, cause.HELONameRejected, ""},
		{"bad syntax at MAIL", "501 Syntax error in parameters", cause.Mail, cause.SenderAddressInvalid, ""},
		{"bad syntax at RCPT", "501 Syntax error in parameters", cause.Rcpt, cause.RecipientAddressInvalid, ""},
		{"bad syntax somewhere", "501 Syntax error in parameters", "", cause.ClientProtocolError, ""},
		{"no STARTTLS", "502 5.5.1 Error: command not implemented", cause.StartTLS, cause.StartTLSNotSupported, ""},
		{"no AUTH", "502 5.5.1 Error: command not implemented", cause.Auth, cause.AuthNotOffered, ""},
		{"greylisting that looks like a list", "421 4.7.1 Service unavailable; Client host [192.0.2.4] blocked using grey.rbl - Greylisting in action", "", cause.Greylisted, ""},
		{"Google's 5.7.30 is not Microsoft's", "550 5.7.30 This mail has been blocked because DKIM does not pass.", "", cause.PolicyEnforced, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, ok := MatchText(tt.text, tt.step)
			if !ok || m.Cause != tt.cause {
				t.Fatalf("MatchText = %s by %s, want %s", m.Cause, m.Row.ID, tt.cause)
			}
			if got := tt.text[m.Start:m.End]; tt.words != "" && got != tt.words {
				t.Errorf("points to %q, want %q", got, tt.words)
			}
		})
	}
}

// TestNoMatch holds texts that say nothing went wrong, or not what a server said.
func TestNoMatch(t *testing.T) {
	for _, text := range []string{
		"", "   \r\n", "250 2.1.5 Recipient OK", "250 2.1.0 Sender OK", "220 mx.example.com ESMTP Postfix (Debian/GNU)",
		"354 Start mail input; end with <CRLF>.<CRLF>", "235 2.7.0 Authentication successful", "221 2.0.0 Bye",
		"220 2.0.0 SMTP server ready", "250 2.0.0 OK <a@example.com> [Hostname=AM6PR01MB0001.eurprd01.prod.outlook.com]",
		"AUTH LOGIN XOAUTH2", "334 VXNlcm5hbWU6", "250 SIZE 157286400", "dial tcp 192.0.2.1:25: connect: connection refused",
		"x509: certificate signed by unknown authority", "read tcp: i/o timeout", "SSL_connect: wrong version number",
	} {
		if m, ok := MatchText(text, ""); ok {
			t.Errorf("MatchText(%q) = %s by %s, want none", text, m.Cause, m.Row.ID)
		}
	}
}

func TestMatchReply(t *testing.T) {
	tests := []struct {
		reply  string
		step   cause.Step
		cause  cause.ID // "" for no match
		byCode bool
	}{
		// The closing line has the words of a refusal; the code says that it is none.
		{"221 2.0.0 Service closing transmission channel", "", "", false},
		{"250 OK", cause.Rcpt, "", false},
		{"550-5.7.1 Unfortunately, messages from [192.0.2.10] weren't sent.\n550 5.7.1 Please contact your Internet service provider since part of their network is on our block list (S3150).", cause.Mail, cause.IPBlocklisted, false},
		{"550 5.7.64", cause.Rcpt, cause.ConnectorMisconfigured, false},
		{"550 5.7.68 qwertz", cause.Rcpt, cause.DirectSendRejected, false},
		{"550 qwertz", cause.Rcpt, cause.RecipientNotFound, true},
		{"550 qwertz", cause.Data, cause.ContentFiltered, true},
		{"554 qwertz", cause.Banner, cause.ServerRefusesService, true},
		{"535 qwertz", cause.Auth, cause.AuthBadCredentials, true},
		{"530 qwertz", cause.Mail, cause.AuthRequired, true},
		{"552 qwertz", cause.Mail, cause.MessageTooLarge, true},
		{"450 qwertz", cause.Rcpt, cause.Greylisted, true},
		{"400 qwertz", cause.Mail, cause.ServerTemporaryFailure, true},
		{"559 qwertz", cause.Mail, "", false},
	}
	for _, tt := range tests {
		m, ok := MatchReply(reply(t, tt.reply), tt.step)
		if ok != (tt.cause != "") || m.Cause != tt.cause || m.ByCode != tt.byCode {
			t.Errorf("MatchReply(%q, %s) = %q by %s, by code %v; want %q, %v", tt.reply, tt.step, m.Cause, m.Row.ID, m.ByCode, tt.cause, tt.byCode)
		}
		if m.ByCode && m.Firm > Suggests {
			t.Errorf("MatchReply(%q, %s): a bare code %s its cause", tt.reply, tt.step, m.Firm)
		}
	}
}

func TestLookUp(t *testing.T) {
	tests := []struct {
		code   int
		status string
		cause  cause.ID
		firm   Firmness
	}{
		{550, "5.7.64", cause.ConnectorMisconfigured, Possible}, // ATTR36 is another cause
		{550, "5.7.68", cause.DirectSendRejected, Suggests},
		{550, "5.7.620", cause.IPBlocklisted, Suggests},
		{550, "5.7.236", cause.TenantRestricted, Suggests},
		{535, "5.7.139", cause.AuthBlockedByPolicy, Possible}, // tenant, mailbox, policy, password
		{550, "5.7.1", cause.PolicyEnforced, Possible},
		{552, "5.3.4", cause.MessageTooLarge, Suggests},
		{550, "5.1.1", cause.RecipientNotFound, Suggests},
		{451, "4.7.800", cause.Greylisted, Possible}, // falls back to the code
	}
	for _, tt := range tests {
		st, _ := smtp.CutEnhanced(tt.status)
		m, ok := LookUp(tt.code, st, cause.Rcpt)
		if !ok || m.Cause != tt.cause || m.Firm != tt.firm || !m.ByCode {
			t.Errorf("LookUp(%d, %s) = %s (%s) by %s, want %s (%s)", tt.code, tt.status, m.Cause, m.Firm, m.Row.ID, tt.cause, tt.firm)
		}
	}
	if m, ok := LookUp(0, smtp.EnhancedStatus{}, ""); ok {
		t.Errorf("LookUp of nothing = %s by %s, want none", m.Cause, m.Row.ID)
	}
}

func TestMatchAll(t *testing.T) {
	var got []string
	for _, m := range MatchAll("530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, account locked.", cause.Mail) {
		got = append(got, m.Row.ID)
	}
	want := []string{"m365-auth-account-locked", "m365-auth-139-other", "m365-client-not-authenticated"}
	for _, id := range want {
		if !slices.Contains(got, id) {
			t.Errorf("MatchAll = %q, lacks %s", got, id)
		}
	}
	if len(got) == 0 || got[0] != want[0] {
		t.Errorf("MatchAll = %q, want %s first", got, want[0])
	}
}

func TestFold(t *testing.T) {
	tests := []struct{ text, want string }{
		{"A  b\r\n\tC", "a b c"},
		{"it\u2019s \u201cx\u201d \u2013 y\u00a0z", `it's "x" - y z`},
		{"a\x00\x1b[31mb\u200b", "a[31mb"},
		{"caf\xe9 caf\u00e9", "caf? caf\u00e9"},
		{"550-5.7.1 one 550-5.7.1 two 550 5.7.1 three", "550-5.7.1 one two three"},
		{"[203.5.7.51] 5.7.51", "[203,5,7,51] 5.7.51"},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, fold(tt.text).text); diff != "" {
			t.Errorf("fold(%q) (-want +got):\n%s", tt.text, diff)
		}
	}
}

// TestLiterals checks that looking for a pattern's words first never hides a match, on every known reply and every row.
func TestLiterals(t *testing.T) {
	lines, rows := testLines(t), Rows()
	for i, m := range matchers() {
		for _, l := range lines {
			text := fold(l.text).text
			if m.re.MatchString(text) && !holdsAny(text, m.words) {
				t.Errorf("%s: %q fits and holds none of %q", rows[i].ID, text, m.words)
			}
		}
	}
}

func FuzzMatchText(f *testing.F) {
	for _, l := range testLines(f) {
		f.Add(l.text, string(cause.Mail))
	}
	f.Add("550-5.7.1 a\n550-5.7.1 b\n550 5.7.1 c", "")
	f.Add("\xff\xfe\x00\u200b\u2019", "rcpt")
	f.Fuzz(func(t *testing.T, text, step string) {
		m, ok := MatchText(text, cause.Step(step))
		if !ok {
			return
		}
		if m.Start < 0 || m.End < m.Start || m.End > len(text) {
			t.Fatalf("offsets %d:%d in %d octets", m.Start, m.End, len(text))
		}
		if utf8.ValidString(text) && !utf8.ValidString(text[m.Start:m.End]) {
			t.Fatalf("%q is cut within a character", text[m.Start:m.End])
		}
		if _, known := cause.Find(m.Cause); !known {
			t.Fatalf("cause %q", m.Cause)
		}
		if r, err := smtp.ParseReply(text); err == nil {
			MatchReply(r, cause.Step(step))
		}
	})
}

func BenchmarkMatchText(b *testing.B) {
	lines := testLines(b)
	for i := 0; b.Loop(); i++ {
		MatchText(lines[i%len(lines)].text, "")
	}
}
