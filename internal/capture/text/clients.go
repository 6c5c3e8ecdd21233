package text

import (
	"slices"
	"strings"

	"github.com/smtptriage/smtptriage/internal/evidence"
)

// clientPhrases are what mail libraries and programs say of what they met, in words of their own.
var clientPhrases = []phrase{
	// The server offers no STARTTLS, says the client that wants it.
	{"starttls not supported", said(evidence.SaidNoStartTLS)},
	{"does not support the starttls extension", said(evidence.SaidNoStartTLS)},
	{"starttls extension not supported by server", said(evidence.SaidNoStartTLS)},
	{"does not support starttls", said(evidence.SaidNoStartTLS)},
	{"doesn't support starttls", said(evidence.SaidNoStartTLS)},
	{"server does not support secure connections", said(evidence.SaidNoStartTLS)},
	{"starttls is required but host does not support starttls", said(evidence.SaidNoStartTLS)},
	{"starttls is required but", said(evidence.SaidNoStartTLS)},
	{"does not support tls via the starttls command", said(evidence.SaidNoStartTLS)},
	{"tls is required, but was not offered", said(evidence.SaidNoStartTLS)},
	{"tls required but not supported", said(evidence.SaidNoStartTLS)},
	{"starttls not available", said(evidence.SaidNoStartTLS)},
	{"starttls not offered", said(evidence.SaidNoStartTLS)},
	{"starttls is not supported", said(evidence.SaidNoStartTLS)},
	{"starttls is not offered", said(evidence.SaidNoStartTLS)},
	{"starttls is not available", said(evidence.SaidNoStartTLS)},
	{"server doesn't advertise starttls", said(evidence.SaidNoStartTLS)},
	{"does not advertise starttls", said(evidence.SaidNoStartTLS)},
	{"not support starttls", said(evidence.SaidNoStartTLS)},
	{"find starttls in server response", said(evidence.SaidNoStartTLS)},
	{"found starttls in server response", said(evidence.SaidNoStartTLS)},
	{"starttls unexpectedly not supported", said(evidence.SaidNoStartTLS)},
	{"requested ssl level failed", said(evidence.SaidNoStartTLS)},
	{"starttls denied", said(evidence.SaidNoStartTLS)},
	{"server did not offer starttls", said(evidence.SaidNoStartTLS)},
	{"a tls session is required, but the server did not offer", said(evidence.SaidNoStartTLS)},
	{"tls is required but", weak(said(evidence.SaidNoStartTLS))},

	// It offers no AUTH, or none that the client knows.
	{"server does not support authentication", said(evidence.SaidNoAuth)},
	{"smtp auth extension not supported by server", said(evidence.SaidNoAuth)},
	{"does not support smtp auth", said(evidence.SaidNoAuth)},
	{"server doesn't support auth", said(evidence.SaidNoAuth)},
	{"authentication not supported by the server", said(evidence.SaidNoAuth)},
	{"authentication is not enabled", said(evidence.SaidNoAuth)},
	{"does not support authentication", said(evidence.SaidNoAuth)},
	{"did not advertise authentication", said(evidence.SaidNoAuth)},
	{"doesn't support authentication", said(evidence.SaidNoAuth)},
	{"does not support the auth extension", said(evidence.SaidNoAuth)},
	{"auth not supported", weak(said(evidence.SaidNoAuth))},
	{"missing credentials for", said(evidence.SaidNotAuthorised)},
	{"offered no compatible authentication mechanisms", said(evidence.SaidAuthMechanism)},
	{"no suitable authentication method found", said(evidence.SaidAuthMechanism)},
	{"no authentication mechanisms supported by both", said(evidence.SaidAuthMechanism)},
	{"no compatible authentication mechanism", said(evidence.SaidAuthMechanism)},
	{"no supported authentication", said(evidence.SaidAuthMechanism)},
	{"authentication mechanism…not supported", said(evidence.SaidAuthMechanism)},
	{"authentication method…not supported", said(evidence.SaidAuthMechanism)},
	{"requested method is not in the list of supported methods", said(evidence.SaidAuthMechanism)},
	{"cannot use a secure authentication method", said(evidence.SaidAuthMechanism)},
	{"no mechanism available", said(evidence.SaidAuthMechanism)},
	{"no worthy mechs found", said(evidence.SaidAuthMechanism)},
	{"unrecognized authentication type", said(evidence.SaidAuthMechanism)},
	{"unknown auth type", said(evidence.SaidAuthMechanism)},
	{"auth-type not supported", said(evidence.SaidAuthMechanism)},
	{"unencrypted connection", said(evidence.SaidAuthMechanism)},

	// Signing in failed, without the server's words.
	{"sasl login authentication failed", said(evidence.SaidAuthFailed)},
	{"sasl plain authentication failed", said(evidence.SaidAuthFailed)},
	{"sasl…authentication failed:", weak(said(evidence.SaidAuthFailed))},
	{"could not authenticate", weak(said(evidence.SaidAuthFailed))},
	{"failed to authenticate", weak(said(evidence.SaidAuthFailed))},
	{"login denied", weak(said(evidence.SaidAuthFailed))},
	{"authentication failed", weak(said(evidence.SaidAuthFailed))},
	{"authentication unsuccessful", weak(said(evidence.SaidAuthFailed))},
	{"invalid login", weak(said(evidence.SaidAuthFailed))},
	{"authenticationinvalidcredentials", weak(said(evidence.SaidAuthFailed))},
	{"authenticationfailedexception", weak(said(evidence.SaidAuthFailed))},
	{"security.authenticationexception", weak(said(evidence.SaidAuthFailed))}, // MailKit's; that of .NET itself speaks of certificates
	{"username and password not accepted", said(evidence.SaidAuthFailed)},
	{"bad username or password", said(evidence.SaidAuthFailed)},
	{"invalid grant", said(evidence.SaidTokenRejected)},
	{"aadsts", said(evidence.SaidTokenRejected)},
	{"invalid client", weak(said(evidence.SaidTokenRejected))},
	{"token has expired", said(evidence.SaidTokenRejected)},
	{"token is expired", said(evidence.SaidTokenRejected)},
	{"access token…expired", said(evidence.SaidTokenRejected)},
	{"invalid xoauth2", said(evidence.SaidTokenRejected)},
	{"xoauth2: authentication failed", said(evidence.SaidTokenRejected)},
	{"can't create new access token", said(evidence.SaidTokenRejected)},
	{"authentication required for command", said(evidence.SaidNotAuthorised)},
	{"client is not authenticated", weak(said(evidence.SaidNotAuthorised))},
	{"client was not authenticated", weak(said(evidence.SaidNotAuthorised))},

	{"cannot connect to smtp server…connect error", meaning{said: evidence.SaidShieldAnswered, inReply: true}},
	{"enabling pix workarounds", said(evidence.SaidMaskedGreeting)},
	{"too many connections", said(evidence.SaidTooMany)},
	{"message size exceeds", weak(said(evidence.SaidTooLarge))},
	{"exceeds size limit", weak(said(evidence.SaidTooLarge))},
	{"message exceeds fixed maximum", weak(said(evidence.SaidTooLarge))},
	{"size limit of host", said(evidence.SaidTooLarge)},
	{"invalid address: (to)", said(evidence.SaidBadRecipient)},
	{"no recipients defined", said(evidence.SaidBadRecipient)},
	{"you must provide at least one recipient", said(evidence.SaidBadRecipient)},
	{"invalid address: (from)", said(evidence.SaidBadSender)},
	{"captive portal", said(evidence.SaidNotSMTP)},
	{"weird server reply", weak(said(evidence.SaidNotSMTP))},
	{"unexpected smtp-server response", weak(said(evidence.SaidNotSMTP))},
	{"improper command pipelining", said(evidence.SaidOutOfStep)},
	{"non-smtp command from", said(evidence.SaidOutOfStep)},
	{"smtp protocol synchronization error", said(evidence.SaidOutOfStep)},
	{"smtp command pipelining", said(evidence.SaidOutOfStep)},
	{"talked…before greeting", said(evidence.SaidOutOfStep)},
	{"pregreet", said(evidence.SaidOutOfStep)},

	// Outlook, by its numbers, and Thunderbird.
	{"0x800ccc0d", meaning{lookup: nameUnknown}},
	{"0x800ccc0e", weak(said(evidence.SaidConnectFailed))},
	{"0x80042108", weak(said(evidence.SaidConnectFailed))},
	{"0x80042109", weak(said(evidence.SaidConnectFailed))},
	{"connect to your outgoing (smtp)", weak(said(evidence.SaidConnectFailed))},
	{"0x8004210b", socket(evidence.TimedOut, "")},
	{"0x800ccc19", socket(evidence.TimedOut, "")},
	{"0x800ccc0f", socket(evidence.Closed, "")},
	{"connection to outgoing server (smtp)…timed out", socket(evidence.TimedOut, "")},
	{"connection to outgoing server (smtp)…was lost", socket(evidence.Closed, "")},
	{"connecting to outgoing server (smtp)…failed", weak(said(evidence.SaidConnectFailed))},
	{"outgoing server (smtp)…is unknown", meaning{lookup: nameUnknown}},
	{"doesn't advertise that feature", said(evidence.SaidNoStartTLS)},
	{"unable to authenticate to outgoing server", weak(said(evidence.SaidAuthFailed))},
	{"does not support the selected authentication method", said(evidence.SaidAuthMechanism)},
	{"does not seem to support encrypted passwords", said(evidence.SaidAuthMechanism)},

	// Copiers and their kind, in the words of more than one maker.
	{" a timeout error", socket(evidence.TimedOut, "")},
	{"unable to resolve the smtp server", meaning{lookup: nameUnknown}},
	{"cannot find the smtp server", meaning{lookup: nameUnknown}},
	{"could not find the smtp server", meaning{lookup: nameUnknown}},
	{"smtp server not found", meaning{lookup: nameUnknown}},
	{"smtp auth error", weak(said(evidence.SaidAuthFailed))},
	{"smtp authentication error", weak(said(evidence.SaidAuthFailed))},

	{"greeting never received", waiting(evidence.TimedOut, waitGreeting)},
	{"timed out while receiving the initial server greeting", waiting(evidence.TimedOut, waitGreeting)},
	{"lost connection…while receiving the initial server greeting", waiting(evidence.Closed, waitGreeting)},
	{"timed out while performing the", waiting(evidence.TimedOut, "EHLO")},
	{"lost connection…while performing the", waiting(evidence.Closed, "EHLO")},
	{"timed out while sending mail from", waiting(evidence.TimedOut, "MAIL")},
	{"lost connection…while sending mail from", waiting(evidence.Closed, "MAIL")},
	{"timed out while sending rcpt to", waiting(evidence.TimedOut, "RCPT")},
	{"lost connection…while sending rcpt to", waiting(evidence.Closed, "RCPT")},
	{"timed out while sending data command", waiting(evidence.TimedOut, "DATA")},
	{"lost connection…while sending data command", waiting(evidence.Closed, "DATA")},
	{"timed out while sending message body", waiting(evidence.TimedOut, evidence.Message)},
	{"lost connection…while sending message body", waiting(evidence.Closed, evidence.Message)},
	{"timed out while sending end of data", waiting(evidence.TimedOut, evidence.Message)},
	{"lost connection…while sending end of data", waiting(evidence.Closed, evidence.Message)},
	{"bad greeting from smtp host…[eof]", waiting(evidence.Closed, waitGreeting)},
	{"bad greeting from smtp host…response: -1", waiting(evidence.Closed, waitGreeting)},
	{"connection dropped after initial connection", waiting(evidence.Closed, waitGreeting)},
	{"remote host closed connection in response to initial connection", waiting(evidence.Closed, waitGreeting)},
	{"remote host closed connection in response to ehlo", waiting(evidence.Closed, "EHLO")},
	{"remote host closed connection in response to helo", waiting(evidence.Closed, "EHLO")},
	{"remote host closed connection in response to mail from", waiting(evidence.Closed, "MAIL")},
	{"remote host closed connection in response to rcpt to", waiting(evidence.Closed, "RCPT")},
	{"remote host closed connection in response to end of data", waiting(evidence.Closed, evidence.Message)},
	{"smtp timeout after initial connection", waiting(evidence.TimedOut, waitGreeting)},
	{"smtp timeout after end of data", waiting(evidence.TimedOut, evidence.Message)},
	{"timeout after end of data", waiting(evidence.TimedOut, evidence.Message)},
	{"smtp timeout while connected to…after initial connection", waiting(evidence.TimedOut, waitGreeting)},
	{"timeout waiting for input from…during client greeting", waiting(evidence.TimedOut, waitGreeting)},
}

// serverLogPhrases are what servers log of a client that they lost.
var serverLogPhrases = []phrase{
	{"lost connection after data", waiting(evidence.Closed, evidence.Message)},
	{"timeout after data", waiting(evidence.TimedOut, evidence.Message)},
	{"lost connection after end-of-message", waiting(evidence.Closed, evidence.Message)},
	{"timeout after end-of-message", waiting(evidence.TimedOut, evidence.Message)},
	{"lost connection after connect", waiting(evidence.Closed, waitGreeting)},
	{"lost connection after ehlo", waiting(evidence.Closed, "EHLO")},
	{"lost connection after starttls", waiting(evidence.Closed, waitHandshake)},
	{"timeout after starttls", waiting(evidence.TimedOut, waitHandshake)},
	{"lost connection after mail", waiting(evidence.Closed, "MAIL")},
	{"lost connection after rcpt", waiting(evidence.Closed, "RCPT")},
	{"lost connection after auth", waiting(evidence.Closed, "AUTH")},
	{"timeout after connect", waiting(evidence.TimedOut, waitGreeting)},
	{"timeout after ehlo", waiting(evidence.TimedOut, "EHLO")},
	{"status=sent (", meaning{ok: evidence.Message}},
	{"stat=sent", meaning{ok: evidence.Message}},
	{"result=\"ok\"", meaning{ok: evidence.Message}},
	{"smtpstatus=250", meaning{ok: evidence.Message}},
	{"exitcode=ex ok", meaning{ok: evidence.Message}},
	{"250…queued as", meaning{ok: evidence.Message}},
	{"queued mail for delivery", meaning{ok: evidence.Message}},
}

// wrapperPhrases say that something failed and not why.
var wrapperPhrases = []phrase{
	{"could not connect to smtp host", weak(said(evidence.SaidConnectFailed))},
	{"smtp connect() failed", weak(said(evidence.SaidConnectFailed))},
	{"unable to connect to remote server", weak(said(evidence.SaidConnectFailed))},
	{"unable to connect to the remote server", weak(said(evidence.SaidConnectFailed))},
	{"wasn't able to establish an smtp connection", weak(said(evidence.SaidConnectFailed))},
	{"network error on destination mxs", weak(said(evidence.SaidConnectFailed))},
	{"connection could not be established with host", weak(said(evidence.SaidConnectFailed))},
	{"failed to connect to mailserver", weak(said(evidence.SaidConnectFailed))},
	{"failed to connect to server", weak(said(evidence.SaidConnectFailed))},
	{"couldn't connect to host", weak(said(evidence.SaidConnectFailed))},
	{"couldn't connect to server", weak(said(evidence.SaidConnectFailed))},
	{"could not connect to server", weak(said(evidence.SaidConnectFailed))},
	{"unable to connect to ", weak(said(evidence.SaidConnectFailed))},
	{"unable to initialize smtp properly", weak(said(evidence.SaidConnectFailed))},
	{"could not open connection to the host", weak(said(evidence.SaidConnectFailed))},
	{"could not open socket", weak(said(evidence.SaidConnectFailed))},
	{"cannot open…:25", weak(said(evidence.SaidConnectFailed))},
	{"cannot open…:587", weak(said(evidence.SaidConnectFailed))},
	{"cannot open…:465", weak(said(evidence.SaidConnectFailed))},
	{"failure sending mail", weak(said(evidence.SaidConnectFailed))},
	{"econnection", weak(said(evidence.SaidConnectFailed))},
}

// A client is a program known by its own words.
type client struct {
	name   string
	re     *lazy
	server bool // it speaks as the server of the conversation
}

// clients are tried in order: the first whose words stand in the text wrote it. A library stands before what its own words
// are wrapped in.
var clients = []client{
	{"Postfix smtpd", lazily(`postfix(?:[\w./-]*)/(?:smtpd|postscreen|cleanup)\[|postfix/submission|NOQUEUE: (?:milter-)?reject|milter-reject: `), true},
	{"Postfix", lazily(`postfix[\w./-]*/|\(in reply to [A-Za-z -]+ command|while (?:receiving the initial server greeting|performing the (?:EHLO|HELO) handshake)|refused to talk to me|Name service error for name=`), false},
	{"OpenSMTPD", lazily(`smtpd\[\d+\]: [0-9a-f]{16} |smtp failed-command|smtp disconnected|on destination MXs|mta (?:event|delivery)`), false},
	{"Exim", lazily(`SMTP error from remote mail(?:er|server| server)? |T=remote_smtp|R=dnslookup|(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w{6}-\w{6,11}-\w{2,4} `), false},
	{"sendmail", lazily(`sendmail\[\d+\]|sm-mta\[|while talking to |mailer=(?:e?smtp|relay)|Transcript of session follows -----`), false},
	{"qmail", lazily(`qmail`), false},
	{"dma", lazily(`\bdma\[`), false},
	{"msmtp", lazily(`\bmsmtp:|exitcode=EX_`), false},
	{"ssmtp", lazily(`(?i)\bssmtp\b`), false},
	{"swaks", lazily(`(?m)^=== (?:Trying|Connected)|<\*\* `), false},
	{"git send-email", lazily(`git-send-email|git send-email`), false},
	{"openssl s_client", lazily(`CONNECTED\(|s_client`), false},
	{"email-oauth2-proxy", lazily(`SMTP \(\[?[^)]*->?[^)]*\)|emailproxy`), false},
	{"nodemailer", lazily(`nodemailer|SMTPConnection|code: '(?:EAUTH|ECONNECTION|ESOCKET|EENVELOPE|EMESSAGE|EDNS|ETLS|ETIMEDOUT)'|(?:Mail command|Invalid login|Message failed|Data command failed)[ :]|Greeting never received`), false},
	{"MailKit", lazily(`MailKit|SslHandshakeException|SMTP server does not support the STARTTLS extension|Connected to smtps?://`), false},
	{"System.Net.Mail", lazily(`System\.Net\.Mail|SmtpException|SmtpFailedRecipient|The server response was:`), false},
	{"JavaMail", lazily(`(?:javax|jakarta)\.mail|com\.sun\.mail|angus\.mail|DEBUG SMTP|Could not connect to SMTP host|Could not convert socket to TLS`), false},
	{"smtplib", lazily(`smtplib|aiosmtplib|SMTP(?:AuthenticationError|SenderRefused|RecipientsRefused|DataError|HeloError|ConnectError|ServerDisconnected|NotSupportedError|ResponseException)|\(\d{3}, b['"]|_ssl\.c:`), false},
	{"PHPMailer", lazily(`PHPMailer|SMTP connect\(\) failed|CLIENT -> SERVER|SMTP ERROR:|SMTP Error:|class\.smtp\.php|SMTP code: `), false},
	{"Symfony Mailer or SwiftMailer", lazily(`Swift_|Expected response code|Symfony\\Component\\Mailer|Connection could not be established with host`), false},
	{"Net::SMTP (Ruby)", lazily(`Net::(?:SMTP|OpenTimeout|ReadTimeout)|net/smtp\.rb|OpenSSL::SSL::SSLError`), false},
	{"lettre (Rust)", lazily(`lettre|(?:permanent|transient) error \(\d{3}\)`), false},
	{"curl", lazily(`\bcurl: \(\d+\)|libcurl`), false},
	{"Go net/smtp", lazily(`gomail|dial tcp|x509: |first record does not look|tls: |read tcp |i/o timeout|net/smtp`), false},
	{"Net::SMTP (Perl)", lazily(`Net::SMTP|Net/SMTP\.pm|IO::Socket`), false},
	{"mbedTLS", lazily(`(?i)mbedtls|ssl_client\.cpp`), false},
	{"Exchange", lazily(`Generating server:|\{LED=|LastError|Diagnostic information for administrators`), false},
	{"PHP", lazily(`stream_socket_(?:client|enable_crypto)|fsockopen|mail\(\): |\.php\b`), false},
	{"Node.js", lazily(`\bE(?:CONNREFUSED|TIMEDOUT|NOTFOUND|CONNRESET|AI_AGAIN)\b|node:`), false},
	{"Schannel", lazily(`(?i)schannel|0x800903[0-9a-f]{2}|SEC_E_`), false},
	{"GnuTLS", lazily(`(?i)gnutls|A TLS (?:fatal|warning) alert`), false},
	{"OpenSSL", lazily(`SSL routines|SSL_connect|OpenSSL`), false},
}

// clientOf finds the program whose words a text is.
func clientOf(text string) (client, bool) {
	for _, c := range clients {
		if c.re.MatchString(text) {
			return c, true
		}
	}
	return client{}, false
}

// foreign are words of other protocols' programs. A socket error beside them, with no word of mail, is not ours.
var foreign = []string{"http://", "https://", "http/1", "http/2", "get /", "post /", "nginx", "apache", "upstream", "mysql", "mariadb", "postgres", "redis", "mongo",
	"ldap", "imap", "pop3", "ssh", "ftp", "rsync", "kafka", "rabbit", "amqp", "memcache", "elasticsearch", "docker.io", "kubelet", "grpc", "websocket",
	"jdbc", "oracle", "ntp", "dhcp", "ping:", "dig:", "nslookup", "psql", "www.", "traceroute", "invoke-webrequest", "smb", "nfs", "git clone", "npm err", "apt-get", "yum", ":443", ":80 ", ":22 ", ":3306", ":5432", ":6379", ":8080", ":53:"}

// mailContext are words that make a text one about mail.
var mailContext = []string{"smtp", "mail", "rcpt", "relay", "recipient", "sender", "said:", "helo", "ehlo", "starttls", "spam", "postfix", "exim",
	"dsn", ":25", ":587", ":465", "port 25", "port 587", "port 465", "port: 25", "port: 587", "port: 465", "blocked using", "smtpd", "mta"}

// harmless are words of lines that tell of nothing that broke, though they sound like it.
var harmless = []string{"does not resolve to address", "tls connection established to", "tls connection established from", "no host name found for ip",
	"statistics: max", "continuing anyway", "quit command failed"}

// fetching is a reply of a server that mail is fetched from: IMAP's with its tag (RFC 9051, section 7.1), POP3's (RFC 1939,
// section 3).
var fetching = lazily(`(?:^|[\s'"])-ERR |\[(?:AUTHENTICATIONFAILED|AUTHORIZATIONFAILED|NONEXISTENT|CLIENTBUG)\] |^(?:\*|[A-Za-z]{0,8}\d{1,6}) (?:NO|BAD|BYE) `)

// otherPort is a port that is named, and is none that mail goes to.
var otherPort = lazily(`(?i)\bport[ :=]+(\d{1,5})\b`)

var mailPorts = []string{"24", "25", "26", "465", "587", "588", "2465", "2525", "2526", "2587"}

// notOurs reports whether a text without a word about mail is about another protocol.
func notOurs(folded string) bool {
	if m := otherPort.FindStringSubmatch(folded); m != nil && !slices.Contains(mailPorts, m[1]) {
		return true
	}
	return mentions(folded, foreign)
}

func mentions(folded string, words []string) bool {
	for _, w := range words {
		if strings.Contains(folded, w) {
			return true
		}
	}
	return false
}
