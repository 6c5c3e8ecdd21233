package provider

import (
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// An aadsts is an error of Microsoft's sign-in service (Entra ID), which knows them by number: "AADSTS7000215: ...".
type aadsts struct {
	code    int
	cause   cause.ID
	seen    bool // the number and what it means were seen in a source; otherwise they are known from experience
	meaning string
	action  string
}

// aadstsErrors are those that somebody meets who gets a token for SMTP, or reads the sign-in log of a device.
var aadstsErrors = []aadsts{
	// The application and its secret.
	{7000215, cause.OAuthTokenInvalid, true, "The application's secret is wrong.", "Use the secret's value, which is shown only when it is made, not its id (Entra admin center > App registrations > Certificates & secrets)."},
	{7000222, cause.OAuthTokenInvalid, true, "The application's secret has expired.", "Make a new secret (Entra admin center > App registrations > Certificates & secrets), or use a certificate."},
	{700016, cause.OAuthTokenInvalid, true, "The tenant knows no application with this client id.", "Compare client id and tenant; an application of another tenant needs admin consent in this one first."},
	{700027, cause.OAuthTokenInvalid, false, "The certificate that signed the request is not registered with the application, or has expired.", "Upload the certificate to the application (Certificates & secrets), and sign with its own key."},
	{7000218, cause.OAuthTokenInvalid, false, "The request holds neither secret nor certificate, and the application is no public client.", "For the device code: switch on Allow public client flows (App registrations > Authentication). Otherwise give the secret."},
	{7000112, cause.OAuthTokenInvalid, false, "The application is disabled in the tenant.", "Entra admin center > Enterprise applications > Properties > Enabled for users to sign in."},
	{700054, cause.OAuthTokenInvalid, false, "The application may not use this kind of answer.", "Use client credentials or the device code."},
	{50194, cause.OAuthTokenInvalid, false, "The application is for one tenant, and was used through the common endpoint.", "Give the tenant's id or domain with --tenant."},
	{50105, cause.OAuthTokenInvalid, false, "The user is not assigned to the application, and it asks for an assignment.", "Assign the user (Enterprise applications > Users and groups), or switch Assignment required off."},
	{501051, cause.OAuthTokenInvalid, false, "The application has no role in the mail service.", "Grant SMTP.SendAsApp of Office 365 Exchange Online, with admin consent."},
	// The tenant, the scope, consent.
	{90002, cause.OAuthTokenInvalid, true, "There is no such tenant.", "Compare --tenant with Entra admin center > Overview; a domain must be verified there. A tenant of a national cloud has a sign-in service of its own."},
	{900023, cause.OAuthTokenInvalid, true, "What was given for the tenant is neither an id nor a domain.", "Give the tenant's id or one of its domains with --tenant."},
	{50059, cause.OAuthTokenInvalid, false, "The request does not say which tenant is meant.", "Give --tenant."},
	{500011, cause.OAuthTokenInvalid, false, "The tenant does not know the mail service that the token is for.", "The tenant needs Exchange Online; see that the scope names outlook.office365.com."},
	{70011, cause.OAuthTokenInvalid, false, "The scope that was asked for is not valid.", "For an application: https://outlook.office365.com/.default. For a user: https://outlook.office365.com/SMTP.Send."},
	{1002012, cause.OAuthTokenInvalid, false, "An application can ask for all its permissions only, not for single ones.", "Ask for https://outlook.office365.com/.default."},
	{65001, cause.OAuthTokenInvalid, true, "Nobody has consented to what the application asks for.", "Have an administrator consent (Enterprise applications > Permissions > Grant admin consent)."},
	{65004, cause.OAuthTokenInvalid, false, "The user declined to consent.", "Consent when asked, or have an administrator do it for all."},
	{90094, cause.OAuthTokenInvalid, true, "An administrator has to consent.", "Have an administrator consent (Enterprise applications > Permissions > Grant admin consent)."},
	// Tokens that were good once.
	{70000, cause.OAuthTokenInvalid, false, "The code or refresh token is no longer good.", "Sign in again on the device."},
	{70008, cause.OAuthTokenInvalid, true, "The refresh token has expired, because it was not used for long.", "Sign in again on the device."},
	{70043, cause.OAuthTokenInvalid, false, "The refresh token was ended by a policy on how often users sign in.", "Take the account out of that Conditional Access policy, or let an application sign in (client credentials)."},
	{700082, cause.OAuthTokenInvalid, true, "The refresh token has expired, because it was not used for long.", "Sign in again on the device."},
	{50173, cause.OAuthTokenInvalid, true, "The refresh token was ended, as by a new password.", "Sign in again on the device."},
	{70016, cause.OAuthTokenInvalid, false, "The code has not been entered yet.", "Enter it at the page that was shown."},
	{70019, cause.OAuthTokenInvalid, false, "The code was entered too late.", "Start again, and enter the new code within a quarter of an hour."},
	// The user.
	{50034, cause.AuthBadCredentials, false, "The tenant has no such user.", "Compare the user name with Entra admin center > Users; a mail address is not always the sign-in name."},
	{50020, cause.AuthBadCredentials, false, "The user is of another tenant, and no guest of this one.", "Use an account of this tenant."},
	{50126, cause.AuthBadCredentials, false, "The user name or the password is wrong.", "Type the password anew; see that the device does not change special characters."},
	{50056, cause.AuthBadCredentials, false, "The account has no password in the cloud.", "Set one, or see to password hash synchronisation."},
	{50053, cause.AuthBlockedByPolicy, false, "The account is locked after too many wrong passwords, or the address it comes from is blocked.", "Stop the device, wait for the lock to end, and correct its password."},
	{50055, cause.AuthBlockedByPolicy, false, "The password has expired.", "Set a new one, and in the device too; scanner accounts are best exempt from expiry."},
	{50057, cause.AuthBlockedByPolicy, false, "The account is disabled.", "Enable the account (Entra admin center > Users)."},
	{50144, cause.AuthBlockedByPolicy, false, "The password in the local directory has expired.", "Set a new one there."},
	// Policies.
	{50076, cause.AuthBlockedByPolicy, false, "The account must prove itself a second time (MFA), which a device cannot do.", "Let an application sign in (client credentials), or exempt the account by Conditional Access."},
	{50079, cause.AuthBlockedByPolicy, false, "The account has to set up a second factor (MFA) first.", "Set it up in a browser, or exempt the account by Conditional Access."},
	{50072, cause.AuthBlockedByPolicy, false, "The account has to set up a second factor (MFA) first.", "Set it up in a browser, or exempt the account by Conditional Access."},
	{50158, cause.AuthBlockedByPolicy, false, "A policy asks for a further check at another service.", "Exempt the account by Conditional Access."},
	{50097, cause.AuthBlockedByPolicy, false, "A policy asks for a known device.", "Exempt the account by Conditional Access."},
	{53000, cause.AuthBlockedByPolicy, false, "A policy takes compliant devices only.", "Exempt the account by Conditional Access."},
	{53001, cause.AuthBlockedByPolicy, false, "A policy takes devices of the domain only.", "Exempt the account by Conditional Access."},
	{53003, cause.AuthBlockedByPolicy, false, "Conditional Access does not allow this sign-in; the device code is blocked that way in many tenants.", "See which policy it was: Entra admin center > Sign-in logs > Conditional Access. Exempt the account, or let an application sign in."},
	{53004, cause.AuthBlockedByPolicy, false, "The account has to set up a second factor first, and may not do so from here because of the risk.", "Set it up from a known place."},
	{53011, cause.AuthBlockedByPolicy, false, "The user is blocked as a risk.", "Look at it: Entra admin center > Protection > Risky users."},
	{530032, cause.AuthBlockedByPolicy, false, "A security policy of the tenant blocks this sign-in.", "See which policy it was in the sign-in log."},
	{90072, cause.AuthBlockedByPolicy, false, "The user's identity provider or tenant is not one that this tenant takes.", "Use an account of this tenant."},
}

var srcEntra = Source{"learn.microsoft.com/entra/identity-platform/reference-error-codes, and mail programs that read these numbers", collected}

// aadstsRows are the errors as rows, so that a pasted one is explained like any other reply.
var aadstsRows = rowsOfErrors(aadstsErrors)

func rowsOfErrors(errors []aadsts) []Row {
	var rows []Row
	for _, e := range errors {
		n, source := strconv.Itoa(e.code), srcMemory
		if e.seen {
			source = srcEntra
		}
		rows = append(rows, Row{
			ID: "aadsts-" + n, Service: "microsoft365", Pattern: `AADSTS` + n + `\b`, Steps: []cause.Step{cause.Auth},
			Cause: e.cause, Firm: Names, Verified: e.seen, Meaning: e.meaning, Actions: []string{e.action},
			Links: []string{"https://login.microsoftonline.com/error?code=" + n}, Sources: []Source{source},
		})
	}
	return append(rows, Row{
		ID: "aadsts-other", Service: "microsoft365", Pattern: `AADSTS[0-9]{4,9}\b`, Steps: []cause.Step{cause.Auth},
		Cause: cause.OAuthTokenInvalid, Firm: Possible, Also: []cause.ID{cause.AuthBlockedByPolicy, cause.AuthBadCredentials}, Verified: true,
		Meaning: "Microsoft's sign-in service refused, with an error that is not known here.",
		Actions: []string{"Look the number up at https://login.microsoftonline.com/error."},
		Sources: []Source{srcEntra},
	})
}

// SignInError finds the row of an error of the sign-in service in a text.
func SignInError(text string) (Match, bool) {
	if !strings.Contains(strings.ToUpper(text), "AADSTS") {
		return Match{}, false
	}
	m, ok := MatchText(text, cause.Auth)
	return m, ok && strings.HasPrefix(m.ID, "aadsts-")
}
