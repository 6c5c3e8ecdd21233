//go:build !linux

package netlab

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

// Unavailable says why no lab can be made here; nil if one can.
func Unavailable() error { return fmt.Errorf("needs Linux, this is %s", runtime.GOOS) }

// Try makes the lab of a case and runs check in it, where labs can be made.
func Try(context.Context, Case, string, []string, io.Writer, io.Writer) (int, error) {
	return 0, Unavailable()
}
