package packets

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// maxNamed is how many addresses are remembered with the name that led to them.
const maxNamed = 4096

// names are what DNS answers in the capture called the addresses.
type names struct {
	byAddress map[netip.Addr]string
}

// add reads an answer. The name is the one asked for, not what its aliases lead to.
func (n *names) add(p []byte) {
	var m dns.Msg
	if len(p) > dns.MaxMsgSize || m.Unpack(p) != nil || !m.Response || len(m.Question) != 1 {
		return
	}
	asked := strings.ToLower(strings.TrimSuffix(m.Question[0].Name, "."))
	for _, rr := range m.Answer {
		var a netip.Addr
		switch rr := rr.(type) {
		case *dns.A:
			a, _ = netip.AddrFromSlice(rr.A.To4())
		case *dns.AAAA:
			a, _ = netip.AddrFromSlice(rr.AAAA)
		}
		if a.IsValid() && asked != "" && len(n.byAddress) < maxNamed {
			if n.byAddress == nil {
				n.byAddress = map[netip.Addr]string{}
			}
			n.byAddress[a] = asked
		}
	}
}

func (n *names) of(a netip.Addr) string { return n.byAddress[a] }
