package evidence

import (
	"net/netip"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/smtp"
	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// A Trace is one connection, or one set of look-ups, in the order things happened.
type Trace struct {
	ID      string         `json:"id"`   // "t1", "t2" ...; unique in the record
	Role    Role           `json:"role"` // why it was made
	Walk    Walk           `json:"walk,omitzero"`
	Address netip.AddrPort `json:"address,omitzero"` // the far end
	Local   netip.AddrPort `json:"local,omitzero"`   // our end
	Start   time.Time      `json:"start,omitzero"`   // zero: the observer gave no time
	Sees    Sees           `json:"sees"`
	Events  []Event        `json:"events"`
	Dropped int            `json:"dropped_events,omitempty"` // events beyond the limit of the recorder
	Origin  string         `json:"origin,omitempty"`         // file and place it was read from; the client of a connection to us
	Program string         `json:"program,omitempty"`        // whose log or error it is
}

// A Role says why a trace was made.
type Role string

const (
	RoleAsked      Role = "asked"      // the door the user asked about
	RoleControl    Role = "control"    // another door, walked beside it
	RoleExperiment Role = "experiment" // asked for by diagnose
	RoleLookup     Role = "lookup"     // look-ups of the run itself
	RoleObserved   Role = "observed"   // a conversation of others
)

// Sees says what the observer could have seen. A rule asks it before it reasons from absence: a log that shows no
// EHLO reply shows none, that is all.
type Sees struct {
	Dial       bool `json:"dial,omitempty"`        // whether and how the connection opened
	Client     bool `json:"client,omitempty"`      // all lines of the client, while in clear
	Server     bool `json:"server,omitempty"`      // all lines of the server, while in clear
	Inside     bool `json:"inside,omitempty"`      // the same inside TLS
	TLS        bool `json:"tls,omitempty"`         // hellos, alerts and, where they are in clear, certificates
	End        bool `json:"end,omitempty"`         // how the connection ended
	Timing     bool `json:"timing,omitempty"`      // times are worth something
	FromStart  bool `json:"from_start,omitempty"`  // nothing came before the first event
	Packets    bool `json:"packets,omitempty"`     // single segments, resets and their TTL
	Unverified bool `json:"unverified,omitempty"`  // the text was typed or cut by people
	ServerSide bool `json:"server_side,omitempty"` // seen at the server: a client fault is the other end's
}

// SeesAll is what a client of its own conversation sees.
var SeesAll = Sees{Dial: true, Client: true, Server: true, Inside: true, TLS: true, End: true, Timing: true, FromStart: true}

// An Event is one thing seen. Exactly one of its pointers is set.
type Event struct {
	At   time.Duration `json:"at_ns"`             // since Trace.Start; when it was complete
	Took time.Duration `json:"took_ns,omitempty"` // from its beginning to At, where that means something

	Lookup      *Lookup              `json:"lookup,omitempty"`
	SPF         *SPFResult           `json:"spf,omitempty"`
	Dialed      *Dialed              `json:"dialed,omitempty"`
	Sent        *Sent                `json:"sent,omitempty"`
	Reply       *Reply               `json:"reply,omitempty"`
	Bytes       *Bytes               `json:"bytes,omitempty"`
	ClientHello *tlswire.ClientHello `json:"client_hello,omitempty"`
	ServerHello *tlswire.ServerHello `json:"server_hello,omitempty"`
	Alert       *Alert               `json:"alert,omitempty"`
	Chain       *Chain               `json:"certificates,omitempty"`
	Secured     *Secured             `json:"secured,omitempty"`
	TLSFailed   *TLSFailed           `json:"tls_failed,omitempty"`
	Ended       *Ended               `json:"ended,omitempty"`
	TCP         *TCPInfo             `json:"tcp,omitempty"`
	Segments    *Segments            `json:"segments,omitempty"`
	Hop         *Hop                 `json:"hop,omitempty"`
	Size        *SizeProbe           `json:"size_probe,omitempty"`
	SignIn      *SignIn              `json:"sign_in,omitempty"`
	Mail        *Mail                `json:"mail,omitempty"`
	Said        *Said                `json:"said,omitempty"`
	Note        *Note                `json:"note,omitempty"`
}

// A Side is one end of a conversation.
type Side string

const (
	Client  Side = "client"
	Server  Side = "server"
	Unknown Side = ""
)

// An Outcome says how a dial, a wait or a connection ended. They are different facts: a refusal is not a time-out.
type Outcome string

const (
	Connected   Outcome = "connected"
	Refused     Outcome = "refused"     // RST, or ICMP port unreachable, to our SYN
	Reset       Outcome = "reset"       // RST within the connection
	Closed      Outcome = "closed"      // FIN
	TimedOut    Outcome = "timeout"     // nothing came for as long as we waited
	Unreachable Outcome = "unreachable" // ICMP host or net unreachable, or no answer to ARP
	Prohibited  Outcome = "prohibited"  // ICMP administratively prohibited, or a local policy (EACCES, EPERM)
	NoRoute     Outcome = "no-route"    // this host has no route there, or no address of that family
	Aborted     Outcome = "aborted"     // we ended it: done, out of budget, or interrupted
	Failed      Outcome = "failed"      // another error; Errno or Text has it
)

// Dialed is an attempt to open a connection to one address.
type Dialed struct {
	Address  netip.AddrPort `json:"address"`
	Outcome  Outcome        `json:"outcome"`
	Errno    string         `json:"errno,omitempty"` // ECONNREFUSED, WSAECONNREFUSED ...
	Text     string         `json:"text,omitempty"`  // the system's words
	Offender *ICMP          `json:"icmp,omitempty"`  // who refused it, where the system tells
	Waited   time.Duration  `json:"waited_ns,omitempty"`
	MSS      int            `json:"mss,omitempty"` // the segment size in force after connecting
}

// Where is the address and port, as far as they are known: a log of others may name neither.
func (d *Dialed) Where() string {
	switch {
	case !d.Address.Addr().IsValid():
		return "the server"
	case d.Address.Port() == 0:
		return d.Address.Addr().String()
	}
	return d.Address.String()
}

// ICMP is an ICMP error that ended something.
type ICMP struct {
	From netip.Addr `json:"from"`
	V6   bool       `json:"v6,omitempty"`
	Type int        `json:"type"`
	Code int        `json:"code"`
	MTU  int        `json:"mtu,omitempty"`
}

// Sent is one line the client sent, or, with Verb "MESSAGE", a whole message.
type Sent struct {
	Verb   string   `json:"verb"`             // EHLO, MAIL ...; "" for an AUTH continuation; MESSAGE
	Line   string   `json:"line"`             // without its end; secrets masked
	Secret bool     `json:"secret,omitempty"` // something was masked
	Empty  bool     `json:"empty_secret,omitempty"`
	Bytes  int64    `json:"bytes"`         // on the wire, or inside TLS
	EOL    smtp.EOL `json:"eol,omitempty"` // "": CRLF
	Raw    []byte   `json:"raw,omitempty"` // the line, where Line could not hold it
	Acked  int64    `json:"acked,omitempty"`
	MsgID  string   `json:"message_id,omitempty"` // of a MESSAGE
	Done   bool     `json:"done,omitempty"`       // of a MESSAGE: the final dot was written
	Early  bool     `json:"early,omitempty"`      // it came before the reply to the command before it
}

// Reply is one reply of the server, whole or as far as it came.
type Reply struct {
	smtp.Reply
	To      int             `json:"to"` // index of the Sent event it answers; -1: the greeting, or unasked
	Unasked bool            `json:"unasked,omitempty"`
	LinesAt []time.Duration `json:"lines_at_ns,omitempty"` // when each line was there, since Trace.Start
	Bytes   int64           `json:"bytes,omitempty"`
	Raw     [][]byte        `json:"raw,omitempty"` // the lines, where Text could not hold them
}

// maxQuote is how much of a reply is quoted to people.
const maxQuote = 400

// String is the reply as a person quotes it, cut where a hostile server made it long.
func (r Reply) String() string {
	s := r.Reply.String()
	if len(s) > maxQuote {
		s = strings.ToValidUTF8(s[:maxQuote], "") + " [...]"
	}
	return s
}

// Bytes are octets that are no part of the dialogue: garbage, or an unfinished line at the end.
type Bytes struct {
	From  Side   `json:"from"`
	Count int64  `json:"count"`
	Head  []byte `json:"head,omitempty"` // the first MaxHead of them
	Looks string `json:"looks,omitempty"`
}

// Alert is a TLS alert and who sent it.
type Alert struct {
	From Side `json:"from"`
	tlswire.Alert
}

// Chain is the certificate chain the server showed, and what verifying it afterwards gave.
type Chain struct {
	Certificates []tlswire.Certificate `json:"chain"`
	Verified     []Verified            `json:"verified,omitempty"` // against each pool of roots
}

// Verified is the result of checking a chain against one pool of roots.
type Verified struct {
	Roots   string      `json:"roots"` // system, ca-file, mozilla
	Name    string      `json:"name"`  // the name it was checked for
	At      time.Time   `json:"at"`    // the clock it was checked by
	Problem CertProblem `json:"problem,omitempty"`
	Text    string      `json:"text,omitempty"`
}

// A CertProblem is why a chain does not verify. "" means it does.
type CertProblem string

const (
	CertOK           CertProblem = ""
	CertExpired      CertProblem = "expired"
	CertNotYetValid  CertProblem = "not-yet-valid"
	CertNameMismatch CertProblem = "name-mismatch"
	CertUntrusted    CertProblem = "unknown-authority"
	CertSelfSigned   CertProblem = "self-signed"
	CertIncomplete   CertProblem = "chain-incomplete"
	CertOther        CertProblem = "other"
)

// Secured is a TLS handshake that succeeded.
type Secured struct {
	Version string `json:"version"` // "TLS 1.2"
	Suite   string `json:"suite"`
	Group   string `json:"group,omitempty"`
	SNI     string `json:"sni,omitempty"`
	ALPN    string `json:"alpn,omitempty"`
}

// TLSFailed is a TLS handshake that did not.
type TLSFailed struct {
	How     TLSFailure `json:"how"`
	Text    string     `json:"text,omitempty"`
	SentN   int64      `json:"sent_bytes"` // by us, since the handshake began
	GotN    int64      `json:"got_bytes"`
	Outcome Outcome    `json:"outcome,omitempty"` // how the connection fared, for How "ended"
}

// A TLSFailure tells where a handshake broke.
type TLSFailure string

const (
	TLSAlerted TLSFailure = "server-alert" // the Alert event before it says which
	TLSEnded   TLSFailure = "ended"        // closed, reset or silent
	TLSNotTLS  TLSFailure = "not-tls"      // the answer is no TLS record
	TLSRefused TLSFailure = "client-refused"

	TLSClientAlerted TLSFailure = "client-alert" // seen at the server: the Alert event before it says which
)

// Ended is the end of a connection, or of a wait.
type Ended struct {
	Outcome Outcome       `json:"outcome"`
	By      Side          `json:"by,omitempty"`
	Waiting string        `json:"waiting_for,omitempty"` // what for: greeting, EHLO, STARTTLS, handshake, MAIL, ... or ""
	Waited  time.Duration `json:"waited_ns,omitempty"`
	Errno   string        `json:"errno,omitempty"`
	Text    string        `json:"text,omitempty"`
	GotN    int64         `json:"got_bytes"` // from the far end, in all
	SentN   int64         `json:"sent_bytes"`
	Why     string        `json:"why,omitempty"` // of Aborted: done, budget, interrupt
}

// TCPInfo is what the kernel says of a connection. Zero values where the system does not tell.
type TCPInfo struct {
	RTT        time.Duration `json:"rtt_ns,omitempty"`
	MinRTT     time.Duration `json:"min_rtt_ns,omitempty"`
	PMTU       int           `json:"pmtu,omitempty"`
	SndMSS     int           `json:"snd_mss,omitempty"`
	RcvMSS     int           `json:"rcv_mss,omitempty"`
	Retrans    int           `json:"total_retrans,omitempty"`
	Backoff    int           `json:"backoff,omitempty"`
	Unacked    int           `json:"unacked,omitempty"`
	Lost       int           `json:"lost,omitempty"`
	NotSent    int64         `json:"notsent_bytes,omitempty"`
	BytesAcked int64         `json:"bytes_acked,omitempty"`
	BytesRecv  int64         `json:"bytes_received,omitempty"`
	OutOfOrder int           `json:"rcv_ooopack,omitempty"`
	DataSegsIn int           `json:"data_segs_in,omitempty"`
}

// Hop is the answer to one packet with a limited TTL.
type Hop struct {
	TTL     int        `json:"ttl"`
	Port    int        `json:"port"`
	From    netip.Addr `json:"from,omitzero"` // zero: nobody answered
	Outcome Outcome    `json:"outcome"`       // Connected or Refused: the far end (or who plays it) at this TTL
	ICMP    *ICMP      `json:"icmp,omitempty"`
}

// SizeProbe is one packet of a given size that must not be fragmented.
type SizeProbe struct {
	Bytes    int    `json:"bytes"` // of the IP packet
	Answered bool   `json:"answered"`
	By       *ICMP  `json:"by,omitempty"`
	Text     string `json:"text,omitempty"`
}

// Said is a statement of another program about what happened: a client library's error, a log line that is not part of
// the dialogue. It is what that program says, not what was seen.
type Said struct {
	Text string `json:"text"`
	Kind string `json:"kind,omitempty"` // set by whoever recognised it, as in capture's tables
	Line int    `json:"line,omitempty"` // in the text it came from, from 1
}

// Note is a remark of the observer about its own work: what it could not do, or left out.
type Note struct {
	Text string `json:"text"`
}
