package lab

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

const recordTTL = 300 // seconds

// serveDNS answers DNS queries over UDP on a free loopback port until ctx ends, and returns its address.
func serveDNS(ctx context.Context, wg *sync.WaitGroup, records []DNSRecord) (string, error) {
	conn, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	wg.Go(func() {
		defer stop()
		defer conn.Close()
		answerDNS(ctx, conn, records)
	})
	return conn.LocalAddr().String(), nil
}

func answerDNS(ctx context.Context, conn net.PacketConn, records []DNSRecord) {
	const largest = 4096 // no query is longer
	buf := make([]byte, largest)
	for ctx.Err() == nil {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			continue // closed, and ctx says so; or an ICMP error of an earlier answer
		}
		if answer := dnsAnswer(buf[:n], records); answer != nil {
			conn.WriteTo(answer, from)
		}
	}
}

// dnsAnswer is the answer to a query; nil means none is given.
func dnsAnswer(query []byte, records []DNSRecord) []byte {
	var p dnsmessage.Parser
	head, err := p.Start(query)
	if err != nil || head.Response {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: head.ID, Response: true, RecursionDesired: head.RecursionDesired, RecursionAvailable: true},
		Questions: []dnsmessage.Question{q},
	}
	m.RCode = dnsmessage.RCodeNameError
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	for _, r := range records {
		if r.Name != name {
			continue
		}
		if r.Kind == "SILENCE" {
			return nil
		}
		r.answer(&m, q)
	}
	packed, err := m.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// answer adds a record to the answer for its name.
func (r DNSRecord) answer(m *dnsmessage.Message, q dnsmessage.Question) {
	failures := map[string]dnsmessage.RCode{
		"NXDOMAIN": dnsmessage.RCodeNameError, "SERVFAIL": dnsmessage.RCodeServerFailure, "REFUSED": dnsmessage.RCodeRefused,
	}
	code, failed := failures[r.Kind]
	m.RCode = code // success, if it is no failure
	if failed {
		return
	}
	var kind dnsmessage.Type
	var body dnsmessage.ResourceBody
	switch r.Kind {
	case "A":
		kind, body = dnsmessage.TypeA, &dnsmessage.AResource{A: netip.MustParseAddr(r.Data).As4()}
	case "AAAA":
		kind, body = dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(r.Data).As16()}
	case "TXT":
		kind, body = dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: chunks(r.Data)}
	case "MX", "CNAME", "PTR":
		host, err := dnsmessage.NewName(strings.TrimSuffix(r.Data, ".") + ".")
		if err != nil {
			m.RCode = dnsmessage.RCodeServerFailure
			return
		}
		switch r.Kind {
		case "MX":
			kind, body = dnsmessage.TypeMX, &dnsmessage.MXResource{Pref: 10, MX: host}
		case "CNAME":
			kind, body = dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: host}
		default:
			kind, body = dnsmessage.TypePTR, &dnsmessage.PTRResource{PTR: host}
		}
	}
	if kind != q.Type {
		return
	}
	m.Answers = append(m.Answers, dnsmessage.Resource{
		Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: recordTTL},
		Body:   body,
	})
}

// chunks cuts a text into the strings of 255 octets that a TXT record is made of.
func chunks(text string) []string {
	const most = 255
	var out []string
	for len(text) > most {
		out, text = append(out, text[:most]), text[most:]
	}
	return append(out, text)
}
