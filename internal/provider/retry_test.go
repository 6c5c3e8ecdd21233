package provider

import (
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"450 4.7.1 Greylisted, please try again in 300 seconds":               300 * time.Second,
		"451 4.7.1 Greylisting in action, please come back in 00:04:59":       4*time.Minute + 59*time.Second,
		"450 4.2.0 Greylisted for 5 minutes":                                  5 * time.Minute,
		"421 4.7.0 Try again later; retry after 1 hour":                       time.Hour,
		"451 deferred for 60s":                                                time.Minute,
		"451 4.7.500 Server busy. Please try again later from [203.0.113.25]": 0,
		"450 4.7.1 <office@contoso.com>: Recipient address rejected":          0,
		"432 4.3.2 concurrent connections limit exceeded 3":                   0,
		"450 try again in 0 seconds":                                          0,
		"452 4.5.3 too many recipients, 100 messages":                         0,
	} {
		got, ok := RetryAfter(text)
		if got != want || ok != (want > 0) {
			t.Errorf("%s: got %v, %v, want %v", text, got, ok, want)
		}
	}
}
