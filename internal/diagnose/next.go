package diagnose

import (
	"net/netip"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// The names of the experiments. They are stable: reports show them.
const (
	askResolver   = "resolver"        // one resolver by itself
	askOtherPort  = "other-port"      // another port of the same host
	askControl    = "control-host"    // a host known to work, on the same port
	askAnything   = "anything-else"   // a well-known address on port 443: does anything work from here?
	askTraceroute = "traceroute"      // which hop answers last on the failing port
	askTraceOpen  = "traceroute-open" // and on a port that works
	askAgain      = "again"           // the same once more
	askTLSFirst   = "tls-first"       // TLS from the first byte on the same port
	askHELO       = "helo"            // HELO in place of EHLO
	askNoop       = "noop-first"      // NOOP before EHLO: is it the connection or the command that is cut?
	askOtherName  = "other-name"      // another EHLO name
	askAnyway     = "starttls-anyway" // STARTTLS although it is not offered
	askVersions   = "tls-versions"    // one TLS version after the other
	askCiphers    = "tls-ciphers"     // one family of cipher suites after the other
	askSmallHello = "small-hello"     // a ClientHello that fits one segment
	askHelloSizes = "hello-sizes"     // the same hello padded to several sizes
	askNoSNI      = "no-sni"          // without the server's name
	askClamped    = "small-segments"  // the same bytes in small segments (TCP_MAXSEG)
	askUnclamped  = "usual-segments"  // the same at the usual size, in turn with the former
	askPathMTU    = "path-mtu"        // packets that must not be fragmented
	askSibling    = "sibling-door"    // the provider's other door, for its certificate
	askUnlimited  = "without-limits"  // the same walk without the device's limits
)

// How long experiments wait. They are shorter than the walk's waits, because each has a walk to be compared with.
const (
	dialWait    = 5 * time.Second
	replyWait   = 8 * time.Second
	patientWait = 12 * time.Second
	hangWait    = 4 * time.Second         // for a handshake where another one hung: four retransmissions on a line of 200 ms
	helloWait   = 2500 * time.Millisecond // for the answer to one hello of a series
	outwaitWait = time.Minute             // longer than devices wait
)

// smallSegment is a TCP segment size that passes every path (RFC 879's 536, for IPv4 hosts that know nothing better).
const smallSegment = 536

// silence is how long nothing must have come before a walk that still goes on counts as broken off.
const silence = 2500 * time.Millisecond

// Next asks for the experiments that tell the standing causes of the first failing step apart. It is asked again as results
// come in, and then asks for what follows from them; an experiment that it asks for twice is made once. It returns none
// when nothing more would change the verdict. While a walk still waits in silence, it is judged as if it had ended.
func Next(rec *evidence.Record) []evidence.Experiment {
	if rec.Source != evidence.FromCheck {
		return nil
	}
	rec = asIfEnded(rec)
	var out []evidence.Experiment
	for _, s := range scenes(rec) {
		out = append(out, s.next()...)
	}
	return out
}

// next asks for what tells the causes of this path apart. Of a door beside the one asked about, DNS alone is asked.
func (s *scene) next() []evidence.Experiment {
	steps := s.steps()
	found := s.findings(steps)
	for _, want := range []Status{Fail, Warn} {
		for _, r := range steps {
			if r.Status != want {
				continue
			}
			out := append(s.askReputation(r.Step, found), s.askEnvelope(r.Step, found)...)
			if s.role == evidence.RoleAsked && (found[0].Confidence != Proven || s.limited()) {
				out = append(append(out, s.askWithoutLimits(r.Step)...), s.ask(r.Step)...)
				if cause.Banner.Before(r.Step) && s.foreignHere() { // a quick walk goes past what the banner said
					out = append(out, s.askResolvers("whether the name leads to the right server")...)
				}
			}
			return out
		}
	}
	return s.askExternalRecipient()
}

// ask lists what would tell the causes of a step apart.
func (s *scene) ask(step cause.Step) []evidence.Experiment {
	switch step {
	case cause.Connect:
		return s.askConnect()
	case cause.Banner:
		return s.askBanner()
	case cause.EHLO:
		return s.askEHLO()
	case cause.StartTLSOffer:
		return s.askOffer()
	case cause.StartTLS:
		return s.askTLS()
	case cause.Data:
		return s.askData()
	}
	return nil
}

// limited reports whether the walk is held like a device of fewer abilities than this program has.
func (s *scene) limited() bool {
	w := s.walk
	return w.HELO || w.NoSNI || w.TLSMax != "" || w.SmallTLS || w.RSAOnly || w.Like != ""
}

// askWithoutLimits walks as the program itself would, to tell whether the device's ways are what fails.
func (s *scene) askWithoutLimits(step cause.Step) []evidence.Experiment {
	if !s.limited() || step == cause.Connect {
		return nil
	}
	return []evidence.Experiment{{Name: askUnlimited, Because: "whether the same walk passes without the device's limits",
		Walk: s.variation(cause.StartTLS, replyWait, func(w *evidence.Walk) {
			w.HELO, w.NoSNI, w.TLSMin, w.TLSMax, w.SmallTLS, w.RSAOnly, w.Like = false, false, "", "", false, false, ""
			if w.TLS == evidence.NoTLS {
				w.TLS = evidence.StartTLS
			}
		})}}
}

// asIfEnded returns the record with an end for each walk that has been silent for a while, as a time-out would write it.
func asIfEnded(rec *evidence.Record) *evidence.Record {
	now := rec.Started.Add(rec.Took)
	out := *rec
	out.Traces = append([]evidence.Trace(nil), rec.Traces...)
	for i := range out.Traces {
		t := &out.Traces[i]
		if t.Role != evidence.RoleAsked || over(t) {
			continue
		}
		last := time.Duration(0)
		if n := len(t.Events); n > 0 {
			last = t.Events[n-1].At
		}
		if waited := now.Sub(t.Start) - last; waited >= silence {
			t.Events = append(append([]evidence.Event(nil), t.Events...), endOf(t, last+waited, waited)...)
		}
	}
	return &out
}

// over reports whether a trace has its end, or a dial that failed.
func over(t *evidence.Trace) bool {
	for i := range t.Events {
		e := &t.Events[i]
		if e.Ended != nil || e.Dialed != nil && e.Dialed.Outcome != evidence.Connected || e.Lookup != nil {
			return true
		}
	}
	return false
}

// endOf is what a time-out now would add to a trace.
func endOf(t *evidence.Trace, at, waited time.Duration) []evidence.Event {
	v := evidence.NewView(t)
	if !v.Connected() {
		return []evidence.Event{{At: at, Dialed: &evidence.Dialed{Address: t.Address, Outcome: evidence.TimedOut, Waited: waited}}}
	}
	waiting := waitGreeting
	if v.Greeting >= 0 {
		waiting = ""
	}
	for i := range t.Events {
		if s := t.Events[i].Sent; s != nil && s.Verb != "" {
			waiting = s.Verb
		}
	}
	end := evidence.Event{At: at, Ended: &evidence.Ended{Outcome: evidence.TimedOut, By: evidence.Server, Waiting: waiting, Waited: waited}}
	if v.ClientHello >= 0 && v.Secured < 0 && v.TLSFailed < 0 {
		end.Ended.Waiting = waitHandshake
		return []evidence.Event{{At: at, TLSFailed: &evidence.TLSFailed{How: evidence.TLSEnded, Outcome: evidence.TimedOut}}, end}
	}
	return []evidence.Event{end}
}

// variation is the walk asked for, shortened and changed in one thing. It never signs in and never sends a message.
func (s *scene) variation(until cause.Step, wait time.Duration, change func(*evidence.Walk)) *evidence.Walk {
	w := s.walk
	w.Auth, w.From, w.To, w.Send, w.Size, w.Declare = nil, "", nil, false, 0, 0
	w.Until, w.Wait = until, wait
	if a := s.address(); a.IsValid() {
		w.Address = a
	}
	if change != nil {
		change(&w)
	}
	return &w
}

// elsewhere is the walk asked for to another host, over the same address family: what sits on the way of one family, such as a
// gateway's proxy, may leave the other alone.
func (s *scene) elsewhere(host string, port int, until cause.Step) *evidence.Walk {
	w := s.variation(until, replyWait, nil)
	w.Host, w.Port, w.Address = host, port, netip.Addr{}
	switch a := s.address(); {
	case !a.IsValid():
	case a.Unmap().Is4():
		w.Family = 4
	default:
		w.Family = 6
	}
	return w
}

// address is the address to experiment with: the one that was walked, or else the first that was tried, IPv4 first because
// an experiment is to be about the port and not about the family.
func (s *scene) address() netip.Addr {
	if s.main != nil && s.main.Connected() && s.main.Trace.Address.IsValid() {
		return s.main.Trace.Address.Addr()
	}
	var first netip.Addr
	for _, d := range s.dials() {
		a := d.what.Address.Addr().Unmap()
		if a.Is4() {
			return a
		}
		if !first.IsValid() {
			first = a
		}
	}
	return first
}

// askControls are the hosts known to work, walked as far as the failing step: those that the user named, wherever they are, and
// the program's own where they tell something.
func (s *scene) askControls(until cause.Step, because string) []evidence.Experiment {
	if s.rec.Target.NoControls {
		return nil
	}
	hosts := append([]string(nil), s.rec.Target.Controls...)
	if s.mayUseControls() {
		for _, c := range provider.Controls(s.walk.Port, s.walk.Host) {
			hosts = append(hosts, c.Host)
		}
	}
	var out []evidence.Experiment
	for _, host := range hosts {
		w := s.elsewhere(host, s.walk.Port, until)
		w.Via = evidence.ViaHost
		out = append(out, evidence.Experiment{Name: askControl, Because: because, Walk: w})
	}
	return out
}

// mayUseControls reports whether hosts of others may be contacted, and whether that would tell anything: the way to a public
// host shares nothing with the way to this machine or to its own network.
func (s *scene) mayUseControls() bool {
	if s.rec.Target.NoControls {
		return false
	}
	a := s.address()
	return !a.IsValid() || !privateAddress(a) || s.known
}

// localName reports whether a name is one that public resolvers know nothing of, by RFC 6761, 6762, 8375 and the habit of
// sites; asking them would only tell them about it.
func localName(host string) bool {
	host = provider.Canonical(host)
	for _, suffix := range []string{"invalid", "test", "example", "localhost", "local", "internal", "home.arpa", "lan", "corp", "home", "intranet", "private"} {
		if host == suffix || strings.HasSuffix(host, "."+suffix) {
			return true
		}
	}
	return !strings.Contains(host, ".")
}

// mailPorts are the ports compared with each other; 443 shows whether the host is there at all.
var mailPorts = []int{25, 465, 587, 443}

func (s *scene) askOtherPorts(until cause.Step, because string) []evidence.Experiment {
	var out []evidence.Experiment
	for _, port := range mailPorts {
		if port == s.walk.Port || port == 443 && until != cause.Connect {
			continue
		}
		w := s.variation(until, dialWait, func(w *evidence.Walk) { w.Port = port })
		if port == 465 && until != cause.Connect {
			w.TLS = evidence.ImplicitTLS
		}
		out = append(out, evidence.Experiment{Name: askOtherPort, Because: because, Walk: w})
	}
	return out
}

func (s *scene) askConnect() []evidence.Experiment {
	var out []evidence.Experiment
	if s.walk.Host == "" {
		return nil
	}
	if s.noAddresses() {
		return s.askResolvers("whether the name or the resolver is at fault")
	}
	out = append(out, s.askResolvers("whether the name leads to the right server")...)
	out = append(out, s.askOtherPorts(cause.Connect, "whether the port or the host is dead")...)
	out = append(out, s.askControls(cause.Banner, "whether this port is dead to everywhere from here")...)
	if s.mayUseControls() {
		for _, r := range provider.ControlResolvers {
			ap := netip.MustParseAddrPort(r)
			out = append(out, evidence.Experiment{Name: askAnything, Because: "whether anything is reachable from here",
				Walk: &evidence.Walk{Via: evidence.ViaHost, Host: ap.Addr().String(), Port: 443, Address: ap.Addr(), Until: cause.Connect, Wait: dialWait, TLS: evidence.NoTLS}})
		}
	}
	if a := s.address(); a.IsValid() && !a.IsLoopback() {
		out = append(out, evidence.Experiment{Name: askTraceroute, Because: "how far the packets to this port come",
			Path: &evidence.PathTest{Kind: "tcp-traceroute", Address: a, Port: s.walk.Port}})
		if open := s.openPort(); open != 0 {
			out = append(out, evidence.Experiment{Name: askTraceOpen, Because: "how far those to an open port come, for comparison",
				Path: &evidence.PathTest{Kind: "tcp-traceroute", Address: a, Port: open}})
		}
	}
	return out
}

// askResolvers asks the system's resolvers one by one, unless the user named others in their place, and public ones as a
// control.
func (s *scene) askResolvers(because string) []evidence.Experiment {
	if _, err := netip.ParseAddr(s.walk.Host); err == nil {
		return nil
	}
	var servers []string
	if s.rec.Host != nil && !s.ownResolvers() {
		servers = append(servers, s.rec.Host.Resolvers...)
	}
	if s.mayUseControls() && !localName(s.walk.Host) {
		servers = merge(servers, provider.ControlResolvers)
	}
	var out []evidence.Experiment
	for _, server := range servers {
		out = append(out, evidence.Experiment{Name: askResolver, Because: because,
			Lookup: &evidence.Question{Server: server, Name: s.walk.Host, Types: []string{"A", "AAAA"}}})
	}
	return out
}

// ownResolvers reports whether the walk asked resolvers that the user named.
func (s *scene) ownResolvers() bool {
	for i := range s.rec.Traces {
		t := &s.rec.Traces[i]
		for _, e := range t.Events {
			if t.Role == evidence.RoleLookup && e.Lookup != nil && e.Lookup.Server != "system" {
				return true
			}
		}
	}
	return false
}

// openPort is another port of the same host that was seen to connect; 0 if there is none.
func (s *scene) openPort() int {
	for _, e := range s.experiments(askOtherPort) {
		for _, v := range e.views {
			if v.Connected() {
				return v.Trace.Walk.Port
			}
		}
	}
	return 0
}

func (s *scene) askBanner() []evidence.Experiment {
	wait := patientWait
	if s.walk.Like != "" { // the device has given up; the server may yet greet
		wait = outwaitWait
	}
	out := []evidence.Experiment{
		{Name: askAgain, Because: "whether it happens every time", Walk: s.variation(cause.Banner, wait, nil)},
	}
	if !s.implicit() {
		out = append(out, evidence.Experiment{Name: askTLSFirst, Because: "whether the port wants TLS from the first byte",
			Walk: s.variation(cause.StartTLS, replyWait, func(w *evidence.Walk) { w.TLS = evidence.ImplicitTLS })})
	}
	out = append(out, s.askOtherPorts(cause.Banner, "whether other ports of the host greet")...)
	out = append(out, s.askControls(cause.Banner, "whether other servers greet on this port from here")...)
	if a := s.address(); a.IsValid() && !a.IsLoopback() {
		out = append(out, evidence.Experiment{Name: askTraceroute, Because: "at which hop the connection is answered",
			Path: &evidence.PathTest{Kind: "tcp-traceroute", Address: a, Port: s.walk.Port}})
		if open := s.openPort(); open != 0 {
			out = append(out, evidence.Experiment{Name: askTraceOpen, Because: "at which hop another port is answered, for comparison",
				Path: &evidence.PathTest{Kind: "tcp-traceroute", Address: a, Port: open}})
		}
	}
	if s.foreignHere() {
		out = append(out, s.askResolvers("whether the name leads to the right server")...)
	}
	return out
}

// foreignHere reports whether a greeting was seen that the provider's hosts do not say.
func (s *scene) foreignHere() bool {
	g := s.greeting()
	return g != nil && s.foreignGreeting(g.Reply)
}

func (s *scene) askEHLO() []evidence.Experiment {
	name := "mail.example.com"
	if x := evidence.First(s.hellos()); x.Sent >= 0 && s.main.SentAt(x.Sent).Line == "EHLO "+name {
		name = "[192.0.2.1]"
	}
	out := []evidence.Experiment{
		{Name: askAgain, Because: "whether it happens every time", Walk: s.variation(cause.EHLO, replyWait, nil)},
		{Name: askHELO, Because: "whether HELO fares better than EHLO", Walk: s.variation(cause.EHLO, replyWait, func(w *evidence.Walk) { w.HELO = true })},
		{Name: askNoop, Because: "whether any command is cut, or EHLO alone", Walk: s.variation(cause.EHLO, replyWait, func(w *evidence.Walk) { w.Noop = true })},
		{Name: askOtherName, Because: "whether the server dislikes the name given", Walk: s.variation(cause.EHLO, replyWait, func(w *evidence.Walk) { w.EHLO = name })},
	}
	out = append(out, s.askOtherPorts(cause.EHLO, "whether another port of the host answers EHLO")...)
	return append(out, s.askControls(cause.EHLO, "whether other servers answer EHLO from here")...)
}

func (s *scene) askOffer() []evidence.Experiment {
	out := []evidence.Experiment{{Name: askAnyway, Because: "whether the server takes STARTTLS although it is not in its list",
		Walk: s.variation(cause.StartTLS, replyWait, func(w *evidence.Walk) { w.Anyway = true })}}
	out = append(out, s.askOtherPorts(cause.StartTLSOffer, "whether the host offers STARTTLS on another port")...)
	return append(out, s.askControls(cause.StartTLSOffer, "whether other servers offer STARTTLS from here")...)
}

// allVersions and allFamilies are the names of the hellos of the two sweeps (package tlswire).
var allVersions = []string{"SSLv3", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"}

var allFamilies = []string{"aead-ecdhe-ecdsa", "aead-ecdhe-rsa", "chacha20-ecdhe", "aead-dhe", "cbc-ecdhe-rsa", "cbc-dhe", "aead-rsa", "cbc-rsa", "3des", "rc4"}

func (s *scene) askTLS() []evidence.Experiment {
	switch {
	case s.main == nil:
		return nil
	case s.main.Secured >= 0 && s.certProblem().what.Problem != evidence.CertOK:
		return s.askCertificate()
	case s.tlsFailed() == nil:
		return nil
	}
	var out []evidence.Experiment
	base := s.variation(cause.StartTLS, helloWait, nil)
	f := s.tlsFailed()
	if f.How == evidence.TLSEnded {
		out = append(out, s.askSizes(base)...)
	}
	if f.How == evidence.TLSEnded || s.nameRefused() {
		out = append(out, evidence.Experiment{Name: askNoSNI, Because: "whether the server's name in the ClientHello is what is filtered",
			Walk: s.variation(cause.StartTLS, hangWait, func(w *evidence.Walk) { w.NoSNI = true })})
	}
	if f.How != evidence.TLSNotTLS {
		out = append(out, evidence.Experiment{Name: askVersions, Because: "which TLS versions the server speaks", Hello: &evidence.HelloTest{Walk: *base, Specs: allVersions}})
	}
	// A hello that hangs is no answer to what it offers; one that is cut at once may be.
	if _, _, alerted := s.alert(); alerted || f.How == evidence.TLSEnded && f.GotN == 0 && f.Outcome != evidence.TimedOut {
		out = append(out, evidence.Experiment{Name: askCiphers, Because: "which cipher suites the server takes", Hello: &evidence.HelloTest{Walk: *base, Specs: allFamilies}})
	}
	if f.How == evidence.TLSNotTLS && s.implicit() {
		out = append(out, evidence.Experiment{Name: askAgain, Because: "whether the port greets in plain text",
			Walk: s.variation(cause.StartTLSOffer, replyWait, func(w *evidence.Walk) { w.TLS = evidence.StartTLS })})
	}
	return out
}

// askSizes compares small and large, and once they differ, a second time and in turn, so that one lost packet does not
// decide. How large exactly is only asked where small passes.
func (s *scene) askSizes(base *evidence.Walk) []evidence.Experiment {
	out := s.sizeRound(0)
	if a := s.address(); a.IsValid() && !a.IsLoopback() {
		out = append(out, evidence.Experiment{Name: askPathMTU, Because: "which packet sizes pass unfragmented", Path: &evidence.PathTest{Kind: "udp-mtu", Address: a}})
	}
	if !s.secured(askClamped) && !s.secured(askSmallHello) {
		return out
	}
	out = append(out, s.sizeRound(1)...)
	out = append(out, evidence.Experiment{Name: askHelloSizes, Because: "up to which size a ClientHello is answered",
		Hello: &evidence.HelloTest{Walk: *base, Sizes: []int{300, 600, 1000, 1300, 1400, 1460, 1600, 2000}}})
	return out
}

func (s *scene) sizeRound(round int) []evidence.Experiment {
	return []evidence.Experiment{
		{Name: askClamped, Round: round, Because: "whether the same handshake passes in small segments",
			Walk: s.variation(cause.StartTLS, hangWait, func(w *evidence.Walk) { w.MSS = smallSegment })},
		{Name: askUnclamped, Round: round, Because: "whether it fails again in segments of the usual size",
			Walk: s.variation(cause.StartTLS, hangWait, nil)},
		{Name: askSmallHello, Round: round, Because: "whether a ClientHello that fits one segment passes",
			Walk: s.variation(cause.StartTLS, hangWait, func(w *evidence.Walk) { w.SmallTLS = true })},
	}
}

// secured reports whether TLS came up in an experiment of that name.
func (s *scene) secured(name string) bool {
	for _, e := range s.experiments(name) {
		for _, v := range e.views {
			if v.Secured >= 0 {
				return true
			}
		}
	}
	return false
}

// askCertificate looks at certificates that should not share a fault with this one: the provider's other door, and hosts of
// other providers. If they all come from the same private authority, it sits on the path.
func (s *scene) askCertificate() []evidence.Experiment {
	out := s.askControls(cause.StartTLS, "whether other servers show certificates of the same issuer")
	if s.known && !s.rec.Target.NoControls {
		for _, d := range s.profile.Siblings(s.door) {
			if d.Host == "" || len(d.Ports) == 0 || d.Kind != provider.Submission {
				continue
			}
			out = append(out, evidence.Experiment{Name: askSibling, Because: "whether the provider's other door shows a certificate of the same issuer",
				Walk: s.elsewhere(d.Host, d.Ports[0], cause.StartTLS)})
		}
	}
	return out
}

func (s *scene) askData() []evidence.Experiment {
	e, ok := s.inBody()
	if !ok || e.Outcome != evidence.TimedOut {
		return nil
	}
	base := s.variation(cause.StartTLS, replyWait, nil)
	return s.askSizes(base)
}
