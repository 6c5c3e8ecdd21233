package cli

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// family is the only address family that the flags leave, or 0. A family that --bind has no address of is never dialled:
// its failure would say nothing about the path.
func (o *checkOptions) family(host string) (int, error) {
	var only int
	var by string
	limit := func(family int, who string) error {
		if only != 0 && only != family {
			return fmt.Errorf("%s and %s contradict each other: that is the other address family", by, who)
		}
		only, by = family, who
		return nil
	}
	switch {
	case o.ipv4:
		only, by = 4, "-4"
	case o.ipv6:
		only, by = 6, "-6"
	}
	if f := families(o.bind); len(f) == 1 {
		if err := limit(f[0], "--bind "+o.bind); err != nil {
			return 0, err
		}
	}
	asked := only
	if a, err := netip.ParseAddr(host); err == nil {
		family := 6
		if a.Unmap().Is4() {
			family = 4
		}
		if err := limit(family, "the target "+host); err != nil {
			return 0, err
		}
	}
	return asked, nil
}

// checkNetwork looks at addresses, and writes resolvers as host:port.
func (o *checkOptions) checkNetwork() error {
	for i, r := range o.resolvers {
		ap, err := netip.ParseAddrPort(r)
		if err != nil {
			ip, ipErr := netip.ParseAddr(strings.Trim(r, "[]"))
			if ipErr != nil {
				return fmt.Errorf("--resolver %q: write an IP address, or IP:PORT ([IPv6]:PORT)", r)
			}
			ap = netip.AddrPortFrom(ip, 53)
		}
		if ap.Port() == 0 {
			return fmt.Errorf("--resolver %q: the port is not a number from 1 to 65535", r)
		}
		o.resolvers[i] = net.JoinHostPort(ap.Addr().String(), strconv.Itoa(int(ap.Port())))
	}
	if o.bind != "" && len(families(o.bind)) == 0 {
		return fmt.Errorf("--bind %q: neither an IP address nor an interface of this machine, or one without an address", o.bind)
	}
	return nil
}

// families are the address families, 4 and 6, that an address or interface of this machine can connect from.
func families(bind string) []int {
	var all []int
	for _, family := range []int{4, 6} {
		if slices.ContainsFunc(addressesOf(bind), func(a netip.Addr) bool { return a.Is4() == (family == 4) }) {
			all = append(all, family)
		}
	}
	return all
}

// addressesOf are those of an interface, or the one address itself if this machine has it.
func addressesOf(bind string) []netip.Addr {
	if a, err := netip.ParseAddr(bind); err == nil {
		c, err := net.ListenPacket("udp", netip.AddrPortFrom(a, 0).String())
		if err != nil {
			return nil
		}
		c.Close()
		return []netip.Addr{a.Unmap()}
	}
	dev, err := net.InterfaceByName(bind)
	if err != nil {
		return nil
	}
	has, _ := dev.Addrs() // none are no addresses
	var all []netip.Addr
	for _, a := range has {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p.Addr())
		}
	}
	return all
}

// checkControls reads the hosts to compare with.
func (o *checkOptions) checkControls() error {
	if len(o.controls) > 0 && o.noControls {
		return errors.New("--control and --no-controls contradict each other: leave one out")
	}
	for i, c := range o.controls {
		e, err := parseTarget(c)
		switch {
		case err != nil:
			return fmt.Errorf("--control: %w", err)
		case e.address != "":
			return fmt.Errorf("--control %q: write a host, not a mail address", c)
		case e.port != 0:
			return fmt.Errorf("--control %q: write the host alone; it is compared on the target's own port", c)
		}
		o.controls[i] = e.host
	}
	return nil
}
