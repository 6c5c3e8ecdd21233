package probe

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

func TestTCPInfoOfWindows(t *testing.T) {
	b := make([]byte, tcpInfoV0Size)
	for at, v := range map[int]uint32{0: 4, 4: 1460, 20: 25_000, 24: 20_000, 28: 1500, 68: 4400} {
		binary.LittleEndian.PutUint32(b[at:], v)
	}
	binary.LittleEndian.PutUint64(b[56:], 224)
	want := &evidence.TCPInfo{RTT: 25 * time.Millisecond, MinRTT: 20 * time.Millisecond, SndMSS: 1460, Unacked: 2, Retrans: 4, BytesRecv: 224}
	if d := cmp.Diff(want, parseTCPInfoV0(b)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if got := parseTCPInfoV0(b[:tcpInfoV0Size-1]); got != nil {
		t.Errorf("cut short: %+v", got)
	}
}

func TestSegments(t *testing.T) {
	for _, tt := range []struct {
		octets, mss uint64
		want        int
	}{{0, 1460, 0}, {1, 1460, 1}, {1460, 1460, 1}, {1461, 1460, 2}, {0, 0, 0}, {5000, 0, 1}} {
		if got := segments(tt.octets, tt.mss); got != tt.want {
			t.Errorf("%d octets in segments of %d: %d, want %d", tt.octets, tt.mss, got, tt.want)
		}
	}
}
