package provider

import "github.com/smtptriage/smtptriage/internal/cause"

// m365Ranges are codes of Exchange Online whose words are not known. They stand after the texts of their own service.
var m365Ranges = []Row{
	{
		ID: "m365-banned-ip-range", Service: "microsoft365", Code: 550, Status: "5.7.606-649",
		Pattern: `\b5\.7\.(?:60[6-9]|6[1-4]\d)\b`,
		Steps:   []cause.Step{cause.Rcpt, cause.Mail},
		Cause:   cause.IPBlocklisted, Firm: Suggests, Verified: true,
		Meaning: "5.7.606 to 5.7.649 ban the client's address.",
		Actions: []string{actDelist},
		Links:   []string{"https://sender.office.com"},
		Sources: []Source{srcNDR},
	},
	{
		ID: "m365-tenant-block-range", Service: "microsoft365", Code: 550, Status: "5.7.700-750",
		Pattern: `\b5\.7\.7(?:[0-4]\d|50)\b`,
		Steps:   []cause.Step{cause.Data}, NDR: true,
		Cause: cause.TenantRestricted, Firm: Suggests, Verified: true,
		Meaning: "5.7.700 to 5.7.750 block the tenant, or say that it is over a limit.",
		Actions: []string{"Defender portal > Restricted entities; then ask Microsoft support."},
		Sources: []Source{srcNDR},
	},
	{
		ID: "m365-banned-range", Service: "microsoft365", Code: 550, Status: "5.7.500-699",
		Pattern: `\b5\.7\.(?:5\d\d|6\d\d)\b`,
		Steps:   []cause.Step{cause.Rcpt, cause.Mail, cause.Data},
		Cause:   cause.IPBlocklisted, Firm: Suggests, Verified: true,
		Meaning: "5.7.500 to 5.7.699 are refusals of the spam filter, for the address or the sender.",
		Actions: []string{actDelist},
		Sources: []Source{srcNDR, srcServerBusy},
	},
	{
		ID: "m365-throttle-range", Service: "microsoft365", Code: 451, Status: "4.7.500-699",
		Pattern: `\b4\.7\.(?:5\d\d|6\d\d|8[5-9]\d)\b`,
		Steps:   []cause.Step{cause.Rcpt, cause.Mail},
		Cause:   cause.Throttled, Firm: Suggests, Retry: true, Verified: true,
		Meaning: "4.7.500 to 4.7.699 and 4.7.850 to 4.7.899 are the spam filter's limits for now.",
		Actions: []string{actRetry},
		Sources: []Source{srcNDR, srcServerBusy},
	},
	// The same words without their status, which tells account from address.
	{
		ID: "m365-banned-sender-words", Service: "microsoft365", Code: 550,
		Pattern: `Access denied, banned sender`,
		Steps:   []cause.Step{cause.Mail, cause.Data}, NDR: true,
		Cause: cause.TenantRestricted, Firm: Suggests,
		Also:    []cause.ID{cause.IPBlocklisted},
		Meaning: "Microsoft bans the account or the domain that sends, or the address; the status that tells them apart is missing.",
		Actions: []string{"Look for the whole reply: 5.7.501 to 5.7.503 speak of the account, 5.7.511 of the address, 5.7.800 of the domain.", actSecureAccount},
		Sources: []Source{srcNDR},
	},
	{
		ID: "m365-try-later-words", Service: "microsoft365", Code: 451,
		Pattern: `Access denied, please try again later`,
		Steps:   []cause.Step{cause.Rcpt, cause.Mail},
		Cause:   cause.Throttled, Firm: Suggests, Retry: true,
		Also:    []cause.ID{cause.IPBlocklisted},
		Meaning: "Something about the sending looks suspicious, and it is held back for now.",
		Actions: []string{"Later tries pass, as a rule; a server of your own is better known by an inbound connector."},
		Sources: []Source{srcNDR},
	},
}
