package provider

import "github.com/smtptriage/smtptriage/internal/cause"

// genericMessage is what servers of any make say of the message, and of too much mail.
var genericMessage = []Row{
	{
		ID: "content-generic", Service: "generic", Code: 550, Status: "5.7.1",
		Pattern: `\b(?:virus|malware|trojan|infected|phishing)\b|(?:classified|identified|detected|considers?|considered|rejected|flagged|marked|blocked|looks|appears|seems|is) (?:as |to be |like |being |likely )?(?:an? )?(?:possible |probable )?(?:\w+ )?(?:spam|UCE|junk|unsolicited)|spam (?:message|content|detected|score|filter|rejected|mail)|spamassassin|rspamd|high (?:probability|score) .{0,20}spam|(?:attachment|file (?:type|extension|name)|content(?: type)?)s? .{0,60}(?:not (?:allowed|permitted|accepted)|blocked|forbidden|prohibited|rejected|denied)|content (?:reject|filter)|(?:banned|forbidden|prohibited|executable) (?:attachment|file|content)|rejected .{0,40}(?:content|spam)`,
		Steps:   []cause.Step{cause.Data},
		Cause:   cause.ContentFiltered, Firm: Suggests, Verified: true,
		Meaning: "The server refuses what the message says or holds.",
		Actions: []string{"Send a plain text first; then look at subject, text, links and type of attachment."},
		Sources: []Source{srcSeen},
	},
	{
		ID: "policy-generic", Service: "generic", Code: 550, Status: "5.7.1",
		Pattern: `(?:local|site|our|security|system|administrative|company|organi[sz]ation|e?-?mail|message|content) (?:policy|prohibition|policies)|policy (?:violation|reasons?|rejection|restriction|reject)|administrative(?:ly)? prohibit|(?:rejected|refused|denied|blocked|prohibited|violates?|against) .{0,30}(?:policy|policies|administrator)|delivery not authori[sz]ed|message refused`,
		Steps:   []cause.Step{cause.Data, cause.Rcpt, cause.Mail},
		Cause:   cause.PolicyEnforced, Firm: Suggests, Verified: true,
		Also:    []cause.ID{cause.ContentFiltered, cause.IPBlocklisted},
		Meaning: "A rule of the server refuses the message; which one, its administrator can say.",
		Actions: []string{"Ask that server's administrator what the log says."},
		Sources: []Source{srcSeen},
	},
	{
		ID: "message-malformed-generic", Service: "generic", Code: 554, Status: "5.6.0",
		Pattern: `(?:bare|naked|stray) <?(?:LF|line ?feeds?|CR|newline)|(?:missing|no|multiple|duplicate|malformed|invalid|bad) .{0,30}(?:From|Date|Message-?ID|Subject|To|MIME|header)\b.{0,20}(?:header|field|line)s?|(?:line|header)s? (?:is |are )?too (?:long|large)|(?:not|isn'?t) .{0,10}RFC ?-?(?:2822|5322|822).{0,20}compliant|(?:violates?|compliant with|comply with) RFC ?-?(?:2822|5322|822)|message (?:is )?malformed|(?:bad|invalid) (?:message|MIME) (?:header|format|structure)|header syntax|smtpd?_forbid_bare_newline`,
		Steps:   []cause.Step{cause.Data},
		Cause:   cause.MessageMalformed, Firm: Suggests, Verified: true,
		Meaning: "The message breaks the rules for its format.",
		Actions: []string{"Update the program that writes the message; look at its headers and line ends."},
		Sources: []Source{srcSeen},
	},
	{
		ID: "throttled-generic", Service: "generic", Code: 452, Status: "4.7.1",
		Pattern: `rate.?limit|limit(?:ed)? .{0,30}(?:exceeded|reached)|exceed(?:s|ed)? .{0,60}(?:limit|rate|quota|maximum number|allowance)|too many (?:messages|recipients|connections|requests|e?-?mails|sessions|concurrent|errors from|transactions|simultaneous)|throttl|(?:hourly|daily|sending|relay|message) (?:quota|limit)|slow(?:ing)? down|too (?:fast|frequent|much mail)|max(?:imum)? (?:number of )?(?:connections|recipients|messages|sessions)|unusual (?:rate|volume)|excessive (?:rate|volume|number)`,
		Steps:   []cause.Step{cause.Mail, cause.Rcpt, cause.Data},
		Cause:   cause.Throttled, Firm: Suggests, Retry: true, Verified: true,
		Meaning: "The client is over a limit of the server: connections, messages or recipients in a time.",
		Actions: []string{actSlower},
		Sources: []Source{srcSeen},
	},
}
