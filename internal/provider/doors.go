package provider

// A MailDomain is what DNS says of where a domain's mail goes.
type MailDomain struct {
	Name      string
	MX        []string    // hosts, the preferred one first; none: the domain has no MX record
	NullMX    bool        // it says that it takes no mail (RFC 7505)
	Confirmed []Candidate // hosts at Microsoft 365 that were guessed and that DNS knows
}

// An Entrance is a door of one domain: what kind, and where.
type Entrance struct {
	Kind  DoorKind
	Host  string
	Port  int
	Why   string // why this host is taken for the door
	Guess bool   // DNS does not say so; it only knows the name
}

// DoorsFor lists the doors by which mail of a domain can be handed in: its MX first, then a tenant's own host behind a
// filtering service, then submission. A domain that takes no mail has no MX door and no door that follows from one.
func DoorsFor(d MailDomain) []Entrance {
	var doors []Entrance
	mx := ""
	switch {
	case d.NullMX:
		return nil
	case len(d.MX) > 0:
		mx = Canonical(d.MX[0])
		doors = append(doors, Entrance{Kind: DirectSend, Host: mx, Port: 25, Why: mxReason(d.Name, mx)})
	default:
		mx = Canonical(d.Name)
		doors = append(doors, Entrance{Kind: DirectSend, Host: mx, Port: 25,
			Why: d.Name + " has no MX record, so its own address takes its mail (RFC 5321, section 5.1)"})
	}
	tenant := mx
	if _, isTenant := TenantMX(mx); !isTenant && len(d.Confirmed) > 0 {
		c := d.Confirmed[0]
		tenant = c.Host
		doors = append(doors, Entrance{Kind: DirectSend, Host: c.Host, Port: 25, Guess: true,
			Why: "guessed from the domain (" + c.Why + "); DNS knows the name, which does not prove that it is this organisation's"})
	}
	return append(doors, submissionDoor(mx, tenant))
}

// mxReason says what the MX record tells.
func mxReason(domain, mx string) string {
	if f, ok := FilterOf(mx); ok {
		return "the MX of " + domain + ", which is the filtering service " + f.Name
	}
	return "the MX of " + domain
}

// submissionDoor is where mailboxes behind an MX sign in: the submission host of the service and cloud that the tenant's host
// belongs to, or else, as small sites have it, the MX host itself.
func submissionDoor(mx, tenant string) Entrance {
	p, d, ok := Classify(tenant)
	if ok {
		for _, s := range p.Doors {
			if s.Kind == Submission && s.Cloud == d.Cloud && s.Host != "" && len(s.Ports) > 0 {
				return Entrance{Kind: Submission, Host: s.Host, Port: s.Ports[0], Guess: tenant != mx, Why: "the submission host of " + p.Title}
			}
		}
	}
	return Entrance{Kind: Submission, Host: mx, Port: 587, Guess: true, Why: "guessed: small sites take submission at the host of their MX"}
}

// PickDoor is the index of the entrance to ask about, -1 if there is none of that kind. For Relay it is the tenant's own host,
// also behind a filtering service, and so for DirectSend if that was asked for by name; else mail to the domain goes where its MX
// says.
func PickDoor(doors []Entrance, kind DoorKind, byName bool) int {
	found := -1
	for i, e := range doors {
		switch {
		case kind == Submission && e.Kind == Submission:
			return i
		case kind == Submission || e.Kind != DirectSend:
		case found < 0:
			found = i
		case byName || kind == Relay:
			if _, ok := TenantMX(e.Host); ok {
				found = i
			}
		}
	}
	return found
}
