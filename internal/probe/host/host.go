// Package host reads what this machine says of its own network: its interfaces, resolvers, default gateways, proxies,
// and the rules of its own firewall that concern mail. It sends nothing and changes nothing.
//
// What a system keeps to itself is not guessed: the field that would hold it says why it is empty.
package host

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// factsWait bounds all that Facts does. What is not there by then is reported as not read.
const factsWait = 2 * time.Second

// yes is what RoutesRead and FirewallRead say when the reading went well.
const yes = "yes"

// Facts reads all but the firewall, side by side, within about two seconds.
func Facts(ctx context.Context) *evidence.Host {
	ctx, cancel := context.WithTimeout(ctx, factsWait)
	defer cancel()
	h := &evidence.Host{
		OS:         runtime.GOOS + "/" + runtime.GOARCH,
		Interfaces: interfaces(),
		Proxies:    proxies(os.Environ()),
		Settings:   settings(),

		FirewallRead: evidence.FirewallNotAsked,
	}
	var reading sync.WaitGroup
	reading.Go(func() { h.Resolvers = resolvers(ctx) })
	reading.Go(func() {
		found, err := gateways()
		h.Gateways, h.RoutesRead = found, outcome(err)
	})
	reading.Wait()
	return h
}

// Firewall reads the rules of this machine's own firewall that concern mail, within about two seconds. On some systems a
// program must be run for that, so it is worth asking only when a connection does not come about. read is what
// evidence.Host calls FirewallRead.
func Firewall(ctx context.Context) (rules []string, read string) {
	ctx, cancel := context.WithTimeout(ctx, factsWait)
	defer cancel()
	rules, err := firewall(ctx)
	return bounded(rules), outcome(err)
}

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return yes
}

// proxyVariables are those that programs look at, in either case. curl's manual lists them all.
var proxyVariables = []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "SOCKS_PROXY", "SMTP_PROXY", "NO_PROXY"}

// proxies names the variables that are set. Their values may hold passwords and stay out.
func proxies(environ []string) []string {
	var names []string
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if value != "" && slices.Contains(proxyVariables, strings.ToUpper(name)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
