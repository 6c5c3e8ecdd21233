package text

import (
	"slices"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// noStartTLSFound are the words with which s_client says that it read no STARTTLS. It says so too when there was nothing to
// read any more, and goes on all the same.
const noStartTLSFound = "find starttls in server response"

// cutEarly reads them for what they are where the connection had ended: nobody knows what the server would have offered.
// s_client counts all octets it read, those before TLS too.
func cutEarly(found []finding, folded string) []finding {
	i := slices.IndexFunc(found, func(f finding) bool {
		return f.means.said == evidence.SaidNoStartTLS && strings.Contains(fold(f.text), noStartTLSFound)
	})
	ended := slices.IndexFunc(found, func(f finding) bool {
		return f.means.socket == evidence.Reset || f.means.socket == evidence.Closed || f.means.said == evidence.SaidTLSCut && !f.means.weak
	})
	if i < 0 || ended < 0 || strings.Contains(folded, "wrong version number") {
		return found
	}
	f := found[ended]
	f.means = waiting(evidence.Closed, "EHLO")
	if found[ended].means.socket == evidence.Reset {
		f.means.socket = evidence.Reset
	}
	if strings.Contains(folded, "handshake has read 0 bytes") {
		f.means.wait = waitGreeting
	}
	return []finding{f}
}

var handshakeRead = lazily(`ssl handshake has read (\d+) bytes`)

// recordHeader is as much as s_client reads before it finds that an answer is not TLS.
const recordHeader = 5

// spokeBefore reports whether s_client read more than the answer to its ClientHello: the dialogue up to STARTTLS, which it does
// not show.
func spokeBefore(folded string) bool {
	m := handshakeRead.FindStringSubmatch(folded)
	if m == nil {
		return false
	}
	n, err := strconv.Atoi(m[1])
	return err == nil && n > recordHeader
}
