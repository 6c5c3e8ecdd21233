package cause

import "slices"

// A PatternID names a pattern that shows only when several doors, addresses or clients are compared.
type PatternID string

// The patterns, in the order they are listed.
const (
	RecipientFailsAfterTLS         PatternID = "rcpt-fails-after-tls"
	SubmissionWorksMXFails         PatternID = "submission-works-mx-fails"
	ConnectorTestPassesDeviceFails PatternID = "connector-test-passes-device-fails"
	Port25DeadEverywhere           PatternID = "port-25-dead-everywhere"
	OneAddressDead                 PatternID = "one-address-dead"
	PasswordFitsOneDoor            PatternID = "password-fits-one-door"
	WorksHereFailsOnDevice         PatternID = "works-here-fails-on-device"
)

// A Pattern is seen across conversations. Meaning says what follows from it, one thought a line.
type Pattern struct {
	ID      PatternID
	Title   string
	Meaning []string
}

// Patterns lists all of them. The slice is the caller's.
func Patterns() []Pattern { return slices.Clone(patterns) }

// FindPattern looks a pattern up by its id.
func FindPattern(id PatternID) (Pattern, bool) {
	i := slices.IndexFunc(patterns, func(p Pattern) bool { return p.ID == id })
	if i < 0 {
		return Pattern{}, false
	}
	return patterns[i], true
}

var patterns = []Pattern{
	{RecipientFailsAfterTLS, "STARTTLS works, MAIL FROM works, RCPT TO fails", []string{
		"The path and TLS are in order. Look at the reputation of the public address first: servers often hold a blocklist verdict back until RCPT TO.",
		"A passed connector test says nothing against this: it does not check reputation.",
	}},
	{SubmissionWorksMXFails, "Signed-in submission works, the MX fails", []string{
		"The trouble is port 25 or the reputation of the public address, not the device and not the account.",
		"It is to be expected: ISPs filter port 25 and MX hosts judge by address, while submission judges by sign-in. Use submission.",
	}},
	{ConnectorTestPassesDeviceFails, "The connector test passes, the device fails", []string{
		"The test in the admin center holds no SMTP conversation from the device's place: it checks mail leaving Microsoft 365, not mail coming in.",
		"The device has its own TLS, its own network path and its own public address, and any of the three may differ from the computer beside it.",
	}},
	{Port25DeadEverywhere, "Port 25 fails to every host, other ports work", []string{
		"The filter is between here and the Internet, at the gateway or the ISP. No server is to blame.",
		"Ask whoever runs the line to open outgoing port 25, or use submission on 587.",
	}},
	{OneAddressDead, "One of the host's addresses fails, the others work", []string{
		"A device that tries only the first address fails now and then; a computer that tries the next one never notices.",
		"If all dead ones are IPv6, it is the IPv6 path. A single one is the provider's, or a filter's stale rule.",
	}},
	{PasswordFitsOneDoor, "The password is right at one door and useless at another", []string{
		"An MX host never asks for a sign-in: credentials help only at the submission host.",
		"A device with user and password must point to the submission host, one without them to the MX host.",
	}},
	{WorksHereFailsOnDevice, "It works from this computer, the device fails", []string{
		"Try to be like the device: cap the TLS version, say HELO, leave out the server name, and stand in its VLAN.",
		"What still works then is not the cause. Let the device talk to smtptriage listen to see what it really says.",
	}},
}

// An AdviceID names a piece of guidance.
type AdviceID string

// The pieces of guidance, in the order they are listed.
const (
	ReliabilityFirst   AdviceID = "reliability-first"
	NoCredentials      AdviceID = "no-credentials"
	TLSIsNotAcceptance AdviceID = "tls-is-not-acceptance"
	OnlyRecipientProof AdviceID = "only-rcpt-proves"
)

// An Advice is a piece of guidance that holds whatever the cause was.
type Advice struct {
	ID   AdviceID
	When string // in which situation
	Text string
}

// Guidance lists all advice. The slice is the caller's.
func Guidance() []Advice { return slices.Clone(guidance) }

// FindAdvice looks a piece of guidance up by its id.
func FindAdvice(id AdviceID) (Advice, bool) {
	i := slices.IndexFunc(guidance, func(a Advice) bool { return a.ID == id })
	if i < 0 {
		return Advice{}, false
	}
	return guidance[i], true
}

var guidance = []Advice{
	{ReliabilityFirst, "If reliability comes first", "Send by SMTP submission on port 587 with a sign-in: it does not depend on port 25 or on the address's reputation."},
	{NoCredentials, "If the device may hold no credentials", "Relay through a connector from a static public address of your own, and see that its reputation stays clean."},
	{TLSIsNotAcceptance, "If STARTTLS works", "Do not take it for delivery. A server decides about sender and recipient only after TLS."},
	{OnlyRecipientProof, "If you want proof of acceptance", "Test as far as RCPT TO with the real sender and the real recipient; nothing before it proves that mail is taken."},
}

// An Artifact is something to collect before a case is handed on.
type Artifact struct {
	Key  string // its name in the JSON report
	What string
	How  string // where it comes from
}

// Artifacts lists what to collect. The slice is the caller's.
func Artifacts() []Artifact { return slices.Clone(artifacts) }

var artifacts = []Artifact{
	{"transcript", "The whole SMTP transcript, with times", "Every report has it; --bundle packs it with the rest."},
	{"public_ip", "The public source address", "The server says it in its EHLO reply: Hello [address]."},
	{"error_codes", "The reply codes, above all those at RCPT TO", "Word for word, with the enhanced status and the bracketed ids."},
	{"message_trace", "Microsoft's message trace, where it applies", "Get-MessageTraceV2. What was refused inside the session never appears in it: an empty trace is evidence too."},
	{"path_mtu", "The results of the MTU tests", "The largest packet that passes, each way, and whether ICMP said so."},
}
