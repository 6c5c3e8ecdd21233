package devices

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/smtptriage/smtptriage/internal/tlswire"
)

// Play lets the device talk over a connection to its end, and closes it. roots are the authorities that a device which checks
// certificates trusts. A server that answers otherwise than the device expects ends its script early, as it ends a device's
// patience; only a script that cannot be read is an error.
func (d Device) Play(ctx context.Context, conn net.Conn, roots *x509.CertPool) error {
	p := &player{device: d, raw: conn, conn: conn, r: bufio.NewReader(conn), roots: roots}
	defer func() { p.conn.Close(); p.raw.Close() }()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	for n, line := range strings.Split(strings.TrimSpace(d.Script), "\n") {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		act, ok := actions[word]
		if !ok {
			return fmt.Errorf("device %s, line %d: no action %q", d.Name, n+1, word)
		}
		switch err := act(p, strings.TrimSpace(rest)); {
		case errors.Is(err, errScript):
			return fmt.Errorf("device %s, line %d: %w", d.Name, n+1, err)
		case err != nil:
			return nil
		}
	}
	return nil
}

var (
	errScript = errors.New("bad script")
	errDone   = errors.New("the device has stopped")
)

const patience = 20 * time.Second // of every device, so that a test ends

type player struct {
	device Device
	raw    net.Conn
	conn   net.Conn // raw, or TLS over it
	r      *bufio.Reader
	roots  *x509.CertPool
}

// actions are the words of a script.
var actions = map[string]func(*player, string) error{
	"send": func(p *player, s string) error { return p.write(s + "\r\n") },
	"lf":   func(p *player, s string) error { return p.write(s + "\n") },
	"base64": func(p *player, s string) error {
		return p.write(base64.StdEncoding.EncodeToString([]byte(unquote(s))) + "\r\n")
	},
	"octets": func(p *player, s string) error { return p.write(unquote(s)) },
	"expect": (*player).expect,
	"hello":  (*player).hello,
	"tls":    (*player).tls,
	"wait":   (*player).wait,
	"filler": (*player).filler,
	"drain":  func(p *player, _ string) error { return p.drain() },
	"reset":  (*player).reset,
	"close":  func(*player, string) error { return errDone },
}

// unquote reads a Go string where the text has quotes, for octets that no text file holds.
func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}

func (p *player) write(s string) error {
	p.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := io.WriteString(p.conn, s)
	return err
}

// expect reads one reply, and goes on if its code begins so. A device that gets another one quits, or just leaves.
func (p *player) expect(code string) error {
	for {
		p.conn.SetReadDeadline(time.Now().Add(patience))
		line, err := p.r.ReadString('\n')
		if err != nil {
			return err
		}
		if len(line) > 3 && line[3] == '-' {
			continue
		}
		if strings.HasPrefix(line, code) {
			return nil
		}
		if p.device.Polite {
			p.write("QUIT\r\n")
			p.drain()
		}
		return errDone
	}
}

// drain reads what the server still says, until it closes or is silent.
func (p *player) drain() error {
	p.conn.SetReadDeadline(time.Now().Add(time.Second))
	io.Copy(io.Discard, p.r)
	return nil
}

// hellos are ClientHellos of our own making, for stacks that crypto/tls cannot play.
var hellos = map[string]tlswire.HelloSpec{
	"old-device": tlswire.OldDevice(),
	"ssl2":       tlswire.OldSSL2Hello(),
	"ssl3":       {Format: tlswire.FormatSSL3, RecordVersion: tlswire.SSLv3, Version: tlswire.SSLv3, Suites: []tlswire.CipherSuite{0x0005, 0x000a}},
	"export":     {Version: tlswire.TLS12, Suites: []tlswire.CipherSuite{0x0003, 0x0006, 0x0008, 0x0014}},
	"dhe":        {Version: tlswire.TLS12, Suites: []tlswire.CipherSuite{0x0033, 0x0039, 0x0067, 0x006b}},
	"tls12":      {Version: tlswire.TLS12, Suites: []tlswire.CipherSuite{0x009c, 0x009d}},
	"modern":     tlswire.ModernClient("smtp.office365.com"),
}

// hello sends a ClientHello and no more of a handshake.
func (p *player) hello(name string) error {
	spec, ok := hellos[name]
	if !ok {
		return fmt.Errorf("%w: no hello %q", errScript, name)
	}
	b, err := spec.Bytes()
	if err != nil {
		return err
	}
	return p.write(string(b))
}

// tls shakes hands: "tls max=1.0 check nosni".
func (p *player) tls(options string) error {
	conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, ServerName: "smtp.office365.com", RootCAs: p.roots}
	for _, o := range strings.Fields(options) {
		name, value, _ := strings.Cut(o, "=")
		switch name {
		case "max":
			conf.MaxVersion = versions[value]
		case "check":
			conf.InsecureSkipVerify = false
		case "distrust":
			conf.InsecureSkipVerify, conf.RootCAs = false, x509.NewCertPool()
		case "nosni":
			conf.ServerName = ""
		case "suites":
			conf.CipherSuites = suites[value]
		default:
			return fmt.Errorf("%w: no option %q", errScript, o)
		}
	}
	p.raw.SetDeadline(time.Now().Add(patience))
	conn := tls.Client(p.raw, conf)
	if err := conn.Handshake(); err != nil {
		return err
	}
	p.conn, p.r = conn, bufio.NewReader(conn)
	return nil
}

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

var suites = map[string][]uint16{
	"rsa":  {tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
	"rc4":  {tls.TLS_RSA_WITH_RC4_128_SHA},
	"cbc":  {tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA},
	"3des": {tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
}

func (p *player) wait(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%w: %w", errScript, err)
	}
	time.Sleep(d)
	return nil
}

// filler sends so many octets of message text.
func (p *player) filler(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil {
		return fmt.Errorf("%w: %w", errScript, err)
	}
	line := strings.Repeat("x", 76) + "\r\n"
	return p.write(strings.Repeat(line, n/len(line)+1))
}

// reset ends the connection with RST.
func (p *player) reset(string) error {
	if c, ok := p.raw.(interface{ SetLinger(int) error }); ok {
		c.SetLinger(0)
	}
	return errDone
}
