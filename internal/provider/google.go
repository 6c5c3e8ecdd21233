package provider

var srcGoogle = Source{"support.google.com: send email from a printer, scanner or app", collected}

var google = Profile{
	Name:     "google",
	Title:    "Gmail and Google Workspace",
	Greeting: `^(?:smtp\.gmail\.com|smtp-relay\.gmail\.com|mx\.google\.com) esmtp [0-9a-z-]+(?:\.[0-9]+)? - gsmtp$`,
	Doors: []Door{
		{
			Kind: Submission, Cloud: Worldwide, Host: "smtp.gmail.com", Aliases: []string{"smtp.googlemail.com"},
			Ports: []int{587, 465}, Implicit: []int{465}, TLS: StartTLSRequired, Auth: true,
			Mechanisms: []string{"LOGIN", "PLAIN", "XOAUTH2", "PLAIN-CLIENTTOKEN", "OAUTHBEARER", "XOAUTH"},
			Keywords:   []string{"SIZE", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"},
			CertNames:  []string{"smtp.gmail.com"}, Issuers: []string{"Google Trust Services"},
			Reaches: "anyone",
			Needs:   []string{"an app password (2-step verification on) or OAuth"},
			SignIn:  "accounts.google.com", Sources: []Source{srcGoogle},
		},
		{
			Kind: Relay, Cloud: Worldwide, Host: "smtp-relay.gmail.com",
			Ports: []int{587, 25, 465}, Implicit: []int{465}, TLS: StartTLSOptional,
			Reaches: "anyone, from the Workspace domain",
			Needs:   []string{"the public address registered in the Admin console (Apps > Gmail > Routing > SMTP relay), or SMTP AUTH"},
			Sources: []Source{srcGoogle},
		},
		{
			Kind: DirectSend, Cloud: Worldwide, Host: "aspmx.l.google.com", Aliases: []string{"smtp.google.com"},
			Suffixes: []string{".aspmx.l.google.com", ".l.google.com", ".googlemail.com"},
			Ports:    []int{25}, TLS: StartTLSOptional,
			CertNames: []string{"mx.google.com"}, Issuers: []string{"Google Trust Services"},
			Reaches: "Gmail and Workspace recipients only",
			Needs:   []string{"SPF or DKIM for the sender's domain, reverse DNS for the address"},
			Sources: []Source{srcGoogle},
		},
	},
}
