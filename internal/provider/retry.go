package provider

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The forms in which servers say how long to wait: "try again in 300 seconds", "retry after 5 minutes", "Greylisted for 00:05:00".
var (
	waitWords = regexp.MustCompile(`(?:\bin|after|for|wait|retry|again|least)[^0-9\[\]()]{0,20}\b([0-9]{1,5}) ?(s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b`)
	waitClock = regexp.MustCompile(`(?:\bin|after|for|wait|retry|again|least)[^0-9\[\]()]{0,20}\b([0-9]{1,2}):([0-9]{2}):([0-9]{2})\b`)
)

// RetryAfter reads how long a reply asks to wait before the next try. ok is false if it names no time.
func RetryAfter(text string) (wait time.Duration, ok bool) {
	text = strings.ToLower(text)
	if m := waitWords.FindStringSubmatch(text); m != nil {
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour}[m[2][0]]
		n, _ := strconv.Atoi(m[1])
		return time.Duration(n) * unit, n > 0
	}
	if m := waitClock.FindStringSubmatch(text); m != nil {
		for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
			n, _ := strconv.Atoi(m[i+1])
			wait += time.Duration(n) * unit
		}
		return wait, wait > 0
	}
	return 0, false
}
