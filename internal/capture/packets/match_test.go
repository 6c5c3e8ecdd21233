package packets_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/craft"
	"github.com/smtptriage/smtptriage/internal/capture/packets"
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/diagnose"
)

// place is a capture of one conversation at one place.
func place(t *testing.T, from string, isn [2]uint32, later time.Duration, greeting, hello string) []*packets.Conversation {
	t.Helper()
	var file bytes.Buffer
	w := craft.NewWriter(&file, craft.Ethernet)
	w.Now = w.Now.Add(later)
	c := craft.NewConn(w, from, server25)
	c.Seq = isn
	c.Open()
	c.Talk(greeting, "EHLO printer", hello, "QUIT", "221 bye")
	c.Close(craft.FromServer)
	got, _ := read(t, file.Bytes(), packets.Options{Keep: true})
	return got
}

func TestMatch(t *testing.T) {
	const (
		greeting = "220 mx.example.com ESMTP"
		whole    = "250-mx.example.com\r\n250-STARTTLS\r\n250 SIZE 1000"
		stripped = "250-mx.example.com\r\n250-XXXXXXXA\r\n250 SIZE 1000"
	)
	isn, other := [2]uint32{11, 22}, [2]uint32{33, 44}
	for _, tt := range []struct {
		name   string
		isn    [2]uint32
		later  time.Duration
		hello  string
		pairs  int
		offset int64 // -1: nothing differs
	}{
		{"the same behind NAT", isn, time.Hour, whole, 1, -1},
		{"changed behind NAT", isn, time.Hour, stripped, 1, 50},
		{"changed by a proxy", other, time.Second, stripped, 1, 50},
		{"another conversation", other, time.Hour, whole, 0, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			device := place(t, "192.0.2.10:40000", isn, 0, greeting, tt.hello)
			beyond := place(t, "198.51.100.10:61000", tt.isn, tt.later, greeting, whole)
			pairs := packets.Match(device, beyond)
			if len(pairs) != tt.pairs {
				t.Fatalf("got %d pairs, want %d", len(pairs), tt.pairs)
			}
			if tt.offset < 0 {
				if len(pairs) > 0 && len(pairs[0].Differs) > 0 {
					t.Errorf("got %+v, want no difference", pairs[0].Differs)
				}
				return
			}
			d := pairs[0].Differs
			if len(d) != 1 || d[0].Offset != tt.offset || string(d[0].Here) != "250-XXXXXXXA" || string(d[0].There) != "250-STARTTLS" {
				t.Errorf("got %+v", d)
			}
			v := judged(device[0].Trace).Verdict
			if v.Cause != cause.StartTLSStripped || v.Confidence != diagnose.Proven || !strings.Contains(v.Because[0].Text, "octet 50 of the server's part") {
				t.Errorf("got %s %s %v", v.Cause, v.Confidence, v.Because)
			}
		})
	}
}
