package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// waitInside is what a capture names a wait that it cannot see into, because it happens inside TLS.
const waitInside = "inside TLS"

// fullSized is the size from which on an IP packet counts as a large one: the smallest that paths have trouble with. Every
// link carries 1280 octets of IPv6, and next to all of them that much of IPv4.
const fullSized = 1281

// enoughTries is how often a segment is sent in vain before that says something: losses come in ones and twos.
const enoughTries = 3

// segments are the facts of the packets of the main conversation, or nil.
func (s *scene) segments() (*evidence.Segments, int) {
	if s.main == nil || !s.sees().Packets {
		return nil, -1
	}
	for i := range s.main.Trace.Events {
		if seg := s.main.Trace.Events[i].Segments; seg != nil {
			return seg, i
		}
	}
	return nil, -1
}

// segmentHole: full-sized segments are sent again and again and never acknowledged, small ones are; or, at the receiver, the
// small end of a flight arrives and nothing full-sized ever does.
func segmentHole(s *scene) support {
	seg, at := s.segments()
	if seg == nil || !s.silentEnd() {
		return support{}
	}
	said, known := s.tooBig(seg, at)
	for _, d := range []struct {
		from evidence.Side
		flow *evidence.Flow
	}{{evidence.Client, &seg.ToServer}, {evidence.Server, &seg.ToClient}} {
		f := d.flow
		switch {
		case f.Stuck >= fullSized && f.StuckTimes >= enoughTries && f.LargestAcked > 0 && f.LargestAcked < f.Stuck:
			got := support{confidence: Likely, summary: holeSummary(d.from), because: []Ground{
				s.ground(at, "a packet of %d octets of the %s was sent %d times and never acknowledged; packets of up to %d octets were",
					f.Stuck, d.from, f.StuckTimes, f.LargestAcked), said}}
			if s.brokeIn(waitHandshake) && !known {
				// The only large packet is that of the handshake, and a filter that drops it for its content looks the same.
				got.confidence = Possible
			}
			return got
		case f.Held > 0 && f.Missing == 0 && f.Largest < fullSized && d.from == evidence.Server && seg.ToServer.Stuck == 0:
			got := support{confidence: Likely, summary: holeSummary(d.from), because: []Ground{
				s.ground(at, "%d octets of the server arrived behind a hole that never closed, and no packet of more than %d octets came at all", f.Held, f.Largest), said}}
			if s.main.Ending().Waited < longEnough && !known {
				got.confidence = Possible
			}
			return got
		}
	}
	return support{}
}

// longEnough is how long a hole must stay open: a lost segment is sent again within a second or two.
const longEnough = 3 * time.Second

func holeSummary(from evidence.Side) string {
	return fmt.Sprintf("Full-sized packets of the %s vanish on the way, while small ones pass.", from)
}

// tooBig tells whether routers said that packets are too large.
func (s *scene) tooBig(seg *evidence.Segments, at int) (said Ground, known bool) {
	for _, i := range seg.ICMP {
		if i.V6 && i.Type == 2 || !i.V6 && i.Type == 3 && i.Code == 4 {
			return s.ground(at, "%s says that packets may have %d octets at most; the %s goes on sending larger ones", i.From, i.MTU, i.About), true
		}
	}
	return s.ground(at, "no router says that packets are too large, where this was captured"), false
}

// silentEnd reports whether the main conversation ended in silence.
func (s *scene) silentEnd() bool {
	e := s.main.Ending()
	return e != nil && e.Outcome == evidence.TimedOut
}

// strangeReset returns what shows that a reset is not the server's own: another distance, or less time than the way to the
// server and back takes.
func (s *scene) strangeReset() []Ground {
	seg, at := s.segments()
	if seg == nil || seg.Reset == nil || seg.Reset.From != evidence.Server {
		return nil
	}
	r := seg.Reset
	var out []Ground
	if r.Forged() {
		out = append(out, s.ground(at, "the reset came with a TTL of %d, the server's other packets with %d: another host sent it", r.TTL, r.Usual))
	}
	if r.After > 0 && seg.RoundTrip >= 10*time.Millisecond && r.After < seg.RoundTrip/3 {
		out = append(out, s.ground(at, "the reset came %s after the packet before it, the server is %s away: somebody nearer sent it", seconds(r.After), seconds(seg.RoundTrip)))
	}
	return out
}

// resetByOther supports a cause by a reset that is not the server's.
func resetByOther(waits ...string) func(*scene) support {
	return func(s *scene) support {
		if !s.brokeIn(waits...) || s.main.Ending().Outcome != evidence.Reset {
			return support{}
		}
		strange := s.strangeReset()
		if len(strange) == 0 {
			return support{}
		}
		return support{confidence: Likely, because: append([]Ground{s.ground(s.main.Ended, "%s", ending(s.main.Ending()))}, strange...),
			summary: "A device on the path resets the connection in the server's name."}
	}
}

// windowShut: the server's machine took no more for a long time, so the trouble is not on the path.
func windowShut(s *scene) support {
	seg, at := s.segments()
	if seg == nil || seg.ToClient.ZeroFor < 5*time.Second || !s.silentEnd() {
		return support{}
	}
	return support{confidence: Likely, because: []Ground{s.ground(at, "the server's side announced %s that it can take no more, for %s in all",
		times(seg.ToClient.ZeroWindows), seconds(seg.ToClient.ZeroFor))},
		summary: "The server, or a proxy that answers in its place, stops taking the message."}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// rewritten: the same octets of the server came twice, and not alike.
func rewritten(s *scene) support {
	seg, at := s.segments()
	if seg == nil || seg.ToClient.Changed == nil {
		return support{}
	}
	c := seg.ToClient.Changed
	got := support{confidence: Likely, because: []Ground{s.ground(at, "octet %d of the server's part came twice: first %q, then %q", c.Offset, head(c.First, 40), head(c.Second, 40))},
		summary: "Two hosts speak in the server's name: the same part of its answer came twice, with different words."}
	if c.TTLs[0] != c.TTLs[1] {
		got.because = append(got.because, s.ground(at, "the two came with TTLs of %d and %d", c.TTLs[0], c.TTLs[1]))
	}
	return got
}

// strippedBetween: the same connection, captured at two places, has STARTTLS at the one and not at the other.
func strippedBetween(s *scene) support {
	seg, at := s.segments()
	if seg == nil {
		return support{}
	}
	x, ok := s.main.Offered(false)
	for _, d := range seg.Elsewhere {
		there := strings.Contains(strings.ToUpper(string(d.There)), "STARTTLS")
		if ok && !x.Has("STARTTLS") && d.From == evidence.Server && there {
			return support{confidence: Proven, because: []Ground{s.differs(d, at)},
				summary: "Something between the two captures takes STARTTLS out of the server's answer."}
		}
	}
	return support{}
}

// changedBetween: the same connection, captured at two places, does not read the same.
func changedBetween(s *scene) support {
	seg, at := s.segments()
	if seg == nil || len(seg.Elsewhere) == 0 {
		return support{}
	}
	got := support{confidence: Likely, summary: "Something between the two captures changes what client and server say to each other."}
	for _, d := range seg.Elsewhere {
		got.because = append(got.because, s.differs(d, at))
	}
	return got
}

func (s *scene) differs(d evidence.Differs, at int) Ground {
	return s.ground(at, "octet %d of the %s's part: here %q, in %s %q", d.Offset, d.From, d.Here, d.Origin, d.There)
}

// clientRefusals say what an alert of the client says of the server's part (RFC 8446, section 6.2).
var clientRefusals = []struct {
	alert      tlswire.AlertDescription
	cause      cause.ID
	confidence Confidence
}{
	{tlswire.AlertUnknownCA, cause.CertificateUntrusted, Likely},
	{tlswire.AlertCertificateExpired, cause.CertificateExpired, Likely},
	{tlswire.AlertBadCertificate, cause.CertificateUntrusted, Possible},
	{tlswire.AlertBadCertificate, cause.CertificateNameMismatch, Possible},
	{tlswire.AlertCertificateUnknown, cause.CertificateUntrusted, Possible},
	{tlswire.AlertCertificateUnknown, cause.CertificateNameMismatch, Possible},
	{tlswire.AlertProtocolVersion, cause.TLSVersionMismatch, Likely},
	{tlswire.AlertInsufficientSecurity, cause.TLSCipherMismatch, Likely},
	{tlswire.AlertHandshakeFailure, cause.TLSCipherMismatch, Possible},
	{tlswire.AlertIllegalParameter, cause.TLSCipherMismatch, Possible},
}

// refusedByClient: somebody else's client ended the handshake with an alert that says why.
func refusedByClient(id cause.ID) func(*scene) support {
	return func(s *scene) support {
		f := s.tlsFailed()
		if f == nil || f.How != evidence.TLSRefused || s.asClient() {
			return support{}
		}
		a, at, ok := s.clientAlert()
		if !ok {
			return s.refusedUnread(id)
		}
		for _, r := range clientRefusals {
			if r.alert == a.Description && r.cause == id {
				return support{confidence: r.confidence, because: s.withLeaf(s.ground(at, "the client ends the handshake with the alert %s", a))}
			}
		}
		return support{}
	}
}

// refusedUnread: in TLS 1.3 the client's alert is encrypted; what a client refuses at that point is the certificate, as a rule.
func (s *scene) refusedUnread(id cause.ID) support {
	if id != cause.CertificateUntrusted || s.main.ServerHello < 0 {
		return support{}
	}
	return support{confidence: Possible, because: []Ground{s.ground(s.main.TLSFailed, "%s; its reason is encrypted, and most often it is the certificate", s.tlsFailed().Text)}}
}

// clientAlert is the last alert in clear that the client sent.
func (s *scene) clientAlert() (a tlswire.Alert, at int, ok bool) {
	for i := range s.main.Trace.Events {
		if e := s.main.Trace.Events[i].Alert; e != nil && e.From == evidence.Client && !e.Closure() && !e.Encrypted {
			a, at, ok = e.Alert, i, true
		}
	}
	return a, at, ok
}

func (s *scene) withLeaf(g Ground) []Ground {
	out := []Ground{g}
	if s.chain() != nil {
		out = append(out, s.ground(s.main.Chain, "%s", s.leaf()))
	}
	return out
}

// trustStoreOld: the client does not know an authority that the public web trusts.
func trustStoreOld(s *scene) support {
	f, c := s.tlsFailed(), s.chain()
	if f == nil || f.How != evidence.TLSRefused || c == nil || s.asClient() || !verifiedBy(c, "mozilla") {
		return support{}
	}
	a, at, ok := s.clientAlert()
	if !ok || a.Description != tlswire.AlertUnknownCA && a.Description != tlswire.AlertCertificateUnknown && a.Description != tlswire.AlertBadCertificate {
		return support{}
	}
	got := support{confidence: Possible, because: s.withLeaf(s.ground(at, "the client ends the handshake with the alert %s, though the public web trusts the certificate's authority", a))}
	if a.Description == tlswire.AlertUnknownCA {
		got.confidence = Likely
	}
	return got
}

// insideStalled is the result of the last step for a conversation that ended in silence, or was cut by a stranger, where a
// capture cannot see what was going on.
func (s *scene) insideStalled() (StepResult, bool) {
	if s.main == nil || s.main.Secured < 0 || s.sees().Inside || !s.brokeIn(waitInside) {
		return StepResult{}, false
	}
	return s.result(cause.Data, Fail, s.main.Ended, "inside TLS, at a command that cannot be seen: %s", ending(s.main.Ending())), true
}

// stalledInside: data-stalls, for want of anything better, when all that is known is that it died inside TLS.
func stalledInside(s *scene) support {
	if _, ok := s.insideStalled(); !ok {
		return support{}
	}
	got := support{confidence: Possible, because: []Ground{s.ground(s.main.Ended, "TLS was up, then %s; what was going on inside can't be seen", ending(s.main.Ending()))}}
	if strange := s.strangeReset(); len(strange) > 0 {
		got.because = append(got.because, strange...)
	}
	return got
}

// packetRules are the rules over what only packets show, by step. They come before the others
// of their step, because they have more to go by.
var packetRules = map[cause.Step][]rule{
	cause.Banner: {
		{cause.MiddleboxTerminates, resetByOther(waitGreeting)},
		{cause.BannerRewritten, changedBetween},
	},
	cause.EHLO: {
		{cause.PathMTUBlackhole, segmentHole},
		{cause.ConnectionCutAfterEHLO, resetByOther("EHLO", "HELO")},
		{cause.SMTPProxyAlters, rewritten},
		{cause.SMTPProxyAlters, changedBetween},
	},
	cause.StartTLSOffer: {
		{cause.StartTLSStripped, strippedBetween},
		{cause.SMTPProxyAlters, rewritten},
	},
	cause.StartTLS: {
		{cause.PathMTUBlackhole, segmentHole},
		{cause.HandshakeCut, resetByOther(waitHandshake, "STARTTLS")},
		{cause.ClientTrustStoreOutdated, trustStoreOld},
		{cause.TLSVersionMismatch, refusedByClient(cause.TLSVersionMismatch)},
		{cause.TLSCipherMismatch, refusedByClient(cause.TLSCipherMismatch)},
		{cause.CertificateExpired, refusedByClient(cause.CertificateExpired)},
		{cause.CertificateUntrusted, refusedByClient(cause.CertificateUntrusted)},
		{cause.CertificateNameMismatch, refusedByClient(cause.CertificateNameMismatch)},
	},
	cause.Data: {
		{cause.PathMTUBlackhole, segmentHole},
		{cause.DataStalls, windowShut},
		{cause.DataStalls, resetByOther("message", "DATA", waitInside)},
		{cause.DataStalls, stalledInside},
	},
}
