package provider

import (
	"slices"
	"strings"
	"sync"
)

// Public reports whether a host name is a mail service's, a filtering service's or a blocklist's own, and which end of it all
// customers share: of "contoso-com.mail.protection.outlook.com" it is ".mail.protection.outlook.com". A name that has no
// customer's part is shared whole.
func Public(host string) (shared string, ok bool) {
	host = Canonical(host)
	if _, d, known := Classify(host); known {
		for _, s := range d.Suffixes {
			if strings.HasSuffix(host, s) {
				shared = s // the doors of one service differ in their suffixes, so one fits
			}
		}
		if shared == "" {
			shared = host
		}
		return shared, true
	}
	if f, known := FilterOf(host); known {
		return f.Suffix, true
	}
	if slices.ContainsFunc(services(), func(s string) bool { return host == s || strings.HasSuffix(host, "."+s) }) {
		return host, true
	}
	return "", false
}

// services are the domains of whoever stands in the tables, and of those that their tenants' records lead to.
var services = sync.OnceValue(func() []string {
	out := []string{"outlook.com", "office365.com", "office.com", "office365.us", "outlook.cn", "microsoft.com", "microsoft", "microsoftonline.com",
		"microsoftonline.us", "microsoftonline.cn", "windows.net", "lync.com", "google.com", "googlemail.com", "gmail.com", "aka.ms"}
	for _, b := range blocklists {
		out = append(out, b.Zone)
	}
	for _, port := range []int{25, 465, 587} {
		for _, c := range Controls(port, "") {
			out = append(out, c.Host)
		}
	}
	return out
})
