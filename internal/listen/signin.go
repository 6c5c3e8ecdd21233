package listen

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// mechanisms are the SASL mechanisms that mail clients are known to use, each with how a client's responses are read. What
// hides the password behind a challenge gives only the length of the answer.
var mechanisms = map[string]func(responses [][]byte) (user, secret []byte, problem string){
	"PLAIN":         plainParts,
	"LOGIN":         loginParts,
	"XOAUTH2":       tokenParts,
	"OAUTHBEARER":   tokenParts,
	"CRAM-MD5":      answerParts,
	"DIGEST-MD5":    answerParts,
	"NTLM":          answerParts,
	"GSSAPI":        answerParts,
	"SCRAM-SHA-1":   answerParts,
	"SCRAM-SHA-256": answerParts,
	"EXTERNAL":      answerParts,
	"MSN":           answerParts,
}

func isMechanism(s string) bool {
	_, ok := mechanisms[strings.ToUpper(s)]
	return ok
}

// A signIn is an AUTH exchange under way. It lives in memory alone, and only until its final reply.
type signIn struct {
	mechanism string
	initial   bool
	inTLS     bool
	responses [][]byte
	bad       string
}

const maxResponses = 16 // of one exchange

// newSignIn starts with the AUTH command.
func newSignIn(c smtp.Command, inTLS bool) *signIn {
	s := &signIn{inTLS: inTLS}
	f := strings.Fields(c.Args)
	if len(f) > 0 {
		s.mechanism = strings.ToUpper(f[0])
	}
	if len(f) > 1 {
		s.initial = true
		s.line([]byte(f[1]))
	}
	return s
}

// line takes one response of the client. "=" is an empty one, "*" gives up (RFC 4954, section 4).
func (s *signIn) line(text []byte) {
	switch text = bytes.TrimSpace(text); {
	case string(text) == "*" || len(s.responses) == maxResponses:
		return
	case string(text) == "=":
		text = nil
	}
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil {
		s.bad = "a response is not base64 (RFC 4954, section 4)"
		raw, n = bytes.Clone(text), len(text)
	}
	s.responses = append(s.responses, raw[:n])
}

// result is what may be known of the exchange. The secrets are gone after it.
func (s *signIn) result(m *secretMemory, scrub *evidence.Scrubber) *evidence.SignIn {
	out := &evidence.SignIn{Mechanism: s.mechanism, Initial: s.initial, InTLS: s.inTLS, Malformed: s.bad}
	read, ok := mechanisms[s.mechanism]
	if !ok {
		return out
	}
	user, secret, problem := read(s.responses)
	if problem != "" && s.bad == "" {
		out.Malformed = problem
	}
	out.UserLen, out.SecretLen = len(user), len(secret)
	if len(secret) > 0 && sendsSecret(s.mechanism) {
		out.Repeat = m.compare(user, secret)
	}
	if scrub != nil { // a server may repeat what it was given
		scrub.Add(string(user), string(secret))
	}
	s.responses = nil
	return out
}

// lacks says why no server can take the exchange, whoever the client is: it is malformed, or a part is empty. "" is a sign-in that
// may be right.
func (s *signIn) lacks() string {
	user, secret, problem := mechanisms[s.mechanism](s.responses)
	switch {
	case problem != "":
		return problem
	case len(secret) == 0:
		return "the password is empty"
	case len(user) == 0 && sendsSecret(s.mechanism):
		return "the user name is empty"
	}
	return ""
}

// sendsSecret reports whether the secret itself is sent, and not an answer that differs with each challenge.
func sendsSecret(mechanism string) bool {
	return slices.Contains([]string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}, mechanism)
}

// plainParts reads authzid NUL authcid NUL passwd (RFC 4616, section 2).
func plainParts(r [][]byte) (user, secret []byte, problem string) {
	if len(r) == 0 {
		return nil, nil, ""
	}
	parts := bytes.Split(r[len(r)-1], []byte{0})
	if len(parts) != 3 {
		return nil, r[len(r)-1], "PLAIN wants three parts with NUL between them (RFC 4616, section 2)"
	}
	return parts[1], parts[2], ""
}

func loginParts(r [][]byte) (user, secret []byte, problem string) {
	switch len(r) {
	case 0:
		return nil, nil, ""
	case 1:
		return r[0], nil, ""
	}
	return r[0], r[1], ""
}

// tokenParts reads user=... ^A auth=Bearer ... ^A^A, as XOAUTH2 and, with a GS2 header, OAUTHBEARER (RFC 7628) have it.
func tokenParts(r [][]byte) (user, secret []byte, problem string) {
	if len(r) == 0 {
		return nil, nil, ""
	}
	for part := range bytes.SplitSeq(r[0], []byte{1}) {
		if u, ok := bytes.CutPrefix(part, []byte("user=")); ok {
			user = u
		}
		if t, ok := bytes.CutPrefix(part, []byte("auth=Bearer ")); ok {
			secret = t
		}
	}
	if secret == nil {
		return user, r[0], "no auth=Bearer in the response"
	}
	return user, secret, ""
}

func answerParts(r [][]byte) (user, secret []byte, problem string) {
	if len(r) == 0 {
		return nil, nil, ""
	}
	return nil, r[len(r)-1], ""
}

// A secretMemory compares the secrets of one address over its connections without keeping them: by a digest under a key
// that dies with the process. It is safe for several goroutines.
type secretMemory struct {
	mu   sync.Mutex
	key  []byte
	last []byte
}

func newSecretMemory() *secretMemory {
	m := &secretMemory{key: make([]byte, sha256.Size)}
	rand.Read(m.key)
	return m
}

func (m *secretMemory) compare(user, secret []byte) evidence.RepeatKind {
	if m == nil {
		return ""
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h := hmac.New(sha256.New, m.key)
	h.Write(user)
	h.Write([]byte{0})
	h.Write(secret)
	sum := h.Sum(nil)
	before := m.last
	m.last = sum
	switch {
	case before == nil:
		return ""
	case hmac.Equal(before, sum):
		return evidence.RepeatSame
	}
	return evidence.RepeatChanged
}
