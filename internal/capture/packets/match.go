package packets

import (
	"bytes"
	"slices"
	"time"

	"github.com/smtptriage/smtptriage/internal/capture/tcp"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// maxPrint is how many octets of each stream are kept for comparing: the dialogue in clear, and the hellos.
const maxPrint = 8 << 10

// nearby is how far the clocks of two captures may differ where nothing better tells that two conversations are one.
const nearby = 5 * time.Second

// prints are what a conversation can be known by in another capture, whatever NAT made of its addresses. A nil one keeps
// nothing.
type prints struct {
	isn    [2]uint32
	syn    [2]bool
	stream [2][]byte
	ended  [2]bool
}

func (p *prints) add(way tcp.Way, data []byte) {
	if p == nil || p.ended[way] {
		return
	}
	if room := maxPrint - len(p.stream[way]); room < len(data) {
		data, p.ended[way] = data[:room], true
	}
	p.stream[way] = append(p.stream[way], data...)
}

// end stops keeping a stream: behind a gap it can't be compared.
func (p *prints) end(way tcp.Way) {
	if p != nil {
		p.ended[way] = true
	}
}

func (p *prints) conn(c *tcp.Conn) {
	if p == nil {
		return
	}
	for w := range c.Half {
		p.isn[w], p.syn[w] = c.Half[w].ISN, c.Half[w].SYNs > 0
	}
}

// A Pair is one connection, as two captures have it.
type Pair struct {
	Here, There *Conversation
	Differs     []evidence.Differs // seen from Here
}

// Match finds the conversations that two captures both have, and notes in the traces of both where they differ. A connection is known by its initial sequence numbers, which NAT leaves alone; behind a proxy, which
// makes new ones, by the ClientHello; or else by its first line and its time, if only one other fits.
func Match(here, there []*Conversation) []Pair {
	taken := map[*Conversation]bool{}
	var pairs []Pair
	for _, same := range []func(a, b *Conversation) bool{sameNumbers, sameHello, sameWords} {
		for _, a := range here {
			if taken[a] || a.prints == nil {
				continue
			}
			var fits []*Conversation
			for _, b := range there {
				if !taken[b] && b.prints != nil && same(a, b) {
					fits = append(fits, b)
				}
			}
			if len(fits) == 1 {
				taken[a], taken[fits[0]] = true, true
				pairs = append(pairs, Pair{a, fits[0], compare(a, fits[0])})
			}
		}
	}
	return pairs
}

func sameNumbers(a, b *Conversation) bool {
	p, q := a.prints, b.prints
	for w := range p.isn {
		if p.syn[w] && q.syn[w] && p.isn[w] == q.isn[w] && p.isn[w] != 0 {
			return true
		}
	}
	return false
}

func sameHello(a, b *Conversation) bool {
	p, q := helloRandom(a.prints.stream[tcp.ToServer]), helloRandom(b.prints.stream[tcp.ToServer])
	return p != nil && bytes.Equal(p, q)
}

// helloRandom finds the 32 random octets of the ClientHello in what a client said: behind the headers of record and
// message and the version (RFC 8446, sections 5.1 and 4.1.2).
func helloRandom(stream []byte) []byte {
	i := bytes.Index(stream, []byte{22, 3})
	if i < 0 || len(stream) < i+11+32 {
		return nil
	}
	return stream[i+11 : i+11+32]
}

// sameWords compares what the client says first, and the time.
func sameWords(a, b *Conversation) bool {
	p, _, _ := bytes.Cut(a.prints.stream[tcp.ToServer], []byte("\n"))
	q, _, _ := bytes.Cut(b.prints.stream[tcp.ToServer], []byte("\n"))
	return len(p) > 4 && bytes.Equal(p, q) && a.Trace.Start.Sub(b.Trace.Start).Abs() <= nearby && a.Trace.Address.Port() == b.Trace.Address.Port()
}

// compare notes the first difference of each stream in the traces of both conversations.
func compare(a, b *Conversation) (found []evidence.Differs) {
	for _, way := range []tcp.Way{tcp.ToServer, tcp.ToClient} {
		p, q := a.prints.stream[way], b.prints.stream[way]
		at := differs(p, q)
		if at < 0 {
			continue
		}
		d := evidence.Differs{Origin: b.Trace.Origin, From: way.From(), Offset: int64(at), Here: lineAt(p, at), There: lineAt(q, at)}
		found = append(found, d)
		note(&a.Trace, d)
		note(&b.Trace, evidence.Differs{Origin: a.Trace.Origin, From: way.From(), Offset: int64(at), Here: lineAt(q, at), There: lineAt(p, at)})
	}
	return found
}

// differs returns the first place where two streams are not alike, as far as both go; -1: there is none.
func differs(p, q []byte) int {
	for i := range min(len(p), len(q)) {
		if p[i] != q[i] {
			return i
		}
	}
	return -1
}

// lineAt is the line around an octet.
func lineAt(p []byte, at int) []byte {
	from := bytes.LastIndexByte(p[:at], '\n') + 1
	from = max(from, at-60)
	to := len(p)
	if i := bytes.IndexByte(p[at:], '\n'); i >= 0 {
		to = at + i
	}
	return bytes.Clone(bytes.TrimRight(p[from:min(to, from+120)], "\r\n"))
}

func note(t *evidence.Trace, d evidence.Differs) {
	i := slices.IndexFunc(t.Events, func(e evidence.Event) bool { return e.Segments != nil })
	if i >= 0 {
		t.Events[i].Segments.Elsewhere = append(t.Events[i].Segments.Elsewhere, d)
	}
}
