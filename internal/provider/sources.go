package provider

// collected is the day on which sources without a date of their own were read.
const collected = "2026-11-23"

// The sources that several entries share. A date is that of the text read; where the text has none, the day of reading.
var (
	srcPrinter          = Source{"learn.microsoft.com: fix issues with printers, scanners and LOB applications that send email using Microsoft 365", collected}
	srcDevice           = Source{"learn.microsoft.com: set up a multifunction device or application to send email", "2022"}
	srcSubmit           = Source{"learn.microsoft.com: SMTP submission improvements in Exchange Online", "2024-01-24"}
	srcThrot            = Source{"learn.microsoft.com: continuous error throttling of SMTP AUTH submissions", "2022"}
	srcNDR              = Source{"learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online", "2024-03-08"}
	srcNDR26            = Source{"MicrosoftDocs/SupportArticles-docs: table of non-delivery reports, commit ae5c3e0", "2026-01-07"}
	srcMailFlow         = Source{"MicrosoftDocs/microsoft-365-docs: mail-flow-intelligence-in-office-365, commit 0e90a9e", "2026-11-27"}
	srcOAuth            = Source{"learn.microsoft.com: authenticate an IMAP, POP or SMTP connection using OAuth", "2026-06"}
	srcShell            = Source{"MicrosoftDocs/office-docs-powershell: cmdlet reference", "2026-08"}
	srcBasic24          = Source{"techcommunity.microsoft.com 4114750: Basic auth for client submission to retire", "2024-04-15"}
	srcBasic26          = Source{"techcommunity.microsoft.com 4489835: updated timeline for SMTP AUTH Basic authentication", "2026-01-29"}
	srcReject           = Source{"techcommunity.microsoft.com 4408790: more control over Direct Send", "2025-04-28"}
	srcTERRL            = Source{"techcommunity.microsoft.com 4372797: tenant outbound email limits", "2025-07-14"}
	srcLegacy           = Source{"techcommunity.microsoft.com 2659652: opt-in endpoint for legacy TLS clients", "2022"}
	srcRegion           = Source{"MicrosoftDocs/SupportArticles-docs: wrong-office-365-region-exo", "2022-03-31"}
	srcG2               = Source{"techcommunity.microsoft.com 4488311: trust DigiCert Global Root G2", "2026-03-16"}
	srcDNSSEC           = Source{"Microsoft 365 message center MC1048624: new accepted domains under mx.microsoft", "2026-07"}
	srcUSGov            = Source{"MicrosoftDocs/microsoft-365-docs: endpoints of GCC High and DoD", "2023-03"}
	srcChina            = Source{"MicrosoftDocs/microsoft-365-docs: endpoints of 21Vianet", "2021-05"}
	srcHVE              = Source{"Microsoft 365 message center MC1243552 and reports of administrators: High Volume Email", "2026-03"}
	srcACS              = Source{"learn.microsoft.com: Azure Communication Services, SMTP authentication (quick start)", collected}
	srcSisimaiGoogle    = Source{"sisimai/p5-sisimai: lib/Sisimai/Rhost/Google.pm", "2024-10-09"}
	srcSisimaiMicrosoft = Source{"sisimai/p5-sisimai: lib/Sisimai/Rhost/Microsoft.pm", "2024-10-09"}
	srcSisimaiSet       = Source{"sisimai/set-of-emails", collected}
	srcPostfix          = Source{"postfix: smtpd.c, smtpd_check.c", "2026-08-21"}
	srcPostfixSASL      = Source{"postfix: smtpd_sasl_glue.c", "2026-08-21"}
	srcPostfixGlobal    = Source{"postfix: cleanup_strerror.c, mail_params.h", "2026-08-21"}
	srcExim             = Source{"Exim: smtp_in.c", "2025-12-29"}
	srcEximVerify       = Source{"Exim: configure.default, verify.c", "2025-12-29"}
	srcEximReceive      = Source{"Exim: receive.c", "2025-12-29"}
	srcExchangeDSN      = Source{"learn.microsoft.com: non-delivery reports in Exchange Server", collected}
	srcExchangeTelnet   = Source{"learn.microsoft.com: test SMTP communication with Telnet on Exchange servers", collected}
	srcFieldManual      = Source{"ActiveCampaign/smtp-field-manual: data/codes", "2025-02-10"}
	srcFieldManual97    = Source{"ActiveCampaign/smtp-field-manual, pull request 97", "2025-10"}
	srcFieldManual99    = Source{"ActiveCampaign/smtp-field-manual, pull request 99", "2026-04"}
	srcSMTPCodes        = Source{"smtp.codes", "2026-05-31"}
	srcZoneMTA          = Source{"zone-eu/zone-mta: config/bounces.txt", collected}
	srcHybridBlog       = Source{"Microsoft Exchange support blog (Japanese): certificate errors in hybrid set-ups", collected}
	srcTenantCodes      = Source{"MicrosoftDocs/SupportArticles-docs: fix error codes 550 5.7.703, 705, 708, 750", "2026-10-02"}
	srcServerBusy       = Source{"learn.microsoft.com: fix error code 451 4.7.500-699 (ASxxx)", "2022"}
	srcTroubleshooters  = Source{"O365Troubleshooters: Office365Relay script", collected}
	srcMultiGeo         = Source{"learn.microsoft.com: inbound region routing in multi-geo tenants, potential errors", collected}
	srcBookYourPTO      = Source{"docs.bookyourpto.com/features/smtp-troubleshoot", collected}
	srcPause            = Source{"techcommunity.microsoft.com 4007169: pause throttling of out-of-date Exchange servers", collected}
	srcSpamhaus         = Source{"spamhaus.org/news/article/788 (the codes); the reply's words from experience", "2019-09-30"}
	srcSES              = Source{"docs.aws.amazon.com: SMTP response codes returned by Amazon SES", collected}
	srcYahoo            = Source{"senders.yahooinc.com: SMTP error codes", collected}
	srcMimecast         = Source{"community.mimecast.com: Mimecast SMTP error codes (DOC-1369)", collected}
	srcSeen             = Source{"transcripts and logs in public issue trackers", collected}
	srcOwn              = Source{"the RFC's own wording; no sighting to cite", collected}
	srcMemory           = Source{"from experience; no text found to cite", collected}
)
