package packets_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// sample is a capture with a bit of everything: dialogues, TLS, retransmissions, a gap, ICMP.
func sample(t testing.TB, sessions ...[]flight) []byte {
	t.Helper()
	var file bytes.Buffer
	w := craft.NewWriter(&file, craft.Ethernet)
	c := craft.NewConn(w, client, server25)
	c.Open()
	c.Talk("220 mx", "EHLO a", "250-mx\r\n250 AUTH LOGIN", "AUTH LOGIN", "334 VXNlcm5hbWU6", "c2VjcmV0", "535 5.7.3 no", "MAIL FROM:<a@example.com>", "250 ok",
		"RCPT TO:<b@example.net>", "250 ok", "DATA", "354 go", "Subject: x\r\n\r\nhello\r\n.", "250 queued", "QUIT", "221 bye")
	c.Close(craft.FromServer)
	for i, s := range sessions {
		c := craft.NewConn(w, client[:len(client)-1]+string(rune('1'+i)), server25)
		startTLS(c)
		play(c, s)
		c.Reset(craft.FromServer)
	}
	lost := craft.NewConn(w, "[2001:db8::10]:40000", "[2001:db8:25::25]:587")
	lost.Open()
	lost.Say(craft.FromServer, "220 mx\r\n")
	repeat(lost, craft.FromClient, 3, []byte("EHLO a\r\n"))
	lost.Advance(craft.FromServer, 0, 100)
	lost.Send(craft.FromServer, craft.ACK, []byte("250 later\r\n"))
	return file.Bytes()
}

// check reads a capture and makes sure that what comes out of it can be saved, read again and judged.
func check(t *testing.T, file []byte) (conversations int) {
	t.Helper()
	rec := evidence.Record{Schema: evidence.Schema, Source: evidence.FromCapture}
	res, err := packets.Read(context.Background(), "x.pcap", bytes.NewReader(file), packets.Options{}, func(c *packets.Conversation) {
		if len(rec.Traces) < 50 {
			rec.Traces = append(rec.Traces, c.Trace)
			judged(c.Trace)
		}
	})
	if err != nil {
		return 0
	}
	if res.Stopped != nil {
		t.Fatalf("reading stopped: %v", res.Stopped)
	}
	var out bytes.Buffer
	if err := evidence.Write(&out, &rec); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Read(&out); err != nil {
		t.Fatal(err)
	}
	return res.Conversations
}

func TestDamagedCaptures(t *testing.T) {
	tls13 := session(t, &tls.Config{InsecureSkipVerify: true}, &tls.Config{Certificates: []tls.Certificate{certificate(t)}}, false, "EHLO a", "250 mx")
	whole := sample(t, tls13)
	if got := check(t, whole); got != 3 {
		t.Fatalf("got %d conversations, want 3", got)
	}
	began := time.Now()
	for at := 24; at < len(whole); at += 23 {
		check(t, whole[:at])
		file := bytes.Clone(whole)
		file[at] ^= 0xff
		check(t, file)
		if at%5 == 0 {
			check(t, append(bytes.Clone(whole[:at]), whole[min(at+101, len(whole)):]...))
		}
	}
	t.Logf("%v for %d damaged captures", time.Since(began), (len(whole)-24)/23*11/5)
}

// endless gives the same octets again and again.
type endless struct {
	head, body []byte
	read       int
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if e.read < len(e.head) {
			m := copy(p[n:], e.head[e.read:])
			n, e.read = n+m, e.read+m
			continue
		}
		m := copy(p[n:], e.body[(e.read-len(e.head))%len(e.body):])
		n, e.read = n+m, e.read+m
	}
	return n, nil
}

func TestInterrupted(t *testing.T) {
	whole := sample(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("enough")
	found := 0
	res, err := packets.Read(ctx, "endless", &endless{head: whole[:24], body: whole[24:]}, packets.Options{
		Progress: func(n packets.Counts) {
			if n.Frames > 50_000 {
				cancel(stop)
			}
		}}, func(*packets.Conversation) { found++ })
	if err != nil || !errors.Is(res.Stopped, stop) {
		t.Fatalf("got %v, %v, want %v", err, res.Stopped, stop)
	}
	if found == 0 || res.Frames < 50_000 {
		t.Errorf("%d conversations in %d frames", found, res.Frames)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, file []byte) { check(t, file) })
}
