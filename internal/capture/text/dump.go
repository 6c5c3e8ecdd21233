package text

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Some programs show what they send and receive octet by octet: s_client -debug, curl --trace and --trace-ascii. What of it is
// dialogue becomes lines of one; the rest is TLS, and goes.

// A dump is what one block of octets says about itself.
type dump struct {
	mark string // of the lines that it becomes; "": none, it is dropped
	size int    // octets it has
}

var (
	clientDump = lazily(`^(read from|write to) 0x[0-9A-Fa-f]+ \[0x[0-9A-Fa-f]+\] \(\d+ bytes => (-?\d+)`)
	curlDump   = lazily(`(=>|<=) (?:Send|Recv) (header|data|SSL data), (\d+) bytes`)
	curlInfo   = lazily(`^[\d:. \[\]x-]*== Info: `)
	dumpRow    = lazily(`^ *[0-9a-f]{4,8}(?: -|:) (.*)$`)
	messageRow = lazily(`^    (?:[0-9a-f]{2} ){0,15}[0-9a-f]{2} *$`)
)

// dumpOf reads the first line of a block.
func dumpOf(s string) (dump, bool) {
	if m := clientDump.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[2])
		if m[1] == "read from" {
			return dump{"S: ", n}, true
		}
		return dump{"C: ", n}, true
	}
	m := curlDump.FindStringSubmatch(s)
	if m == nil {
		return dump{}, false
	}
	n, _ := strconv.Atoi(m[3])
	switch {
	case m[2] != "header":
		return dump{"", n}, true
	case m[1] == "=>":
		return dump{"C: ", n}, true
	}
	return dump{"S: ", n}, true
}

// meter is what curl shows of its progress, before a line of its own or alone.
var meter = lazily(`^.*--:--:--[ \d.kMG]*`)

// unmetered takes off what curl shows of its progress.
func unmetered(lines []line) []line {
	for i, l := range lines {
		if strings.Contains(l.text, "--:--:--") {
			lines[i].text = meter.ReplaceAllString(l.text, "")
		}
	}
	return lines
}

// undumped gives a dump's dialogue back its lines. A text without a dump comes back as it is.
func undumped(lines []line) []line {
	var out []line
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		d, ok := dump{}, false
		if strings.Contains(l.text, " bytes") {
			d, ok = dumpOf(l.text)
		}
		if !ok && out == nil {
			continue
		}
		if !ok {
			if !messageRow.MatchString(l.text) { // what s_client -msg shows is TLS
				out = append(out, line{l.n, curlInfo.ReplaceAllString(l.text, "* ")})
			}
			continue
		}
		if out == nil {
			out = make([]line, 0, len(lines))
			for _, before := range lines[:i] {
				out = append(out, line{before.n, curlInfo.ReplaceAllString(before.text, "* ")})
			}
		}
		var rows []string
		for i+1 < len(lines) {
			m := dumpRow.FindStringSubmatch(lines[i+1].text)
			if m == nil {
				break
			}
			rows = append(rows, m[1])
			i++
		}
		if d.mark == "" || d.size <= 0 {
			continue
		}
		for _, s := range spokenLines(rows, d.size) {
			out = append(out, line{l.n, d.mark + s})
		}
	}
	if out == nil {
		return lines
	}
	return out
}

// asciiRow is how many octets a row of curl --trace-ascii has, unless a line ends in it.
const asciiRow = 64

// spokenLines are the lines of dialogue in the rows of a dump; none if it holds anything else.
func spokenLines(rows []string, size int) []string {
	var b strings.Builder
	for i, row := range rows {
		left := size - 16*i
		if octets, ok := hexRow(row, left); ok {
			b.Write(octets)
			continue
		}
		b.WriteString(row)
		if len(row) < asciiRow {
			b.WriteByte('\n')
		}
	}
	text := strings.ReplaceAll(strings.TrimRight(b.String(), "\r\n"), "\r\n", "\n")
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == '\uFFFD' }) {
		return nil
	}
	return strings.Split(text, "\n")
}

// hexRow reads a row that has its octets in hexadecimal, of which left are still to come.
func hexRow(row string, left int) ([]byte, bool) {
	n := min(left, 16)
	if n <= 0 || len(row) < 3*n-1 {
		return nil, false
	}
	digits := strings.NewReplacer(" ", "", "-", "").Replace(row[:3*n-1])
	octets, err := hex.DecodeString(digits)
	return octets, err == nil && len(octets) == n
}
