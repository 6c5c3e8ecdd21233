package provider

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

// A Misfit is a setting that cannot work, seen without asking the network: the right service by the wrong door.
type Misfit struct {
	Cause   cause.ID
	What    string // what is wrong
	Instead string // what to set
	Certain bool   // false: it may be meant
	Source  Source
}

// Misfits says what is wrong about a host and port for a client, which has credentials or not. A host that no profile knows
// has no misfits.
func Misfits(host string, port int, credentials bool) []Misfit {
	var m []Misfit
	if a, err := netip.ParseAddr(Canonical(host)); err == nil {
		if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() {
			return nil // a tunnel, a relay of the site's own, a lab: no cloud service is there under a name
		}
		return []Misfit{{cause.WrongEndpoint, "an address stands where a host name should", "the name: addresses of cloud services change without notice, and no certificate fits one", false, srcDevice}}
	}
	if r, ok := IsRetired(host); ok {
		m = append(m, Misfit{cause.WrongEndpoint, Canonical(host) + " is retired: " + r.Why, r.Instead, true, r.Source})
	}
	p, d, ok := Classify(host)
	if !ok {
		return m
	}
	switch {
	case p.Name == microsoft365.Name && port == 465:
		m = append(m, Misfit{cause.WrongEndpoint, "Microsoft 365 has no port 465 (TLS from the first byte)", "port 587 with STARTTLS", true, srcDevice})
	case !d.Auth && (port == 587 || port == 465) && !d.Takes(port):
		m = append(m, Misfit{cause.WrongEndpoint, "an MX host takes mail on port 25 alone", submissionOf(p, d.Cloud) + " for port 587, or port 25 here", true, srcDevice})
	case d.Auth && !d.Takes(port):
		m = append(m, Misfit{cause.WrongEndpoint, d.Host + " does not take mail on port " + strconv.Itoa(port), "port " + strconv.Itoa(d.Ports[0]), true, srcDevice})
	}
	if credentials && !d.Auth && d.Kind == DirectSend {
		m = append(m, Misfit{cause.AuthNotOffered, "an MX host never asks for a user name and password", submissionOf(p, d.Cloud) + ", or no credentials here", true, srcPrinter})
	}
	if !credentials && d.Auth {
		m = append(m, Misfit{cause.AuthRequired, d.Host + " takes mail after sign-in only", "a user name and password or OAuth, or the domain's own MX host on port 25", true, srcPrinter})
	}
	if d.Kind == Consumer {
		m = append(m, Misfit{cause.WrongEndpoint, d.Host + " is for personal Outlook.com accounts", submissionOf(p, d.Cloud) + " for a mailbox of an organisation", false, srcBasic24})
	}
	return m
}

func submissionOf(p *Profile, c Cloud) string {
	if d, ok := p.DoorIn(c, Submission); ok && d.Host != "" {
		return d.Host
	}
	return "the submission host"
}

// personalDomains are those of personal mailboxes at Outlook.com; the older ones have many country endings.
var personalDomains = regexp.MustCompile(`^(?:outlook|hotmail|live|msn|windowslive)\.[a-z]{2,3}(?:\.[a-z]{2})?$`)

// Personal reports whether a mail domain is one of Outlook.com's, and no organisation's.
func Personal(domain string) bool { return personalDomains.MatchString(Canonical(domain)) }

// onPremisesKeywords are offered by Exchange Server and never by Exchange Online.
var onPremisesKeywords = []string{"X-EXPS", "X-ANONYMOUSTLS", "XRDST", "X-LINK2STATE", "XEXCH50", "XPROXY", "XPROXYFROM", "XPROXYTO", "XMESSAGEVALUE"}

// OnPremises returns what in an EHLO reply betrays an Exchange Server of somebody's own, or a relay, behind a name of
// Exchange Online: keywords that the cloud never offers, Windows sign-in, the product's default SIZE.
func OnPremises(x smtp.Extensions) []string {
	var signs []string
	for _, k := range x {
		if slices.Contains(onPremisesKeywords, k.Name) {
			signs = append(signs, k.Name)
		}
	}
	for _, m := range x.Auth() {
		if m == "NTLM" || m == "GSSAPI" {
			signs = append(signs, "AUTH "+m)
		}
	}
	if s := x.Size(); s == 37748736 || s == 36700160 || s == 10485760 {
		signs = append(signs, "SIZE "+strconv.FormatInt(s, 10))
	}
	return signs
}
