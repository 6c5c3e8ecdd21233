package listen

// A Personality is whose manners the server has.
type Personality string

// The personalities there are.
const (
	Microsoft365 Personality = "microsoft365" // smtp.office365.com and a tenant's MX host in one: see manners
	Generic      Personality = "generic"      // a mail server that wants no more than RFC 5321 does
)

// Personalities are the names that --as takes.
var Personalities = []Personality{Microsoft365, Generic}

// portRelay takes mail without sign-in; the others are for submission (RFC 6409).
const portRelay = 25

// Manners are what a personality asks of clients, and its words. Words and limits of Microsoft 365 are those seen at its servers
// (banners and EHLO lists of 2022 to 2024; LEG and SUB of Microsoft Learn, read 2026-11).
type manners struct {
	name       string   // "%d" is the port
	hosts      []string // names of the doors it stands in for: certificates are good for them
	greeting   string
	keywords   []string
	maxSize    int64
	mechanisms []string // offered inside TLS
	needAuth   bool     // except on port 25
	minTLS     uint16   // older versions are told so after the handshake
	startTLS   string
	needLogin  string
	oldTLS     string
	needTLS    string
	badLF      string // "": bare line feeds are taken
}

const versionTLS12 = 0x0303

var personalities = map[Personality]*manners{
	Microsoft365: {
		name:  "smtp.office365.com",
		hosts: []string{"smtp.office365.com", "outlook.office365.com", "*.mail.protection.outlook.com"},
		greeting: "220 smtptriage.lab.outlook.office365.com Microsoft ESMTP MAIL Service ready (this is smtptriage standing in, " +
			"not Microsoft)",
		keywords:   []string{"PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"},
		maxSize:    157286400,
		mechanisms: []string{"LOGIN", "XOAUTH2"},
		needAuth:   true,
		minTLS:     versionTLS12,
		startTLS:   "220 2.0.0 SMTP server ready",
		needLogin:  "530 5.7.57 Client not authenticated to send mail.",
		needTLS:    "530 5.7.0 Must issue a STARTTLS command first",
		oldTLS: "421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. " +
			"Visit https://aka.ms/smtp_auth_tls.",
		badLF: "550 5.6.11 Invalid characters: message contains bare linefeeds",
	},
	Generic: {
		name:       "mail.example.com",
		hosts:      []string{"mail.example.com", "smtp.example.com"},
		greeting:   "220 mail.example.com ESMTP smtptriage",
		keywords:   []string{"PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "CHUNKING", "SMTPUTF8"},
		maxSize:    1 << 30,
		mechanisms: []string{"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"},
		startTLS:   "220 2.0.0 ready to start TLS",
		needTLS:    "530 5.7.0 STARTTLS comes first",
		needLogin:  "530 5.7.0 authentication required",
	},
}

func (s *Server) personality() *manners {
	if m, ok := personalities[s.As]; ok {
		return m
	}
	return personalities[Microsoft365]
}

// name is what the server calls itself.
func (s *Server) name(Port) string {
	if s.Name != "" {
		return s.Name
	}
	return s.personality().name
}

func (s *Server) maxSize() int64 { return orElse(s.MaxSize, s.personality().maxSize) }
