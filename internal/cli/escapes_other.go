//go:build !windows

package cli

import "os"

// takesEscapes reports whether a terminal understands escape sequences: all of them do, but on Windows.
func takesEscapes(*os.File) bool { return true }
