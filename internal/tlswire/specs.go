package tlswire

// A namedSpec is a hello that can be asked for by name.
type namedSpec struct {
	name string
	make func(serverName string) HelloSpec
}

// clientSpecs are hellos as whole clients send them.
var clientSpecs = []namedSpec{
	{"modern", ModernClient},
	{"modern-small", SmallModern},
	{"old-device", func(string) HelloSpec { return OldDevice() }},
	{"old-device-ssl2", func(string) HelloSpec { return OldSSL2Hello() }},
}

// namedSpecs are all of them in the order of a sweep: whole clients, then versions, then families of cipher suites.
func namedSpecs() []namedSpec {
	all := append([]namedSpec(nil), clientSpecs...)
	for _, v := range append([]Version{SSLv2}, Versions...) {
		all = append(all, namedSpec{v.String(), func(serverName string) HelloSpec { return VersionHello(v, serverName) }})
	}
	for _, f := range Families {
		all = append(all, namedSpec{f.Name, f.Hello})
	}
	return all
}

// SpecNames are the names that SpecByName knows.
func SpecNames() []string {
	var names []string
	for _, s := range namedSpecs() {
		names = append(names, s.name)
	}
	return names
}

// SpecByName finds a hello by the name that it bears itself: a client ("modern", "old-device"), a version ("TLS 1.0") or
// a family of cipher suites ("cbc-rsa"). An empty serverName means no SNI.
func SpecByName(name, serverName string) (HelloSpec, bool) {
	for _, s := range namedSpecs() {
		if s.name == name {
			return s.make(serverName), true
		}
	}
	return HelloSpec{}, false
}
