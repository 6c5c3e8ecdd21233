package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

func gateways() ([]string, error) {
	v4, err := readSmall("/proc/net/route")
	if err != nil {
		return nil, fmt.Errorf("reading the routes: %w", err)
	}
	v6, err := readSmall("/proc/net/ipv6_route")
	if err != nil && !errors.Is(err, os.ErrNotExist) { // it is not there without IPv6
		return nil, fmt.Errorf("reading the routes: %w", err)
	}
	return append(parseProcRoute(v4), parseProcRoute6(v6)...), nil
}

// firewall asks nft, which shows the rules of iptables' newer kind too, and iptables-save where the older kind is in
// use or nft is not there. Most users may read neither.
func firewall(ctx context.Context) ([]string, error) {
	text, err := ask(ctx, "nft", "list", "ruleset")
	if err == nil && !legacyTables() {
		return parseNFT(text), nil
	}
	rules := parseNFT(text)
	for _, program := range []string{"iptables-save", "ip6tables-save"} {
		text, saveErr := ask(ctx, program)
		if errors.Is(saveErr, exec.ErrNotFound) && err == nil {
			continue
		}
		switch {
		case saveErr != nil && err != nil:
			return rules, fmt.Errorf("not read: %w; %w", err, saveErr)
		case saveErr != nil:
			return rules, fmt.Errorf("not read whole: %w", saveErr)
		}
		rules = append(rules, parseIPTables(program, text)...)
	}
	return rules, nil
}

// legacyTables reports whether iptables of the older kind has tables in this network namespace.
func legacyTables() bool {
	for _, file := range []string{"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"} {
		if names, err := readSmall(file); err == nil && strings.TrimSpace(string(names)) != "" {
			return true
		}
	}
	return false
}

// tcpSettings change what experiments about packet sizes show.
var tcpSettings = []struct{ name, file string }{
	{"net.ipv4.tcp_mtu_probing", "/proc/sys/net/ipv4/tcp_mtu_probing"},
	{"net.ipv4.ip_no_pmtu_disc", "/proc/sys/net/ipv4/ip_no_pmtu_disc"},
}

func settings() []string {
	var out []string
	for _, s := range tcpSettings {
		if value, err := readSmall(s.file); err == nil {
			out = append(out, s.name+"="+strings.TrimSpace(string(value)))
		}
	}
	return out
}
