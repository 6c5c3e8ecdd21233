package lab

import "github.com/smtptriage/smtptriage/internal/cause"

// Unshown are the causes that no conversation with one server on loopback can show, each with the reason. A test sees
// that every other cause has a case.
var Unshown = map[cause.ID]string{
	cause.FirewallBlocksSMTP:       "needs a path with a firewall on it: netlab",
	cause.ISPBlocksPort25:          "needs a path past a gateway, and other ports that get through: netlab",
	cause.RoutingOrNAT:             "needs routes and a NAT to break: netlab",
	cause.IPv6PathBroken:           "needs a host with two families, one of them dead on the way: netlab",
	cause.RevocationCheckFailed:    "a client's own fetching of CRL or OCSP fails; check fetches none: explain only",
	cause.ClientTrustStoreOutdated: "lies in another client's root store: listen and explain",
	cause.ClientTLSUnavailable:     "lies in another client's build or settings: listen and explain",
}
