package measure

import (
	"slices"
	"testing"
	"time"
)

// A conversation of two round trips beside one of four, whose last octets are no answer, as tcpdump prints them.
const twoConversations = `
1700000000.000000 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 0
1700000000.010000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 0
1700000000.010001 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 0
1700000000.020000 IP6 2001:db8::1.5000 > 2001:db8::25.25: tcp 0
1700000000.030000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 30
1700000000.030001 IP6 2001:db8::25.25 > 2001:db8::1.5000: tcp 0
1700000000.071000 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 10
1700000000.071001 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 10
1700000000.080000 IP6 2001:db8::25.25 > 2001:db8::1.5000: tcp 100
1700000000.081000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 0
1700000000.091000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 5
1700000000.092000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 5
1700000000.093000 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 5
1700000000.103000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 5

1700000000.104000 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 5
1700000000.106000 IP 203.0.113.25.25 > 192.0.2.1.4000: tcp 24
`

func TestConversations(t *testing.T) {
	packets, err := parsePackets(twoConversations)
	if err != nil {
		t.Fatal(err)
	}
	got := Conversations(packets, 25, 10*time.Millisecond)
	if len(got) != 2 {
		t.Fatalf("%d conversations, want 2", len(got))
	}
	const ms = time.Millisecond
	first := got[0]
	for i := range first.Waits {
		first.Waits[i] = first.Waits[i].Round(ms)
	}
	if want := []time.Duration{10 * ms, 20 * ms, 21 * ms, 10 * ms}; first.RoundTrips != 4 || !slices.Equal(first.Waits, want) {
		t.Errorf("%d round trips of %v, want 4 of %v", first.RoundTrips, first.Waits, want)
	}
	if d := first.AckDelay.Round(ms); d != 41*ms {
		t.Errorf("longest without an acknowledgement: %v, want 41ms", d)
	}
	if d := first.Took.Round(ms); d != 103*ms {
		t.Errorf("it took %v, want 103ms", d)
	}
	if got[1].RoundTrips != 2 {
		t.Errorf("second conversation: %d round trips, want 2", got[1].RoundTrips)
	}
}

func TestForeignLines(t *testing.T) {
	for _, line := range []string{
		"1700000000.5 ARP, Request who-has 192.0.2.1",
		"1700000000.5 IP 192.0.2.1.53 > 192.0.2.2.4000: UDP, length 30",
		"noon IP 192.0.2.1.4000 > 203.0.113.25.25: tcp 0",
		"1700000000.5 IP 192.0.2.1 > 203.0.113.25: tcp 0",
		"1700000000.5 IP 192.0.2.1.4000 > 203.0.113.25.99999: tcp 0",
		"1700000000.5 IP 192.0.2.1.4000 > 203.0.113.25.25: tcp many",
	} {
		if _, err := parsePackets(line); err == nil {
			t.Errorf("no error for %q", line)
		}
	}
}
