package messagetrace

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/smtp"
)

const summary = "origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,original_client_ip,directionality,connector_id,delivery_priority\r\n" +
	`"2026-11-20T09:00:05.1234567Z","scanner@contoso.com","office@contoso.com##Receive, Deliver;second@contoso.com##Fail","Scan, ""page 1""",1234,"<abc@contoso.com>","n1","198.51.100.7",1,"Inbound","Normal"` + "\r\n" +
	`"2026-11-20T10:00:05Z","other@contoso.com","office@contoso.com##Receive","x",1,"<def@contoso.com>","n2","198.51.100.7",1,"","Normal"` + "\r\n"

const extended = "origin_timestamp_utc,client_ip,client_hostname,server_ip,event_id,message_id,recipient_address,recipient_status,sender_address,message_subject,original_client_ip,custom_data\n" +
	"2026-11-20T09:00:05Z,10.0.0.1,a,10.0.0.2,RECEIVE,<abc@contoso.com>,office@contoso.com,250 2.1.5 OK,scanner@contoso.com,Scan,198.51.100.7,S:x=1\n"

const exported = "\"Received\",\"SenderAddress\",\"RecipientAddress\",\"Subject\",\"Status\",\"ToIP\",\"FromIP\",\"Size\",\"MessageId\"\n" +
	"\"11/20/2026 9:00:05 AM\",\"scanner@contoso.com\",\"office@contoso.com\",\"Scan\",\"Delivered\",\"\",\"198.51.100.7\",\"1234\",\"<abc@contoso.com>\"\n"

func inUTF16(text string, order binary.AppendByteOrder) string {
	b := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// below is a row that stands some lines further down.
func below(r Row, lines int) Row {
	r.Line += lines
	return r
}

func TestRead(t *testing.T) {
	ip := netip.MustParseAddr("198.51.100.7")
	at := time.Date(2026, 11, 20, 9, 0, 5, 0, time.UTC)
	first := Row{Line: 2, Time: at, Sender: "scanner@contoso.com", Subject: "Scan", MessageID: "abc@contoso.com", ClientIP: ip}
	deliver := first
	deliver.Time, deliver.Subject, deliver.Connector = at.Add(123456700), `Scan, "page 1"`, "Inbound"
	deliver.Recipients = []Recipient{{"office@contoso.com", "Receive, Deliver"}, {"second@contoso.com", "Fail"}}
	event := first
	event.Event, event.Recipients = "RECEIVE", []Recipient{{"office@contoso.com", "250 2.1.5 OK"}}
	row := first
	row.Recipients = []Recipient{{"office@contoso.com", "Delivered"}}
	for _, tt := range []struct {
		name, text string
		want       Row
		n          int
	}{
		{"summary", summary, deliver, 2},
		{"extended", extended, event, 1},
		{"Export-Csv", exported, row, 1},
		{"UTF-8 with a mark", "\xef\xbb\xbf" + exported, row, 1},
		{"UTF-16, little end first", inUTF16(exported, binary.LittleEndian), row, 1},
		{"UTF-16, big end first", inUTF16(exported, binary.BigEndian), row, 1},
		{"UTF-16 without a mark", inUTF16(exported, binary.LittleEndian)[2:], row, 1},
		{"UTF-16 without a mark, big end first", inUTF16(exported, binary.BigEndian)[2:], row, 1},
		{"semicolons", strings.ReplaceAll(exported, ",", ";"), row, 1},
		{"tabs", strings.ReplaceAll(exported, ",", "\t"), row, 1},
		{"Excel's separator line", "sep=;\r\n" + strings.ReplaceAll(exported, ",", ";"), below(row, 1), 1},
		{"PowerShell's type line", "#TYPE Selected.Microsoft.Exchange.MessageTraceV2\n" + exported, below(row, 1), 1},
		{"a German time", strings.Replace(exported, "11/20/2026 9:00:05 AM", "20.11.2026 09:00:05", 1), row, 1},
		{"a British time", strings.Replace(exported, "11/20/2026 9:00:05 AM", "20/11/2026 09:00:05", 1), row, 1},
	} {
		rows, err := Read(strings.NewReader(tt.text))
		if err != nil || len(rows) != tt.n {
			t.Errorf("%s: %d rows, %v", tt.name, len(rows), err)
			continue
		}
		if d := cmp.Diff(tt.want, rows[0], cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"": "no line of column names", "a,b\n1,2\n": "no column sender_address", "\x00\x01": "neither UTF-8 nor UTF-16",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{summary, extended, exported, inUTF16(summary, binary.LittleEndian), "sender_address\n\"", "sender_address,recipient_status\na,##;,##"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rows, err := Read(strings.NewReader(s))
		if err == nil {
			Join(&evidence.Record{}, rows)
		}
	})
}

// record is a check at 09:00 that sent a message, or only asked.
func record(messageID string) *evidence.Record {
	start := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	rec := evidence.NewRecorder(evidence.Trace{ID: "t1", Role: evidence.RoleAsked, Start: start}, nil)
	hello := rec.Command(0, []byte("EHLO a"), smtp.CRLF)
	rec.Reply(0, smtp.Reply{Code: 250, Text: []string{"mx.example.com Hello [198.51.100.7]"}, Complete: true}, hello, nil, 0)
	if messageID != "" {
		rec.Message(0, evidence.Sent{MsgID: messageID, Done: true})
	}
	return &evidence.Record{Source: evidence.FromCheck, Started: start, Took: time.Second, Traces: []evidence.Trace{rec.Snapshot()},
		Target: evidence.Target{Walk: evidence.Walk{From: "Scanner@contoso.com", To: []string{"office@contoso.com"}}}}
}

func TestJoin(t *testing.T) {
	rows, err := Read(strings.NewReader(summary))
	if err != nil {
		t.Fatal(err)
	}
	other := record("")
	other.Target.Walk.From = "boss@contoso.com"
	late := record("")
	late.Started = late.Started.Add(5 * time.Hour)
	for _, tt := range []struct {
		name string
		rec  *evidence.Record
		want []string
	}{
		{"by Message-ID", record("<ABC@contoso.com>"), []string{"2 the same Message-ID"}},
		{"the later one by Message-ID", record("<def@contoso.com>"), []string{"3 the same Message-ID"}},
		{"by addresses and time", record(""), []string{"2 the same sender and recipient, at that time"}},
		{"by client and time", other, []string{"2 the same client address, at that time"}},
		{"another day", late, nil},
	} {
		var got []string
		for _, m := range Join(tt.rec, rows) {
			got = append(got, fmt.Sprintf("%d %s", m.Row.Line, m.Fit))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.name, d)
		}
	}
}
