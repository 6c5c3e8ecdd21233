package tlswire

import "testing"

var sniffed = []struct {
	in   string
	want Protocol
}{
	{"", ProtoUnknown},
	{"\x16", ProtoUnknown},
	{"\x16\x03\x01\x00\xf4\x01", ProtoTLS},
	{"\x16\x03\x00", ProtoTLS},
	{"\x16\x02\x00", ProtoOther},
	{"\x15\x03\x03\x00\x02\x02\x28", ProtoAlert},
	{"\x80\x2e\x01\x03\x01\x00\x15", ProtoSSL2},
	{"\x80\x2e\x01\x00\x02", ProtoSSL2},
	{"\x80\x2e", ProtoUnknown},
	{"\x80\x2e\x07\x03\x01", ProtoOther},
	{"\xff\xfd\x18", ProtoTelnet},
	{"220 mail.example.com ESMTP\r\n", ProtoSMTP},
	{"554-refused", ProtoSMTP},
	{"220\r\n", ProtoSMTP},
	{"22", ProtoUnknown},
	{"2200 x", ProtoOther},
	{"220********", ProtoOther},
	{"EHLO copier\r\n", ProtoSMTP},
	{"helo copier\r\n", ProtoSMTP},
	{"HE", ProtoUnknown},
	{"HEAD / HTTP/1.1", ProtoHTTP},
	{"HTTP/1.1 400 Bad Request", ProtoHTTP},
	{"<html><head>", ProtoHTTP},
	{"\r\n<!doctype html>", ProtoHTTP},
	{"GET / HTTP/1.0\r\n", ProtoHTTP},
	{"SSH-2.0-OpenSSH_9.2", ProtoSSH},
	{"* OK IMAP4rev1 ready", ProtoIMAP},
	{"+OK POP3 ready", ProtoPOP3},
	{"\r\n", ProtoUnknown},
	{"hello there", ProtoOther},
	{"\x00\x00\x00\x00", ProtoOther},
	{"*************************", ProtoOther},
}

func TestSniff(t *testing.T) {
	for _, tt := range sniffed {
		if got := Sniff([]byte(tt.in)); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

// A firm answer stays: more octets never turn it into another.
func TestSniffIsFirm(t *testing.T) {
	for _, tt := range sniffed {
		var last Protocol
		for n := range len(tt.in) + 1 {
			got := Sniff([]byte(tt.in[:n]))
			if last != ProtoUnknown && got != last {
				t.Errorf("%q: %q after %d octets, %q before", tt.in, got, n, last)
			}
			last = got
		}
	}
}
