package tlsopen

import (
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A Piece is what one record held.
type Piece struct {
	Kind tlswire.ContentType
	Data []byte
}

// An Opener opens both directions of one connection. Direction 0 is the client's.
type Opener struct {
	log     *KeyLog
	split   [2]tlswire.Splitter
	random  [2][32]byte
	known   [2]bool
	answer  *tlswire.ServerHello
	keys    [2]*keys
	sealed  [2]bool // what follows is encrypted
	traffic [2]bool // TLS 1.3: the handshake's keys gave way to those of the data
	message [2][]byte
	failed  bool
	opened  bool
}

// maxMessage bounds an encrypted handshake message.
const maxMessage = 256 << 10

// NewOpener begins a connection; log has its secrets, or not.
func NewOpener(log *KeyLog) *Opener { return &Opener{log: log} }

// Opened reports whether anything was opened, and nothing failed.
func (o *Opener) Opened() bool { return o.opened && !o.failed }

// Answer tells the opener what the server chose.
func (o *Opener) Answer(h *tlswire.ServerHello) { o.answer = h }

// Feed takes octets of one direction and returns what could be opened of them.
func (o *Opener) Feed(way int, p []byte) []Piece {
	if o.failed {
		return nil
	}
	var out []Piece
	for _, r := range o.split[way].Feed(p) {
		out = append(out, o.record(way, r)...)
		if o.failed {
			break
		}
	}
	return out
}

func (o *Opener) record(way int, r tlswire.Record) []Piece {
	switch {
	case r.Type == tlswire.ChangeCipherSpec:
		o.sealed[way] = o.sealed[way] || o.answer != nil && o.answer.Version < tlswire.TLS13
		return nil
	case r.Type == tlswire.HandshakeRecord && !o.sealed[way]:
		o.hello(way, r.Fragment)
		return nil
	case r.Type == tlswire.AlertRecord && !o.sealed[way] && o.keys[way] == nil:
		return nil
	}
	if o.keys[way] == nil && !o.derive() {
		o.failed = true
		return nil
	}
	kind, plain, ok := o.keys[way].open(r)
	if !ok {
		o.failed = true
		return nil
	}
	o.opened = true
	if kind == tlswire.HandshakeRecord && o.keys[way].tls13 {
		o.messages(way, plain)
	}
	return []Piece{{kind, plain}}
}

// hello takes the random octets of a hello. After a HelloRetryRequest, the last one counts.
func (o *Opener) hello(way int, f []byte) {
	if len(f) >= 38 && f[0] == byte(1+way) { // client_hello, server_hello
		copy(o.random[way][:], f[6:38])
		o.known[way] = true
	}
}

// derive makes the first keys of both directions.
func (o *Opener) derive() bool {
	if o.answer == nil || !o.known[0] {
		return false
	}
	s, ok := suites[o.answer.Suite]
	secrets := o.log.secrets[o.random[0]]
	if !ok || secrets == nil {
		return false
	}
	if o.answer.Version < tlswire.TLS13 {
		if o.answer.Version != tlswire.TLS12 || len(secrets[masterSecret]) == 0 || !o.known[1] {
			return false
		}
		both, err := keys12(s, secrets[masterSecret], o.random[0], o.random[1])
		o.keys = both
		return err == nil
	}
	for way, label := range []string{clientHandshake, serverHandshake} {
		k, err := keys13(s, secrets[label])
		if err != nil || len(secrets[label]) == 0 {
			return false
		}
		o.keys[way] = k
	}
	return true
}

// messages follows the handshake messages of TLS 1.3 that change the keys: Finished and KeyUpdate.
func (o *Opener) messages(way int, p []byte) {
	o.message[way] = append(o.message[way], p...)
	for {
		m := o.message[way]
		if len(m) < 4 {
			return
		}
		n := int(m[1])<<16 | int(m[2])<<8 | int(m[3])
		if n > maxMessage {
			o.failed = true
			return
		}
		if len(m) < 4+n {
			return
		}
		o.message[way] = m[4+n:]
		var err error
		switch {
		case m[0] == 20 && !o.traffic[way]: // finished
			label := clientTraffic
			if way == 1 {
				label = serverTraffic
			}
			secret := o.log.secrets[o.random[0]][label]
			o.traffic[way] = true
			if o.keys[way], err = keys13(o.keys[way].suite, secret); len(secret) == 0 {
				o.failed = true
			}
		case m[0] == 24: // key_update
			o.keys[way], err = o.keys[way].next()
		}
		if err != nil {
			o.failed = true
			return
		}
	}
}
