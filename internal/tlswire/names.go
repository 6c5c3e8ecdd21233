package tlswire

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// names is one registry of 16-bit code points. Code points without a name are written as 0x and four hexadecimal
// digits, and read back so.
type names struct {
	byID   map[uint16]string
	byName func() map[string]uint16
}

func newNames(byID map[uint16]string) names {
	return names{byID, sync.OnceValue(func() map[string]uint16 {
		m := make(map[string]uint16, len(byID))
		for id, name := range byID {
			m[name] = id
		}
		return m
	})}
}

const greasePrefix = "GREASE "

// name returns the registered name, "GREASE 0x1A1A", or "0x1234".
func (n names) name(id uint16) string {
	if s, ok := n.byID[id]; ok {
		return s
	}
	if isGREASE(id) {
		return fmt.Sprintf("%s0x%04X", greasePrefix, id)
	}
	return fmt.Sprintf("0x%04X", id)
}

// id is the inverse of name.
func (n names) id(text []byte, what string) (uint16, error) {
	s := string(text)
	if id, ok := n.byName()[s]; ok {
		return id, nil
	}
	if hex, ok := strings.CutPrefix(strings.TrimPrefix(s, greasePrefix), "0x"); ok {
		if id, err := strconv.ParseUint(hex, 16, 16); err == nil {
			return uint16(id), nil
		}
	}
	return 0, fmt.Errorf("no TLS %s named %q", what, printable(s))
}

// isGREASE reports whether a code point is one of the sixteen reserved to keep peers tolerant: 0x0A0A, 0x1A1A ...
// (RFC 8701, section 2).
func isGREASE(id uint16) bool {
	return id>>8 == id&0xff && id&0x0f == 0x0a
}

// withoutGREASE returns the code points that mean something.
func withoutGREASE[T ~uint16](ids []T) []T {
	var real []T
	for _, id := range ids {
		if !isGREASE(uint16(id)) {
			real = append(real, id)
		}
	}
	return real
}
