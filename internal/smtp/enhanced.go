package smtp

import (
	"fmt"
	"strconv"
	"strings"
)

// An EnhancedStatus is class, subject and detail of RFC 3463, section 2, as in 5.7.57. The zero value is none.
type EnhancedStatus struct {
	Class, Subject, Detail int
}

// IsZero reports whether there is no status.
func (s EnhancedStatus) IsZero() bool { return s == EnhancedStatus{} }

// String is "5.7.57", or "" for none.
func (s EnhancedStatus) String() string {
	if s.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d", s.Class, s.Subject, s.Detail)
}

// MarshalText writes "5.7.57".
func (s EnhancedStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads "5.7.57".
func (s *EnhancedStatus) UnmarshalText(b []byte) error {
	st, rest := CutEnhanced(string(b))
	if st.IsZero() != (len(b) == 0) || rest != "" {
		return fmt.Errorf("not an enhanced status: %q", b)
	}
	*s = st
	return nil
}

// CutEnhanced splits an enhanced status from the start of reply text: "5.7.57 Client not ..." (RFC 2034, section 4).
// It wants class 2, 4 or 5, at most three digits for the others, and a blank or the end after it, so a version
// number or an address is not taken for one. Without a status it returns the text as it was.
func CutEnhanced(text string) (EnhancedStatus, string) {
	word, rest, _ := strings.Cut(text, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return EnhancedStatus{}, text
	}
	var n [3]int
	for i, p := range parts {
		if len(p) == 0 || len(p) > 3 || strings.Trim(p, "0123456789") != "" {
			return EnhancedStatus{}, text
		}
		n[i], _ = strconv.Atoi(p)
	}
	if parts[0] != "2" && parts[0] != "4" && parts[0] != "5" {
		return EnhancedStatus{}, text
	}
	return EnhancedStatus{n[0], n[1], n[2]}, rest
}
