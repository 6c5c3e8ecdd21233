package lab

// A personality is how one kind of server words things. Its texts are templates for session.expand.
type personality struct {
	name        string
	host        string   // what it calls itself
	banner      string   // the whole greeting
	hello, helo string   // first line after "250-" for EHLO, the line after "250 " for HELO
	keywords    []string // of EHLO, without AUTH; STARTTLS only shows before TLS
	mechanisms  []string // of AUTH; nil: none
	plainAuth   bool     // AUTH is offered without TLS too

	strict       bool   // EHLO or HELO must come before MAIL
	authRequired string // the reply to MAIL without sign-in; "": none is needed
	minTLS       uint16 // older versions are turned away with oldTLS after the handshake; 0: none
	oldTLS       string

	replies replies
}

// replies are what a personality says to what a client does.
type replies struct {
	startTLS, noStartTLS, tlsActive, tlsFirst string
	helloFirst, helloName                     string
	mail, nested, badSender, tooLarge         string
	rcpt, needMail, badRecipient              string
	data, needRcpt, queued                    string
	signedIn, badLogin, noAuth, noMechanism   string
	rset, noop, quit, vrfy                    string
	syntax, badSequence, unknown              string
}

// simple are the replies that depend on nothing.
func (r *replies) simple() map[Event]string {
	return map[Event]string{"RSET": r.rset, "NOOP": r.noop, "QUIT": r.quit, "VRFY": r.vrfy}
}

// personalities are all there are.
var personalities = []personality{plain, m365MX, m365Submission, exchangeOnPrem, postfix, exim, gmail, oldRelay}

func personalityNames() []string {
	names := make([]string, len(personalities))
	for i, p := range personalities {
		names[i] = p.name
	}
	return names
}
