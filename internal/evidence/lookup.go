package evidence

import (
	"net/netip"
	"time"
)

// Lookup is one DNS question and what came back.
type Lookup struct {
	Server    string        `json:"server"` // host:port; "system": the resolver as programs on this machine use it
	Proto     string        `json:"proto,omitempty"`
	Name      string        `json:"name"`
	Type      string        `json:"type"`            // A, AAAA, MX ...; "ADDR" for both families at once
	RCode     string        `json:"rcode,omitempty"` // NOERROR, NXDOMAIN, SERVFAIL ...; "": the system does not tell, or none came
	Answers   []RR          `json:"answers,omitempty"`
	Outcome   Outcome       `json:"outcome,omitempty"` // of the exchange when no answer came: timeout, refused ...
	NotFound  bool          `json:"not_found,omitempty"`
	Truncated bool          `json:"truncated,omitempty"`
	AD        bool          `json:"ad,omitempty"`
	Text      string        `json:"text,omitempty"`
	Waited    time.Duration `json:"waited_ns,omitempty"`
}

// An RR is one resource record of an answer.
type RR struct {
	Name string `json:"name"`
	Type string `json:"type"`
	TTL  uint32 `json:"ttl,omitempty"` // seconds
	Data string `json:"data"`          // address, name, "10 mx.example.com", text
}

// Addresses are the A and AAAA records of the answer, in order.
func (l *Lookup) Addresses() []netip.Addr {
	var a []netip.Addr
	for _, rr := range l.Answers {
		if rr.Type == "A" || rr.Type == "AAAA" {
			if ip, err := netip.ParseAddr(rr.Data); err == nil {
				a = append(a, ip)
			}
		}
	}
	return a
}

// SPFResult is what evaluating an SPF record came to. The look-ups it made stand before it in the trace.
type SPFResult struct {
	Domain  string     `json:"domain"`
	Address netip.Addr `json:"address"`
	Result  string     `json:"result"`          // none, neutral, pass, fail, softfail, temperror, permerror (RFC 7208, section 2.6)
	Why     string     `json:"why,omitempty"`   // the term that decided, or the error
	Trail   []string   `json:"trail,omitempty"` // each term as it was evaluated
}
