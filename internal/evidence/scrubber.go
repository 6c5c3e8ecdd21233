package evidence

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A Scrubber takes known secrets out of text, because servers and libraries repeat what they were given: as they are, in base64,
// in hexadecimal and percent-encoded, in capitals or small letters, and broken by blanks and line ends. A nil Scrubber knows none.
type Scrubber struct {
	mu       sync.Mutex
	replacer *strings.Replacer // the forms as they are
	forms    []string
	loose    []string // the long forms, in small letters and without blanks
}

const (
	minSecret = 4 // the shortest secret that is looked for in text. A shorter one would mask common syllables; it is still masked in AUTH
	minLoose  = 8 // the shortest form that is looked for without regard to letters' case and blanks
)

// Add makes secrets known. user is the name that goes with them; it is no secret, but with it the AUTH PLAIN form is known.
func (s *Scrubber) Add(user string, secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sec := range secrets {
		if len(sec) < minSecret {
			continue
		}
		s.forms = append(s.forms, sec, url.QueryEscape(sec), url.PathEscape(sec), hex.EncodeToString([]byte(sec)))
		for _, raw := range []string{sec, "\x00" + user + "\x00" + sec, user + "\x00" + user + "\x00" + sec} {
			s.forms = append(s.forms, base64Core(raw)...)
		}
	}
	slices.SortFunc(s.forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	s.forms = slices.Compact(s.forms)
	pairs := make([]string, 0, 2*len(s.forms))
	s.loose = nil
	for _, f := range s.forms {
		pairs = append(pairs, f, smtp.Masked)
		if flat, _ := flatten([]string{f}); len(flat) >= minLoose && !slices.Contains(s.loose, flat) {
			s.loose = append(s.loose, flat)
		}
	}
	s.replacer = strings.NewReplacer(pairs...)
}

// base64Core gives the base64 text of raw at each of the three alignments it can have inside a longer string, without
// the characters that its neighbours change.
func base64Core(raw string) []string {
	var out []string
	for shift := range 3 {
		padded := strings.Repeat("\x00", shift) + raw
		enc := base64.RawStdEncoding.EncodeToString([]byte(padded))
		from := (shift*8 + 5) / 6
		to := len(padded) * 8 / 6
		if to-from >= minSecret+2 {
			core := enc[from:to]
			out = append(out, core, strings.NewReplacer("+", "-", "/", "_").Replace(core))
		}
	}
	return out
}

// Clean returns text without the secrets.
func (s *Scrubber) Clean(text string) string { return s.CleanLines([]string{text})[0] }

// CleanLines returns the lines of one text without the secrets, also where one goes over several lines.
func (s *Scrubber) CleanLines(lines []string) []string {
	lines = slices.Clone(lines)
	if s == nil {
		return lines
	}
	s.mu.Lock()
	replacer, loose := s.replacer, s.loose
	s.mu.Unlock()
	if replacer == nil {
		return lines
	}
	for i, l := range lines {
		lines[i] = replacer.Replace(l)
	}
	flat, at := flatten(lines)
	hidden := make([][]bool, len(lines))
	for _, form := range loose {
		for from := 0; ; {
			i := strings.Index(flat[from:], form)
			if i < 0 {
				break
			}
			from += i
			hide(hidden, lines, at[from:from+len(form)])
			from += len(form)
		}
	}
	for i := range lines {
		if hidden[i] != nil {
			lines[i] = mask(lines[i], hidden[i])
		}
	}
	return lines
}

// A spot is where an octet of a flattened text stood.
type spot struct{ line, octet int }

// flatten joins lines without their blanks, and without the status that a reply's lines repeat, in small letters.
func flatten(lines []string) (string, []spot) {
	var b strings.Builder
	var at []spot
	for i, l := range lines {
		begin := 0
		if _, rest := smtp.CutEnhanced(l); i > 0 {
			begin = len(l) - len(rest)
		}
		for j := begin; j < len(l); j++ {
			c := l[j]
			switch {
			case c == ' ' || '\t' <= c && c <= '\r':
				continue
			case 'A' <= c && c <= 'Z':
				c += 'a' - 'A'
			}
			b.WriteByte(c)
			at = append(at, spot{i, j})
		}
	}
	return b.String(), at
}

// hide marks the octets of one secret, and the blanks between them.
func hide(hidden [][]bool, lines []string, spots []spot) {
	last := spots[0]
	for _, p := range spots {
		if hidden[p.line] == nil {
			hidden[p.line] = make([]bool, len(lines[p.line]))
		}
		from := p.octet
		if last.line == p.line {
			from = last.octet
		}
		for i := from; i <= p.octet; i++ {
			hidden[p.line][i] = true
		}
		last = p
	}
}

// mask puts one mask for each run of hidden octets.
func mask(line string, hidden []bool) string {
	var b strings.Builder
	for i := range len(line) {
		switch {
		case !hidden[i]:
			b.WriteByte(line[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(smtp.Masked)
		}
	}
	return b.String()
}
