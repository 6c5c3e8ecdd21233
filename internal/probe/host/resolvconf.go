package host

import (
	"bufio"
	"bytes"
	"net"
	"net/netip"
	"strings"
)

const (
	dnsPort       = "53"
	maxNameserver = 3 // of resolv.conf that programs ask (MAXNS in resolv.h; Go keeps to it too)
)

// parseResolvConf lists the resolvers of a resolv.conf(5) in their order. A file without any means the one on this
// machine itself, says that page.
func parseResolvConf(text []byte) []string {
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() && len(out) < maxNameserver {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if server, ok := hostPort(fields[1], dnsPort); ok {
			out = append(out, server)
		}
	}
	if out == nil {
		out = []string{net.JoinHostPort("127.0.0.1", dnsPort)}
	}
	return out
}

// parseScutil lists the resolvers that `scutil --dns` of macOS shows for names in general: those of the first section
// which are not for one domain alone.
func parseScutil(text []byte) []string {
	var out, servers []string
	port, general := dnsPort, true
	finish := func() {
		for _, s := range servers {
			if server, ok := hostPort(s, port); ok && general {
				out = append(out, server)
			}
		}
		servers, port, general = nil, dnsPort, true
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if strings.Contains(line, "for scoped queries") {
			break
		}
		if strings.HasPrefix(line, "resolver #") {
			finish()
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case strings.HasPrefix(key, "nameserver["):
			servers = append(servers, value)
		case key == "port" && value != "0":
			port = value
		case key == "domain":
			general = false
		}
	}
	finish()
	return out
}

// hostPort joins an address, which may have a zone, and a port. It reports false for what is no address.
func hostPort(address, port string) (string, bool) {
	if _, err := netip.ParseAddr(address); err != nil {
		return "", false
	}
	return net.JoinHostPort(address, port), true
}
