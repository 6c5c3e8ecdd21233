package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
)

// captureFile writes a capture of n conversations, each third of them refused, and some octets at its end that are none.
func captureFile(t *testing.T, n int, more string) string {
	t.Helper()
	var b bytes.Buffer
	w := craft.NewWriter(&b, craft.Ethernet)
	for i := range n {
		c := craft.NewConn(w, fmt.Sprintf("192.0.2.10:%d", 40000+i), "203.0.113.25:25")
		c.Seq = [2]uint32{uint32(1000 * i), uint32(2000 * i)}
		c.Open()
		rcpt := "250 2.1.5 ok"
		if i%3 == 2 {
			rcpt = "550 5.7.1 Client host [192.0.2.10] blocked using Spamhaus"
		}
		c.Talk("220 mx.example.com ESMTP", "EHLO printer", "250 mx.example.com", "MAIL FROM:<a@example.com>", "250 ok", "RCPT TO:<b@example.net>", rcpt, "QUIT", "221 bye")
		c.Close(craft.FromServer)
	}
	b.WriteString(more)
	name := filepath.Join(t.TempDir(), "site.pcap")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAnalyzeCaptures(t *testing.T) {
	one, many, damaged := captureFile(t, 1, ""), captureFile(t, 30, ""), captureFile(t, 2, "no record at all, and some more octets")
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		out    []string
		err    string
	}{
		{"one conversation", []string{one}, 0, []string{"PASSED", "EHLO printer"}, ""},
		{"a table of many", []string{many}, 1, []string{"30 mail conversations", "of them failed", "ip-blocklisted", "192.0.2.10", "--conversation 3"}, ""},
		{"one of many", []string{"--conversation", "6", many}, 1, []string{"blocked using Spamhaus", "conversation 6"}, ""},
		{"one that is not there", []string{"--conversation", "31", many}, 2, nil, "there are 30 mail conversations, and none with the number 31"},
		{"damage is told", []string{damaged}, 0, []string{"2 mail conversations", "at octet"}, ""},
		{"the same file twice", []string{one, one}, 0, []string{"2 mail conversations", "1 conversations are in more than one file"}, ""},
		{"a capture and something else", []string{one, "capture_test.go"}, 2, nil, "2 files of which 1 are captures"},
		{"no key log", []string{"--keylog", "capture_test.go", one}, 2, nil, "capture_test.go has no line of a TLS key log"},
		{"no capture", []string{"--conversation", "1", "capture_test.go"}, 2, nil, "--conversation and --keylog are for captures"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			got := Main(context.Background(), append([]string{"analyze"}, tt.args...), strings.NewReader(""), &out, &errs)
			if got != tt.status {
				t.Errorf("got status %d, want %d: %s", got, tt.status, &errs)
			}
			// Where a line breaks depends on how long the folder's name is.
			text := strings.Join(strings.Fields(out.String()), " ")
			for _, want := range tt.out {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in %s", want, &out)
				}
			}
			if !strings.Contains(errs.String(), tt.err) {
				t.Errorf("got %s, want %q", &errs, tt.err)
			}
		})
	}
}

func TestAnalyzeCaptureJSON(t *testing.T) {
	var out, errs bytes.Buffer
	if got := Main(context.Background(), []string{"analyze", "--format", "json", captureFile(t, 30, "")}, strings.NewReader(""), &out, &errs); got != 1 {
		t.Fatalf("got status %d: %s", got, &errs)
	}
	var doc struct {
		Schema  string
		Verdict struct{ Cause string }
		Capture struct {
			Conversations, Failed int
			Groups                []struct {
				First, Count int
				Cause        string
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	c := doc.Capture
	if doc.Schema != "smtptriage/report/v1" || doc.Verdict.Cause != "ip-blocklisted" || c.Conversations != 30 || c.Failed != 10 || len(c.Groups) != 2 || c.Groups[0].First != 3 || c.Groups[0].Count != 10 {
		t.Errorf("got %+v", doc)
	}
}
