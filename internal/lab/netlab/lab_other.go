//go:build !linux

package netlab

import (
	"fmt"
	"runtime"
)

// Unavailable says why no lab can be made here; nil if one can.
func Unavailable() error { return fmt.Errorf("needs Linux, this is %s", runtime.GOOS) }
