package report

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

func TestMarkdown(t *testing.T) {
	rec, d := blocklisted(t)
	for name, to := range map[string]Reader{"notes.md": ForAnyone, "notes-isp.md": ForISP} {
		var b bytes.Buffer
		if err := Markdown(&b, rec, d, to); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

func TestMarkdownEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"a | b":                  `a \| b`,
		"<script>alert</script>": `\<script\>alert\</script\>`,
		"[x](http://y)":          `\[x\](http://y)`,
		"`code` *b* _i_":         "\\`code\\` \\*b\\* \\_i\\_",
		"\x1b[2J":                `\\x1b\[2J`,
	} {
		if got := md(in); got != want {
			t.Errorf("md(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHTML(t *testing.T) {
	rec, d := blocklisted(t)
	rec.Target.Walk.Host = `<img src=x onerror=alert(1)>`
	d.Verdict.Links = append(d.Verdict.Links, "javascript:alert(1)", "https://example.com/?a=1&b=2")
	var b bytes.Buffer
	if err := HTML(&b, rec, d, ForMicrosoft); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, bad := range []string{"<img", "<script", "\x1b", "\u202e", `href="javascript:`, "http://www.w3.org/1999", "@import", "url("} {
		if strings.Contains(got, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, want := range []string{"default-src 'none'", "For Microsoft support", "<svg", "550 5.7.1", "What each door needs", "Get-MessageTraceV2", "prefers-color-scheme: dark", "@media print"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestLetter(t *testing.T) {
	_, d := blocklisted(t)
	if _, ok := letter(d, ForMicrosoft); !ok {
		t.Error("a listing at Spamhaus as Microsoft sees it has no letter to Microsoft")
	}
	d.Verdict.Cause = "certificate-expired"
	if text, ok := letter(d, ForISP); ok || !strings.Contains(text, "certificate-expired") {
		t.Errorf("an expired certificate was made the ISP's business: %q", text)
	}
}

// TestPossibleIsSaidSo: whoever reads one sentence, and no further, is not to take a possibility for a fact.
func TestPossibleIsSaidSo(t *testing.T) {
	rec, d := blocklisted(t)
	writers := map[string]func(io.Writer) error{
		"text":     func(w io.Writer) error { return Text(w, rec, d, Options{}) },
		"markdown": func(w io.Writer) error { return Markdown(w, rec, d, ForMicrosoft) },
		"html":     func(w io.Writer) error { return HTML(w, rec, d, ForMicrosoft) },
	}
	for _, sure := range []diagnose.Confidence{diagnose.Proven, diagnose.Possible} {
		d.Verdict.Confidence = sure
		for name, write := range writers {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			possible := sure == diagnose.Possible
			if got := strings.Contains(b.String(), "Possibly: "); got != possible {
				t.Errorf("%s of a %s verdict: it says possibly: %v", name, sure, got)
			}
			if got := strings.Contains(b.String(), "possible and not shown"); got != possible && name != "text" {
				t.Errorf("%s of a %s verdict: the letter says so: %v", name, sure, got)
			}
		}
	}
}

func TestBundle(t *testing.T) {
	rec, d := blocklisted(t)
	var one, two bytes.Buffer
	if err := Bundle(&one, rec, d, ForAnyone); err != nil {
		t.Fatal(err)
	}
	if err := Bundle(&two, rec, d, ForAnyone); err != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Errorf("the same record gives other bytes the second time (%v)", err)
	}
	z, err := zip.NewReader(bytes.NewReader(one.Bytes()), int64(one.Len()))
	if err != nil {
		t.Fatal(err)
	}
	content := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if content[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	var m manifest
	if err := json.Unmarshal(content["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Files) != len(content)-1 {
		t.Errorf("the manifest lists %d files, the bundle has %d beside it", len(m.Files), len(content)-1)
	}
	for _, f := range m.Files {
		sum := sha256.Sum256(content[f.Name])
		if got := hex.EncodeToString(sum[:]); got != f.SHA256 || len(content[f.Name]) != f.Bytes {
			t.Errorf("%s: %d octets, %s; the manifest says %d, %s", f.Name, len(content[f.Name]), got, f.Bytes, f.SHA256)
		}
	}
	back, err := evidence.Read(bytes.NewReader(content["evidence.json"]))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := diagnose.Diagnose(back).Verdict.Cause, diagnose.Diagnose(rec).Verdict.Cause; got != want {
		t.Errorf("the bundled evidence is judged %s, want %s", got, want)
	}
}

func TestRedact(t *testing.T) {
	rec, _ := blocklisted(t)
	rec.Target.Walk.Auth = &evidence.Auth{User: "EXAMPLE\\scanner"}
	before := diagnose.Diagnose(rec)
	out, err := Redact(rec)
	if err != nil {
		t.Fatal(err)
	}
	after := diagnose.Diagnose(out)
	if d := cmp.Diff([]any{before.Verdict.Step, before.Verdict.Cause, before.Verdict.Confidence}, []any{after.Verdict.Step, after.Verdict.Cause, after.Verdict.Confidence}); d != "" {
		t.Errorf("redaction changes the verdict (-before +after)\n%s", d)
	}
	var b bytes.Buffer
	if err := Bundle(&b, out, &after, ForAnyone); err != nil {
		t.Fatal(err)
	}
	text := func(rec *evidence.Record) string {
		var b bytes.Buffer
		if err := evidence.Write(&b, rec); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	got := text(out)
	for _, secret := range []string{"scanner@example.com", "office@example.com", "scanner.example.com", "example-com.mail", "EXAMPLE\\\\scanner"} {
		if strings.Contains(got, secret) {
			t.Errorf("the redacted record holds %q", secret)
		}
	}
	for _, want := range []string{"customer1", ".mail.protection.outlook.com", "Spamhaus", "user2@customer1.example", "AM0.mail.protection.outlook.com"} {
		if !strings.Contains(got, want) {
			t.Errorf("the redacted record lacks %q", want)
		}
	}
	again, err := Redact(rec)
	if err != nil || text(again) != got {
		t.Errorf("redacting twice gives two results (%v)", err)
	}
	if rec.Target.Walk.From != "scanner@example.com" {
		t.Error("the record itself was changed")
	}
}

func TestRedactAddressesKeepTheirKind(t *testing.T) {
	rec, _ := blocklisted(t)
	r := newRedactor(rec)
	got := r.text("from 192.168.7.9 to 203.0.113.80, again 192.168.7.9; 2001:db8:1::5 at 09:00:00; 1.1.1.1 and 127.0.0.1 stay")
	if want := "from 10.0.0.1 to 198.51.100.1, again 10.0.0.1; 2001:db8::1 at 09:00:00; 1.1.1.1 and 127.0.0.1 stay"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTraceHelp: the commands are pasted into a shell, and the names in a record may be anybody's.
func TestTraceHelp(t *testing.T) {
	rec, d := blocklisted(t)
	rec.Target.Walk.From, rec.Target.Walk.To = "a;calc'@example.com", []string{"o'brien@example.com", "b+c@example.com"}
	got := strings.Join(notes{rec: rec, d: d}.traceHelp(), "\n")
	for _, want := range []string{
		"-SenderAddress 'a;calc''@example.com'", "-RecipientAddress 'o''brien@example.com',b+c@example.com", "-FromIP 198.51.100.7",
		"senderAddress eq 'a;calc''@example.com'", "(recipientAddress eq 'o''brien@example.com' or recipientAddress eq 'b%2Bc@example.com')",
		"fromIP eq '198.51.100.7'", "an empty trace is to be expected",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
}

// TestRuledOut: what may yet come at a later step, or lies in a device, is not ruled out by a walk of our own.
func TestRuledOut(t *testing.T) {
	rec, d := blocklisted(t)
	got := strings.Join(notes{rec: rec, d: d}.ruledOut(), "\n")
	for _, want := range []cause.ID{cause.ISPBlocksPort25, cause.StartTLSStripped, cause.TLSVersionMismatch} {
		if !strings.Contains(got, string(want)) {
			t.Errorf("%s is not ruled out:\n%s", want, got)
		}
	}
	for _, id := range []cause.ID{cause.DirectSendRejected, cause.PathMTUBlackhole, cause.ClientTrustStoreOutdated, cause.IPBlocklisted} {
		if strings.Contains(got, string(id)) {
			t.Errorf("%s is ruled out:\n%s", id, got)
		}
	}
}

// TestRedactFindsNames: a customer is named by more than the flags of a run, and in other spellings.
func TestRedactFindsNames(t *testing.T) {
	rec, _ := blocklisted(t)
	w := &rec.Target.Walk
	w.From, w.To, w.EHLO = "Jane.Doe@m\u00fcller-s\u00f6hne.example", []string{"\"B\u00fcro 7\"@sub.m\u00fcller-s\u00f6hne.example"}, "mail"
	w.Auth = &evidence.Auth{User: "mueller\\jdoe", Token: &evidence.Token{User: "Jane.Doe@contoso.onmicrosoft.com"}}
	rec.Traces = append(rec.Traces, evidence.Trace{ID: "x1", Role: evidence.RoleLookup, Events: []evidence.Event{
		{Lookup: &evidence.Lookup{Name: "80.113.0.203.in-addr.arpa", Type: "PTR", RCode: "NOERROR", Answers: []evidence.RR{{Name: "80.113.0.203.in-addr.arpa", Type: "PTR", Data: "p203-0-113-80.line.isp.example."}}}},
		{Lookup: &evidence.Lookup{Name: "80.113.0.203.zen.spamhaus.org", Type: "A", RCode: "NOERROR", Answers: []evidence.RR{{Type: "A", Data: "127.0.0.4"}}}},
		{Lookup: &evidence.Lookup{Name: "_dmarc.xn--mller-shne-kcb9d.example", Type: "TXT", RCode: "NOERROR"}},
		{Lookup: &evidence.Lookup{Name: "2.0.0.127.zen.spamhaus.org", Type: "A", RCode: "NOERROR"}},
		{Chain: &evidence.Chain{Certificates: []tlswire.Certificate{{Common: "gw.mueller-intern.example", Subject: "CN=gw.mueller-intern.example,O=M\u00fcller Holding\\, KG,L=Passau",
			Issuer: "CN=M\u00fcller Root,O=M\u00fcller Holding\\, KG", DNSNames: []string{"*.mueller-intern.example"}, Serial: "0abc", SHA256: strings.Repeat("5f", 32)}}}},
		{Reply: &evidence.Reply{To: -1, Reply: smtp.Reply{Code: 550, Text: []string{
			"5.7.1 Client [203.0.113.80] (P203-0-113-80.line.ISP.example) refused; MAIL of JDOE for JANE.DOE@XN--MLLER-SHNE-KCB9D.EXAMPLE; HELO=<mfp.munich.example>; tenant 3f2504e0-4f89-11d3-9a0c-0305e82c3301; 203-0-113-80 at Passau; https://www.spamhaus.org"}}}},
	}})
	out, err := Redact(rec)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := evidence.Write(&b, out); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, name := range []string{"jane", "m\u00fcller", "mller-shne", "b\u00fcro", "jdoe", "contoso", "113-80", "isp.example", "mueller", "passau", "munich", "3f2504e0", "0abc", "5f5f", ".113.0.203"} {
		if at := strings.Index(strings.ToLower(got), name); at >= 0 {
			t.Errorf("it holds %q: %s", name, got[max(0, at-60):min(len(got), at+60)])
		}
	}
	lookup := func(i int) string { return out.Traces[len(out.Traces)-1].Events[i].Lookup.Name }
	zone, found := strings.CutSuffix(lookup(1), ".zen.spamhaus.org")
	if arpa, ok := strings.CutSuffix(lookup(0), ".in-addr.arpa"); !found || !ok || arpa != zone {
		t.Errorf("one address, asked for as %s and as %s", lookup(0), lookup(1))
	}
	_, domain, _ := strings.Cut(out.Target.Walk.From, "@")
	if lookup(2) != "_dmarc."+domain || out.Target.Walk.To[0] != "user2@host1."+domain {
		t.Errorf("from %s, to %s, and its DMARC record at %s", out.Target.Walk.From, out.Target.Walk.To[0], lookup(2))
	}
	if lookup(3) != "2.0.0.127.zen.spamhaus.org" || out.Target.Walk.EHLO != "mail" || !strings.Contains(got, "https://www.spamhaus.org") {
		t.Errorf("the test point is %s, the EHLO name %s", lookup(3), out.Target.Walk.EHLO)
	}
}
