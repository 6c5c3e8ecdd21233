package text_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/capture/text"
	"github.com/smtptriage/smtptriage/internal/diagnose"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// checkRead is what holds for every text: it is read, judged and written, and the record is read back.
func checkRead(t *testing.T, s []byte) {
	t.Helper()
	rec, err := text.Read(bytes.NewReader(s), text.Options{})
	if err != nil {
		t.Fatalf("reading bytes from memory fails: %v", err)
	}
	d := diagnose.Diagnose(rec)
	if d.Verdict.Confidence == diagnose.Proven && d.ExitStatus() == 1 {
		t.Errorf("a text proves %s", d.Verdict.Cause)
	}
	for i := range rec.Traces {
		for _, c := range text.Suggest(rec.Traces[i].Walk) {
			if strings.ContainsRune("$`;|&<>(){}\\\"'*?!#~\n\r\x00\x1b", c) {
				t.Errorf("the command holds %q", c)
			}
		}
	}
	var b bytes.Buffer
	if err := evidence.Write(&b, rec); err != nil {
		t.Fatalf("it can't be written: %v", err)
	}
	if _, err := evidence.Read(&b); err != nil {
		t.Fatalf("it can't be read back: %v", err)
	}
}

// seed adds texts of the kinds that contain one of the words, or all without words, and some damage done to each.
func seed(f *testing.F, words ...string) {
	f.Helper()
	for _, file := range []string{"testdata/own.jsonl", "testdata/licensed.jsonl"} {
		for _, c := range readLabelled(f, file) {
			has := len(words) == 0
			for _, w := range words {
				has = has || strings.Contains(c.Text, w)
			}
			if has {
				f.Add([]byte(c.Text))
				f.Add([]byte(c.Text[:len(c.Text)/2]))
			}
		}
	}
}

// FuzzRead reads any text.
func FuzzRead(f *testing.F) {
	seed(f)
	f.Add([]byte("\xff\xfe2\x002\x000\x00"))
	f.Add([]byte("Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n--x--"))
	f.Fuzz(func(t *testing.T, s []byte) { checkRead(t, s) })
}

// FuzzProtocolLog reads tables of Exchange and IIS.
func FuzzProtocolLog(f *testing.F) {
	seed(f, "#Fields:", "08DE")
	f.Fuzz(func(t *testing.T, s []byte) {
		checkRead(t, append([]byte("2026-11-20T09:00:00.000Z,c,08DEFFFFAABBCC01,0,10.0.0.5:5011,192.0.2.25:25,+,,\n"), s...))
		checkRead(t, append([]byte("#Fields: date time c-ip cs-username s-port cs-method cs-uri-query sc-status\n"), s...))
	})
}

// FuzzDialogue reads transcripts.
func FuzzDialogue(f *testing.F) {
	seed(f, "EHLO", "HELO")
	f.Fuzz(func(t *testing.T, s []byte) {
		checkRead(t, append([]byte("Connected to mx.example.com.\n220 mx.example.com\nEHLO a\n"), s...))
		checkRead(t, append([]byte("S: 220 mx.example.com\nC: EHLO a\n"), s...))
	})
}

// FuzzMessage reads bounce messages.
func FuzzMessage(f *testing.F) {
	seed(f, "Diagnostic", "Remote Server returned")
	f.Fuzz(func(t *testing.T, s []byte) {
		checkRead(t, append([]byte("From: a@example.com\nSubject: b\nContent-Type: text/html\nContent-Transfer-Encoding: quoted-printable\n\n"), s...))
		checkRead(t, append([]byte("From: a@example.com\nSubject: b\nContent-Type: multipart/report; boundary=x\n\n--x\n"), s...))
	})
}
