package tlswire

// maxClear bounds what is read of the clear part of one direction, in octets of handshake: far above any real
// handshake, and what a hostile peer can make us keep.
const maxClear = 1 << 20

// maxEvents bounds what is reported of one direction. A handshake has about ten; a peer that sends alerts without
// end shall not fill our memory with them.
const maxEvents = 256

// An Event is one thing read from one direction of a TLS connection. Exactly one of its pointers and flags is set.
type Event struct {
	Offset int64 // of the record it starts in, from the start of the stream

	ClientHello        *ClientHello
	ServerHello        *ServerHello
	Chain              *Chain // the Certificate message, TLS 1.2 and older
	KeyExchange        *KeyExchange
	CertificateRequest *CertificateRequest
	ServerHelloDone    bool
	ChangeCipherSpec   bool
	Alert              *Alert
	Other              *Message // any other message in the clear, its body included
	Encrypted          bool     // from this record on nothing can be read: reported once
}

// A Reader reads one direction of a TLS connection, from its first octet on, as far as it is in the clear. Its memory
// is bounded. The zero value is ready.
//
// It needs one direction alone: what is encrypted is known by its records (RFC 8446, section 5 and appendix D.4).
type Reader struct {
	split     Splitter
	assemble  assembler
	hello     *ServerHello // the last one seen
	changed   bool         // ChangeCipherSpec was seen
	encrypted bool
	clear     int
	records   int
	events    int
	octets    int64
}

// Feed takes the bytes of one read and returns what they complete.
func (r *Reader) Feed(p []byte) []Event {
	r.octets += int64(len(p))
	var events []Event
	for _, rec := range r.split.Feed(p) {
		r.records++
		if r.events < maxEvents {
			more := r.record(rec)
			r.events += len(more)
			events = append(events, more...)
		}
	}
	return events
}

// Records is the number of whole records so far.
func (r *Reader) Records() int { return r.records }

// Octets is the number of octets fed so far.
func (r *Reader) Octets() int64 { return r.octets }

// Encrypted reports whether the clear part is over.
func (r *Reader) Encrypted() bool { return r.encrypted }

// Foreign returns the first octets that are not TLS and their offset, if any were met: see Splitter.Foreign.
func (r *Reader) Foreign() (first []byte, offset int64, ok bool) { return r.split.Foreign() }

// PendingRecord returns how much of an unfinished record is there and how much it wants: see Splitter.Pending.
func (r *Reader) PendingRecord() (have, wanted int) { return r.split.Pending() }

// PendingMessage returns the type of a handshake message whose end has not come, the octets of its body in whole
// records so far, and the octets that it promises. A Certificate message that hangs here is what a path-MTU hole
// toward the client looks like.
func (r *Reader) PendingMessage() (t HandshakeType, have, wanted int, ok bool) {
	return r.assemble.pending()
}

func (r *Reader) record(rec Record) []Event {
	at := rec.Offset
	switch rec.Type {
	case SSL2Message:
		return r.ssl2(rec)
	case AlertRecord:
		return r.alerts(rec)
	case ChangeCipherSpec:
		if r.encrypted {
			return nil
		}
		r.changed = true
		return []Event{{Offset: at, ChangeCipherSpec: true}}
	case HandshakeRecord:
		if r.inClear(rec) {
			return r.handshake(rec)
		}
	}
	return r.encryptedFrom(at)
}

func (r *Reader) encryptedFrom(at int64) []Event {
	if r.encrypted {
		return nil
	}
	r.encrypted = true
	return []Event{{Offset: at, Encrypted: true}}
}

// inClear reports whether a handshake record can be read. After ChangeCipherSpec it can not, but for hellos: TLS 1.3
// sends a ChangeCipherSpec that means nothing, and after a HelloRetryRequest another hello in the clear may follow
// it (RFC 8446, appendix D.4). An encrypted record does not look like a hello by chance: type, length and version
// would all have to fit.
func (r *Reader) inClear(rec Record) bool {
	switch {
	case r.encrypted || r.clear > maxClear:
		return false
	case !r.changed:
		return true
	}
	f := rec.Fragment
	if len(f) < messageHeader+2 || f[1] != 0 || f[4] != 3 || f[5] > 4 {
		return false
	}
	kind, length := HandshakeType(f[0]), int(f[2])<<8|int(f[3])
	return (kind == MsgClientHello || kind == MsgServerHello) && length >= len(f)-messageHeader
}

func (r *Reader) handshake(rec Record) []Event {
	r.clear += len(rec.Fragment)
	var events []Event
	for _, m := range r.assemble.add(rec) {
		events = append(events, r.message(m))
	}
	return events
}

// message reads one handshake message. Damaged ones are reported in the Malformed field of what was read.
func (r *Reader) message(m Message) Event {
	e := Event{Offset: m.Offset}
	switch m.Type {
	case MsgClientHello:
		h, _ := ParseClientHello(m.Body)
		h.RecordVersion, h.Size = m.RecordVersion, m.Wire
		e.ClientHello = &h
	case MsgServerHello:
		h, _ := ParseServerHello(m.Body)
		h.RecordVersion = m.RecordVersion
		e.ServerHello, r.hello = &h, &h
	case MsgCertificate:
		c := ParseChain(m.Body, m.Cut())
		e.Chain = &c
	case MsgServerKeyExchange:
		k := parseKeyExchange(m.Body, r.hello)
		e.KeyExchange = &k
	case MsgCertificateRequest:
		q := parseCertificateRequest(m.Body, r.hello)
		e.CertificateRequest = &q
	case MsgServerHelloDone:
		e.ServerHelloDone = true
	default:
		e.Other = &m
	}
	return e
}

// alerts reads an alert record. One in the clear has two octets; several may share a record. Encrypted ones are
// longer, and in TLS 1.3 they travel as application data and cannot be told from it.
func (r *Reader) alerts(rec Record) []Event {
	f := rec.Fragment
	if (r.changed || r.encrypted) && len(f) != 2 || len(f)%2 != 0 || len(f) == 0 || len(f) > 16 {
		return []Event{{Offset: rec.Offset, Alert: &Alert{Encrypted: true}}}
	}
	var events []Event
	for ; len(f) > 0; f = f[2:] {
		events = append(events, Event{
			Offset: rec.Offset,
			Alert:  &Alert{Level: AlertLevel(f[0]), Description: AlertDescription(f[1])},
		})
	}
	return events
}

func (r *Reader) ssl2(rec Record) []Event {
	e := Event{Offset: rec.Offset}
	switch rec.Fragment[0] {
	case ssl2ClientHello:
		h, err := parseSSL2ClientHello(rec.Fragment)
		if err != nil {
			h.Malformed = err.Error()
		}
		e.ClientHello = &h
	case ssl2ServerHello:
		e.ServerHello = &ServerHello{Format: FormatSSL2, LegacyVersion: SSLv2, Version: SSLv2}
	default:
		e.Alert = &Alert{Level: Fatal, Description: ssl2Alert(rec.Fragment[len(rec.Fragment)-1])}
	}
	return []Event{e}
}

// ssl2Alert is the alert that took over from an error code of SSLv2. Codes without one read as internal_error.
func ssl2Alert(code byte) AlertDescription {
	switch code {
	case 1: // no cipher
		return AlertHandshakeFailure
	case 2:
		return AlertNoCertificate
	case 4:
		return AlertBadCertificate
	case 6:
		return AlertUnsupportedCertificate
	}
	return AlertInternalError
}
