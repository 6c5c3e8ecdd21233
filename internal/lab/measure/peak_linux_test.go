package measure

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

const holdEnv = "SMTPTRIAGE_TEST_HOLD"

// touched is memory that is really there.
func touched(octets int) []byte {
	p := make([]byte, octets)
	for i := 0; i < len(p); i += 4096 {
		p[i] = 1
	}
	return p
}

// TestPeak runs this test binary again, which says itself how much memory it took at the most. What this process takes
// must not count as the other's, whichever of them takes more.
func TestPeak(t *testing.T) {
	if n, err := strconv.Atoi(os.Getenv(holdEnv)); err == nil {
		p := touched(n)
		time.Sleep(20 * time.Millisecond)
		fmt.Println(residentPeak(os.Getpid()))
		runtime.KeepAlive(p)
		os.Exit(0)
	}
	for _, tt := range []struct {
		name         string
		theirs, mine int
	}{
		{"theirs is more", 96 << 20, 0},
		{"mine is more", 8 << 20, 160 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mine := touched(tt.mine)
			var out bytes.Buffer
			cmd := exec.Command(os.Args[0], "-test.run=^TestPeak$")
			cmd.Env, cmd.Stdout = append(os.Environ(), holdEnv+"="+strconv.Itoa(tt.theirs)), &out
			c, err := Run(cmd)
			if err != nil {
				t.Fatal(err)
			}
			runtime.KeepAlive(mine)
			want, err := strconv.ParseInt(string(bytes.TrimSpace(out.Bytes())), 10, 64)
			if err != nil || want < int64(tt.theirs) {
				t.Fatalf("the program said %q (%v), want more than %d", out.Bytes(), err, tt.theirs)
			}
			if c.Peak < want-want/20 || c.Peak > want+want/10 {
				t.Errorf("peak %d, and it took %d", c.Peak, want)
			}
		})
	}
}
