package text

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUndumped(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no dump", "220 mx.example.com ESMTP\nQUIT", "220 mx.example.com ESMTP\nQUIT"},
		{"s_client", `CONNECTED(00000003)
read from 0x5566a9533140 [0x5566a946f630] (4096 bytes => 21 (0x15))
0000 - 35 35 34 20 6d 61 69 6c-2e 65 78 61 6d 70 6c 65   554 mail.example
0010 - 2e 63 6f 0d 0a                                    .co..
write to 0x5566a9533140 [0x7ffc13a00a20] (10 bytes => 10 (0xA))
0000 - 53 54 41 52 54 54 4c 53-0d 0a                     STARTTLS..
read from 0x5566a9533140 [0x5566a941b260] (8192 bytes => 0)
>>> TLS 1.0, RecordHeader [length 0005]
    16 03 01 01 24
write to 0x5566a9533140 [0x5566a954ac60] (7 bytes => 7 (0x7))
0000 - 15 03 01 00 02 02 32                              ......2
errno=104`, "CONNECTED(00000003)\nS: 554 mail.example.co\nC: STARTTLS\n>>> TLS 1.0, RecordHeader [length 0005]\nerrno=104"},
		{"several lines in one block", `read from 0x1 [0x2] (4096 bytes => 17 (0x11))
0000 - 32 35 30 2d 61 0d 0a 32-35 30 2d 62 0d 0a 32 35   250-a..250-b..25
0010 - 30                                                0`, "S: 250-a\nS: 250-b\nS: 250"},
		{"curl --trace-ascii", `12:00:00.338540 == Info:   Trying 192.0.2.25:25...
12:00:00.339410 <= Recv header, 9 bytes (0x9)
0000: 220 hi
12:00:00.339446 => Send header, 9 bytes (0x9)
0000: EHLO vm
12:00:00.339460 => Send SSL data, 5 bytes (0x5)
0000: ....2
12:00:00.339470 => Send data, 17 bytes (0x11)
0000: Subject: x..body.
== Info: bye`, "*   Trying 192.0.2.25:25...\nS: 220 hi\nC: EHLO vm\n* bye"},
		{"curl --trace, and ids of connections", `12:00:00.339410 [0-0] <= Recv header, 18 bytes (0x12)
0000: 32 32 30 20 6d 78 2e 65 78 61 6d 70 6c 65 2e 63 220 mx.example.c
0010: 0d 0a                                           ..`, "S: 220 mx.example.c"},
		{"a row that goes on", "<= Recv header, 76 bytes (0x4c)\n0000: " + strings.Repeat("2", 64) + "\n0040: 3333333333", "S: " + strings.Repeat("2", 64) + "3333333333"},
		{"a block cut short", "write to 0x1 [0x2] (4096 bytes => 4096 (0x1000))", ""},
		{"no size", "read from 0x1 [0x2] (4096 bytes => -1)\n0000 - 41", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in []line
			for i, s := range strings.Split(tt.text, "\n") {
				in = append(in, line{i + 1, s})
			}
			var got []string
			for _, l := range undumped(in) {
				got = append(got, l.text)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestUnmetered(t *testing.T) {
	in := []line{{1, "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0*   Trying 192.0.2.25:25..."}, {2, "> QUIT"}}
	if got := unmetered(in); got[0].text != "*   Trying 192.0.2.25:25..." || got[1].text != "> QUIT" {
		t.Errorf("got %+v", got)
	}
}
