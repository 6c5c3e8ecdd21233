package provider

import "slices"

// A Control is a host that is known to work, contacted to tell a fault of the way from a fault of the target. This table
// names all that the program ever contacts of its own accord, beside the target, its provider's doors and the resolvers.
type Control struct {
	Host string
	Port int
	Who  string
}

// controls are MX hosts (25) and submission hosts (587, 465) of large providers.
var controls = []Control{
	{"gmail-smtp-in.l.google.com", 25, "Google"},
	{"mta5.am0.yahoodns.net", 25, "Yahoo"},
	{"smtp.gmail.com", 587, "Google"},
	{"smtp.office365.com", 587, "Microsoft 365"},
	{"smtp.gmail.com", 465, "Google"},
	{"smtp.mail.yahoo.com", 465, "Yahoo"},
}

// Controls are the control hosts on a port, without the one asked about.
func Controls(port int, except string) []Control {
	return slices.DeleteFunc(slices.Clone(controls), func(c Control) bool { return c.Port != port || c.Host == Canonical(except) })
}

// ControlResolvers are public resolvers, asked beside the system's own. Their addresses also answer on port 443, which
// tells whether anything at all is reachable.
var ControlResolvers = []string{"1.1.1.1:53", "8.8.8.8:53"}
