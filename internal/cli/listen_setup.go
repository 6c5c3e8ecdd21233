package cli

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// localAddresses are the addresses under which other machines may reach this one: first those of private networks.
func localAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var private, other []netip.Addr
	for _, a := range list {
		p, err := netip.ParsePrefix(a.String())
		switch ip := p.Addr().Unmap(); {
		case err != nil, ip.IsLoopback(), ip.IsLinkLocalUnicast():
		case ip.Is4() && ip.IsPrivate():
			private = append(private, ip)
		default:
			other = append(other, ip)
		}
	}
	return append(private, other...)
}

// setUpText says what to type into the device.
func setUpText(o *listenOptions, listeners []net.Listener, own []netip.Addr) string {
	var b strings.Builder
	if o.bind != "" {
		own = []netip.Addr{netip.MustParseAddr(o.bind)}
	}
	server := "an address of this machine"
	if len(own) > 0 {
		var words []string
		for _, a := range own {
			words = append(words, a.String())
		}
		server = strings.Join(words, " or ")
	}
	fmt.Fprintf(&b, "%s Type into the device:\n", o.manner())
	fmt.Fprintf(&b, "  server      %s\n", server)
	for i, ln := range listeners {
		port := strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
		name := "port " + port
		if o.parsed[i].Implicit {
			fmt.Fprintf(&b, "  %-10s  with encryption SSL/TLS (also called SMTPS or implicit TLS)\n", name)
		} else {
			fmt.Fprintf(&b, "  %-10s  with encryption STARTTLS (often just \"TLS\"), or none\n", name)
		}
	}
	if o.forward != "" {
		b.WriteString("  user name   the real one, with its password: they pass through, and are neither shown nor saved\n")
	} else {
		b.WriteString("  user name   any, with any password: they are not checked, shown or saved; better not a real one\n")
		b.WriteString("Mail is looked at and dropped.\n")
	}
	if !o.passthrough && o.fault == nil {
		b.WriteString("A device that checks certificates needs the authority: smtptriage listen ca\n")
	}
	if !o.anywhere {
		b.WriteString("Connections are taken from private networks only.\n")
	}
	return b.String()
}

// manner says who answers.
func (o *listenOptions) manner() string {
	switch {
	case o.fault != nil:
		return fmt.Sprintf("Misbehaving on purpose, as %s: %s.", o.fault.Name, o.fault.Title)
	case o.passthrough:
		return fmt.Sprintf("Passing everything on to %s port %d, TLS untouched.", o.to.host, o.to.port)
	case o.forward != "":
		return fmt.Sprintf("Passing everything on to %s port %d.", o.to.host, o.to.port)
	}
	return "Standing in for " + o.as + "."
}
