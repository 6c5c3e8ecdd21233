// Package netlab is the lab for what only kernels and networks can show: five network namespaces on one machine, from a
// device through a site's gateway with NAT, an ISP and a backbone router to an internet with mail servers under
// real-looking names, with faults made by nftables, routes, MTUs and real programs.
//
// A lab is made afresh for each case in less than half a second, and several can stand at once. Nothing in it can reach
// the machine's own network: the namespaces have no link to it. It needs Linux and root; the list of cases is everywhere.
package netlab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/lab"
)

// A Node is a network namespace of the lab.
type Node string

// The nodes, in the order that packets from the device pass them.
const (
	Device   Node = "device"   // the program under test runs here: 10.1.0.2, 2001:db8:1::2
	Gateway  Node = "gateway"  // the site's router, NAT and resolver: 10.1.0.1 and 198.51.100.10
	ISP      Node = "isp"      // the provider's edge: 198.51.100.1
	Core     Node = "core"     // a router behind it: 192.0.2.2
	Internet Node = "internet" // all servers, on addresses of its loopback device
)

var nodes = []Node{Device, Gateway, ISP, Core, Internet}

// A Case is a network with at most one fault, and what the program must say of it when it runs on the device.
type Case struct {
	Name  string
	Title string // one line: what is wrong, or for a healthy network what is odd
	Want  lab.Want
	Slow  bool // slowness is the fault, or its proof: the limit of time does not hold

	SilentDrop bool // packets to the port vanish: the verdict has a limit of its own

	Target string   // of check
	Flags  []string // further flags of check; {dir} is the lab's folder

	Files map[string]string // that the flags name as {dir}/NAME, by name

	Commands   []Command         // shell lines that make the fault, once the healthy lab stands
	Servers    map[string]string // by "HOST:PORT" or "NODE:PORT": scripts of package lab for a server there; "" for none
	Sinks      []string          // "NODE:PORT": accepts connections, reads, never says a word
	DNS        []string          // answers in place of the healthy ones: "site|all NAME KIND [DATA]"; see parseAnswer
	Proxies    []Proxy           // transparent proxies; a command redirects connections to them
	Programs   []Program         // real programs
	Resolv     string            // /etc/resolv.conf of the device; "": the gateway alone
	Hosts      string            // further lines of /etc/hosts of the device
	Trusts     string            // name of an inspection authority that the device's own roots have
	Delay      time.Duration     // one way, between gateway and ISP; 0: a plain wire
	RealServer string            // name of a case of package realserver that serves mail.example.com:25
	Holds      []string          // "ADDR:PORT": connections held open from the device while check runs
	NoGateway  bool              // the site's resolver is not started: a program takes its place
}

// A Command is a shell line that runs at a node.
type Command struct {
	At   Node
	Line string
}

// A Program is a real program that runs at a node. In arguments and files, {dir} is the lab's folder, which has key.pem
// and cert.pem (for mail.example.com and smtp.office365.com, by the lab's authority), forged.pem and forged.key (the
// same names, by the inspection authority), inspection.pem and inspection.key (that authority itself).
type Program struct {
	At    Node
	Args  []string
	Files map[string]string // written to {dir} first
	Ready string            // ready when something listens at this ADDR:PORT (TCP, or UDP for port 53)
}

// Cases lists the cases in tree order. The slice is the caller's.
func Cases() []Case {
	return slices.Concat(dnsCases, connectCases, bannerCases, ehloCases, offerCases, tlsCases, mtuCases, tenantCases, healthyCases)
}

// Find looks a case up by its name.
func Find(name string) (Case, bool) {
	all := Cases()
	i := slices.IndexFunc(all, func(c Case) bool { return c.Name == name })
	if i < 0 {
		return Case{}, false
	}
	return all[i], true
}

// Healthy reports whether nothing is wrong.
func (c Case) Healthy() bool { return c.Want.Exit == 0 }

// Needs are the programs without which the case cannot run, sorted.
func (c Case) Needs() []string {
	needs := []string{"ip", "nft"}
	for _, p := range c.Programs {
		needs = append(needs, p.Args[0])
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// Fault describes how the case differs from the healthy lab, one line each, as one would make it by hand.
func (c Case) Fault() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if c.Delay > 0 {
		add("wire between gateway and isp: %v each way", c.Delay)
	}
	for _, a := range c.DNS {
		add("dns: %s", a)
	}
	if c.Resolv != "" {
		add("device: resolv.conf: %s", strings.ReplaceAll(strings.TrimSpace(c.Resolv), "\n", "; "))
	}
	if c.Hosts != "" {
		add("device: hosts: %s", strings.ReplaceAll(strings.TrimSpace(c.Hosts), "\n", "; "))
	}
	for _, at := range sortedKeys(c.Servers) {
		if c.Servers[at] == "" {
			add("%s: nothing listens", at)
			continue
		}
		add("%s: %s", at, strings.ReplaceAll(strings.TrimSpace(c.Servers[at]), "\n", "; "))
	}
	for _, at := range c.Sinks {
		add("%s: accepts, and is silent", at)
	}
	for _, p := range c.Proxies {
		add("%s:%d: transparent proxy: %s", p.At, p.Port, p.Does)
	}
	for _, p := range c.Programs {
		add("%s$ %s", p.At, strings.Join(p.Args, " "))
	}
	if c.RealServer != "" {
		add("mail.example.com:25: %s", c.RealServer)
	}
	for _, cmd := range c.Commands {
		add("%s# %s", cmd.At, cmd.Line)
	}
	return lines
}
