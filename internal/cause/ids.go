package cause

// The causes, in tree order. Ids are stable: scripts, reports and evidence depend on them.
const (
	// Met at connect.
	DNSNameNotFound    ID = "dns-name-not-found"
	DNSResolverFailing ID = "dns-resolver-failing"
	DNSWrongAnswer     ID = "dns-wrong-answer"
	FirewallBlocksSMTP ID = "firewall-blocks-smtp"
	ISPBlocksPort25    ID = "isp-blocks-port-25"
	RoutingOrNAT       ID = "routing-or-nat"
	PortClosed         ID = "port-closed"
	IPv6PathBroken     ID = "ipv6-path-broken"

	// Met at banner.
	MiddleboxTerminates        ID = "middlebox-terminates"
	SMTPBlockedUpstream        ID = "smtp-blocked-upstream"
	TLSInspection              ID = "tls-inspection"
	ImplicitTLSExpected        ID = "implicit-tls-expected"
	BannerRewritten            ID = "banner-rewritten"
	NotSMTP                    ID = "not-smtp"
	ServerRefusesService       ID = "server-refuses-service"
	GreetingDelayed            ID = "greeting-delayed"
	SMTPRedirected             ID = "smtp-redirected"
	SecuritySoftwareIntercepts ID = "security-software-intercepts"

	// Met at ehlo.
	HELOOnlyClient         ID = "helo-only-client"
	SMTPProxyAlters        ID = "smtp-proxy-alters"
	TLSRequiredFirst       ID = "tls-required-first"
	HELONameRejected       ID = "helo-name-rejected"
	ConnectionCutAfterEHLO ID = "connection-cut-after-ehlo"

	// Met at starttls-offer.
	WrongEndpoint        ID = "wrong-endpoint"
	StartTLSStripped     ID = "starttls-stripped"
	StartTLSNotSupported ID = "starttls-not-supported"

	// Met at starttls.
	TLSVersionMismatch        ID = "tls-version-mismatch"
	TLSCipherMismatch         ID = "tls-cipher-mismatch"
	PathMTUBlackhole          ID = "path-mtu-blackhole"
	TLSIntercepted            ID = "tls-intercepted"
	CertificateExpired        ID = "certificate-expired"
	CertificateNotYetValid    ID = "certificate-not-yet-valid"
	CertificateNameMismatch   ID = "certificate-name-mismatch"
	CertificateUntrusted      ID = "certificate-untrusted"
	HandshakeCut              ID = "handshake-cut"
	ClientHelloTooLarge       ID = "clienthello-too-large"
	StartTLSRefused           ID = "starttls-refused"
	EHLOAfterTLSFails         ID = "ehlo-after-tls-fails"
	ImplicitTLSOnStartTLSPort ID = "implicit-tls-on-starttls-port"
	RevocationCheckFailed     ID = "revocation-check-failed"
	ClientTrustStoreOutdated  ID = "client-trust-store-outdated"
	ClientTLSUnavailable      ID = "client-tls-unavailable"
	ClientCertificateMissing  ID = "client-certificate-missing"

	// Met at auth.
	AuthNotOffered         ID = "auth-not-offered"
	AuthMechanismMismatch  ID = "auth-mechanism-mismatch"
	AuthBadCredentials     ID = "auth-bad-credentials"
	AuthDisabledForTenant  ID = "auth-disabled-for-tenant"
	AuthDisabledForMailbox ID = "auth-disabled-for-mailbox"
	AuthBlockedByPolicy    ID = "auth-blocked-by-policy"
	BasicAuthRetired       ID = "basic-auth-retired"
	OAuthTokenInvalid      ID = "oauth-token-invalid"
	AuthFederationFailing  ID = "auth-federation-failing"
	SenderLicenseInvalid   ID = "sender-license-invalid"

	// Met at mail.
	AuthRequired            ID = "auth-required"
	SenderDomainNotAccepted ID = "sender-domain-not-accepted"
	ConnectorMisconfigured  ID = "connector-misconfigured"
	DirectSendRejected      ID = "direct-send-rejected"
	SenderAddressInvalid    ID = "sender-address-invalid"
	SendAsDenied            ID = "send-as-denied"
	Throttled               ID = "throttled"
	MessageTooLarge         ID = "message-too-large"
	ServerTemporaryFailure  ID = "server-temporary-failure"
	ClientProtocolError     ID = "client-protocol-error"
	SendingServerOutdated   ID = "sending-server-outdated"

	// Met at rcpt.
	IPBlocklisted             ID = "ip-blocklisted"
	ConnectorRestriction      ID = "connector-restriction"
	ExternalRecipientBlocked  ID = "external-recipient-blocked"
	RecipientNotFound         ID = "recipient-not-found"
	TenantRestricted          ID = "tenant-restricted"
	Greylisted                ID = "greylisted"
	ReverseDNSMissing         ID = "reverse-dns-missing"
	RecipientRestrictsSenders ID = "recipient-restricts-senders"
	RecipientMailboxFull      ID = "recipient-mailbox-full"
	RecipientTenantUnlicensed ID = "recipient-tenant-unlicensed"
	RecipientAddressInvalid   ID = "recipient-address-invalid"

	// Met at data.
	ContentFiltered   ID = "content-filtered"
	PolicyEnforced    ID = "policy-enforced"
	DataStalls        ID = "data-stalls"
	SenderMailboxFull ID = "sender-mailbox-full"
	MessageMalformed  ID = "message-malformed"
	MailLoop          ID = "mail-loop"

	// No failing step.
	Accepted          ID = "accepted"
	AcceptedNotProven ID = "accepted-not-proven"
	Undetermined      ID = "undetermined"
)
