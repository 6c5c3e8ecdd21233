package diagnose

import (
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// outsider reads "no such recipient" of an MX for what it is if the recipient is of another domain: an MX knows the recipients of
// its own domains alone, and refuses an outsider in the same words.
func (s *scene) outsider(m provider.Match, rep *evidence.Reply) provider.Match {
	if m.Cause != cause.RecipientNotFound || !s.takesOwnMailOnly() || !s.foreignRecipient(rep.To) {
		return m
	}
	m.Cause, m.Firm = cause.ExternalRecipientBlocked, min(m.Firm, provider.Suggests)
	m.Meaning = "The recipient is of another domain than the one whose MX this is, and an MX takes mail for its own domains only."
	m.Actions, m.Links = nil, nil
	m.Also = append(slices.Clone(m.Also), cause.RecipientNotFound)
	return m
}

// takesOwnMailOnly reports whether the door is an MX that was not asked to relay by a sign-in.
func (s *scene) takesOwnMailOnly() bool {
	return s.known && !s.door.Auth && (s.main == nil || len(s.main.Auths) == 0)
}

// foreignRecipient reports whether the RCPT at an index names a recipient outside the domain that the door serves, as far as that is
// known: the domain asked about, or else the sender's.
func (s *scene) foreignRecipient(at int) bool {
	sent := s.main.SentAt(at)
	if sent == nil || sent.Verb != "RCPT" {
		return false
	}
	own := s.rec.Target.Domain
	if own == "" && strings.Contains(s.walk.From, "@") {
		own = domainOf(s.walk.From)
	}
	_, path, _ := strings.Cut(sent.Line, ":")
	path, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(path), "<"), ">")
	to := domainOf(path)
	return own != "" && strings.Contains(path, "@") && !sameHost(to, own)
}
