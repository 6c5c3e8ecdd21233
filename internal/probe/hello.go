package probe

import (
	"context"
	"net/netip"
	"strings"

	"github.com/smtptriage/smtptriage/internal/smtp"
)

// hello says EHLO, and HELO if that is not understood (RFC 5321, section 3.2), or HELO alone if the walk wants it so.
func (c *conversation) hello(ctx context.Context) bool {
	name := c.walk.EHLO
	if name == "" {
		name = helloName(c.prober.hostname(), addrPort(c.wire.LocalAddr()).Addr())
	}
	if err := smtp.CheckHELOName(name); err != nil {
		c.j.note(err.Error())
		return false
	}
	if c.walk.Noop && !c.secured {
		if r, _ := c.command(ctx, "NOOP", "NOOP", helloWait); r == nil {
			return false
		}
	}
	c.offered = nil
	if c.walk.HELO {
		return c.helo(ctx, name)
	}
	r, _ := c.command(ctx, "EHLO", "EHLO "+name, helloWait)
	switch {
	case r == nil:
		return false
	case r.Permanent():
		return c.helo(ctx, name)
	}
	c.offered = smtp.ParseExtensions(*r)
	return r.Positive()
}

func (c *conversation) helo(ctx context.Context, name string) bool {
	r, _ := c.command(ctx, "HELO", "HELO "+name, helloWait)
	return r != nil && r.Positive()
}

// Top-level labels that mean nothing outside a site.
var localLabels = map[string]bool{"local": true, "localdomain": true, "localhost": true, "lan": true, "home": true,
	"internal": true, "intranet": true, "private": true, "corp": true, "arpa": true}

// helloName is the name to give: that of this host if it is one which others may know, else the address that it connects
// from, as a literal (RFC 5321, section 4.1.3).
func helloName(host string, local netip.Addr) string {
	host = strings.TrimSuffix(host, ".")
	if i := strings.LastIndexByte(host, '.'); i > 0 && !localLabels[strings.ToLower(host[i+1:])] {
		if name, err := smtp.ASCIIDomain(host); err == nil {
			if _, err := netip.ParseAddr(name); err != nil {
				return name
			}
		}
	}
	switch {
	case !local.IsValid():
		return "[127.0.0.1]"
	case local.Is6():
		return "[IPv6:" + local.WithZone("").String() + "]"
	}
	return "[" + local.String() + "]"
}
