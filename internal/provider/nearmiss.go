package provider

import (
	"slices"
	"strings"
)

// wellKnown are hosts that people mean to type. Real neighbours stand here too, so that one service's name is not
// taken for a slip in another's (smtp.mail.com is not smtp.gmail.com misspelt).
var wellKnown = []string{
	"smtp.office365.com", "smtp-mail.outlook.com", "smtp-legacy.office365.com", "smtp-hve.office365.com", "smtp.hve.mx.microsoft",
	"outlook.office365.com", "outlook.office.com", "smtp.outlook.com", "smtp.azurecomm.net", "smtp.office365.us",
	"outlook.office365.us", "outlook-dod.office365.us", "webmail.apps.mil", "smtp.partner.outlook.cn", "partner.outlook.cn",
	"smtp.live.com", "smtp.gmail.com", "smtp-relay.gmail.com", "smtp.googlemail.com", "aspmx.l.google.com", "smtp.google.com",
	"smtp.mail.yahoo.com", "smtp.mail.me.com", "smtp.aol.com", "smtp.mail.com", "mail.gmx.com", "mail.gmx.net", "smtp.web.de",
	"smtp.zoho.com", "smtp.zoho.eu", "smtp.fastmail.com", "smtp.mailgun.org", "smtp.eu.mailgun.org", "smtp.sendgrid.net",
	"smtp.postmarkapp.com", "smtp-relay.brevo.com", "smtp.mandrillapp.com", "smtp.mailersend.net", "smtp.sparkpostmail.com",
	"in-v3.mailjet.com", "smtp.ionos.com", "smtp.ionos.de", "smtp.ionos.co.uk", "smtp.strato.de", "smtp.hostinger.com",
	"mail.smtp2go.com", "smtpout.secureserver.net", "ssl0.ovh.net", "smtp.mail.ru", "smtp.yandex.com", "smtp.qq.com", "smtp.163.com",
	"smtp.comcast.net", "smtp.verizon.net", "smtp.bellnet.ca", "smtp.orange.fr", "smtp.free.fr",
}

// meant are names that people make up and that no counting of letters leads back from.
var meant = map[string]string{
	"smtp.microsoft.com": "smtp.office365.com", "smtp.microsoft365.com": "smtp.office365.com", "smtp.m365.com": "smtp.office365.com",
	"smtp.o365.com": "smtp.office365.com", "mail.office365.com": "smtp.office365.com", "smtp.exchange.microsoft.com": "smtp.office365.com",
	"smtp.hotmail.com": "smtp-mail.outlook.com", "smtp.exchangeonline.com": "smtp.office365.com", "office365.com": "smtp.office365.com",
	"smtp.office.com": "smtp.office365.com", "smtp.outlook.office365.com": "smtp.office365.com", "gmail.smtp.com": "smtp.gmail.com",
}

// DidYouMean finds the well-known host that a name is a slip of: a letter too many, too few, wrong or swapped, a label
// too many or missing, or an ending of a tenant's MX host misspelt. It is a question for the user, never a verdict: the name may
// be someone's own.
func DidYouMean(host string) (string, bool) {
	host = Canonical(host)
	if len(host) < 5 || len(host) > 253 {
		return "", false
	}
	if slices.Contains(wellKnown, host) {
		return "", false
	}
	if h, ok := meant[host]; ok {
		return h, true
	}
	if _, _, ok := Classify(host); ok {
		return "", false
	}
	if h, ok := Nearest(host, wellKnown); ok {
		return h, true
	}
	if h, ok := oneLabelOff(host); ok {
		return h, true
	}
	return misspeltSuffix(host)
}

// Nearest is the name that a written one is most likely a slip of; of two that are as near there is none.
func Nearest(written string, names []string) (string, bool) {
	best, at, tied := 3, "", false
	for _, n := range names {
		switch d := distance(written, n, best); {
		case d > slip(n):
		case d < best:
			best, at, tied = d, n, false
		case d == best:
			tied = true
		}
	}
	return at, at != "" && !tied
}

// slip is how many changes make a slip of a name: two in a long one, one in a short one, where neighbours are near.
func slip(name string) int {
	if len(name) >= 16 {
		return 2
	}
	return 1
}

// oneLabelOff finds a well-known host by leaving a label out of the name, or by adding the first or the last.
func oneLabelOff(host string) (string, bool) {
	labels := strings.Split(host, ".")
	if len(labels) > 8 {
		return "", false
	}
	for i := len(labels) - 1; i >= 0; i-- { // the first label says what the host is for: leave it out last
		less := strings.Join(slices.Delete(slices.Clone(labels), i, i+1), ".")
		if slices.Contains(wellKnown, less) {
			return less, true
		}
	}
	for _, more := range []string{"smtp." + host, host + ".com"} {
		if slices.Contains(wellKnown, more) {
			return more, true
		}
	}
	return "", false
}

// misspeltSuffix corrects the ending of a tenant's MX host: contoso-com.mail.protection.outlok.com.
func misspeltSuffix(host string) (string, bool) {
	first, rest, ok := strings.Cut(host, ".")
	if !ok {
		return "", false
	}
	ends := []string{"mail.protection.outlook.com", "mail.protection.office365.us", "mail.protection.partner.outlook.cn"}
	if end, ok := Nearest(rest, ends); ok {
		return first + "." + end, true
	}
	return "", false
}

// distance is how many letters must be put in, left out, changed or swapped with the next to make b of a (optimal
// string alignment), or more than limit if it is more than that.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(b)]
}
