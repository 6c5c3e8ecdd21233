package provider

import "time"

// A Device is a kind of sender, as a server meets it: what of TLS and SMTP it can do, and how long it waits. A zero field
// is no limit of the kind. It stands for many makes; none of them is copied octet by octet.
type Device struct {
	Name       string
	Title      string
	HELO       bool          // it says HELO, never EHLO, so it learns of no extension
	TLS        string        // how it goes about TLS: starttls, implicit or none; "": as its user sets it
	TLSMax     string        // highest version that it speaks
	NoSNI      bool          // it does not name the server in the handshake
	SmallHello bool          // no post-quantum key share: its ClientHello fits one segment
	RSAOnly    bool          // no elliptic curves: RSA key exchange alone
	Mechanism  string        // the one way it signs in with a password
	Patience   time.Duration // after which it gives up on an answer
	Source     string        // where the kind was met
}

// Where the kinds were met.
const (
	deviceMade   = "common to the devices in the reports that this table was made from; no maker's word"
	xeroxTLS10   = "firmware of Xerox WorkCentre before 2017 speaks TLS 1.0 alone: rental-server.net/?p=7776, read 2026-11"
	ricohRSAOnly = "Ricoh models with older controllers, which failed when Microsoft left out RSA key exchange (February 2025): borncity.com as retold at kmeys.com/shuma/202502/141175.html, read 2026-11"
	heloPrinter  = "a printer that says HELO and so sees no STARTTLS and no AUTH: github.com/simonrob/email-oauth2-proxy/issues/232"
	netTimeout   = "SmtpClient.Timeout is 100 s: learn.microsoft.com/dotnet/api/system.net.mail.smtpclient.timeout, read 2026-11"
	javaTLS10    = "a client on Java 7 offers TLS 1.0 unless it is told otherwise: github.com/kubernetes-client/java/issues/286, read 2026-11"
)

// devices are the kinds that --like knows, the oldest ways first.
var devices = []Device{
	{Name: "legacy-scanner", Title: "scanner or controller that says HELO and knows no TLS", HELO: true, TLS: "none", Patience: 30 * time.Second,
		Source: heloPrinter},
	{Name: "old-copier", Title: "copier with firmware of about 2010 to 2016: TLS 1.0, no SNI, AUTH LOGIN", TLSMax: "1.0", NoSNI: true, SmallHello: true,
		Mechanism: "LOGIN", Patience: 30 * time.Second, Source: xeroxTLS10},
	{Name: "ssl-copier", Title: `copier set to "SSL": TLS from the first octet, never STARTTLS`, TLS: "implicit", TLSMax: "1.2", SmallHello: true,
		Mechanism: "LOGIN", Patience: 30 * time.Second, Source: deviceMade},
	{Name: "tls12-rsa-device", Title: "device with TLS 1.2 but no elliptic curves: RSA key exchange alone", TLSMax: "1.2", SmallHello: true, RSAOnly: true,
		Mechanism: "LOGIN", Patience: 30 * time.Second, Source: ricohRSAOnly},
	{Name: "tls12-device", Title: "current copier or scanner: TLS 1.2 at most, a small ClientHello", TLSMax: "1.2", SmallHello: true,
		Mechanism: "LOGIN", Patience: time.Minute, Source: deviceMade},
	{Name: "small-controller", Title: "UPS, recorder or sensor: TLS 1.2, no SNI, gives up after 10 s", TLSMax: "1.2", NoSNI: true, SmallHello: true,
		Mechanism: "PLAIN", Patience: 10 * time.Second, Source: deviceMade},
	{Name: "old-java", Title: "application on Java 7: TLS 1.0 unless it was told otherwise", TLSMax: "1.0", SmallHello: true, Mechanism: "LOGIN",
		Source: javaTLS10},
	{Name: "dotnet-app", Title: "application on .NET Framework: TLS 1.2 at most, AUTH LOGIN, gives up after 100 s", TLSMax: "1.2", SmallHello: true,
		Mechanism: "LOGIN", Patience: 100 * time.Second, Source: netTimeout},
}

// Devices are all kinds of device, in the order to show them.
func Devices() []Device { return append([]Device(nil), devices...) }

// FindDevice finds a kind of device by its name.
func FindDevice(name string) (Device, bool) {
	for _, d := range devices {
		if d.Name == name {
			return d, true
		}
	}
	return Device{}, false
}
