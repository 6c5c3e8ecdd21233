package cli

import (
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"github.com/smtptriage/smtptriage/internal/report"
)

// widest is how wide text gets on a wide terminal: longer lines are hard to read.
const widest = 110

// terminal returns w as a terminal, or nil.
func terminal(w any) *os.File {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// layout is how text is laid out for w: plain for a pipe or a file, and on a terminal as far as it is known to go.
func layout(w io.Writer) report.Options {
	f := terminal(w)
	if f == nil {
		return report.Options{}
	}
	o := report.Options{Unicode: hasUnicode(runtime.GOOS, os.Getenv)}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 1 {
		o.Width = min(columns-1, widest)
	}
	// no-color.org: any value but the empty one.
	o.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && takesEscapes(f)
	return o
}

// hasUnicode guesses whether a console shows box drawing. The console of Windows does only with some fonts; its newer
// Terminal, which sets WT_SESSION, always does.
func hasUnicode(goos string, getenv func(string) string) bool {
	if goos == "windows" {
		return getenv("WT_SESSION") != ""
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}
