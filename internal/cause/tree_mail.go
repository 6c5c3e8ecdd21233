package cause

// mailNodes are the sign-in and steps 6 to 8: from AUTH to a message that the server has taken.
var mailNodes = []Node{
	{
		Step: Auth, Title: "Is the sign-in accepted?",
		Tests: []string{
			"Where the door takes credentials, read the AUTH keyword inside TLS and sign in with the mechanism both sides know.",
		},
		Expected: []string{
			"AUTH is offered after TLS (Microsoft 365: AUTH LOGIN XOAUTH2), and never on an MX.",
			"235 2.7.0 Authentication successful",
		},
		Also: []ID{SenderMailboxFull, Throttled},
		ToldApart: []string{
			"The mechanisms before and after TLS: none at all means the wrong door or no TLS, others than the client knows mean a mismatch.",
			"The wording of the 535 separates tenant switch, mailbox switch, policy, lock and plain wrong password; only 'did not meet the criteria' and a bare 5.7.3 leave several.",
			"A token is read offline: audience, scope or role, expiry and user are compared with what SMTP needs.",
			"A 5.7.139 quoted inside a 530 at MAIL FROM is the sign-in's failure, carried over by a client that went on.",
		},
		CommonErrors: []string{
			"535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
			"535 5.7.3 Authentication unsuccessful",
		},
		Actions: []string{
			"Read the sign-in log: Entra admin center > Monitoring > Sign-in logs, filtered for the account.",
			"Check the switches: Get-TransportConfig and Get-CASMailbox, property SmtpClientAuthenticationDisabled.",
			"Sign in with the same name and password at https://outlook.office.com.",
			"Move the client to OAuth, or send through a connector if it cannot.",
		},
		Notes: []string{
			"Passwords still work over SMTP in tenants that allow them; as announced 2026-01-27 they are off by default from the end of December 2026.",
		},
	},
	{
		Step: Mail, Number: 6, Title: "Is the sender accepted?",
		Tests: []string{
			"Send MAIL FROM with the address the device uses as its sender.",
		},
		Expected: []string{
			"250 2.1.0 Sender OK",
		},
		Also: []ID{TenantRestricted, ConnectorRestriction},
		ToldApart: []string{
			"The provider's reply rows come first: code, enhanced status and wording name most causes here.",
			"Another sender domain for the same recipient: if that one is taken, the domain is what is refused.",
			"The address the server saw, from its EHLO reply, is what a connector has to list.",
			"SIZE is declared with MAIL FROM, so a limit shows without sending a byte of the message.",
			"A 4xx is tried once more after the wait that the server asks for, and is reported even if it then passes.",
		},
		CommonErrors: []string{
			"530 5.7.57 Client not authenticated to send mail.",
			"550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this organization from unauthorized sources",
		},
		Actions: []string{
			"Verify that the sender's domain is an accepted domain of the tenant: Get-AcceptedDomain.",
			"Verify the connector's direction (to Microsoft 365), type and scope: Get-InboundConnector | Format-List Name,Enabled,ConnectorType,SenderIPAddresses,TlsSenderCertificateName.",
			"Decide whether this device is to sign in (SMTP AUTH) or to relay by its address, and set host, port and credentials for that one way.",
		},
		Notes: []string{
			"A limit (throttled), a fault of the service (server-temporary-failure) and a client out of step (client-protocol-error) may show at any step, not only here.",
		},
	},
	{
		Step: Rcpt, Number: 7, Title: "Is the recipient accepted?",
		Tests: []string{
			"Send RCPT TO with the address the mail is meant for.",
		},
		Expected: []string{
			"250 2.1.5 Recipient OK",
		},
		Also: []ID{ConnectorMisconfigured, DirectSendRejected, SenderDomainNotAccepted, Throttled, ServerTemporaryFailure},
		ToldApart: []string{
			"One thing is changed at a time, the sender's domain or the recipient (inside the tenant, outside it): what changes the answer is what is refused.",
			"The public address as the server saw it, looked up in the blocklists, with their error codes told from listings.",
			"The PTR record, and whether its name leads back to the address; whether the sender's SPF lists the address.",
			"A 4xx is tried once more after the wait asked for: greylisting then passes, a block does not.",
		},
		CommonErrors: []string{
			"550 5.7.1 Service unavailable, Client host [192.0.2.10] blocked using Spamhaus",
			"550 5.7.64 TenantAttribution; Relay Access Denied",
		},
		Actions: []string{
			"Check the reputation of the public address: https://check.spamhaus.org, and the link in the reply.",
			"Switch the device to SMTP submission on port 587, where the address's reputation hardly counts.",
			"Ask for delisting where the listing is wrong or cured: at the list's own page, or https://sender.office.com for Microsoft's.",
			"Check the recipient's address, and whether it is inside the tenant: Direct Send reaches nobody else.",
		},
		Notes: []string{
			"A refusal inside the session never appears in Microsoft's message trace: an empty trace is no proof that nothing was sent.",
		},
	},
	{
		Step: Data, Number: 8, Title: "Is a message accepted? (optional)",
		Tests: []string{
			"Only if asked for: send DATA and a small test message.",
		},
		Expected: []string{
			"354 Start mail input; end with <CRLF>.<CRLF>",
			"250 2.0.0, with the server's words that it has taken the message for delivery.",
		},
		Also: []ID{MessageTooLarge, PathMTUBlackhole, SendAsDenied, DirectSendRejected, ConnectorMisconfigured, Throttled},
		ToldApart: []string{
			"Where it ended: at the DATA command, inside the body, or after the final dot.",
			"Inside the body: bytes acknowledged, retransmissions, and the same message with a clamped segment size, to know an MTU hole from a proxy or an idle timer.",
			"After the final dot the server has read the message: the reply speaks of content, policy, size or the From header.",
		},
		Actions: []string{
			"Send less: a lower scan resolution, a smaller attachment, or several messages.",
			"Review the mail flow (transport) rules: Get-TransportRule | Format-List Name,State,RejectMessageReasonText.",
			"Review the message trace for the test message: Get-MessageTraceV2 -SenderAddress <from>.",
		},
		Notes: []string{
			"A 250 after the dot means the server has taken charge. What became of the message then, the message trace knows.",
		},
	},
}
