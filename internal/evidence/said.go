package evidence

// The kinds of statements of other programs (Said.Kind) that no fact of the wire can carry: what a program concluded,
// refused or lacked by itself. What can be said as a fact (a refused connection, an alert, a certificate that does not
// verify, a reply) is recorded as that fact instead.
const (
	SaidNoStartTLS      = "no-starttls"         // the server offers no STARTTLS, and the program insists on it
	SaidNoAuth          = "no-auth"             // the server offers no AUTH
	SaidAuthMechanism   = "auth-mechanism"      // no mechanism in common
	SaidAuthFailed      = "auth-failed"         // signing in failed; no reply is shown
	SaidTLSVersion      = "tls-version"         // the program's own TLS and the far end's have no version in common
	SaidTLSCipher       = "tls-cipher"          // no cipher suite, group, key size or signature in common
	SaidTLSFailed       = "tls-failed"          // the handshake failed, and no word of why
	SaidTLSCut          = "tls-cut"             // the connection ended within the handshake
	SaidTLSMissing      = "tls-unavailable"     // the program has no TLS, or was told not to use it
	SaidCertificate     = "certificate-invalid" // the certificate does not verify, and no word of why
	SaidRevocation      = "revocation"          // a CRL or OCSP answer could not be had
	SaidClientCert      = "client-certificate"  // the client has no certificate to show, or none that is taken
	SaidConnectFailed   = "connect-failed"      // no connection, and no word of why
	SaidLoopsBack       = "loops-back"          // the host that mail should go to is the sender itself
	SaidMaskedGreeting  = "masked-greeting"     // the greeting looked as a firewall's SMTP fixup leaves it
	SaidShieldAnswered  = "shield-answered"     // a mail shield on the client's machine answered for a server it could not reach
	SaidNameFailed      = "name-failed"         // a name could not be looked up, and no word of whether it exists
	SaidResolverFailed  = "resolver-failed"     // the resolver gave no answer; which name was asked is not said
	SaidTooMany         = "too-many"            // more connections or messages than the server takes
	SaidOutOfStep       = "out-of-step"         // one side spoke when it was not its turn
	SaidTokenRejected   = "token-rejected"      // the sign-in service gave no token, or a useless one
	SaidNotAuthorised   = "not-authorised"      // the program's own server asks for a sign-in first
	SaidTooLarge        = "too-large"           // the program found the message over the announced SIZE
	SaidBadRecipient    = "bad-recipient"       // the program found the recipient's address malformed
	SaidBadSender       = "bad-sender"          // the program found the sender's address malformed
	SaidReplyWords      = "reply-words"         // a server's words, their code lost
	SaidNotSMTP         = "not-smtp"            // what answered does not speak SMTP
	SaidGreetingTimeout = "greeting-timeout"    // no greeting within the program's patience
)
