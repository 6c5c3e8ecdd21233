package provider

import "github.com/smtptriage/smtptriage/internal/cause"

// m365Service holds faults and limits of the service itself.
var m365Service = []Row{
	{
		ID: "m365-max-connections-forest", Service: "exchange", Code: 421, Status: "4.3.2",
		Pattern: `maximum number of concurrent connections`,
		Steps:   []cause.Step{cause.Banner, cause.Mail},
		Cause:   cause.Throttled, Firm: Suggests, Retry: true, Verified: true,
		Also:    []cause.ID{cause.ServerRefusesService},
		Meaning: "Too many connections to this part of the service, or to the receive connector of an Exchange Server.",
		Actions: []string{"Try again with fewer connections."},
		Sources: []Source{srcSMTPCodes, srcFieldManual},
	},
	{
		ID: "m365-temporary-server-error-prx", Service: "exchange", Code: 451, Status: "4.7.0",
		Pattern: `4\.7\.0 Temporary server error|Temporary server error\. .{0,60}PRX[0-9]`,
		Steps:   []cause.Step{cause.Mail, cause.Rcpt, cause.Data, cause.Auth},
		Cause:   cause.ServerTemporaryFailure, Firm: Names, Retry: true, Verified: true,
		Meaning: "A front end of the service did not reach its back end; it passes by itself. On an Exchange Server it is mostly DNS or a stopped transport service.",
		Actions: []string{
			actRetry,
			"Exchange Server: the transport service's DNS settings, and whether the back-end services run.",
		},
		Sources: []Source{srcSMTPCodes, srcFieldManual},
	},
	{
		ID: "m365-temporary-server-error-attr", Service: "microsoft365", Code: 451, Status: "4.3.2",
		Pattern: `4\.(?:3\.2|4\.3) Temporary server error|Temporary server error\. .{0,60}ATTR[0-9]`,
		Steps:   []cause.Step{cause.Mail, cause.Rcpt},
		Cause:   cause.ServerTemporaryFailure, Firm: Names, Retry: true, Verified: true,
		Meaning: "The service could not tell just now which tenant the message is for.",
		Actions: []string{actRetry},
		Sources: []Source{srcFieldManual, srcMultiGeo, srcSisimaiMicrosoft},
	},
	{
		ID: "m365-not-replicated", Service: "exchange", Code: 451, Status: "4.4.0",
		Pattern: `Message failed to be replicated`,
		Steps:   []cause.Step{cause.Data},
		Cause:   cause.ServerTemporaryFailure, Firm: Names, Retry: true, Verified: true,
		Meaning: "The server could not make its safety copy of the message.",
		Actions: []string{actRetry},
		Sources: []Source{srcFieldManual, srcFieldManual97, srcSisimaiMicrosoft},
	},
	{
		ID: "m365-not-proxied", Service: "exchange", Code: 450, Status: "4.7.0",
		Pattern: `Message not proxied|Proxy session setup failed`,
		Steps:   []cause.Step{cause.Data, cause.Mail},
		Cause:   cause.ServerTemporaryFailure, Firm: Names, Retry: true, Verified: true,
		Meaning: "The service's outer server found no inner one for this session.",
		Actions: []string{"Try again; the reply quoted inside names the real reason."},
		Sources: []Source{
			srcFieldManual97,
			{"x13-me/OfficeDocs-Exchange:fix-error-code-550-4-4-7-in-exchange-online.md", collected},
		},
	},
	{
		ID: "m365-org-queue-quota", Service: "microsoft365", Code: 450, Status: "4.7.3",
		Pattern: `Organi[sz]ation queue quota exceeded`,
		Steps:   []cause.Step{cause.Data},
		Cause:   cause.Throttled, Firm: Names, Retry: true, Verified: true,
		Meaning: "Too much mail waits in the service for this organisation.",
		Actions: []string{"Try again; see what waits: message trace, status Pending."},
		Sources: []Source{srcFieldManual},
	},
	{
		ID: "exchange-insufficient-resources", Service: "exchange", Code: 452, Status: "4.3.1",
		Pattern: `Insufficient system resources`,
		Steps:   []cause.Step{cause.Mail, cause.Data},
		Cause:   cause.ServerTemporaryFailure, Firm: Names, Retry: true, Verified: true,
		Meaning: "The server is short of disk or memory and takes no mail for now.",
		Actions: []string{actRetry, "Exchange Server: free space on the drive of the queue database."},
		Sources: []Source{srcFieldManual, srcExchangeDSN},
	},
	{
		ID: "exchange-service-not-available", Service: "exchange", Code: 421, Status: "4.3.2",
		Pattern: `(?:4\.3\.2|421) Service not (?:available|active)`,
		Steps:   []cause.Step{cause.Banner, cause.EHLO, cause.Mail},
		Cause:   cause.ServerRefusesService, Firm: Suggests, Retry: true, Verified: true,
		Meaning: "The server, or a part of it, takes no mail now; an Exchange Server says so to clients its connectors do not know, too.",
		Actions: []string{
			actRetry,
			"Exchange Server: Get-ServerComponentState <server>; Get-ReceiveConnector | Format-List Name,TransportRole,RemoteIPRanges",
		},
		Sources: []Source{srcExchangeDSN, srcFieldManual, srcSeen},
	},
}
