package messagetrace

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// margin is how far the clocks of this machine and of the service may be apart, and how long a message may wait.
const margin = 15 * time.Minute

// A Fit is how surely a row is about the message of a record.
type Fit string

const (
	SameMessage Fit = "the same Message-ID"
	SameMail    Fit = "the same sender and recipient, at that time"
	SameClient  Fit = "the same client address, at that time"
)

// A Match is a row of a trace that fits a record.
type Match struct {
	Row Row
	Fit Fit
}

// Join finds the rows that are about the messages of a record, the surest first. Rows that fit less than others are left out: once a
// Message-ID fits, addresses and times say nothing more.
func Join(rec *evidence.Record, rows []Row) []Match {
	for _, fit := range []struct {
		how  Fit
		fits func(*evidence.Record, Row) bool
	}{{SameMessage, sameMessage}, {SameMail, sameMail}, {SameClient, sameClient}} {
		var out []Match
		for _, r := range rows {
			if fit.fits(rec, r) {
				out = append(out, Match{r, fit.how})
			}
		}
		if len(out) > 0 {
			slices.SortStableFunc(out, func(a, b Match) int { return a.Row.Time.Compare(b.Row.Time) })
			return out
		}
	}
	return nil
}

func sameMessage(rec *evidence.Record, r Row) bool {
	return r.MessageID != "" && slices.ContainsFunc(rec.Traces, func(t evidence.Trace) bool {
		return slices.ContainsFunc(t.Events, func(e evidence.Event) bool {
			return e.Sent != nil && e.Sent.MsgID != "" && strings.EqualFold(strings.Trim(e.Sent.MsgID, "<>"), r.MessageID)
		})
	})
}

func sameMail(rec *evidence.Record, r Row) bool {
	w := rec.Target.Walk
	return w.From != "" && during(rec, r.Time) && strings.EqualFold(r.Sender, w.From) && slices.ContainsFunc(r.Recipients, func(to Recipient) bool {
		return slices.ContainsFunc(w.To, func(asked string) bool { return strings.EqualFold(asked, to.Address) })
	})
}

func sameClient(rec *evidence.Record, r Row) bool {
	if !r.ClientIP.IsValid() || !during(rec, r.Time) {
		return false
	}
	return slices.ContainsFunc(rec.Traces, func(t evidence.Trace) bool {
		a := evidence.NewView(&t).ClientAddress()
		return a != netip.Addr{} && a == r.ClientIP
	})
}

// during reports whether a time is within the run, give or take the margin.
func during(rec *evidence.Record, t time.Time) bool {
	return !t.IsZero() && !rec.Started.IsZero() && t.After(rec.Started.Add(-margin)) && t.Before(rec.Started.Add(rec.Took+margin))
}
