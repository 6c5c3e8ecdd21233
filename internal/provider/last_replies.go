package provider

import "github.com/smtptriage/smtptriage/internal/cause"

// lastRows are words of the RFC that give no reason. They stand at the very end.
var lastRows = []Row{
	{
		ID: "generic-transaction-failed", Service: "generic", Code: 554,
		Pattern: `Transaction failed`,
		Steps:   []cause.Step{cause.Mail, cause.Data},
		Cause:   cause.Undetermined, Firm: Possible, Verified: true,
		Meaning: "No reason is given; if more text follows, the reason is in it.",
		Actions: []string{"Read what follows, and the reply before."},
		Sources: []Source{srcSeen},
	},
	{
		ID: "generic-mailbox-unavailable", Service: "generic", Code: 550,
		Pattern: `Requested action not taken|mailbox (?:is )?unavailable|mailbox (?:is )?(?:busy|locked)`,
		Steps:   []cause.Step{cause.Rcpt, cause.Mail},
		Cause:   cause.RecipientNotFound, Firm: Possible, Verified: true,
		Also:    []cause.ID{cause.IPBlocklisted},
		Meaning: "The RFC's own words, without a reason; a blocklist is said in them as well as an unknown recipient.",
		Actions: []string{"Look for slips in the address, and read on: the words after these may say more."},
		Sources: []Source{srcOwn},
	},
}
