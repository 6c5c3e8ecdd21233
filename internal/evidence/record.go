// Package evidence holds what was seen: the record that every source fills in (the live walk, the listening server,
// logs and captures of others) and every judgement starts from. It is a file format too.
//
// A record has facts only, in the order they were seen, each with its time. Conclusions are package diagnose's.
// Secrets never enter: the Recorder masks them where they are seen.
package evidence

import (
	"net/netip"
	"time"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// Schema names the version of the file format. A change that an older reader would misread raises the number.
const Schema = "smtptriage/evidence/v1"

// A Record is one run of one command: what was asked, and all that was seen.
type Record struct {
	Schema      string        `json:"schema"`
	Tool        Tool          `json:"tool"`
	Source      Source        `json:"source"`
	Started     time.Time     `json:"started"`
	Took        time.Duration `json:"took_ns"`
	Target      Target        `json:"target"`
	Host        *Host         `json:"host,omitempty"` // the machine it ran on; nil: not looked at
	Traces      []Trace       `json:"traces"`
	Runs        []Run         `json:"experiments,omitempty"`
	Rounds      []Round       `json:"rounds,omitempty"`      // of a check that was repeated; none: it was one run
	Interrupted string        `json:"interrupted,omitempty"` // why the run ended before its work was done; "" if it did not
	Contacted   []string      `json:"contacted,omitempty"`   // every host:port, resolvers too, that the run sent anything to
}

// ByUser is what Interrupted says when the user ended the run.
const ByUser = "interrupted"

// Tool names the program that wrote a record.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// A Source tells which side the observer was on.
type Source string

const (
	FromCheck   Source = "check"   // we were the client
	FromListen  Source = "listen"  // we were the server
	FromCapture Source = "capture" // packets of others
	FromText    Source = "text"    // pasted errors, logs, transcripts
)

// A Via is the door asked about: the kind of endpoint, which decides what may be expected of it.
type Via string

const (
	ViaAuto       Via = "auto"
	ViaSubmission Via = "submission"  // 587 or 465 with AUTH
	ViaDirectSend Via = "direct-send" // the recipients' own MX, no login
	ViaRelay      Via = "relay"       // the tenant's MX through a connector
	ViaHost       Via = "host"        // just this host and port
)

// A Target is what the user asked about.
type Target struct {
	Input  string `json:"input"`            // as typed
	Domain string `json:"domain,omitempty"` // ASCII form, when a domain or an address was given
	Walk   Walk   `json:"walk"`             // the walk asked for; experiments are variations of it
	Doors  []Walk `json:"doors,omitempty"`  // the doors walked beside it as controls

	External   string   `json:"external_to,omitempty"` // a recipient of others, to try in a walk of its own
	Controls   []string `json:"controls,omitempty"`    // hosts that the user named as controls, beside the known ones
	NoControls bool     `json:"no_controls,omitempty"` // contact no host but the target's own
}

// A TLSMode says how a walk goes about TLS.
type TLSMode string

const (
	StartTLS    TLSMode = "starttls" // STARTTLS when offered
	ImplicitTLS TLSMode = "implicit" // TLS from the first byte
	NoTLS       TLSMode = "none"
)

// A Walk says how a conversation is to be held. The zero value of a field means the default.
type Walk struct {
	Via      Via           `json:"via,omitempty"`
	Host     string        `json:"host"`              // ASCII name or IP address
	Port     int           `json:"port"`              // 1 to 65535
	Address  netip.Addr    `json:"address,omitzero"`  // dial this address alone; zero: all that Host has
	Family   int           `json:"family,omitempty"`  // 4 or 6; 0: both
	MSS      int           `json:"mss,omitempty"`     // TCP_MAXSEG; 0: the system's
	Wait     time.Duration `json:"wait_ns,omitempty"` // longest single wait; 0: RFC 5321's, within the run's time
	TLS      TLSMode       `json:"tls,omitempty"`     // "": StartTLS
	TLSMin   string        `json:"tls_min,omitempty"` // "1.0" to "1.3"; "": 1.0
	TLSMax   string        `json:"tls_max,omitempty"` // "": 1.3
	NoSNI    bool          `json:"no_sni,omitempty"`
	SmallTLS bool          `json:"small_tls,omitempty"` // no post-quantum key share: the ClientHello fits one segment
	RSAOnly  bool          `json:"rsa_only,omitempty"`  // no elliptic curves: suites with RSA key exchange alone, so TLS 1.2 at most
	EHLO     string        `json:"ehlo,omitempty"`      // the name to give; "": made from the local address
	HELO     bool          `json:"helo,omitempty"`      // say HELO, never EHLO
	Noop     bool          `json:"noop_first,omitempty"`
	Anyway   bool          `json:"starttls_anyway,omitempty"` // ask for STARTTLS although it is not offered
	Auth     *Auth         `json:"auth,omitempty"`            // nil: no sign-in
	Insecure bool          `json:"insecure,omitempty"`        // sign in even if the certificate does not verify
	InClear  bool          `json:"auth_in_clear,omitempty"`   // sign in even without TLS
	From     string        `json:"from,omitempty"`            // "": stop before MAIL
	To       []string      `json:"to,omitempty"`              // none: stop before RCPT
	Send     bool          `json:"send,omitempty"`            // go on with DATA
	Size     int64         `json:"size,omitempty"`            // octets of the test message; 0: as small as it gets
	Declare  int64         `json:"declare_size,omitempty"`    // SIZE= at MAIL; 0: the message's own when it is sent
	Until    cause.Step    `json:"until,omitempty"`           // stop after this step; "": as far as the rest allows
	Like     string        `json:"like,omitempty"`            // the kind of device it is held like
	Guess    string        `json:"guess,omitempty"`           // why Host was taken for the door, where DNS does not say so
}

// Auth says how to sign in. The secret itself is not here: the prober has it from its caller.
type Auth struct {
	Mechanism string        `json:"mechanism,omitempty"` // PLAIN, LOGIN or XOAUTH2; "": the best that is offered
	User      string        `json:"user"`
	OAuth     bool          `json:"oauth,omitempty"`         // the secret is a token
	Token     *Token        `json:"token,omitempty"`         // what the token says of itself
	Asked     *TokenRequest `json:"token_request,omitempty"` // how the token was got; nil: it was given
}

// TokenRequest is a conversation with a sign-in service about a token, without its secrets.
type TokenRequest struct {
	Flow    string        `json:"flow"` // client-credentials or device-code
	Host    string        `json:"host"`
	Tenant  string        `json:"tenant"`
	App     string        `json:"app"`
	Scope   string        `json:"scope"`
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"took_ns"`
	Issued  bool          `json:"issued"`           // a token was issued
	Status  int           `json:"status,omitempty"` // HTTP status of a refusal; 0: none came
	Error   string        `json:"error,omitempty"`  // invalid_client ... (RFC 6749, section 5.2)
	Code    int           `json:"code,omitempty"`   // of AADSTS7000215 and so on
	Text    string        `json:"text,omitempty"`   // the service's words, or why it could not be asked
}

// Token holds the claims of an OAuth token that matter for SMTP, read offline and unverified. The token itself never enters.
type Token struct {
	Audience  string    `json:"audience,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"` // delegated permissions (scp)
	Roles     []string  `json:"roles,omitempty"`  // application permissions
	NotBefore time.Time `json:"not_before,omitzero"`
	Expires   time.Time `json:"expires,omitzero"`
	User      string    `json:"user,omitempty"` // upn, preferred_username or unique_name
	App       string    `json:"app,omitempty"`  // appid
	Tenant    string    `json:"tenant,omitempty"`
	Opaque    string    `json:"opaque,omitempty"` // why nothing could be read
}

// Host is what this machine says of its own network.
type Host struct {
	OS           string      `json:"os"`
	Interfaces   []Interface `json:"interfaces,omitempty"`
	Resolvers    []string    `json:"resolvers,omitempty"`     // the system's, in its order
	Gateways     []string    `json:"gateways,omitempty"`      // default gateways
	RoutesRead   string      `json:"routes_read,omitempty"`   // "yes", or why not; then empty Gateways say nothing
	Proxies      []string    `json:"proxies,omitempty"`       // names of proxy variables that are set
	Firewall     []string    `json:"firewall,omitempty"`      // local rules that concern SMTP ports
	FirewallRead string      `json:"firewall_read,omitempty"` // "yes", or why not
	Settings     []string    `json:"settings,omitempty"`      // those that change what experiments show: tcp_mtu_probing ...
}

// FirewallNotAsked is what FirewallRead says where nothing gave a reason to read the rules.
const FirewallNotAsked = "not read: nothing was blocked"

// An Interface of this machine.
type Interface struct {
	Name      string   `json:"name"`
	MTU       int      `json:"mtu"`
	Up        bool     `json:"up"`
	Addresses []string `json:"addresses,omitempty"`
}

// An Experiment asks for one more observation, to tell causes apart. Exactly one of its pointers says how to make it.
type Experiment struct {
	Name    string        `json:"name"`               // stable, in reports: "other-port", "starttls-anyway", "traceroute"
	Because string        `json:"asked_because"`      // in plain words: what it will tell
	Tells   []cause.ID    `json:"tells,omitempty"`    // causes that its outcome raises or removes
	Slow    bool          `json:"slow,omitempty"`     // it may take the rest of the time; a verdict need not wait for it
	Round   int           `json:"round,omitempty"`    // counts the repetitions of a comparison, from 0
	After   time.Duration `json:"after_ns,omitempty"` // wait so long first, as the server asked

	Walk    *Walk      `json:"walk,omitempty"`
	Lookup  *Question  `json:"lookup,omitempty"`
	Lookups []Question `json:"lookups,omitempty"` // several, in one trace
	SPF     *SPFTest   `json:"spf,omitempty"`
	Hello   *HelloTest `json:"hello,omitempty"`
	Path    *PathTest  `json:"path,omitempty"`
}

// A Question is what to ask which resolver.
type Question struct {
	Server string   `json:"server"` // host:port; "system": as programs on this machine ask; "": the resolvers of the run
	Name   string   `json:"name"`
	Types  []string `json:"types"`         // A, AAAA, CNAME, MX, PTR, TXT, TLSA
	TCP    bool     `json:"tcp,omitempty"` // over TCP from the start
}

// An SPFTest evaluates a sender's SPF record (RFC 7208) for the address that a server sees this client at.
type SPFTest struct {
	Address netip.Addr `json:"address"`
	Sender  string     `json:"sender"`
	HELO    string     `json:"helo,omitempty"`
}

// A HelloTest sends ClientHellos of our own making and reads the answers, without completing a handshake: one
// connection each, on the way that Walk describes.
type HelloTest struct {
	Walk  Walk     `json:"walk"`
	Specs []string `json:"specs,omitempty"` // names of hellos
	Sizes []int    `json:"sizes,omitempty"` // the same hello padded to each of these sizes
}

// A PathTest looks at the way to an address.
type PathTest struct {
	Kind    string     `json:"kind"` // tcp-traceroute, udp-mtu, ping-mtu
	Address netip.Addr `json:"address"`
	Port    int        `json:"port,omitempty"`
}

// A Run is an experiment that was made, or could not be.
type Run struct {
	Experiment
	At          time.Duration `json:"at_ns"` // since Record.Started
	Took        time.Duration `json:"took_ns"`
	Traces      []string      `json:"traces,omitempty"`       // IDs of its traces
	NotPossible string        `json:"not_possible,omitempty"` // why it was not made: platform, permission, time
}
