package provider

// generic covers every server that no other profile knows: Postfix, Exim, sendmail, OpenSMTPD, Exchange on premises,
// a hoster's relay. It promises nothing about names, greetings or keywords.
var generic = Profile{
	Name:  "generic",
	Title: "an SMTP server",
	Doors: []Door{
		{
			Kind: Submission, Ports: []int{587, 465}, Implicit: []int{465}, TLS: StartTLSRequired, Auth: true,
			Reaches: "anyone", Needs: []string{"a user name and password of that server"},
			Sources: []Source{{"RFC 6409; RFC 8314, section 3", "2018-01"}},
		},
		{
			Kind: DirectSend, Ports: []int{25}, TLS: StartTLSOptional, Reaches: "recipients of the domain whose MX host it is",
			Needs:   []string{"port 25 open to the Internet, and a public address that is on no blocklist"},
			Sources: []Source{{"RFC 5321, section 5.1", "2008-10"}},
		},
		{
			Kind: Relay, Ports: []int{25}, TLS: StartTLSOptional, Reaches: "anyone, if the server knows the client's address",
			Needs:   []string{"the client's address among those the server relays for"},
			Sources: []Source{{"RFC 5321, section 3.6", "2008-10"}},
		},
	},
}
