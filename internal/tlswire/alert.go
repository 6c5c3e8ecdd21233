package tlswire

import (
	"fmt"
	"strconv"
	"strings"
)

// An Alert is one alert message (RFC 8446, section 6; RFC 5246, section 7.2).
type Alert struct {
	Level       AlertLevel       `json:"level"`
	Description AlertDescription `json:"description"`
	// Encrypted: an alert was seen, and what it says is hidden; Level and Description are zero.
	Encrypted bool `json:"encrypted,omitempty"`
}

// String is "fatal handshake_failure (40)".
func (a Alert) String() string {
	if a.Encrypted {
		return "encrypted alert"
	}
	if _, named := alertNames[a.Description]; !named {
		return fmt.Sprintf("%s %s", a.Level, a.Description)
	}
	return fmt.Sprintf("%s %s (%d)", a.Level, a.Description, uint8(a.Description))
}

// Closure reports whether the alert ends a connection in good order, and is no error (RFC 8446, section 6.1).
func (a Alert) Closure() bool {
	return !a.Encrypted && (a.Description == AlertCloseNotify || a.Description == AlertUserCanceled)
}

// An AlertLevel is warning or fatal.
type AlertLevel uint8

// The levels there are. TLS 1.3 treats every alert but closures as fatal, whatever its level.
const (
	Warning AlertLevel = 1
	Fatal   AlertLevel = 2
)

// String is "warning", "fatal" or "level(7)".
func (l AlertLevel) String() string {
	switch l {
	case Warning:
		return "warning"
	case Fatal:
		return "fatal"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// MarshalText writes the name.
func (l AlertLevel) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the name or "level(7)".
func (l *AlertLevel) UnmarshalText(b []byte) error {
	switch s := string(b); s {
	case "warning":
		*l = Warning
	case "fatal":
		*l = Fatal
	default:
		n, err := numbered(s, "level")
		*l = AlertLevel(n)
		return err
	}
	return nil
}

// An AlertDescription is what an alert says. In JSON it is its name.
type AlertDescription uint8

// The descriptions that rules ask for by name.
const (
	AlertCloseNotify                  AlertDescription = 0
	AlertUnexpectedMessage            AlertDescription = 10
	AlertHandshakeFailure             AlertDescription = 40
	AlertNoCertificate                AlertDescription = 41
	AlertBadCertificate               AlertDescription = 42
	AlertUnsupportedCertificate       AlertDescription = 43
	AlertCertificateRevoked           AlertDescription = 44
	AlertCertificateExpired           AlertDescription = 45
	AlertCertificateUnknown           AlertDescription = 46
	AlertIllegalParameter             AlertDescription = 47
	AlertUnknownCA                    AlertDescription = 48
	AlertAccessDenied                 AlertDescription = 49
	AlertDecodeError                  AlertDescription = 50
	AlertProtocolVersion              AlertDescription = 70
	AlertInsufficientSecurity         AlertDescription = 71
	AlertInternalError                AlertDescription = 80
	AlertInappropriateFallback        AlertDescription = 86
	AlertUserCanceled                 AlertDescription = 90
	AlertUnrecognizedName             AlertDescription = 112
	AlertBadCertificateStatusResponse AlertDescription = 113
	AlertCertificateRequired          AlertDescription = 116
	AlertNoApplicationProtocol        AlertDescription = 120
)

var alertNames = map[AlertDescription]string{
	0: "close_notify", 1: "end_of_early_data", 10: "unexpected_message", 20: "bad_record_mac",
	21: "decryption_failed", 22: "record_overflow", 30: "decompression_failure", 40: "handshake_failure",
	41: "no_certificate", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
	49: "access_denied", 50: "decode_error", 51: "decrypt_error", 52: "too_many_cids_requested",
	60: "export_restriction", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error",
	86: "inappropriate_fallback", 90: "user_canceled", 100: "no_renegotiation", 109: "missing_extension",
	110: "unsupported_extension", 111: "certificate_unobtainable", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 114: "bad_certificate_hash_value", 115: "unknown_psk_identity",
	116: "certificate_required", 117: "general_error", 120: "no_application_protocol", 121: "ech_required",
}

// String is "handshake_failure", or "alert(200)".
func (d AlertDescription) String() string {
	if s, ok := alertNames[d]; ok {
		return s
	}
	return fmt.Sprintf("alert(%d)", uint8(d))
}

// MarshalText writes the name.
func (d AlertDescription) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the name or "alert(200)".
func (d *AlertDescription) UnmarshalText(b []byte) error {
	for id, name := range alertNames {
		if name == string(b) {
			*d = id
			return nil
		}
	}
	n, err := numbered(string(b), "alert")
	*d = AlertDescription(n)
	return err
}

// numbered reads "kind(7)".
func numbered(s, kind string) (uint8, error) {
	inner, ok := strings.CutPrefix(s, kind+"(")
	if inner, ok2 := strings.CutSuffix(inner, ")"); ok && ok2 {
		if n, err := strconv.ParseUint(inner, 10, 8); err == nil {
			return uint8(n), nil
		}
	}
	return 0, fmt.Errorf("no TLS %s named %q", kind, printable(s))
}
