package lab

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// An action is what a rule does. It tells whether the server's own answer is still due.
type action interface {
	do(*session) outcome
}

// An outcome is where an action leaves the conversation.
type outcome int

const (
	more     outcome = iota // the next action for this event, or the personality's own answer
	answered                // no answer of the personality's own, the conversation goes on
	ended                   // the connection is over
)

type (
	reply      []string      // lines as they stand, with placeholders
	send       string        // octets as they stand
	delay      time.Duration // wait
	garbage    int           // so many octets of noise
	useDefault struct{}      // the personality's own answer, now
	nothing    struct{}      // no answer; the conversation goes on
)

// A drip sends text one octet at a time.
type drip struct {
	every time.Duration
	text  string
}

// A repeat sends text again and again; times 0 is without end.
type repeat struct {
	times int
	text  string
}

func (a reply) do(s *session) outcome {
	lines := make([]string, len(a))
	for i, line := range a {
		lines[i] = s.expand(line)
	}
	return s.writeLines(lines)
}

// do sends octets, and takes their last line for the reply if it begins with a code.
func (a send) do(s *session) outcome {
	text := s.expand(string(a))
	s.code = lastCode(text)
	return s.write([]byte(text))
}

func (a delay) do(s *session) outcome {
	if !s.sleep(time.Duration(a)) {
		return ended
	}
	return more
}

func (a drip) do(s *session) outcome {
	text := s.expand(a.text)
	s.code = lastCode(text)
	for _, c := range []byte(text) {
		if s.write([]byte{c}) == ended || !s.sleep(a.every) {
			return ended
		}
	}
	return answered
}

// The most that one repeat sends, so that a server forgotten in a corner does not send for ever.
const maxRepeat = 1 << 30

func (a repeat) do(s *session) outcome {
	const chunk = 16 << 10
	perWrite := max(1, chunk/len(a.text))
	left := a.times
	if a.times == 0 {
		left = maxRepeat / len(a.text)
	}
	for ; left > 0; left -= perWrite {
		if s.write([]byte(strings.Repeat(a.text, min(perWrite, left)))) == ended {
			return ended
		}
	}
	return answered
}

// do sends the same noise every time, so that a run can be repeated.
func (a garbage) do(s *session) outcome {
	noise := make([]byte, a)
	rand.NewChaCha8([32]byte{'l', 'a', 'b'}).Read(noise) // never fails
	return s.write(noise)
}

func (useDefault) do(s *session) outcome { return s.byDefault() }

func (nothing) do(*session) outcome { return answered }

// A cutKind is a way for a connection to end.
type cutKind string

const (
	orderly cutKind = "close"   // close_notify if in TLS, FIN; what the client sends is still taken
	cut     cutKind = "cut"     // FIN without a close_notify
	reset   cutKind = "reset"   // RST
	silence cutKind = "silence" // open, and not another octet
)

var cutKinds = []cutKind{orderly, cut, reset, silence}

func (k cutKind) do(s *session) outcome {
	s.wire.end(s.ctx, k)
	return ended
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
