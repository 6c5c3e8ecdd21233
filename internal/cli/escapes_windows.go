package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesEscapes has the console understand escape sequences, which it must be asked for (Windows 10 and later), and
// reports whether it does.
func takesEscapes(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
