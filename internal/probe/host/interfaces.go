package host

import (
	"net"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

const maxInterfaces = 64 // a container host has hundreds, all alike

// interfaces lists those of this machine. One that can't be read is left out.
func interfaces() []evidence.Interface {
	devices, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []evidence.Interface
	for _, d := range devices[:min(len(devices), maxInterfaces)] {
		i := evidence.Interface{Name: d.Name, MTU: d.MTU, Up: d.Flags&net.FlagUp != 0}
		addresses, _ := d.Addrs() // none is an answer too
		for _, a := range addresses {
			i.Addresses = append(i.Addresses, a.String())
		}
		out = append(out, i)
	}
	return out
}
