package provider

// collected is the day on which sources without a date of their own were read.
const collected = "2026-11-23"

// The sources that several entries share. A date is that of the text read; where the text has none, the day of reading.
var (
	srcPrinter = Source{"learn.microsoft.com: fix issues with printers, scanners and LOB applications that send email using Microsoft 365", collected}
	srcDevice  = Source{"learn.microsoft.com: set up a multifunction device or application to send email", "2022"}
	srcSubmit  = Source{"learn.microsoft.com: SMTP submission improvements in Exchange Online", "2024-01-24"}
	srcThrot   = Source{"learn.microsoft.com: continuous error throttling of SMTP AUTH submissions", "2022"}
	srcNDR     = Source{"learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online", "2024-03-08"}
	srcNDR26   = Source{"MicrosoftDocs/SupportArticles-docs: table of non-delivery reports, commit ae5c3e0", "2026-01-07"}
	srcOAuth   = Source{"learn.microsoft.com: authenticate an IMAP, POP or SMTP connection using OAuth", "2026-06"}
	srcShell   = Source{"MicrosoftDocs/office-docs-powershell: cmdlet reference", "2026-08"}
	srcBasic24 = Source{"techcommunity.microsoft.com 4114750: Basic auth for client submission to retire", "2024-04-15"}
	srcBasic26 = Source{"techcommunity.microsoft.com 4489835: updated timeline for SMTP AUTH Basic authentication", "2026-01-29"}
	srcReject  = Source{"techcommunity.microsoft.com 4408790: more control over Direct Send", "2025-04-28"}
	srcTERRL   = Source{"techcommunity.microsoft.com 4372797: tenant outbound email limits", "2025-07-14"}
	srcLegacy  = Source{"techcommunity.microsoft.com 2659652: opt-in endpoint for legacy TLS clients", "2022"}
	srcRegion  = Source{"MicrosoftDocs/SupportArticles-docs: wrong-office-365-region-exo", "2022-03-31"}
	srcG2      = Source{"techcommunity.microsoft.com 4488311: trust DigiCert Global Root G2", "2026-03-16"}
	srcDNSSEC  = Source{"Microsoft 365 message center MC1048624: new accepted domains under mx.microsoft", "2026-07"}
	srcUSGov   = Source{"MicrosoftDocs/microsoft-365-docs: endpoints of GCC High and DoD", "2023-03"}
	srcChina   = Source{"MicrosoftDocs/microsoft-365-docs: endpoints of 21Vianet", "2021-05"}
	srcHVE     = Source{"Microsoft 365 message center MC1243552 and reports of administrators: High Volume Email", "2026-03"}
	srcACS     = Source{"learn.microsoft.com: Azure Communication Services, SMTP authentication (quick start)", collected}
	srcSeen    = Source{"transcripts and logs in public issue trackers", collected}
	srcOwn     = Source{"the RFC's own wording; no sighting to cite", collected}
	srcMemory  = Source{"from experience; no text found to cite", collected}
)
