package packets

import (
	"bytes"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/capture/tlsopen"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// Sizes of encrypted records of TLS 1.3, header included, by which an alert and a Finished message can be told apart
// without reading them (RFC 8446, sections 5.2, 6 and 4.4.4): two octets, or 36 and more, then one for the type and 16 of
// the cipher.
const (
	sealedAlert    = 5 + 2 + 1 + 16
	sealedFinished = 5 + 36 + 1 + 16
)

// A handshake follows TLS from its first octet on.
type handshake struct {
	v       *conversation
	begun   int64
	read    [2]tlswire.Reader
	octets  [2]int64 // of TLS
	sealed  [2]int64 // where the encrypted part begins, plus one; 0: not yet
	hello   *tlswire.ClientHello
	answer  *tlswire.ServerHello
	alert   *evidence.Alert // the last one in clear that is no good-bye
	group   string
	name    string
	secured bool
	blind   bool // octets are missing
	lastAt  int64
	open    *tlsopen.Opener // nil: no keys are known
}

// inside reports whether what is inside TLS was opened.
func (h *handshake) inside() bool { return h != nil && h.secured && h.open != nil && h.open.Opened() }

func (h *handshake) feed(way tcp.Way, at int64, p []byte) {
	h.octets[way] += int64(len(p))
	h.lastAt = at
	if h.blind {
		return
	}
	if !h.done(way) {
		for _, e := range h.read[way].Feed(p) {
			h.event(way, at, &e)
		}
	}
	if h.open == nil {
		h.secureIfUp(at)
		return
	}
	pieces := h.open.Feed(int(way), p)
	h.sealedAlerts(way, at, pieces)
	h.secureIfUp(at)
	for _, piece := range pieces {
		if piece.Kind == tlswire.ApplicationData && h.secured {
			h.v.inside(way, at, piece.Data)
		}
	}
}

func (h *handshake) secureIfUp(at int64) {
	if !h.secured && h.up() {
		h.secure(at)
	}
}

// sealedAlerts records alerts that the keys opened.
func (h *handshake) sealedAlerts(way tcp.Way, at int64, pieces []tlsopen.Piece) {
	for _, piece := range pieces {
		if piece.Kind != tlswire.AlertRecord || len(piece.Data) != 2 {
			continue
		}
		a := evidence.Alert{From: way.From(), Alert: tlswire.Alert{Level: tlswire.AlertLevel(piece.Data[0]), Description: tlswire.AlertDescription(piece.Data[1])}}
		if !a.Closure() {
			if !h.secured {
				h.alert = &a
			}
			h.v.add(at, evidence.Event{Alert: &a})
		}
	}
}

// done reports whether nothing more is to be learned from this direction's records.
func (h *handshake) done(tcp.Way) bool { return h.secured && h.sealed[0] != 0 && h.sealed[1] != 0 }

func (h *handshake) gap(tcp.Way) {
	h.blind = h.blind || !h.secured
	h.open = nil // what follows can't be opened: records are counted
}

func (h *handshake) event(way tcp.Way, at int64, e *tlswire.Event) {
	switch {
	case e.ClientHello != nil && way == tcp.ToServer:
		h.hello, h.name = e.ClientHello, e.ClientHello.ServerName
		h.v.add(at, evidence.Event{ClientHello: e.ClientHello})
	case e.ServerHello != nil && way == tcp.ToClient:
		h.answer = e.ServerHello
		if h.open != nil {
			h.open.Answer(e.ServerHello)
		}
		h.v.add(at, evidence.Event{ServerHello: e.ServerHello})
	case e.Chain != nil && way == tcp.ToClient:
		h.v.add(at, evidence.Event{Chain: &evidence.Chain{Certificates: e.Chain.Certificates}})
	case e.KeyExchange != nil:
		if e.KeyExchange.Group != 0 {
			h.group = e.KeyExchange.Group.String()
		}
	case e.Alert != nil:
		a := evidence.Alert{From: way.From(), Alert: *e.Alert}
		if !a.Encrypted && !a.Closure() {
			h.alert = &a
		}
		h.v.add(at, evidence.Event{Alert: &a})
	case e.Encrypted:
		h.sealed[way] = e.Offset + 1
	}
}

// up reports whether both sides have shown that they agree. Up to TLS 1.2, both send an encrypted Finished message
// (RFC 5246, section 7.4.9). In TLS 1.3 the server encrypts from the beginning, and what counts is that the client answers
// with more than an alert.
func (h *handshake) up() bool {
	if h.answer == nil || h.sealed[0] == 0 || h.sealed[1] == 0 || h.alert != nil {
		return false
	}
	if h.answer.Version < tlswire.TLS13 {
		return true
	}
	return h.octets[tcp.ToServer]-(h.sealed[tcp.ToServer]-1) >= sealedFinished
}

func (h *handshake) secure(at int64) {
	h.secured = true
	s := evidence.Secured{Version: h.answer.Version.String(), Suite: h.answer.Suite.String(), Group: h.group, SNI: h.name, ALPN: h.answer.ALPN}
	if h.group == "" && h.answer.Group != 0 {
		s.Group = h.answer.Group.String()
	}
	h.v.add(at, evidence.Event{Took: h.v.since(at) - h.v.since(h.begun), Secured: &s})
}

// shortGoodbye reports whether the client ended the handshake with what can only be an encrypted alert.
func (h *handshake) shortGoodbye() bool {
	return h.answer != nil && h.answer.Version == tlswire.TLS13 && h.sealed[tcp.ToServer] != 0 &&
		h.octets[tcp.ToServer]-(h.sealed[tcp.ToServer]-1) == sealedAlert
}

// failed records how a handshake failed that did not succeed. end is how the connection ended.
func (h *handshake) failed(at int64, end *evidence.Ended) {
	if h.secured || h.blind || h.hello == nil && h.octets[0]+h.octets[1] == 0 {
		return
	}
	if h.v.unseen(tcp.ToClient) && h.alert == nil {
		return // what the server answered is not in the capture
	}
	f := evidence.TLSFailed{SentN: h.octets[tcp.ToServer], GotN: h.octets[tcp.ToClient]}
	foreign, _, isForeign := h.read[tcp.ToClient].Foreign()
	switch {
	case isForeign:
		h.v.talk.bytes(at, evidence.Server, foreign, h.octets[tcp.ToClient])
		f.How, f.Text = evidence.TLSNotTLS, excerptText(foreign)
	case h.alert != nil && h.alert.From == evidence.Server:
		f.How, f.Text = evidence.TLSAlerted, h.alert.String()
	case h.alert != nil:
		f.How, f.Text = evidence.TLSRefused, "the client's alert: "+h.alert.String()
	case h.shortGoodbye():
		f.How, f.Text = evidence.TLSRefused, "the client answered the server's part with an encrypted record of the size of an alert"
	case end.Outcome == evidence.Aborted && end.By == evidence.Client && h.answer != nil:
		f.How, f.Text = evidence.TLSRefused, "the client closed in the middle of the handshake, without an alert"
	case end.Outcome == evidence.Aborted:
		return
	default:
		f.How, f.Outcome = evidence.TLSEnded, end.Outcome
	}
	h.v.add(at, evidence.Event{TLSFailed: &f})
}

// excerptText is the first line of octets, for a message.
func excerptText(p []byte) string {
	line, _, _ := bytes.Cut(p, []byte("\n"))
	return string(bytes.ToValidUTF8(bytes.TrimSpace(line[:min(len(line), 80)]), []byte("?")))
}
