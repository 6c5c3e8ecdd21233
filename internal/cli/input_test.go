package cli

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed is what gzip makes of some octets, without the last of them.
func packed(t *testing.T, b []byte, without int) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()[:out.Len()-without]
}

func TestAnalyzeInputs(t *testing.T) {
	log := []byte("Nov 20 09:00:01 mx1 postfix/smtp[99]: 3F1A22B: to=<a@example.com>, relay=mx.example.com[192.0.2.25]:25, " +
		"status=bounced (host mx.example.com[192.0.2.25] said: 550 5.1.1 no such user (in reply to RCPT TO command))\n")
	capture, err := os.ReadFile(captureFile(t, 3, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		data   []byte
		status int
		want   string // on standard output, or on standard error for status 2
	}{
		{"log", log, 1, "recipient-not-found"},
		{"packed log", packed(t, log, 0), 1, "recipient-not-found"},
		{"log in an old character set", append([]byte("Empf\xe4nger unzul\xe4ssig\n"), log...), 1, "recipient-not-found"},
		{"packed capture", packed(t, capture, 0), 1, "3 mail conversations"},
		{"packed capture that breaks off", packed(t, capture, 60), 1, "mail conversations"},
		{"packed noise", packed(t, bytes.Repeat([]byte{0, 1, 2, 3}, 500), 0), 2, "no capture (pcap or pcapng), no text and no saved evidence"},
		{"no gzip after all", []byte("\x1f\x8b\xff\xff\xff\xff"), 2, "unpacking"},
		{"xz", []byte("\xfd7zXZ\x00\x00\x04"), 2, "unpack it with xz -d"},
		{"zip", []byte("PK\x03\x04\x14\x00"), 2, "a ZIP archive"},
		{"snoop", []byte("snoop\x00\x00\x00\x00\x00\x00\x02"), 2, "editcap"},
		{"zeros", make([]byte, 9000), 2, "no capture"},
		{"damaged evidence", []byte(`{"schema": "smtptriage/evidence/v1", `), 2, "not an evidence file"},
		{"empty", nil, 2, "it is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "input")
			if err := os.WriteFile(file, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{file, "-"} {
				var out, errs bytes.Buffer
				got := Main(context.Background(), []string{"analyze", name}, bytes.NewReader(tt.data), &out, &errs)
				said := out.String()
				if tt.status == 2 {
					said = errs.String()
				}
				if got != tt.status || !strings.Contains(strings.Join(strings.Fields(said), " "), tt.want) {
					t.Errorf("%s: got status %d, want %d, and %q in\n%s%s", name, got, tt.status, tt.want, &out, &errs)
				}
			}
		})
	}
}
