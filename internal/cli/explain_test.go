package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "mail.log")
	const bounced = "Nov 20 09:00:02 mx postfix/smtp[81]: 4F3A21: to=<b@example.net>, relay=mx.example.net[192.0.2.9]:25, dsn=5.1.1, " +
		"status=bounced (host mx.example.net[192.0.2.9] said: 550 5.1.1 <b@example.net>: Recipient address rejected: User unknown (in reply to RCPT TO command))\n"
	if err := os.WriteFile(log, []byte(bounced), 0o600); err != nil {
		t.Fatal(err)
	}
	other, blank, packed, capture := filepath.Join(dir, "app.log"), filepath.Join(dir, "blank.log"), filepath.Join(dir, "mail.log.gz"), filepath.Join(dir, "mail.pcap")
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write([]byte(bounced))
	w.Close()
	for name, content := range map[string]string{
		other: "Error: connect ECONNREFUSED 192.0.2.1:587\n", blank: "\n", packed: z.String(), capture: "\xd4\xc3\xb2\xa1" + strings.Repeat("\x00", 20),
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name, in string
		args     []string
		status   int
		want     []string // each stands in standard output, or on standard error where the status is 2
	}{
		{"a cause's id", "", []string{"ip-blocklisted"}, 0, []string{"# ip-blocklisted"}},
		{"a reply", "", []string{"550 5.7.64 TenantAttribution; Relay Access Denied"}, 1, []string{"connector-misconfigured", "smtptriage check"}},
		{"a code", "", []string{"550", "5.7.64"}, 1, []string{"connector-misconfigured"}},
		{"standard input", "Error: connect ECONNREFUSED 192.0.2.1:587\n", []string{"-"}, 1, []string{"port-closed", "smtptriage check 192.0.2.1:587"}},
		{"no arguments", "535 5.7.8 Error: authentication failed\n", nil, 1, []string{"auth-bad-credentials"}},
		{"a file", "", []string{log}, 1, []string{"recipient-not-found", "--to b@example.net", "mx.example.net:25", "those of Postfix"}},
		{"several files", "", []string{blank, log, other}, 1, []string{"3 conversations", "1. rcpt / recipient-not-found (" + log, "3. connect / firewall-blocks-smtp (" + other, "2. none / undetermined (" + blank}},
		{"a packed file", "", []string{packed}, 1, []string{"recipient-not-found"}},
		{"a capture", "", []string{capture}, 2, []string{"smtptriage analyze " + capture}},
		{"nothing", " \n", []string{"-"}, 2, []string{"nothing to explain"}},
		{"prose", "", []string{"the scanner does not work"}, 3, []string{"NOT DETERMINED"}},
		{"an id that is none", "", []string{"ip-blocklist"}, 2, []string{"did you mean ip-blocklisted?"}},
		{"a file that is none", "", []string{filepath.Join(dir, "other.log")}, 2, []string{"reading the text"}},
		{"hostile names stay out of the command", "", []string{"connect to mx.example.net;reboot[192.0.2.1]:25: Connection refused"}, 1, []string{"smtptriage check mx.example.net:25 5. "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			status := Main(context.Background(), append([]string{"explain"}, tt.args...), strings.NewReader(tt.in), &out, &errOut)
			if status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, errOut.String())
			}
			got := strings.Join(strings.Fields(out.String()), " ")
			if status == exitUsage {
				got = errOut.String()
			}
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in\n%s", w, got)
				}
			}
		})
	}
}

func TestExplainJSON(t *testing.T) {
	var out, errOut bytes.Buffer
	status := Main(context.Background(), []string{"explain", "--format", "json", "-"}, strings.NewReader("550 5.7.1 Unable to relay (in reply to RCPT TO command)"), &out, &errOut)
	var doc struct{ Verdict struct{ Step, Cause string } }
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if status != 1 || doc.Verdict.Step != "rcpt" || doc.Verdict.Cause != "external-recipient-blocked" {
		t.Errorf("got status %d, %+v", status, doc.Verdict)
	}
}

func TestAnalyzeText(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mail.log")
	const log = `Nov 20 09:00:02 mx postfix/smtp[81]: 4F3A21: to=<a@example.net>, relay=mx.example.net[192.0.2.9]:25, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 7)
Nov 20 09:00:03 mx postfix/smtp[81]: 5A9C37: to=<b@example.net>, relay=mx.example.net[192.0.2.9]:25, dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.9] said: 550 5.1.1 <b@example.net>: Recipient address rejected: User unknown (in reply to RCPT TO command))
`
	if err := os.WriteFile(name, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	if status := Main(context.Background(), []string{"analyze", name}, strings.NewReader(""), &out, &errOut); status != 1 {
		t.Errorf("status %d: %s", status, errOut.String())
	}
	for _, want := range []string{"2 conversations", "1. rcpt / recipient-not-found", "2. none / accepted"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}
