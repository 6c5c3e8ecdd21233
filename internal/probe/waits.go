package probe

import "time"

// How long each answer is waited for, by RFC 5321, section 4.5.3.2. The run's own time is mostly shorter and bounds
// them all; Walk.Wait replaces them.
const (
	greetingWait = 5 * time.Minute  // 4.5.3.2.1
	mailWait     = 5 * time.Minute  // 4.5.3.2.2
	rcptWait     = 5 * time.Minute  // 4.5.3.2.3
	dataWait     = 2 * time.Minute  // 4.5.3.2.4, for the 354
	blockWait    = 3 * time.Minute  // 4.5.3.2.5, for one block of the message to be taken
	endWait      = 10 * time.Minute // 4.5.3.2.6, after the final dot

	// The RFC names no wait for these. Five minutes is its floor for commands of its own time.
	helloWait     = 5 * time.Minute
	startTLSWait  = 5 * time.Minute
	handshakeWait = time.Minute
	authWait      = 3 * time.Minute // a front end may ask three others before it answers

	quitWait = 2 * time.Second // nobody needs the answer: waiting for it is good manners
)
