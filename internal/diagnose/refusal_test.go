package diagnose

import (
	"strings"
	"testing"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
)

// The server says in words what is wrong.
func TestVerdictByReply(t *testing.T) {
	token := with(submit, func(w *evidence.Walk) { w.Auth = &evidence.Auth{User: "a@contoso.com", OAuth: true} })
	checkVerdicts(t, []verdictCase{
		{"token refused", token, m365Submission + "C: AUTH XOAUTH2\nS: 334\nC: x\nS: 535 5.7.3 Authentication unsuccessful [AM0 2026]", cause.Auth, cause.OAuthTokenInvalid, ""},
		{"late greeting, and a refusal", plain, strings.Replace(secured, "S: 220 mx", "wait 14s\nS: 220 mx", 1) +
			"C: MAIL FROM:<a@example.com>\nS: 250 ok\nC: RCPT TO:<b@example.com>\nS: 550 5.1.1 <b@example.com>: Recipient address rejected: User unknown", cause.Rcpt, cause.RecipientNotFound, ""},
		{"TLS 1.0 at Microsoft", submit, tlsBegins + "tls TLS 1.0\ncert ok CN=x\nC: EHLO x\nS: 421 4.7.66 TLS 1.0 and 1.1 are not supported. Please upgrade/update your client to support TLS 1.2. Visit https://aka.ms/smtp_auth_tls.",
			cause.StartTLS, cause.TLSVersionMismatch, ""},
		{"disabled for the tenant", submit, m365Submission + "C: AUTH LOGIN\nS: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
			cause.Auth, cause.AuthDisabledForTenant, Proven},
		{"hidden sign-in failure", submit, m365Submission + "C: AUTH LOGIN\nS: 235 2.7.0 ok\nC: MAIL FROM:<a@contoso.com>\nS: 530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.",
			cause.Mail, cause.AuthDisabledForMailbox, ""},
		{"Spamhaus", tenant, m365MX + "C: MAIL FROM:<a@contoso.com>\nS: 250 2.1.0 Sender OK\nC: RCPT TO:<b@contoso.com>\nS: 550 5.7.1 Service unavailable, Client host [198.51.100.7] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/198.51.100.7 (AS16012611)",
			cause.Rcpt, cause.IPBlocklisted, Proven},
	})
}
