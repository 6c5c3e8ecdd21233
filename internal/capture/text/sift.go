package text

import (
	"slices"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// sift leaves out what only wraps a finding, what repeats one, and what came of the first thing that broke.
func sift(all []finding) []finding {
	telling := slices.ContainsFunc(all, func(f finding) bool { return f.reply == nil || !f.reply.empty })
	specific := slices.ContainsFunc(all, func(f finding) bool { return f.reply == nil && !f.means.weak && f.means.ok == "" })
	refusal := slices.ContainsFunc(all, func(f finding) bool { return f.reply != nil && f.refuses() && !f.reply.empty })
	best := 0
	for _, f := range all {
		best = max(best, f.weakRank())
	}
	var out []finding
	broke := ""
	for _, f := range all {
		switch {
		case f.reply != nil && f.reply.empty && telling:
			continue
		case f.reply == nil && f.means.weak && (specific || refusal || f.weakRank() < best):
			continue
		case f.reply != nil && slices.ContainsFunc(out, func(o finding) bool { return o.reply != nil && o.sameReply(f) }):
			continue
		case f.reply == nil && slices.ContainsFunc(out, func(o finding) bool { return o.reply == nil && o.means.same(f.means) && f.means.socket == "" }):
			continue
		case f.reply != nil && broke != "":
			continue
		case f.reply == nil && broke != "" && f.class() != broke && f.means.ok == "":
			continue
		}
		out = append(out, f)
		if broke == "" && f.class() != "" {
			broke = f.class()
		}
	}
	return out
}

// weakRank orders what only wraps: that a certificate is wrong says more than that a handshake failed, and that more than that
// a connection did.
func (f finding) weakRank() int {
	switch {
	case f.reply != nil || !f.means.weak || f.means.said == evidence.SaidConnectFailed:
		return 0
	case f.means.said == evidence.SaidTLSFailed:
		return 1
	}
	return 2
}

func (f finding) refuses() bool { return f.reply.code == 0 || f.reply.code >= 400 }

func (f finding) sameReply(o finding) bool {
	a, b := f.reply.reply(), o.reply.reply()
	return a.Code == b.Code && (a.Enhanced == b.Enhanced || b.Enhanced.IsZero())
}

// class is the kind of trouble that a finding tells of; "" for none.
func (f finding) class() string {
	switch {
	case f.reply != nil && f.refuses():
		return "reply"
	case f.reply != nil || f.means.ok != "":
		return ""
	case f.means.socket != "":
		return "socket"
	case f.means.lookup != noLookup:
		return "lookup"
	}
	return "tls"
}
