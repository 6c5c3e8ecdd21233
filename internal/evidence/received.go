package evidence

// SignIn is what a client gave to sign in, seen at the server, as far as it may be kept. The secret itself never is: only
// how long it was, and whether it was the one of the last try.
type SignIn struct {
	Mechanism string     `json:"mechanism"`         // upper case
	Initial   bool       `json:"initial,omitempty"` // the AUTH command brought the first response with it
	InTLS     bool       `json:"in_tls,omitempty"`
	UserLen   int        `json:"user_octets,omitempty"`
	SecretLen int        `json:"secret_octets,omitempty"` // of the password or token; of the answer where a challenge hides it
	Repeat    RepeatKind `json:"repeat,omitempty"`
	Malformed string     `json:"malformed,omitempty"` // why it could not be read: not base64, a part missing
}

// A RepeatKind compares a secret with the one that the same address gave before.
type RepeatKind string

// "" is the first try, or one that cannot be compared.
const (
	RepeatSame    RepeatKind = "same"
	RepeatChanged RepeatKind = "changed"
)

// Mail is what a message consisted of, seen while it passed by. The text of it is not kept.
type Mail struct {
	Bytes       int64      `json:"bytes"` // as sent, dots doubled, without the final one
	Lines       int64      `json:"lines"`
	Header      []string   `json:"header,omitempty"` // the fields that tell who wrote it and with what, unfolded
	Missing     []string   `json:"missing,omitempty"`
	Attachments []Attached `json:"attachments,omitempty"`
	BareLF      int64      `json:"bare_lf,omitempty"` // lines that ended with LF alone (RFC 5321, section 2.3.8)
	BareCR      int64      `json:"bare_cr,omitempty"`
	NUL         int64      `json:"nul,omitempty"`
	EightBit    bool       `json:"eight_bit,omitempty"`
	Longest     int64      `json:"longest_line"`       // octets; RFC 5322, section 2.1.1 allows 998
	Early       bool       `json:"early,omitempty"`    // it began before the server asked for it with 354
	EndedBy     string     `json:"ended_by,omitempty"` // how the final dot came, where not as CRLF . CRLF: "lf", "chunk"
	Kept        string     `json:"kept,omitempty"`     // the file it was kept in
}

// Attached is one part of a message that has a file name, or is no text.
type Attached struct {
	Name  string `json:"name,omitempty"`
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"` // as sent, so before decoding
}
