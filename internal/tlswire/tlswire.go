// Package tlswire reads and writes what travels in the clear in SSL and TLS: records, hellos, alerts, certificates.
//
// It works on bytes alone, so the same code serves a live walk, a listening server and a capture. It does no
// cryptography: to learn what a peer would speak, a ClientHello and the first answer are enough, and that reaches
// versions and cipher suites which crypto/tls refuses.
//
// Everything it reads is taken for hostile. Memory is bounded, damaged input is reported in the value that was read
// as far as it went (field Malformed), and text from the wire is made printable.
//
// Standards: RFC 6101 (SSLv3), 2246, 4346, 5246, 8446 (TLS 1.0 to 1.3), 6066 and 7301 (SNI, ALPN), 7685 (padding),
// 8701 (GREASE), and the SSLv2-format ClientHello of RFC 5246, appendix E.2.
package tlswire

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is how much of one name from the wire is kept, in octets.
const maxText = 256

// printable makes text from the wire safe to show: what is not printable (control characters, marks that turn the
// direction of writing, bytes that are not UTF-8) is escaped, and more than maxText octets are cut.
func printable[T ~string | ~[]byte](raw T) string {
	s := string(raw)
	cut := len(s) > maxText
	if cut {
		s = s[:maxText]
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
		s = s[n:]
	}
	if cut {
		b.WriteString("...")
	}
	return b.String()
}
